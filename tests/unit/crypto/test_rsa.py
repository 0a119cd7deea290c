import os

import pytest

from sealwire.crypto import rsa
from sealwire.errors import RefusedError, RemoteProtocolError
from tests.vectors.people import load, person


@pytest.fixture(scope="module")
def private():
    return person("bob").device.enc


@pytest.mark.parametrize("case", load("refused")["moduli"], ids=lambda case: case["what"])
def test_hostile_moduli_do_not_parse(case):
    with pytest.raises(RemoteProtocolError) as caught:
        rsa.check_modulus(bytes.fromhex(case["modulus"]))
    assert caught.value.code == case["error"]


def test_length_is_looked_at_before_arithmetic(monkeypatch):
    def never():
        raise AssertionError("arithmetic on a hostile key")

    monkeypatch.setattr(rsa, "_small_primes_product", never)
    for modulus in (b"\xff" * 8192, b"\xff" * 383, b"\x7f" + b"\xff" * 383, b"\xff" * 383 + b"\xfe"):
        with pytest.raises(RemoteProtocolError):
            rsa.check_modulus(modulus)


def test_signature_holds_for_its_label_and_content_only(private):
    signature = private.sign("card", b"content", os.urandom)
    rsa.verify(private.modulus, "card", b"content", signature)
    other = person("alice").device.enc.modulus
    for modulus, label, content, sig in (
        (private.modulus, "devices", b"content", signature),
        (private.modulus, "card", b"contents", signature),
        (other, "card", b"content", signature),
        (private.modulus, "card", b"content", bytes(384)),
        (private.modulus, "card", b"content", signature[:-1]),
    ):
        with pytest.raises(RefusedError):
            rsa.verify(modulus, label, content, sig)


def test_ciphertext_opens_under_its_label_only(private):
    ciphertext = rsa.encrypt(private.modulus, b"secret", b"T0", os.urandom)
    assert private.decrypt(ciphertext, b"T0") == b"secret"
    for altered, label in ((ciphertext, b"T1"), (bytes(384), b"T0"), (b"\xff" * 384, b"T0"), (ciphertext[1:], b"T0")):
        with pytest.raises(RefusedError):
            private.decrypt(altered, label)


def test_private_key_survives_the_vault(private):
    again = rsa.RsaPrivate.decode(private.encode())
    ciphertext = rsa.encrypt(private.modulus, b"secret", b"", os.urandom)
    assert again.modulus == private.modulus
    assert again.decrypt(ciphertext, b"") == b"secret"
    rsa.verify(private.modulus, "card", b"", again.sign("card", b"", os.urandom))


@pytest.mark.parametrize("encoded", [b"", bytes(960), b"\xff" * 959, b"\xff" * 961])
def test_what_is_no_private_key_does_not_load(encoded):
    with pytest.raises(RemoteProtocolError):
        rsa.RsaPrivate.decode(encoded)


def test_repr_shows_a_fingerprint_only(private):
    text = repr(private)
    assert len(text) < 50
    assert private.encode().hex()[:32] not in text
