"""The worked examples of docs/protocol.md are what the encoders make, byte for byte."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import msgspec
import pytest

from sealwire.crypto.attachments import ChunkStream, Run, reader_of, tail_of
from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import login_transcript, verify_login
from sealwire.crypto.prekeys import Bundle, OneTimeSecret, PrekeySecret
from sealwire.crypto.primitives import (
    H,
    aead_open,
    ed25519_public,
    ed25519_verify,
    hkdf,
    hkdf_expand,
    hmac_sha256,
    pq_decapsulate,
    sha256,
    unpad,
    x25519,
    x25519_public,
)
from sealwire.crypto.session import Session
from sealwire.crypto.whisper import seal_whisper
from sealwire.ids import Mailbox, Token, mid_of
from sealwire.wire import blobs, content, control, frames, many, word_content
from sealwire.wire.file_content import FileOffer, FileRun, FileTaken
from sealwire.wire.header import HandshakeHeader, decode_envelope, lp
from sealwire.wire.whisper_content import TypingSign
from tests.vectors.people import NOW_MS, REALM, load, person

PROTOCOL = Path(__file__).parents[3] / "docs" / "protocol.md"

TOKEN = Token(bytes(range(0xA1, 0xA9)))
BOB = Mailbox(bytes(range(0xB0, 0xC0)))
CAROL = Mailbox(bytes(range(0xC0, 0xD0)))
ENVELOPE = b"bytes like noise"
"""Not a real envelope: the frames around it do not look inside."""

BROKER_CURVE = b"\x0b" * 32
OWN_CURVE = b"\x0c" * 32
CLIENT_NONCE = b"\x01" * 32
SERVER_NONCE = b"\x02" * 32


@cache
def written() -> dict[str, bytes]:
    """Every ``hex NAME`` block of the document, where what follows a bar is for people, and every ``values`` line."""
    text = PROTOCOL.read_text("utf-8")
    found = re.findall(r"^```hex (.+?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = [(name, "".join(line.split("|")[0] for line in body.splitlines())) for name, body in found]
    for block in re.findall(r"^```values\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        shown += [tuple(line.split(" = ")) for line in block.splitlines()]
    names = [name.strip() for name, _ in shown]
    assert len(set(names)) == len(names), "two examples of one name"
    return {name: bytes.fromhex(value) for name, (_, value) in zip(names, shown)}


def hot_frames() -> dict[str, bytes]:
    mid = mid_of(ENVELOPE)
    return {
        "SEND": frames.encode_send(TOKEN, 1, mid, BOB, ENVELOPE),
        "DELIVER": frames.encode_deliver(1, mid, ENVELOPE),
        "SEND_MANY": many.encode_send_many([frames.encode_send(TOKEN, seq, mid, BOB, ENVELOPE) for seq in (1, 2)]),
        "DELIVER_MANY": many.encode_deliver_many([frames.encode_deliver(seq, mid, ENVELOPE) for seq in (1, 2)]),
        "ACK": frames.encode_ack(TOKEN, 1),
        "ACCEPTED": frames.encode_accepted(1),
        "FANOUT": frames.encode_fanout(TOKEN, 2, mid, [BOB, CAROL], ENVELOPE),
        "REJECT": frames.encode_reject(3, frames.Code.QUOTA, 60_000),
        "PARTIAL": frames.encode_partial(2, [(1, frames.Code.UNKNOWN)]),
        "RELEASE": frames.encode_release(TOKEN, BOB),
        "EPHEMERAL to the broker": frames.encode_ephemeral(TOKEN, BOB, b"..."),
        "EPHEMERAL to the peer": frames.encode_broker_ephemeral(b"..."),
        "PING of the peer": frames.encode_ping(TOKEN, 1),
        "PONG of the broker": frames.encode_broker_pong(1),
        "BYE": frames.encode_bye(TOKEN),
        "RESET": frames.encode_reset(frames.Reset.SUPERSEDED),
    }


def login_frames() -> dict[str, bytes]:
    alice = person("alice")
    hello = control.encode_hello(
        control.Hello(name="alice", card=alice.card.card.encode(), signature=alice.card.signature, nonce=CLIENT_NONCE)
    )
    challenge = control.encode_challenge(control.Challenge(nonce=SERVER_NONCE, realm=REALM))
    transcript = login_transcript(REALM, BROKER_CURVE, OWN_CURVE, CLIENT_NONCE, SERVER_NONCE, TOKEN, hello, challenge)
    signature = alice.device.login_signature(transcript)
    verify_login(alice.card.card, transcript, signature)
    login = control.Login(
        signature=signature,
        devices=alice.devices.devices.encode(),
        devices_signature=alice.devices.signature,
    )
    limits = control.Limits(
        envelope_bytes=20_480,
        send_window_messages=1_024,
        send_window_bytes=4_194_304,
        deliver_window_messages=1_024,
        deliver_window_bytes=2_097_152,
        quota_messages=20_000,
        quota_bytes=134_217_728,
        quota_days=30,
        blob_file_bytes=2_147_483_648,
        blob_days=30,
    )
    welcome = control.Welcome(
        limits=limits,
        spread_ms=1_000,
        incarnation=b"\x03" * 16,
        expired=0,
        time_ms=NOW_MS,
        prekeys_id=0,
        one_time_left=0,
    )
    return {
        "HELLO": hello,
        "CHALLENGE": challenge,
        "login transcript": transcript,
        "LOGIN": control.encode_login(TOKEN, login),
        "WELCOME": control.encode_welcome(welcome),
    }


def handshake_values() -> dict[str, bytes]:
    """Every value between the bundle and the first message, from the published vector, as bob computes it."""
    vector = load("handshake")
    hs = bytes.fromhex(vector["hs"])
    bundle = Bundle.decode(bytes.fromhex(vector["bundle"]))
    secret = PrekeySecret.decode(bytes.fromhex(vector["prekey_secret"]))
    one_time = OneTimeSecret.decode(bytes.fromhex(vector["one_time_secret"]))
    alice, bob = person("alice"), person("bob")
    header, public = HandshakeHeader.decode(hs), bundle.prekeys.prekeys
    ids = (header.spk_id.to_bytes(4, "big"), header.opk_id.to_bytes(4, "big"), header.pq_id.to_bytes(4, "big"))
    parts = (b"\x00\x01", bob.card.card.encode(), header.ek, ids[0], public.spk, ids[1], bundle.opk, ids[2], public.pq)
    t0 = H("T0", b"".join(parts))
    k = bob.device.enc.decrypt(header.c_rsa, t0)
    k_rsa = hkdf(k, "rsa", t0 + sha256(header.c_rsa), 32)
    k_pq = pq_decapsulate(secret.pq_private, header.c_pq, t0)
    card_key = hkdf(k_rsa + k_pq, "card", t0, 32)
    card = alice.card.card
    sealed = aead_open(card_key, bytes(24), header.sealed, t0 + header.c_rsa + header.c_pq)
    assert unpad(sealed) == card.encode() + alice.card.signature + NOW_MS.to_bytes(8, "big")
    transcript = H("T", t0 + card.encode() + sha256(hs))
    shared = (
        x25519(secret.spk_private, card.ik),
        x25519(bob.device.ik, header.ek),
        x25519(secret.spk_private, header.ek),
        x25519(one_time.private, header.ek),
    )
    output = hkdf(b"\xff" * 32 + b"".join(shared) + k_rsa + k_pq, "kx", transcript, 128)
    keys = {
        "SK": output[:32],
        "HKa": output[32:64],
        "NHKb": output[64:96],
        "tagA": output[96:112],
        "tagB": output[112:],
    }
    named = {"SHA-256(hs)": sha256(hs), "T0": t0, "k": k, "K_rsa": k_rsa, "K_pq": k_pq, "T": transcript}
    return {**named, **{f"DH{number}": value for number, value in enumerate(shared, 1)}, **keys}


def message_values() -> dict[str, bytes]:
    """The first message of the vector, taken apart with the keys above."""
    vector, keys = load("handshake"), handshake_values()
    secret = PrekeySecret.decode(bytes.fromhex(vector["prekey_secret"]))
    envelope = bytes.fromhex(vector["messages"][0]["envelope"])
    message = decode_envelope(envelope).message
    ad = keys["T"] + b"\x00"
    header = aead_open(keys["HKa"], message[:24], message[24:80], ad)
    root = hkdf(x25519(secret.spk_private, header[:32]), "rk", b"", 96, salt=keys["SK"])
    mk = hmac_sha256(root[32:64], b"\x01")
    expanded = hkdf_expand(mk, b"sealwire/v1/msg", 88)
    padded = aead_open(expanded[:32], expanded[32:56], message[112:], ad + message[:80])
    assert expanded[56:] == message[80:112]
    assert unpad(padded).decode() == "hello"
    return {"header": header, "ck": root[32:64], "mk": mk, "com": expanded[56:]}


BOBS = word_content.Ref("bob", bytes(range(0xD0, 0xE0)))


def contents() -> dict[str, bytes]:
    made = {
        "text": content.Text("see you at 8"),
        "answer": content.Text("yes", BOBS, False, 3_600),
        "receipt": content.Receipt("read", [BOBS.id]),
        "edit": word_content.Edit(BOBS.id, 1, "see you at 9"),
        "delete": word_content.Delete(BOBS.id),
        "react": word_content.React(BOBS, 1, "\N{THUMBS UP SIGN}"),
        "pin": word_content.Pin(BOBS, 1, True),
        "timer": word_content.Timer(1, 86_400),
        "file": small_file(),
        "taken": FileTaken([BOBS.id]),
    }
    return {f"content: {name}": content.encode_content(one) for name, one in made.items()}


BLOB, FILE_KEY, SECRET, RUN = bytes(range(0xF0, 0x100)), b"\x01" * 32, b"\x03" * 32, FileRun(0, b"\x02" * 24)


def small_file() -> FileOffer:
    return FileOffer(
        name="note.txt",
        size=6,
        media_type="text/plain",
        digest=hashlib.sha256(b"hello\n").digest(),
        blob=BLOB,
        secret=SECRET,
        key=FILE_KEY,
        runs=[RUN],
        caption="",
        width=0,
        height=0,
        thumbnail=b"",
    )


def file_values() -> dict[str, bytes]:
    sealed = ChunkStream(FILE_KEY, BLOB, 6, (Run(*msgspec.structs.astuple(RUN)),)).seal(b"hello\n")
    reader, token = reader_of(SECRET), TOKEN
    return {
        "sealed chunk, first 33": sealed[:33],
        "sealed chunk, tail": tail_of(sealed),
        "reader": reader,
        "bulk: open": blobs.encode_blob_request(
            token, blobs.BlobOpen(id=1, blob=BLOB, size=len(sealed), reader=reader)
        ),
        "bulk: state": blobs.encode_blob_state(
            blobs.BlobState(size=len(sealed), chunks=1, done=False, tail=tail_of(sealed))
        ),
        "bulk: get": blobs.encode_blob_request(token, blobs.BlobGet(id=5, blob=BLOB, secret=SECRET, index=0)),
    }


def test_the_fields_of_a_put_stand_in_the_order_the_document_says():
    frame = blobs.encode_blob_request(Token(bytes(8)), blobs.BlobPut(id=1, blob=BLOB, index=0, chunk=b"x" * 18))
    places = [frame.index(name) for name in (b"\xa2id", b"\xa4blob", b"\xa5index", b"\xa5chunk")]
    assert places == sorted(places)


def whispered() -> dict[str, bytes]:
    vector = load("handshake")
    message = decode_envelope(bytes.fromhex(vector["messages"][0]["envelope"])).message
    bob, _ = Session.decode(bytes.fromhex(vector["responder"])).decrypt(message, lambda n: b"\x07" * n)
    sign = TypingSign(bytes(16), True, NOW_MS).encode()
    return {"whisper": seal_whisper(bob, sign, lambda n: b"\x0e" * n)}


def group_entry() -> dict[str, bytes]:
    """The seventh entry of the recorded log (alice removes mallory), opened with primitives alone."""
    case = load("group")
    group = bytes.fromhex(case["group"])
    before, after = (bytes.fromhex(secret) for secret in case["log_keys"])
    entry, previous = (bytes.fromhex(case["entries"][at]["entry"]) for at in (6, 5))
    assert entry[21:53] == H("group-head", previous)
    start, link = entry[: 119 + 72], entry[119 : 119 + 72]
    sealed = entry[len(start) + 2 : -128]
    assert (entry[117:119], entry[len(start) : len(start) + 2]) == (lp(link)[:2], lp(sealed)[:2])
    body = unpad(aead_open(hkdf(before, "group-seal", group, 32), sealed[:24], sealed[24:], start))
    assert aead_open(hkdf(after, "group-link", group, 32), link[:24], link[24:], group + start[17:21]) == before
    seed, next_seed = (hkdf(key, "group-writer", group, 32) for key in (before, after))
    assert ed25519_public(next_seed) == start[85:117]
    ed25519_verify(ed25519_public(seed), "group-append", entry[:-128], entry[-128:-64])
    ed25519_verify(start[53:85], "group-keep", entry[:-128], entry[-64:])
    ed25519_verify(person("alice").card.card.sk, "group-entry", start + body[:-64], body[-64:])
    return {
        "K": before,
        "K after": after,
        "writer seed": seed,
        "entry 7, start": start,
        "entry 7, body": body[:-64],
        "head 7": H("group-head", entry),
    }


def group_message() -> dict[str, bytes]:
    """The first message of bob's sender key in the recorded group, opened with primitives alone."""
    case = load("group")
    where, envelope = case["sender"], bytes.fromhex(case["messages"][0]["envelope"])
    group, verify_key = bytes.fromhex(case["group"]), bytes.fromhex(case["verify_key"])
    card_hash, epoch = bytes.fromhex(where["card_hash"]), where["epoch"].to_bytes(4, "big")
    context = group + epoch + bytes.fromhex(where["head"]) + card_hash + bytes(4)
    tag = H("group-tag", group + epoch + card_hash + verify_key)[:16]
    mk = hmac_sha256(bytes.fromhex(case["chain_key"]), b"\x01")
    salt = envelope[20:32]
    keys = hkdf(mk, "group-key", salt, 88)
    ed25519_verify(verify_key, "group-message", context + envelope[:-64], envelope[-64:])
    padded = aead_open(keys[:32], keys[32:56], envelope[64:-64], context + tag + salt)
    assert unpad(padded).hex() == case["messages"][0]["plaintext"]
    assert envelope[:64] == tag + bytes(4) + salt + keys[56:]
    return {"context": context, "group tag": tag, "group mk": mk, "group message, before the ciphertext": envelope[:64]}


PARTS = (
    hot_frames,
    login_frames,
    handshake_values,
    message_values,
    contents,
    whispered,
    file_values,
    group_entry,
    group_message,
)


@pytest.mark.parametrize("expected", PARTS)
def test_the_document_shows_what_the_code_makes(expected):
    made = expected()
    shown = {name: value.hex() for name, value in written().items() if name in made}
    assert shown == {name: value.hex() for name, value in made.items()}


def test_the_document_shows_nothing_else():
    assert set(written()) == set().union(*(part() for part in PARTS))


def test_the_session_of_the_vector_has_the_keys_of_the_document():
    vector, shown = load("handshake"), written()
    session = Session.decode(bytes.fromhex(vector["responder"]))
    assert (session.T, session.tag_in, session.tag_out) == (shown["T"], shown["tagA"], shown["tagB"])
    assert session.hs_hash == shown["SHA-256(hs)"]
    envelope = bytes.fromhex(vector["messages"][0]["envelope"])
    assert envelope[:18] == bytes(16) + lp(bytes.fromhex(vector["hs"]))[:2]


def test_the_vectors_prekeys_are_those_of_its_bundle():
    vector = load("handshake")
    bundle = Bundle.decode(bytes.fromhex(vector["bundle"]))
    secret = PrekeySecret.decode(bytes.fromhex(vector["prekey_secret"]))
    assert x25519_public(secret.spk_private) == bundle.prekeys.prekeys.spk
    assert open_session(person("alice"), bundle, NOW_MS, lambda n: b"\x05" * n).time_ms == NOW_MS
