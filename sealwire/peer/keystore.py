"""The key file of a profile: created on the first start, opened with the passphrase after that.

Source: protocol.md §14.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq
from zmq.utils.z85 import decode

from sealwire.crypto.card import card_to_text
from sealwire.crypto.identity import Identity, realm_of
from sealwire.crypto.primitives import Rng
from sealwire.crypto.vault import MAX_KEY_FILE_BYTES, KdfParams, Vault, open_key_file, seal_key_file
from sealwire.errors import (
    BrokerKeyMissingError,
    KeyFileAccessError,
    KeyFileError,
    OtherBrokerError,
    RefusedError,
    RemoteProtocolError,
)
from sealwire.files import make_key_folder, reading, write_private
from sealwire.i18n import _
from sealwire.ids import DeviceId, Millis
from sealwire.peer.profile import Profile

Progress = Callable[[str], None]


class _Payload(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What the sealed key file holds."""

    version: int
    identity: bytes
    connection_public: bytes
    connection_secret: bytes
    data_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The opened secrets of a profile."""

    identity: Identity
    connection_public: bytes
    """CURVE public key of our connections, 32 bytes."""
    connection_secret: bytes
    vault: Vault
    payload: bytes
    """All of it as the key file holds it, to be sealed again for a backup."""

    def __repr__(self) -> str:
        return f"<Keys of {self.identity.card.card.account}>"


def exists(keys_dir: Path, name: str) -> bool:
    """Whether this profile was started before."""
    return (keys_dir / f"{name}.key").exists()


def create(profile: Profile, passphrase: bytes, progress: Progress, rng: Rng, now_ms: Millis) -> Keys:
    """Make all keys of a new profile and write them, sealed; takes seconds (two RSA-3072 keys).

    Raises:
        BrokerKeyMissingError: the card names the broker's realm, so its key must be known first.
        KeyFileAccessError: the folder of keys takes no file.

    Source: protocol.md §7, §14.
    """
    if profile.broker_key is None:
        raise BrokerKeyMissingError(path=profile.broker_key_source)
    _try_folder(profile)
    realm = realm_of(profile.broker_key)
    words = _step_words()
    identity = Identity.create(
        realm, profile.name, DeviceId(rng(16)), now_ms, rng, lambda step: progress(words.get(step, step))
    )
    progress(words["seal"])
    return seal(profile, passphrase, identity, rng)


def seal(profile: Profile, passphrase: bytes, identity: Identity, rng: Rng) -> Keys:
    """Write the key file of an identity, with a fresh connection key and data key; the key file comes last.

    Source: protocol.md §14.
    """
    public, secret = zmq.curve_keypair()
    payload = _Payload(1, identity.encode(), _raw(public), _raw(secret), Vault.new_data_key(rng))
    params = KdfParams(profile.kdf_memory_mib * 1024, profile.kdf_passes)
    blob = seal_key_file(passphrase, msgspec.msgpack.encode(payload), params, rng)
    make_key_folder(profile.keys_dir)
    write_private(profile.public_file, card_to_text(identity.card).encode())
    profile.public_file.chmod(0o644)
    write_private(profile.key_file, blob)
    return _opened(payload, identity)


def _try_folder(profile: Profile) -> None:
    """Find out before seconds are spent on keys that could not be kept."""
    try:
        make_key_folder(profile.keys_dir)
        tempfile.TemporaryFile(dir=profile.keys_dir).close()
    except OSError as error:
        raise KeyFileAccessError(path=profile.key_file, detail=error.strerror or str(error)) from error


def open_keys(profile: Profile, passphrase: bytes) -> Keys:
    """Open an existing key file.

    Raises:
        KeyFileError: it is broken, truncated, or sealed with another passphrase; it is not touched.
        KeyFileAccessError: it cannot be read.
        OtherBrokerError: the profile belongs to another broker than the pinned one.

    Source: protocol.md §14.
    """
    try:
        with reading(profile.key_file) as file:
            blob = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileAccessError(path=profile.key_file, detail=error.strerror or str(error)) from error
    try:
        keys = read_payload(open_key_file(passphrase, blob))
    except (RefusedError, RemoteProtocolError, msgspec.DecodeError) as error:
        raise KeyFileError(path=profile.key_file) from error
    card = keys.identity.card.card
    if card.account != profile.name:
        raise KeyFileError(path=profile.key_file)
    if profile.broker_key is not None and realm_of(profile.broker_key) != card.realm:
        raise OtherBrokerError(name=profile.name, key_file=profile.broker_key_source)
    return keys


def read_payload(payload: bytes) -> Keys:
    """Return the keys inside an opened key file or backup.

    Raises:
        RefusedError, RemoteProtocolError, msgspec.DecodeError: it is none.
    """
    decoded = msgspec.msgpack.decode(payload, type=_Payload)
    return _opened(decoded, Identity.decode(decoded.identity))


def _opened(payload: _Payload, identity: Identity) -> Keys:
    raw = msgspec.msgpack.encode(payload)
    return Keys(identity, payload.connection_public, payload.connection_secret, Vault(payload.data_key), raw)


def _raw(z85: bytes) -> bytes:
    return bytes(decode(z85))


def _step_words() -> dict[str, str]:
    return {
        "account-key": _("Making the account key (RSA-3072, signs who you are) …"),
        "device-key": _("Making the device key (RSA-3072, carries conversation keys) …"),
        "card": _("Signing the device's card …"),
        "seal": _("Sealing the key file with your passphrase …"),
    }
