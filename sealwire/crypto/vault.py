"""What keeps keys at rest: the key file under a passphrase, and the subkeys of the data key inside it.

Argon2id turns the passphrase into a key-encryption key, that opens the key file, the key file holds a random data key,
and every use of the data key goes through HKDF under its own label. The parameters of Argon2id are in the associated
data, and bounded before a byte is allocated.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from sealwire.crypto.primitives import (
    AUTHENTICATOR_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    L,
    Rng,
    aead_open,
    aead_seal,
    argon2id,
    hkdf,
)
from sealwire.errors import LocalProtocolError, RefusedError

MAGIC = b"sealwire key\n"
FILE_VERSION = 1

MIN_MEMORY_KIB = 8
"""What Argon2id needs at least."""

MAX_MEMORY_KIB = 1024 * 1024
"""1 GiB. A planted key file could otherwise ask for all memory before anyone sees that it is not ours."""

MAX_PASSES = 20
"""A planted key file could otherwise keep the processor busy for ever."""

MAX_KEY_FILE_BYTES = 1 << 20
"""A key file takes about 10 KiB; a larger one is not read into memory."""

_HEAD = struct.Struct(f">{len(MAGIC)}sBII{SALT_BYTES}s{NONCE_BYTES}s")


class KdfParams(Struct, frozen=True):
    """What Argon2id costs: memory in KiB and passes over it. The default takes about 0.2 s.

    Source: protocol.md §14; RFC 9106 §4.
    """

    memory_kib: int = 64 * 1024
    passes: int = 3

    def allowed(self) -> bool:
        """Whether the cost is within what this device agrees to spend.

        Source: protocol.md §14.
        """
        return MIN_MEMORY_KIB <= self.memory_kib <= MAX_MEMORY_KIB and 1 <= self.passes <= MAX_PASSES


def seal_key_file(passphrase: bytes, payload: bytes, params: KdfParams, rng: Rng) -> bytes:
    """Return a key file with ``payload`` under ``passphrase``; an empty one is allowed.

    Raises:
        LocalProtocolError: parameters past the limits that ``open_key_file`` sets.

    Source: protocol.md §14.
    """
    if not params.allowed():
        raise LocalProtocolError("key derivation past its limits")
    salt, nonce = rng(SALT_BYTES), rng(NONCE_BYTES)
    head = _HEAD.pack(MAGIC, FILE_VERSION, params.memory_kib, params.passes, salt, nonce)
    return head + aead_seal(_file_key(passphrase, salt, params), nonce, payload, L("key-file", head))


def open_key_file(passphrase: bytes, blob: bytes) -> bytes:
    """Return the payload of a key file.

    Raises:
        RefusedError: another passphrase, or not one byte-for-byte as it was written.

    Source: protocol.md §14.
    """
    if not _HEAD.size + AUTHENTICATOR_BYTES <= len(blob) <= MAX_KEY_FILE_BYTES:
        raise RefusedError("key-file")
    head = blob[: _HEAD.size]
    magic, version, memory_kib, passes, salt, nonce = _HEAD.unpack(head)
    params = KdfParams(memory_kib, passes)
    if magic != MAGIC or version != FILE_VERSION or not params.allowed():
        raise RefusedError("key-file")
    try:
        return aead_open(_file_key(passphrase, salt, params), nonce, blob[_HEAD.size :], L("key-file", head))
    except RefusedError:
        raise RefusedError("key-file") from None


def _file_key(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
    return hkdf(argon2id(passphrase, salt, params.memory_kib, params.passes), "file-key", b"", KEY_BYTES)


class Vault:
    """Seals single records under subkeys of one random 32-byte data key.

    Source: protocol.md §14.
    """

    __slots__ = ("_data_key", "_record_key")

    def __init__(self, data_key: bytes) -> None:
        if len(data_key) != KEY_BYTES:
            raise LocalProtocolError("a data key of another length")
        self._data_key = data_key
        self._record_key = hkdf(data_key, "record-key", b"", KEY_BYTES)

    def __repr__(self) -> str:
        return f"<Vault {hkdf(self._data_key, 'vault-name', b'', 8).hex()}>"

    @staticmethod
    def new_data_key(rng: Rng) -> bytes:
        """Make the 32 random bytes that a key file keeps.

        Source: protocol.md §14.
        """
        return rng(KEY_BYTES)

    def subkey(self, label: str) -> bytes:
        """Return 32 bytes for one purpose, for instance the database's page cipher.

        Source: protocol.md §14.
        """
        return hkdf(self._data_key, "subkey", label.encode(), KEY_BYTES)

    def seal(self, context: bytes, plaintext: bytes, rng: Rng) -> bytes:
        """Return ``nonce(24) ‖ ciphertext``; ``context`` says which record this is, so that two cannot be swapped.

        Source: protocol.md §14.
        """
        nonce = rng(NONCE_BYTES)
        return nonce + aead_seal(self._record_key, nonce, plaintext, L("record", context))

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of a record.

        Raises:
            RefusedError: altered, or a record of another context or vault.

        Source: protocol.md §14.
        """
        return aead_open(self._record_key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], L("record", context))
