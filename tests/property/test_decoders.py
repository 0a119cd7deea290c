"""Every decoder, on any bytes and on damaged valid ones: it returns, or raises the one documented error."""

import os
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sealwire.crypto as crypto_package
import sealwire.wire as wire_package
from sealwire.crypto import rsa
from sealwire.crypto.card import (
    Card,
    DeviceList,
    SignedCard,
    SignedDeviceList,
)
from sealwire.crypto.group_entry import Invited, Kind, Role, SignedBody, encode_text, read_text
from sealwire.crypto.group_log import LogEntry
from sealwire.crypto.handshake import open_session
from sealwire.crypto.identity import AccountKey, DeviceKeys, Identity
from sealwire.crypto.membership import decode_membership, encode_membership
from sealwire.crypto.prekeys import Bundle, OneTimeSecret, PrekeySecret, PrekeysPublic, SignedPrekeys
from sealwire.crypto.primitives import pad, unpad
from sealwire.crypto.ratchet import Ratchet
from sealwire.crypto.rsa import RsaPrivate
from sealwire.crypto.sender_keys import Place, ReceiverKey, SenderKey
from sealwire.crypto.session import Session
from sealwire.crypto.vault import KdfParams, Vault, open_key_file, seal_key_file
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import Mailbox, Mid, Token
from sealwire.wire import blobs, content, control, file_content, frames, many
from sealwire.wire.group_plain import GroupPlaintext, decode_group_plaintext, encode_group_plaintext
from sealwire.wire.header import HandshakeHeader, decode_envelope
from sealwire.wire.whisper_content import TypingSign, decode_whisper
from tests.book import Book
from tests.depth import examples
from tests.unit.wire.test_blobs import REQUESTS as BLOB_REQUESTS
from tests.unit.wire.test_control import FRAMES as CONTROL
from tests.unit.wire.test_frames import FIXED
from tests.vectors.people import NOW_MS, introduced, person, prekeys_of

Decoder = Callable[[bytes], Any]

ALICE, BOB = person("alice"), person("bob")
BUNDLE, SECRET, ONE_TIME = prekeys_of(BOB)
OPENED, FIRST = open_session(ALICE, BUNDLE, NOW_MS, os.urandom).encrypt(b"first", os.urandom)
TALKING, ENVELOPE = introduced()[0].encrypt(b"more", os.urandom)
PLAINTEXT = content.encode_plaintext(
    sender=b"s" * 32,
    recipient=b"r" * 32,
    message_id=b"i" * 16,
    counter=3,
    previous=bytes(32),
    sent_at_ms=NOW_MS,
    void=[2],
    content=content.Receipt("read", [b"i" * 16]),
)
BOOK = Book(ALICE)
BOOK.write(ALICE, Kind.REKEY)
GROUP_PLAIN = GroupPlaintext(
    1, BOOK.group, b"s" * 32, 1, 2, b"h" * 32, b"i" * 16, bytes(32), NOW_MS, content.Text("hello")
)
SPEAKING = SenderKey.generate(Place(BOOK.group, 1, b"h" * 32, b"c" * 32), os.urandom)
LISTENING = ReceiverKey(SPEAKING.place, SPEAKING.chain_key, 0, SPEAKING.verify_key, skipped=((7, b"k" * 32),))
DELIVER = frames.encode_deliver(1, Mid(b"m" * 16), ENVELOPE)
FANOUT = frames.encode_fanout(Token(b"token678"), 1, Mid(b"m" * 16), [Mailbox(b"a" * 16), Mailbox(b"b" * 16)], ENVELOPE)
SEND_MANY = many.encode_send_many(
    [frames.encode_send(Token(b"token678"), seq, Mid(b"m" * 16), Mailbox(b"a" * 16), ENVELOPE) for seq in (1, 2)]
)
DELIVER_MANY = many.encode_deliver_many([DELIVER, frames.encode_deliver(2, Mid(b"n" * 16), ENVELOPE)])

OFFER = file_content.FileOffer(
    name="a.png",
    size=70_000,
    media_type="image/png",
    digest=b"d" * 32,
    blob=b"b" * 16,
    secret=b"s" * 32,
    key=b"k" * 32,
    runs=[file_content.FileRun(0, b"h" * 24)],
    caption="look",
    width=1,
    height=1,
    thumbnail=b"jpeg",
)
RESPONSE = control.Response(id=1, code=frames.Code.OK, body=b"chunk")
STATE = blobs.BlobState(size=4_113, chunks=1, done=False, tail=b"t" * 16)


def encoded(request: blobs.BlobRequest) -> bytes:
    return blobs.encode_blob_request(Token(b"token678"), request)


WIRE: dict[str, tuple[Decoder, bytes]] = {
    **{f"frame {kind}": pair for kind, pair in FIXED.items()},
    **{f"control {kind}": triple[:2] for kind, triple in CONTROL.items()},
    "deliver": (frames.decode_deliver, DELIVER),
    "fanout": (frames.decode_fanout_targets, FANOUT),
    "send many": (many.decode_send_many, SEND_MANY),
    "deliver many": (many.decode_deliver_many, DELIVER_MANY),
    "plaintext": (content.decode_plaintext, PLAINTEXT),
    "file offer": (content.decode_content, content.encode_content(OFFER)),
    "blob state": (blobs.decode_blob_state, blobs.encode_blob_state(STATE)),
    "control token and login": (control.decode_login, CONTROL["login"][1]),
    "blob response": (blobs.decode_bulk_response, control.encode_response(RESPONSE)),
    "whisper": (decode_whisper, TypingSign(bytes(16), True, NOW_MS).encode()),
    **{f"blob {type(one).__name__}": (blobs.decode_blob_request, encoded(one)) for one in BLOB_REQUESTS},
    "content": (content.decode_content, content.encode_content(content.Text("hello"))),
    "envelope": (decode_envelope, ENVELOPE),
    "opening envelope": (decode_envelope, FIRST),
    "handshake": (HandshakeHeader.decode, OPENED.hs or b""),
    "padding": (unpad, pad(PLAINTEXT, 256)),
    "modulus": (rsa.check_modulus, BOB.card.card.n_enc),
    "card": (Card.decode, BOB.card.card.encode()),
    "signed card": (SignedCard.decode, BOB.card.encode()),
    "device list": (DeviceList.decode, BOB.devices.devices.encode()),
    "signed device list": (SignedDeviceList.decode, BOB.devices.encode()),
    "prekeys": (PrekeysPublic.decode, BUNDLE.prekeys.prekeys.encode()),
    "signed prekeys": (SignedPrekeys.decode, BUNDLE.prekeys.encode()),
    "bundle": (Bundle.decode, BUNDLE.encode()),
    "log entry": (LogEntry.decode, BOOK.entries[-1].encoded),
    "log entry's content": (SignedBody.decode, BOOK.keys[0].open(BOOK.entries[-1])),
    "invitation": (Invited.decode, Invited(bytes(32), Role.MEMBER, NOW_MS).encode()),
    "group's name": (lambda raw: read_text(raw, 128), encode_text("the group")),
    "group's plaintext": (decode_group_plaintext, encode_group_plaintext(GROUP_PLAIN)),
}
"""What strangers send: only RemoteProtocolError may leave these."""

KEPT: dict[str, tuple[Decoder, bytes]] = {
    "session": (Session.decode, TALKING.encode()),
    "opened session": (Session.decode, OPENED.encode()),
    "ratchet": (Ratchet.decode, TALKING.ratchet.encode()),
    "prekey secret": (PrekeySecret.decode, SECRET.encode()),
    "one-time secret": (OneTimeSecret.decode, ONE_TIME.encode()),
    "device keys": (DeviceKeys.decode, BOB.device.encode()),
    "identity": (Identity.decode, BOB.encode()),
    "sender key": (SenderKey.decode, SPEAKING.encode()),
    "receiver key": (ReceiverKey.decode, LISTENING.encode()),
    "membership": (decode_membership, encode_membership(BOOK.state)),
}
"""What comes out of the vault: authentic, but a bug or another version must not end in a crash either."""

VAULT = Vault(b"v" * 32)
SEALED: dict[str, tuple[Decoder, bytes]] = {
    "record": (lambda raw: VAULT.open(b"c", raw), VAULT.seal(b"c", b"record", os.urandom)),
    "key file": (
        lambda raw: open_key_file(b"p", raw if raw[14:22] == COST else b""),
        seal_key_file(b"p", b"payload", KdfParams(8, 1), os.urandom),
    ),
}
"""What is refused as a whole when any byte differs. Damaged costs are a test of their own: they are slow to pay."""
COST = SEALED["key file"][1][14:22]

EVERY = {**WIRE, **KEPT, **SEALED}
ALLOWED = {
    **dict.fromkeys({**WIRE, **KEPT}, (RemoteProtocolError,)),
    **dict.fromkeys(SEALED, (RemoteProtocolError, RefusedError)),
}
RSA_PRIVATE = {"device keys", "identity"}
"""Authentic or not there at all: numbers that make no key are the library's to refuse, in its own words."""
PARTS = {AccountKey, RsaPrivate, Place}
"""Read as parts of others, which are here."""
CANONICAL = (
    "handshake", "card", "signed card", "device list", "signed device list", "prekeys", "bundle", "session",
    "log entry's content", "invitation",
)  # fmt: skip
"""Signed and hashed structures have a single form: nobody makes a second object out of one signature."""
kinds = pytest.mark.parametrize("kind", EVERY)


def survives(kind: str, raw: bytes) -> bool:
    """Whether ``raw`` decodes; any other exception than the documented ones ends the test."""
    try:
        EVERY[kind][0](raw)
    except ALLOWED[kind]:
        return False
    return True


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid encoding with a few bytes changed, cut out, doubled or put in."""
    raw = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(("flip", "set", "cut", "insert", "number"))):
            case "flip" if at < len(raw):
                raw[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if at < len(raw):
                raw[at] = draw(st.integers(0, 255))
            case "cut":
                del raw[at : at + draw(st.integers(1, 40))]
            case "number":
                raw[at : at + 4] = draw(st.sampled_from((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x80\0\0\0")))
            case _:
                raw[at:at] = draw(st.binary(max_size=24))
    return bytes(raw)


def test_every_decoder_is_here():
    listed = {decode for decode, _ in EVERY.values()}
    missing = set()
    for package in (wire_package, crypto_package):
        for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            own = [thing for thing in vars(import_module(found.name)).values() if thing_of(thing, found.name)]
            decoders = [thing for thing in own if thing.__name__.startswith("decode_")]
            decoders += [thing.decode for thing in own if hasattr(thing, "decode") and thing not in PARTS]
            missing |= set(decoders) - listed
    assert missing == set()


def thing_of(thing: object, module: str) -> bool:
    """Whether a function or class was made in that module."""
    return getattr(thing, "__module__", None) == module and hasattr(thing, "__name__")


@kinds
def test_what_is_valid_decodes(kind):
    assert survives(kind, EVERY[kind][1])


@kinds
@examples(12)
@given(raw=st.binary(max_size=1_500))
def test_any_bytes_raise_only_the_documented_error(kind, raw):
    survives(kind, raw)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in RSA_PRIVATE])
@examples(20)
@given(data=st.data())
def test_damaged_encodings_raise_only_the_documented_error(kind, data):
    survives(kind, data.draw(damaged(EVERY[kind][1])))


@kinds
def test_no_truncation_decodes_and_nothing_may_follow(kind):
    valid = EVERY[kind][1]
    open_ended = {"deliver", "fanout", "envelope", "opening envelope"}  # their last field is "the rest"
    step = max(1, len(valid) // 150)
    if kind not in open_ended | {"padding", "content", "card text"}:
        assert not any(survives(kind, valid[:end]) for end in range(0, len(valid), step))
    if kind not in open_ended | {"padding", "card text"}:
        assert not survives(kind, valid + b"\x01")


@pytest.mark.parametrize("kind", CANONICAL)
@examples(15)
@given(data=st.data())
def test_what_decodes_has_one_encoding(kind, data):
    raw = data.draw(damaged(EVERY[kind][1]))
    try:
        value = EVERY[kind][0](raw)
    except RemoteProtocolError:
        return
    assert value.encode() == raw


def test_a_damaged_cost_of_a_key_file_is_refused_before_it_is_paid():
    blob = SEALED["key file"][1]
    for at in (14, 18):
        altered = blob[:at] + b"\xff" + blob[at + 1 :]
        with pytest.raises(RefusedError):
            open_key_file(b"p", altered)
