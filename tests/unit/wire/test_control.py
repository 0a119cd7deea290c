"""Control frames: round trips, bounds of every field, and one error for everything else."""

import msgspec
import pytest

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import Token
from sealwire.wire import control
from sealwire.wire.control import (
    BUNDLE_RESPONSE_BYTES,
    LOOKUP_RESPONSE_BYTES,
    Append,
    Challenge,
    Entries,
    EntriesBody,
    Fetch,
    Hello,
    Limits,
    Login,
    Lookup,
    LookupBody,
    OneTime,
    Publish,
    Response,
    Welcome,
)
from sealwire.wire.frames import AT_BODY, MAX_CONTROL_BYTES, MAX_ONE_TIME_PREKEYS, NO_TOKEN, Code

TOKEN = Token(b"token678")
LIMITS = Limits(
    envelope_bytes=20_480,
    send_window_messages=1_024,
    send_window_bytes=4 << 20,
    deliver_window_messages=1_024,
    deliver_window_bytes=2 << 20,
    quota_messages=20_000,
    quota_bytes=128 << 20,
    quota_days=30,
)
HELLO = Hello(name="alice", card=b"c" * 900, signature=b"s" * 384, nonce=b"n" * 32)
CHALLENGE = Challenge(nonce=b"n" * 32, realm="a" * 16)
LOGIN = Login(signature=b"s" * 64, invite=b"i" * 16, devices=b"d" * 500, devices_signature=b"l" * 384)
WELCOME = Welcome(
    limits=LIMITS, spread_ms=1_000, incarnation=b"i" * 16, expired=0, time_ms=2**50, prekeys_id=1, one_time_left=99
)
ONE_TIME = [OneTime(n, bytes([n]) * 32) for n in range(1, MAX_ONE_TIME_PREKEYS + 1)]
PUBLISH = Publish(id=1, prekeys=b"p" * 1232, signature=b"s" * 64, one_time=ONE_TIME)
REQUESTS = [
    PUBLISH,
    Lookup(id=2, name="bob"),
    Fetch(id=3, mailbox=b"m" * 16),
    Append(id=5, entry=b"e" * 900),
    Entries(id=6, group=b"g" * 16, after=7),
]
RESPONSE = Response(id=4, code=Code.RATE, retry_after_ms=5, body=b"body")
ENTRIES_BODY = EntriesBody(sequence=9, head=b"h" * 32, entries=[b"e" * 900, b"f" * 400])
LOOKUP_BODY = LookupBody(devices=b"d" * 500, signature=b"s" * 384, mailboxes=[b"m" * 16])


def login(frame: bytes) -> Login:
    return control.decode_login(frame)[1]


FRAMES = {
    "hello": (control.decode_hello, control.encode_hello(HELLO), HELLO),
    "challenge": (control.decode_challenge, control.encode_challenge(CHALLENGE), CHALLENGE),
    "login": (login, control.encode_login(TOKEN, LOGIN), LOGIN),
    "welcome": (control.decode_welcome, control.encode_welcome(WELCOME), WELCOME),
    "publish": (control.decode_request, control.encode_request(TOKEN, REQUESTS[0]), REQUESTS[0]),
    "lookup": (control.decode_request, control.encode_request(TOKEN, REQUESTS[1]), REQUESTS[1]),
    "fetch": (control.decode_request, control.encode_request(TOKEN, REQUESTS[2]), REQUESTS[2]),
    "response": (control.decode_response, control.encode_response(RESPONSE), RESPONSE),
    "append": (control.decode_request, control.encode_request(TOKEN, REQUESTS[3]), REQUESTS[3]),
    "entries": (control.decode_request, control.encode_request(TOKEN, REQUESTS[4]), REQUESTS[4]),
    "lookup body": (control.decode_lookup_body, control.encode_lookup_body(LOOKUP_BODY), LOOKUP_BODY),
    "entries body": (control.decode_entries_body, control.encode_entries_body(ENTRIES_BODY), ENTRIES_BODY),
}
kinds = pytest.mark.parametrize("kind", FRAMES)


@kinds
def test_every_frame_round_trips(kind):
    decode, frame, value = FRAMES[kind]
    assert decode(frame) == value


@kinds
def test_every_truncation_and_every_trailing_byte_is_refused(kind):
    decode, frame, _ = FRAMES[kind]
    for wrong in (*(frame[:end] for end in range(len(frame))), frame + b"\xc0", frame + frame):
        with pytest.raises(RemoteProtocolError):
            decode(wrong)


@kinds
def test_a_frame_past_the_limit_is_refused_before_it_is_parsed(kind, monkeypatch):
    decode, frame, _ = FRAMES[kind]
    with pytest.raises(RemoteProtocolError) as caught:
        decode(frame + bytes(MAX_CONTROL_BYTES))
    assert "too long" in str(caught.value)


@kinds
def test_a_frame_under_another_verb_is_refused(kind):
    decode, frame, _ = FRAMES[kind]
    if not kind.endswith(" body"):  # a body has no verb
        for verb in range(256):
            if verb != frame[0]:
                with pytest.raises(RemoteProtocolError):
                    decode(bytes((verb,)) + frame[1:])


def changed(value: msgspec.Struct, **changes: object) -> bytes:
    fields = {**msgspec.msgpack.decode(msgspec.msgpack.encode(value)), **changes}
    return msgspec.msgpack.encode({name: field for name, field in fields.items() if field is not ...})


WRONG = [
    ("hello", changed(HELLO, name="x" * 65)),
    ("hello", changed(HELLO, card=b"c" * 1025)),
    ("hello", changed(HELLO, signature=b"s" * 383)),
    ("hello", changed(HELLO, nonce=b"n" * 31)),
    ("hello", changed(HELLO, card="text")),
    ("hello", changed(HELLO, card=...)),
    ("hello", changed(HELLO, id=2**32)),
    ("challenge", changed(CHALLENGE, nonce=b"n" * 33)),
    ("challenge", changed(CHALLENGE, realm=...)),
    ("challenge", changed(CHALLENGE, protocol="1")),
    ("login", changed(LOGIN, signature=b"s" * 63)),
    ("login", changed(LOGIN, invite=b"i" * 15)),
    ("login", changed(LOGIN, devices=b"d" * 1025)),
    ("welcome", changed(WELCOME, limits=...)),
    ("welcome", changed(WELCOME, spread_ms=-1)),
    ("welcome", changed(WELCOME, time_ms=2**63)),
    ("welcome", changed(WELCOME, incarnation=b"i" * 17)),
    ("publish", changed(PUBLISH, prekeys=b"p" * 1231)),
    ("publish", changed(PUBLISH, one_time=[[n, bytes(32)] for n in range(MAX_ONE_TIME_PREKEYS + 1)])),
    ("publish", changed(PUBLISH, one_time=[[1, bytes(31)]])),
    ("publish", changed(PUBLISH, op="delete everything")),
    ("publish", changed(PUBLISH, op=...)),
    ("fetch", changed(REQUESTS[2], mailbox=b"m" * 15)),
    ("lookup", changed(REQUESTS[1], name="x" * 65)),
    ("append", changed(REQUESTS[3], entry=b"e" * 2_561)),
    ("entries", changed(REQUESTS[4], group=b"g" * 15)),
    ("entries", changed(REQUESTS[4], after=-1)),
    ("entries body", changed(ENTRIES_BODY, entries=[b"e"] * 65)),
    ("entries body", changed(ENTRIES_BODY, head=b"h" * 31)),
    ("response", changed(Response(id=4), id=-1)),
    ("response", changed(Response(id=4), body="text")),
    ("lookup body", changed(LOOKUP_BODY, mailboxes=[b"m" * 16] * 9)),
    ("lookup body", changed(LOOKUP_BODY, mailboxes=[b"m" * 15])),
    ("lookup body", changed(LOOKUP_BODY, signature=b"s" * 385)),
]


@pytest.mark.parametrize(("kind", "body"), WRONG, ids=range(len(WRONG)))
def test_a_field_outside_its_bounds_is_refused(kind, body):
    decode, frame, _ = FRAMES[kind]
    head = {"lookup body": 0, "entries body": 0, "challenge": 1, "welcome": 1, "response": 1}.get(kind, AT_BODY)
    with pytest.raises(RemoteProtocolError):
        decode(frame[:head] + body)


@pytest.mark.parametrize("kind", [kind for kind in FRAMES if kind != "response"])
def test_unknown_fields_are_ignored_for_later_versions(kind):
    decode, frame, value = FRAMES[kind]
    head = {"lookup body": 0, "entries body": 0, "challenge": 1, "welcome": 1}.get(kind, AT_BODY)
    fields = msgspec.msgpack.decode(frame[head:])
    assert decode(frame[:head] + msgspec.msgpack.encode({**fields, "later": [1, {"a": None}]})) == value


@pytest.mark.parametrize("nesting", [b"\x91" * 8_000, b"\x81\xa5later" * 2_000], ids=["arrays", "maps"])
def test_deep_nesting_is_a_protocol_error_not_a_crash(nesting):
    with pytest.raises(RemoteProtocolError):
        control.decode_challenge(b"\x02" + nesting)


@pytest.mark.parametrize("head", [b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"])
def test_an_announced_size_that_is_not_there_allocates_nothing(head):
    with pytest.raises(RemoteProtocolError):
        control.decode_response(b"\x21" + head)


def test_a_token_is_never_zero():
    for token in (NO_TOKEN, Token(b"short")):
        with pytest.raises(LocalProtocolError):
            control.encode_login(token, LOGIN)
    frame = control.encode_login(TOKEN, LOGIN)
    with pytest.raises(RemoteProtocolError):
        control.decode_login(frame[:1] + NO_TOKEN + frame[AT_BODY:])
    assert control.decode_login(frame)[0] == TOKEN


def test_hello_has_no_token():
    frame = control.encode_hello(HELLO)
    assert frame[1:AT_BODY] == NO_TOKEN
    with pytest.raises(RemoteProtocolError):
        control.decode_hello(frame[:1] + TOKEN + frame[AT_BODY:])


@pytest.mark.parametrize("exact", [LOOKUP_RESPONSE_BYTES, BUNDLE_RESPONSE_BYTES])
@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 257, 1_500])
def test_an_answer_has_exactly_the_size_of_its_class(exact, size):
    response = Response(id=2**32 - 1, code=Code.UNKNOWN, retry_after_ms=600_000, body=bytes(size))
    frame = control.encode_response(response, exact)
    assert len(frame) == exact
    assert control.decode_response(frame).body == bytes(size)


def test_an_answer_past_its_class_is_our_own_mistake():
    with pytest.raises(LocalProtocolError):
        control.encode_response(Response(id=1, body=bytes(LOOKUP_RESPONSE_BYTES)), LOOKUP_RESPONSE_BYTES)
