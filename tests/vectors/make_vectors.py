"""Write the published vectors: ``python -m tests.vectors.make_vectors``.

All randomness comes from a repeatable stream, except the ML-KEM ciphertext, whose coins the library draws itself. So
``handshake.json`` changes with every run, and the tests check the recorded bytes instead of making them again.
"""

from __future__ import annotations

import json

from sealwire.crypto.group_entry import Kind, Role, encode_text
from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import Identity, login_transcript, realm_of
from sealwire.crypto.membership import encode_membership
from sealwire.crypto.primitives import H, L, hkdf, hkdf_expand
from sealwire.crypto.safety import safety_number
from sealwire.crypto.sender_keys import Place, SenderKey
from sealwire.crypto.session import Session
from sealwire.crypto.vault import KdfParams, seal_key_file
from sealwire.ids import DeviceId
from sealwire.wire.header import HandshakeHeader, decode_envelope
from tests.book import Book
from tests.vectors.people import NOW_MS, REALM, VECTORS, accept_with, person, prekeys_of, stream

NAMES = ("alice", "bob", "mallory")
CONVERSATION = (
    ("alice", "hello"),
    ("alice", ""),
    ("bob", "hello alice"),
    ("alice", "x" * 300),
    ("bob", "y" * 16_383),
)


def write(name: str, content: object) -> None:
    (VECTORS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    print("wrote", name)


def make_identities() -> None:
    people = {}
    for name in NAMES:
        rng = stream(f"identity {name}")
        people[name] = Identity.create(REALM, name, DeviceId(rng(16)), NOW_MS, rng).encode().hex()
    write("identities", people)


def make_derivations() -> None:
    alice, bob = person("alice"), person("bob")
    card = alice.card.card
    transcript = login_transcript(REALM, b"B" * 32, b"O" * 32, b"c" * 32, b"s" * 32, b"t" * 8, b"hello", b"challenge")
    content = {
        "L": {"label": "card", "content": "00ff", "output": L("card", b"\x00\xff").hex()},
        "H": {"label": "card", "content": "00ff", "output": H("card", b"\x00\xff").hex()},
        "hkdf": {
            "ikm": "01" * 32,
            "label": "rsa",
            "rest": "02" * 64,
            "output": hkdf(b"\x01" * 32, "rsa", b"\x02" * 64, 80).hex(),
        },
        "message_keys": {"mk": "03" * 32, "output": hkdf_expand(b"\x03" * 32, b"sealwire/v1/msg", 88).hex()},
        "realm": {"broker_curve": "04" * 32, "realm": realm_of(b"\x04" * 32)},
        "card": {
            "encoded": card.encode().hex(),
            "hash": card.hash.hex(),
            "mailbox": card.mailbox.hex(),
            "fingerprint": card.fingerprint.hex(),
        },
        "login": {"transcript": transcript.hex(), "signature": alice.device.login_signature(transcript).hex()},
        "safety": {
            "digits": safety_number(card, bob.card.card).digits,
            "qr": safety_number(card, bob.card.card).qr_payload().hex(),
        },
    }
    write("derivations", content)


def make_handshake() -> None:
    rng = stream("handshake")
    alice, bob = person("alice"), person("bob")
    bundle, secret, one_time = prekeys_of(bob, 7, rng)
    sides: dict[str, Session] = {"alice": open_session(alice, bundle, NOW_MS, rng)}
    hs = sides["alice"].hs
    assert hs is not None
    sides["bob"] = accept_with(bob, hs, secret, one_time).session
    content = {
        "bundle": bundle.encode().hex(),
        "prekey_secret": secret.encode().hex(),
        "one_time_secret": one_time.encode().hex(),
        "now_ms": NOW_MS,
        "hs": hs.hex(),
        "T": sides["alice"].T.hex(),
        "tag_a": sides["alice"].tag_out.hex(),
        "tag_b": sides["alice"].tag_in.hex(),
        "opener": sides["alice"].encode().hex(),
        "responder": sides["bob"].encode().hex(),
        "messages": _converse(sides, rng),
    }
    write("handshake", content)


def _converse(sides: dict[str, Session], rng) -> list[dict[str, str]]:
    messages = []
    for sender, text in CONVERSATION:
        receiver = "bob" if sender == "alice" else "alice"
        sides[sender], envelope = sides[sender].encrypt(text.encode(), rng)
        ephemeral = rng(32)  # what the receiver's rng gives if this message begins a chain
        sides[receiver], plaintext = sides[receiver].decrypt(
            decode_envelope(envelope).message, lambda _, key=ephemeral: key
        )
        assert plaintext == text.encode()
        messages.append(
            {
                "from": sender,
                "plaintext": text.encode().hex(),
                "envelope": envelope.hex(),
                "sender_after": sides[sender].encode().hex(),
                "receiver_random": ephemeral.hex(),
                "receiver_after": sides[receiver].encode().hex(),
            }
        )
    return messages


def make_refused() -> None:
    """Bytes that must be refused, with the class of the refusal."""
    hs = bytes.fromhex(json.loads((VECTORS / "handshake.json").read_text())["hs"])
    fields = HandshakeHeader.decode(hs)
    n = int.from_bytes(person("alice").card.card.n_sign, "big")

    def modulus(number: int, size_bytes: int = 384) -> str:
        return number.to_bytes(size_bytes, "big").hex()

    def altered(at: int, to: bytes) -> str:
        return (hs[:at] + to + hs[at + len(to) :]).hex()

    c_rsa_at = len(hs) - len(fields.sealed) - len(fields.c_pq) - len(fields.c_rsa)
    content = {
        "moduli": [
            {"what": "even", "modulus": modulus(n - 1), "error": "protocol"},
            {"what": "top bit clear", "modulus": modulus(n >> 1 | 1), "error": "protocol"},
            {"what": "factor 3", "modulus": modulus(_multiple_near(n, 3)), "error": "protocol"},
            {"what": "factor 65521", "modulus": modulus(_multiple_near(n, 65521)), "error": "protocol"},
            {"what": "2048 bits", "modulus": modulus(n >> 1024 | 1, 256), "error": "protocol"},
            {"what": "64 Kbit", "modulus": modulus((1 << 65535) | 1, 8192), "error": "protocol"},
            {"what": "empty", "modulus": "", "error": "protocol"},
        ],
        "handshakes": [
            {"what": "another version", "hs": altered(0, b"\x02"), "reason": "undecryptable"},
            {"what": "another suite", "hs": altered(1, b"\x00\x02"), "reason": "undecryptable"},
            {"what": "another mailbox", "hs": altered(3, bytes(16)), "reason": "not-for-us"},
            {"what": "unknown signed prekey", "hs": altered(51, b"\x00\x00\x00\x63"), "reason": "unknown-prekey"},
            {"what": "used one-time prekey", "hs": altered(55, b"\x00\x00\x00\x63"), "reason": "unknown-prekey"},
            {"what": "one-time prekey stripped", "hs": altered(55, bytes(4)), "reason": "undecryptable"},
            {"what": "RSA leg zeroed", "hs": altered(c_rsa_at, bytes(384)), "reason": "undecryptable"},
            {"what": "RSA leg past the modulus", "hs": altered(c_rsa_at, b"\xff" * 384), "reason": "undecryptable"},
            {"what": "ML-KEM leg zeroed", "hs": altered(c_rsa_at + 384, bytes(1088)), "reason": "undecryptable"},
            {"what": "ephemeral key of low order", "hs": altered(19, bytes(32)), "reason": "undecryptable"},
            {"what": "truncated", "hs": hs[:-1].hex(), "reason": "undecryptable"},
        ],
    }
    write("refused", content)


def _multiple_near(n: int, factor: int) -> int:
    multiple = n - n % factor
    return multiple if multiple % 2 else multiple - factor


def make_key_file() -> None:
    params = KdfParams(memory_kib=64, passes=1)
    blob = seal_key_file(b"correct horse", b"payload", params, stream("key file"))
    write("keyfile", {"passphrase": b"correct horse".hex(), "payload": b"payload".hex(), "blob": blob.hex()})


def make_group() -> None:
    """A whole log with two log keys, and messages under one sender key. Everything here is repeatable."""
    rng = stream("group")
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    book = Book(alice, "the group", rng)
    book.join(alice, bob)
    book.join(alice, mallory, Role.READ_ONLY)
    book.write(mallory, Kind.RENAME, value=encode_text("no right to"))
    book.write(alice, Kind.REMOVE, "mallory")
    book.rename(alice, "without mallory")
    entries = [{"entry": entry.encoded.hex(), "head": entry.head().hash.hex()} for entry in book.entries]
    place = Place(book.group, book.state.epoch, book.head.hash, bob.card.card.hash)
    sender = SenderKey.generate(place, rng)
    chain_key, messages = sender.chain_key, []
    for text in (b"hello", b"", b"x" * 300):
        sender, envelope = sender.encrypt(text, rng)
        messages.append({"plaintext": text.hex(), "envelope": envelope.hex()})
    content = {
        "group": book.group.hex(),
        "keeper": book.keeper.hex(),
        "log_keys": [key.secret.hex() for key in book.keys],
        "skipped": [6],
        "entries": entries,
        "state": encode_membership(book.state).hex(),
        "sender": {"epoch": place.epoch, "head": place.head.hex(), "card_hash": place.card_hash.hex()},
        "chain_key": chain_key.hex(),
        "verify_key": sender.verify_key.hex(),
        "tag": sender.tag.hex(),
        "messages": messages,
    }
    write("group", content)


def main() -> None:
    make_identities()
    person.cache_clear()
    make_derivations()
    make_handshake()
    make_refused()
    make_key_file()
    make_group()


if __name__ == "__main__":
    main()
