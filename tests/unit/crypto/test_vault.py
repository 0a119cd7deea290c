import os
import struct

import pytest

from sealwire.crypto import vault
from sealwire.crypto.vault import MAX_MEMORY_KIB, MAX_PASSES, KdfParams, Vault, open_key_file, seal_key_file
from sealwire.errors import LocalProtocolError, RefusedError
from tests.vectors.people import load

CHEAP = KdfParams(memory_kib=8, passes=1)


def test_key_file_opens_with_its_passphrase_only():
    blob = seal_key_file(b"pass", b"payload", CHEAP, os.urandom)
    assert open_key_file(b"pass", blob) == b"payload"
    for other in (b"", b"Pass", b"pass "):
        with pytest.raises(RefusedError):
            open_key_file(other, blob)


def test_empty_passphrase_is_a_passphrase():
    assert open_key_file(b"", seal_key_file(b"", b"payload", CHEAP, os.urandom)) == b"payload"


def test_defaults_are_64_mib_and_3_passes():
    assert KdfParams() == KdfParams(memory_kib=65536, passes=3)


def test_published_key_file_opens():
    case = load("keyfile")
    payload = open_key_file(bytes.fromhex(case["passphrase"]), bytes.fromhex(case["blob"]))
    assert payload == bytes.fromhex(case["payload"])


def test_every_truncation_is_refused():
    blob = seal_key_file(b"pass", b"payload", CHEAP, os.urandom)
    for size in range(len(blob)):
        with pytest.raises(RefusedError):
            open_key_file(b"pass", blob[:size])


@pytest.mark.parametrize(
    ("memory_kib", "passes"),
    [(MAX_MEMORY_KIB + 1, 1), (2**32 - 1, 1), (8, MAX_PASSES + 1), (8, 0), (7, 1), (0, 0), (8, 2**32 - 1)],
)
def test_parameters_are_bounded_before_memory_is_allocated(monkeypatch, memory_kib, passes):
    blob = bytearray(seal_key_file(b"pass", b"payload", CHEAP, os.urandom))
    struct.pack_into(">II", blob, len(vault.MAGIC) + 1, memory_kib, passes)

    def never(*_):
        raise AssertionError("allocated")

    monkeypatch.setattr(vault, "argon2id", never)
    with pytest.raises(RefusedError):
        open_key_file(b"pass", bytes(blob))
    with pytest.raises(LocalProtocolError):
        seal_key_file(b"pass", b"", KdfParams(memory_kib, passes), os.urandom)


def test_huge_key_file_is_refused_unread(monkeypatch):
    blob = seal_key_file(b"pass", bytes(vault.MAX_KEY_FILE_BYTES), CHEAP, os.urandom)
    with pytest.raises(RefusedError):
        open_key_file(b"pass", blob)


def test_record_opens_in_its_context_and_vault_only():
    key = Vault.new_data_key(os.urandom)
    one = Vault(key)
    sealed = one.seal(b"session/1", b"record", os.urandom)
    assert Vault(key).open(b"session/1", sealed) == b"record"
    for other, context, record in (
        (one, b"session/2", sealed),
        (Vault(os.urandom(32)), b"session/1", sealed),
        (one, b"session/1", sealed[:-1]),
        (one, b"session/1", b""),
        (one, b"session/1", bytes(20)),
    ):
        with pytest.raises(RefusedError):
            other.open(context, record)


def test_two_seals_of_one_record_differ():
    one = Vault(bytes(32))
    assert one.seal(b"", b"record", os.urandom) != one.seal(b"", b"record", os.urandom)


def test_subkeys_differ_by_label_and_vault():
    keys = {Vault(key).subkey(label) for key in (bytes(32), b"x" * 32) for label in ("database", "search")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)


def test_vault_does_not_print_its_key():
    key = os.urandom(32)
    assert key.hex()[:8] not in repr(Vault(key))
    assert len(repr(Vault(key))) < 40


def test_data_key_has_one_length():
    with pytest.raises(LocalProtocolError):
        Vault(b"short")
