"""Attacks that broke other systems, against sessions, messages and stored records.

The numbers are those of docs/security.md.
"""

import ast
import dataclasses
import itertools
import os
import random
import re

import pytest
from Crypto.Cipher import ChaCha20

from sealwire.crypto import handshake, primitives
from sealwire.crypto import ratchet as ratchet_module
from sealwire.crypto.card import SignedCard, SignedDeviceList
from sealwire.crypto.handshake import open_session
from sealwire.crypto.primitives import aead_open, hkdf_expand
from sealwire.crypto.ratchet import MAX_SKIP, MAX_SKIPPED_KEYS, Chain, Ratchet
from sealwire.crypto.session import BUCKETS, Session
from sealwire.crypto.vault import Vault
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.wire.header import decode_envelope
from tests.fault.source import SOURCE, imports
from tests.vectors.people import NOW_MS, accept_with, introduced, prekeys_of


@pytest.fixture(scope="module")
def ends():
    return introduced()


def refused(session: Session, message: bytes) -> None:
    before = session.encode()
    with pytest.raises(RefusedError):
        session.decrypt(message, os.urandom)
    assert session.encode() == before


# --- ratchet -------------------------------------------------------------------------------------------------


def test_attack_17_ten_thousand_mutations_leave_the_state_as_it_was(ends):
    a, b = ends
    a, first = a.encrypt(b"first", os.urandom)
    _, second = a.encrypt(b"second", os.urandom)
    dice = random.Random(17)
    before = b.encode()
    for number in range(10_000):
        message = bytearray(decode_envelope((first, second)[number % 2]).message)
        message[dice.randrange(len(message))] ^= 1 << dice.randrange(8)
        with pytest.raises(RefusedError):
            b.decrypt(bytes(message), os.urandom)
    assert b.encode() == before
    assert b.decrypt(decode_envelope(second).message, os.urandom)[1] == b"second"


class Counting:
    """Counts the derivations a message costs."""

    def __init__(self, monkeypatch) -> None:
        self.calls = 0
        real = ratchet_module.hmac_sha256

        def spy(key, content):
            self.calls += 1
            assert self.calls <= 4 * MAX_SKIP, "a message costs without bound"
            return real(key, content)

        monkeypatch.setattr(ratchet_module, "hmac_sha256", spy)


def lie(state: Ratchet, ad: bytes, pn: int, n: int) -> bytes:
    """What a peer that holds the header key can send: any numbers it likes."""
    real = state.sending
    forged = dataclasses.replace(
        state, roots=dataclasses.replace(state.roots, pn=pn), sending=Chain(real.header_key, real.key, n)
    )
    return forged.encrypt(bytes(256), ad, os.urandom)[1]


@pytest.mark.parametrize(("pn", "n"), [(0, 2**32 - 1), (2**32 - 1, 0), (2**32 - 1, 2**32 - 1), (20_000, MAX_SKIP + 1)])
def test_attack_18_huge_numbers_cost_nothing(monkeypatch, pn, n):
    a, b = introduced()
    b, envelope = b.encrypt(b"turn", os.urandom)
    a, _ = a.decrypt(decode_envelope(envelope).message, os.urandom)
    message = lie(a.ratchet, a.T + b"\x00", pn, n)
    count = Counting(monkeypatch)
    refused(b, message)
    assert count.calls == 0


def test_attack_18_a_message_costs_a_bounded_number_of_derivations(monkeypatch):
    a, b = introduced()
    message = lie(a.ratchet, a.T + b"\x00", 0, MAX_SKIP)
    count = Counting(monkeypatch)
    refused(b, message)  # the key is wrong for the number; the walk was paid for
    assert count.calls <= MAX_SKIP + MAX_SKIPPED_KEYS + 2


def test_attack_18_skipping_on_purpose_leaves_bounded_rows():
    a, b = introduced()
    for jump in (1, MAX_SKIPPED_KEYS - 1, MAX_SKIPPED_KEYS, 300):
        for _ in range(jump + 1):
            a, envelope = a.encrypt(b"", os.urandom)
        b, _ = b.decrypt(decode_envelope(envelope).message, os.urandom)
        assert sum(len(old.keys) for old in b.ratchet.skipped) <= MAX_SKIPPED_KEYS


def test_attack_18_a_thousand_chains_leave_bounded_rows(monkeypatch):
    a, b = introduced()
    for _ in range(1000):
        for _ in range(3):
            a, envelope = a.encrypt(b"", os.urandom)
        b, _ = b.decrypt(decode_envelope(envelope).message, os.urandom)
        b, answer = b.encrypt(b"", os.urandom)
        a, _ = a.decrypt(decode_envelope(answer).message, os.urandom)
    assert len(b.ratchet.skipped) <= ratchet_module.MAX_OLD_CHAINS + 1
    assert sum(len(old.keys) for old in b.ratchet.skipped) <= MAX_SKIPPED_KEYS
    assert len(b.encode()) < 100_000


def test_attack_20_garbage_resets_nothing(ends):
    a, b = ends
    for size in (0, 16, 384, *(bucket + 128 for bucket in BUCKETS)):
        refused(b, os.urandom(size))
    _, envelope = a.encrypt(b"still here", os.urandom)
    assert b.decrypt(decode_envelope(envelope).message, os.urandom)[1] == b"still here"


def test_attack_21_a_message_relabelled_to_another_session_or_device_is_refused(ends):
    a, _ = ends
    _, other_b = introduced()
    envelope = a.encrypt(b"for this session", os.urandom)[1]
    refused(other_b, decode_envelope(envelope).message)
    relabelled = decode_envelope(other_b.tag_in + envelope[16:])
    assert relabelled.tag == other_b.tag_in
    refused(other_b, relabelled.message)


def test_attack_23_a_read_message_never_opens_again_not_even_after_a_restart(ends):
    a, b = ends
    _, envelope = a.encrypt(b"once", os.urandom)
    message = decode_envelope(envelope).message
    b, _ = b.decrypt(message, os.urandom)
    for session in (b, Session.decode(b.encode())):
        refused(session, message)


def test_attack_23_a_message_read_late_never_opens_again(ends):
    a, b = ends
    a, late = a.encrypt(b"late", os.urandom)
    _, envelope = a.encrypt(b"early", os.urandom)
    b, _ = b.decrypt(decode_envelope(envelope).message, os.urandom)
    b, plaintext = b.decrypt(decode_envelope(late).message, os.urandom)
    assert plaintext == b"late"
    for session in (b, Session.decode(b.encode())):
        refused(session, decode_envelope(late).message)


def test_attack_25_a_reflected_message_is_refused(ends):
    a, b = ends
    assert a.tag_in != a.tag_out
    for sender in (a, b):
        after, envelope = sender.encrypt(b"mine", os.urandom)
        message = decode_envelope(envelope).message
        refused(sender, message)
        refused(after, message)
    # Even with the keys of both directions equal, the direction in the associated data refuses it.
    swapped = dataclasses.replace(a.ratchet, receiving=a.ratchet.sending)
    refused(dataclasses.replace(a, ratchet=swapped), decode_envelope(a.encrypt(b"mine", os.urandom)[1]).message)


def test_attack_25_a_handshake_with_oneself_is_refused(alice, bob, monkeypatch):
    bundle, secret, one_time = prekeys_of(bob)
    real = handshake._seal_card
    monkeypatch.setattr(handshake, "_seal_card", lambda keys, both, _, time: real(keys, both, bob.card, time))
    with pytest.raises(RefusedError) as caught:
        accept_with(bob, open_session(alice, bundle, NOW_MS, os.urandom).hs, secret, one_time)
    assert caught.value.reason == "not-for-us"


# --- invisible salamanders -----------------------------------------------------------------------------------

PRIME = 2**130 - 5
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def poly1305_key(key: bytes, nonce: bytes) -> tuple[int, int]:
    block = ChaCha20.new(key=key, nonce=nonce).encrypt(bytes(32))
    return int.from_bytes(block[:16], "little") & CLAMP, int.from_bytes(block[16:], "little")


def salamander(keys: list[tuple[bytes, bytes]], ad: bytes, size: int = 256 + 16) -> bytes:
    """One ciphertext with its authenticator that XChaCha20-Poly1305 accepts under two keys (Dodis et al., 2018)."""
    (r1, s1), (r2, s2) = (poly1305_key(*pair) for pair in keys)
    dice = random.Random(26)
    padded_ad = ad + bytes(-len(ad) % 16)
    lengths = len(ad).to_bytes(8, "little") + (size - 16).to_bytes(8, "little")
    while True:
        body = bytearray(dice.randbytes(size - 16))
        body[:16] = bytes(16)
        content = padded_ad + bytes(body) + lengths
        blocks = [int.from_bytes(content[at : at + 16], "little") + (1 << 128) for at in range(0, len(content), 16)]
        power = len(blocks) - len(padded_ad) // 16

        def evaluate(r: int, blocks: list[int] = blocks) -> int:
            total = 0
            for block in blocks:
                total = (total + block) * r % PRIME
            return total

        factor = (pow(r1, power, PRIME) - pow(r2, power, PRIME)) % PRIME
        free = (s2 - s1 - evaluate(r1) + evaluate(r2)) * pow(factor, -1, PRIME) % PRIME
        if free < 1 << 128:
            body[:16] = free.to_bytes(16, "little")
            at = len(padded_ad) // 16
            blocks[at] += free
            tags = [(evaluate(r) + s) % (1 << 128) for r, s in ((r1, s1), (r2, s2))]
            if tags[0] == tags[1]:
                return bytes(body) + tags[0].to_bytes(16, "little")


def test_attack_26_invisible_salamander_fails_at_the_commitment(ends):
    a, b = ends
    a, envelope = a.encrypt(b"begins the chain", os.urandom)
    b, _ = b.decrypt(decode_envelope(envelope).message, os.urandom)
    other = dataclasses.replace(b.ratchet, receiving=dataclasses.replace(b.ratchet.receiving, key=b"o" * 32))
    states = (b.ratchet, other)
    sealed_header = decode_envelope(a.encrypt(b"", os.urandom)[1]).message[:80]
    ad = b.T + b"\x00"
    derived = [
        hkdf_expand(primitives.hmac_sha256(state.receiving.key, b"\x01"), b"sealwire/v1/msg", 88) for state in states
    ]
    body = salamander([(keys[:32], keys[32:56]) for keys in derived], ad + sealed_header)
    plaintexts = {aead_open(keys[:32], keys[32:56], body, ad + sealed_header) for keys in derived}
    assert len(plaintexts) == 2  # the cipher alone lets one message say two things
    for keys, reader, fooled in ((derived[0], states[0], states[1]), (derived[1], states[1], states[0])):
        message = sealed_header + keys[56:] + body
        assert reader.decrypt(message, ad, os.urandom)[1] in plaintexts
        with pytest.raises(RefusedError):
            fooled.decrypt(message, ad, os.urandom)


# --- whole objects -------------------------------------------------------------------------------------------


def test_attack_28_every_byte_of_a_message_is_authenticated(ends):
    a, b = ends
    message = decode_envelope(a.encrypt(b"text", os.urandom)[1]).message
    for at in range(len(message)):
        refused(b, message[:at] + bytes([message[at] ^ 0x40]) + message[at + 1 :])


def test_attack_28_every_byte_of_a_handshake_is_authenticated(alice, bob):
    bundle, secret, one_time = prekeys_of(bob)
    hs = open_session(alice, bundle, NOW_MS, os.urandom).hs
    for at in [*range(63), *range(63, len(hs), 23)]:
        with pytest.raises(RefusedError):
            accept_with(bob, hs[:at] + bytes([hs[at] ^ 0x40]) + hs[at + 1 :], secret, one_time)


def test_attack_28_every_byte_of_a_record_is_authenticated():
    vault = Vault(os.urandom(32))
    sealed = vault.seal(b"session", b"record", os.urandom)
    for at in range(len(sealed)):
        with pytest.raises(RefusedError):
            vault.open(b"session", sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])


def test_attack_28_every_byte_of_cards_and_device_lists_is_signed(bob):
    for kind, encoded in ((SignedCard, bob.card.encode()), (SignedDeviceList, bob.devices.encode())):
        for at in range(0, len(encoded), 3):
            with pytest.raises((RefusedError, RemoteProtocolError)):
                kind.decode(encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]).verify()


def test_attack_29_authenticators_are_whole_and_no_sha_1_is_used():
    assert primitives.AUTHENTICATOR_BYTES == 16
    assert len(primitives.hmac_sha256(b"", b"")) == len(primitives.sha256(b"")) == 32
    words = re.compile(r"\bsha-?1\b|\bmd5\b", re.IGNORECASE)
    for path in SOURCE.rglob("*.py"):
        code = ast.parse(path.read_text())
        texts = [
            node.value for node in ast.walk(code) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        names = [node.attr for node in ast.walk(code) if isinstance(node, ast.Attribute)]
        bare = [text for text in (*texts, *names) if len(text) < 12 and words.search(text)]
        assert bare == [], path
    assert not [name for name in imports() if "SHA1" in name or name.endswith(("hashlib.sha1", "hashlib.md5"))]


def test_attack_30_size_depends_on_the_bucket_only_and_nothing_is_compressed(ends):
    a, _ = ends
    for smaller, bucket in itertools.pairwise((0, *BUCKETS)):
        sizes = {
            len(a.encrypt(content, os.urandom)[1])
            for content in (bytes(smaller), b"a" * (bucket - 1), os.urandom(bucket - 1), os.urandom(smaller))
        }
        assert len(sizes) == 1
    assert imports().isdisjoint({"zlib", "gzip", "bz2", "lzma", "zipfile", "brotli", "zstandard"})
