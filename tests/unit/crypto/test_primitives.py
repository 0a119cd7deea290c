import hashlib

import pytest

from sealwire.crypto import primitives as p
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError

KEY, NONCE = b"k" * 32, b"n" * 24


def test_labels_separate_equal_contents():
    assert p.L("card", b"x") == b"sealwire/v1/card\x00x"
    assert p.H("card", b"x") == hashlib.sha256(b"sealwire/v1/card\x00x").digest()
    assert p.H("card", b"x") != p.H("devices", b"x")


def test_hkdf_rfc_5869_case_1():
    prk = p.hmac_sha256(bytes(range(13)), b"\x0b" * 22)
    assert prk.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    output = p.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42)
    assert output.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"


def test_x25519_rfc_7748_section_6_1():
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert p.x25519_public(alice).hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert p.x25519(alice, p.x25519_public(bob)).hex() == shared
    assert p.x25519(bob, p.x25519_public(alice)).hex() == shared


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        b"\x01" + bytes(31),
        (2**255 - 19).to_bytes(32, "little"),
        (2**255 - 18).to_bytes(32, "little"),
        (2**255 - 20).to_bytes(32, "little"),
        (9 | 1 << 255).to_bytes(32, "little"),
        b"\xff" * 32,
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        b"",
        b"\x09" * 31,
        b"\x09" * 33,
    ],
)
def test_x25519_refuses_low_order_and_other_encodings(public):
    with pytest.raises(RefusedError):
        p.x25519(KEY, public)


@pytest.mark.parametrize("private", [b"", b"x" * 31, b"x" * 33])
def test_x25519_private_key_of_another_length_is_our_bug(private):
    with pytest.raises(LocalProtocolError):
        p.x25519(private, p.x25519_public(KEY))
    with pytest.raises(LocalProtocolError):
        p.x25519_public(private)


def test_ed25519_rfc_8032_test_1(monkeypatch):
    monkeypatch.setattr(p, "L", lambda _label, content: content)
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signature = p.ed25519_sign(seed, "", b"")
    assert p.ed25519_public(seed).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    p.ed25519_verify(p.ed25519_public(seed), "", b"", signature)


@pytest.mark.parametrize("cut", [0, 31])
def test_ed25519_refuses_keys_and_signatures_of_another_length(cut):
    public, signature = p.ed25519_public(KEY), p.ed25519_sign(KEY, "login", b"x")
    with pytest.raises(RefusedError):
        p.ed25519_verify(public[:cut], "login", b"x", signature)
    with pytest.raises(RefusedError):
        p.ed25519_verify(public, "login", b"x", signature[:cut])


def test_aead_refuses_any_change():
    sealed = p.aead_seal(KEY, NONCE, b"text", b"ad")
    assert p.aead_open(KEY, NONCE, sealed, b"ad") == b"text"
    for key, nonce, ciphertext, ad in (
        (b"x" * 32, NONCE, sealed, b"ad"),
        (KEY, b"x" * 24, sealed, b"ad"),
        (KEY, NONCE, sealed[:-1], b"ad"),
        (KEY, NONCE, sealed[:15], b"ad"),
        (KEY, NONCE, b"", b"ad"),
        (KEY, NONCE, sealed, b""),
    ):
        with pytest.raises(RefusedError):
            p.aead_open(key, nonce, ciphertext, ad)


def test_pq_secret_depends_on_info_and_on_every_bit():
    seed = b"s" * 64
    secret, ciphertext = p.pq_encapsulate(p.pq_public(seed), b"info")
    assert (len(secret), len(ciphertext)) == (32, 1088)
    assert p.pq_decapsulate(seed, ciphertext, b"info") == secret
    assert p.pq_decapsulate(seed, ciphertext, b"other") != secret
    assert p.pq_decapsulate(seed, bytes([ciphertext[0] ^ 1]) + ciphertext[1:], b"info") != secret


def test_pq_refuses_what_is_no_key_or_no_ciphertext():
    for public in (b"", b"\xff" * 1184, bytes(1183)):
        with pytest.raises(RefusedError):
            p.pq_encapsulate(public, b"")
    with pytest.raises(RefusedError):
        p.pq_decapsulate(b"s" * 64, b"x" * 1087, b"")


@pytest.mark.parametrize("content", [b"", b"x", b"\x80", b"\x80\x00\x00", b"x" * 15])
def test_padding_round_trips(content):
    assert p.unpad(p.pad(content, 16)) == content


def test_padding_needs_room_for_its_mark():
    with pytest.raises(LocalProtocolError):
        p.pad(b"x" * 16, 16)


@pytest.mark.parametrize("padded", [b"", bytes(16), b"x" * 16, b"x\x80\x00\x01"])
def test_wrong_padding_is_refused(padded):
    with pytest.raises(RemoteProtocolError):
        p.unpad(padded)
