"""Control frames: msgpack maps with a version and a request id, unknown fields ignored, behind the frame's verb.

HELLO, CHALLENGE, LOGIN and WELCOME open a link session; REQUEST and RESPONSE carry the directory. Every decoder
raises only :class:`RemoteProtocolError`, whatever the bytes.

Source: protocol.md §3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sealwire.errors import LocalProtocolError, RemoteProtocolError
from sealwire.ids import TOKEN_BYTES, Token
from sealwire.wire.frames import (
    AT_BODY,
    AT_TOKEN,
    MAX_CONTROL_BYTES,
    MAX_ONE_TIME_PREKEYS,
    NO_TOKEN,
    PROTOCOL_VERSION,
    Code,
    Verb,
)

Bytes16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Bytes64 = Annotated[bytes, Meta(min_length=64, max_length=64)]
Signature384 = Annotated[bytes, Meta(min_length=384, max_length=384)]
CardBytes = Annotated[bytes, Meta(max_length=1024)]
DeviceListBytes = Annotated[bytes, Meta(max_length=1024)]
Prekeys1232 = Annotated[bytes, Meta(min_length=1232, max_length=1232)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
U64 = Annotated[int, Meta(ge=0, le=0x7FFF_FFFF_FFFF_FFFF)]
Name = Annotated[str, Meta(max_length=64)]


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """First frame of every connection: who speaks, with the device's signed public keys."""

    v: int = PROTOCOL_VERSION
    id: U32 = 0
    lowest: int = PROTOCOL_VERSION
    highest: int = PROTOCOL_VERSION
    kind: Annotated[str, Meta(max_length=8)] = "main"
    name: Name
    card: CardBytes
    signature: Signature384
    nonce: Bytes32


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's answer to HELLO."""

    v: int = PROTOCOL_VERSION
    id: U32 = 0
    nonce: Bytes32
    realm: Name
    protocol: int = PROTOCOL_VERSION


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of the device key, bound to this connection; the frame's token becomes the link session's."""

    v: int = PROTOCOL_VERSION
    id: U32 = 0
    signature: Bytes64
    invite: Bytes16 | None = None
    devices: DeviceListBytes | None = None
    devices_signature: Signature384 | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker allows this link session; sizes in bytes, times as named."""

    envelope_bytes: U32
    send_window_messages: U32
    send_window_bytes: U32
    deliver_window_messages: U32
    deliver_window_bytes: U32
    quota_messages: U32
    quota_bytes: U64
    quota_days: U32
    blob_file_bytes: U64 = 0
    """Largest blob; 0: no files here."""
    blob_days: U32 = 0


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The link session is open."""

    v: int = PROTOCOL_VERSION
    id: U32 = 0
    limits: Limits
    spread_ms: U32
    incarnation: Bytes16
    expired: U32
    time_ms: U64
    prekeys_id: U32
    """spk_id of the signed prekeys on file, 0 for none."""
    one_time_left: U32


class OneTime(msgspec.Struct, frozen=True, array_like=True):
    """A one-time prekey on its way to the directory."""

    id: U32
    key: Bytes32


class Publish(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="publish"):
    """Store signed prekeys and more one-time prekeys of the device that asks."""

    v: int = PROTOCOL_VERSION
    id: U32
    prekeys: Prekeys1232
    signature: Bytes64
    one_time: Annotated[list[OneTime], Meta(max_length=MAX_ONE_TIME_PREKEYS)]


class Lookup(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="lookup"):
    """Ask for an account's signed device list."""

    v: int = PROTOCOL_VERSION
    id: U32
    name: Name


class Fetch(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="bundle"):
    """Ask for one device's bundle; a one-time prekey is handed out at most once."""

    v: int = PROTOCOL_VERSION
    id: U32
    mailbox: Bytes16


class Append(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="append"):
    """Append an entry to a group's log, if it follows the last one."""

    v: int = PROTOCOL_VERSION
    id: U32
    entry: Annotated[bytes, Meta(max_length=2_560)]


class Entries(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="entries"):
    """Ask for the entries of a group's log above a sequence."""

    v: int = PROTOCOL_VERSION
    id: U32
    group: Bytes16
    after: U32


Request = Publish | Lookup | Fetch | Append | Entries


_NO_PAD: Final = msgspec.Raw(b"\xc0")  # msgpack nil


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a REQUEST. ``body`` is one of the bodies below, or empty; ``pad`` makes look-ups equal in size."""

    v: int = PROTOCOL_VERSION
    id: U32
    code: U32 = Code.OK
    retry_after_ms: U32 = 0
    body: bytes = b""
    pad: msgspec.Raw = _NO_PAD


class LookupBody(msgspec.Struct, frozen=True, kw_only=True):
    """A signed device list and the mailbox of each device in it, in the list's order."""

    devices: DeviceListBytes
    signature: Signature384
    mailboxes: Annotated[list[Bytes16], Meta(max_length=8)]


class EntriesBody(msgspec.Struct, frozen=True, kw_only=True):
    """Where a group's log stands, and entries of it in order."""

    sequence: U32
    head: Bytes32
    entries: Annotated[list[bytes], Meta(max_length=64)]


LOOKUP_RESPONSE_BYTES: Final = 2048
"""Every answer to a Lookup is this long, so that its size does not tell whether the name exists."""
BUNDLE_RESPONSE_BYTES: Final = 3584
"""Likewise for Fetch: a bundle with the longest realm and name fits."""

_encode = msgspec.msgpack.Encoder().encode


def _decoder(kind: Any) -> Callable[[bytes], Any]:
    decode = msgspec.msgpack.Decoder(kind).decode

    def checked(body: bytes) -> Any:
        if len(body) > MAX_CONTROL_BYTES:
            raise RemoteProtocolError("control frame too long")
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteProtocolError("malformed control frame") from error

    return checked


_hello = _decoder(Hello)
_challenge = _decoder(Challenge)
_login = _decoder(Login)
_welcome = _decoder(Welcome)
_request = _decoder(Request)
_response = _decoder(Response)
_lookup_body = _decoder(LookupBody)
_entries_body = _decoder(EntriesBody)


def encode_hello(hello: Hello) -> bytes:
    """Encode HELLO; its token is zero. Source: protocol.md §3.2."""
    return b"\x01" + NO_TOKEN + _encode(hello)


def encode_challenge(challenge: Challenge) -> bytes:
    """Encode CHALLENGE. Source: protocol.md §3.2."""
    return b"\x02" + _encode(challenge)


def encode_login(token: Token, login: Login) -> bytes:
    """Encode LOGIN; ``token`` is 8 random bytes, never zero. Source: protocol.md §3.2."""
    if len(token) != TOKEN_BYTES or token == NO_TOKEN:
        raise LocalProtocolError("a token is 8 bytes and not zero")
    return b"\x03" + token + _encode(login)


def encode_welcome(welcome: Welcome) -> bytes:
    """Encode WELCOME. Source: protocol.md §3.2."""
    return b"\x04" + _encode(welcome)


def encode_request(token: Token, request: Request) -> bytes:
    """Encode REQUEST. Source: protocol.md §6."""
    return b"\x20" + token + _encode(request)


def encode_response(response: Response, exact_bytes: int = 0) -> bytes:
    """Encode RESPONSE, padded to ``exact_bytes`` in all when that is given.

    Raises:
        LocalProtocolError: the answer is longer than ``exact_bytes``.

    Source: protocol.md §6.
    """
    if not exact_bytes:
        return b"\x21" + _encode(response)
    missing = exact_bytes - 1 - len(_encode(msgspec.structs.replace(response, pad=_padding(0))))
    if missing < 0:
        raise LocalProtocolError("answer longer than its class")
    return b"\x21" + _encode(msgspec.structs.replace(response, pad=_padding(missing)))


def _padding(size: int) -> msgspec.Raw:
    # Always the bin16 form: an encoder that picks the shortest form could not hit every length.
    return msgspec.Raw(b"\xc5" + size.to_bytes(2, "big") + bytes(size))


def encode_lookup_body(body: LookupBody) -> bytes:
    """Encode the body of an answer to Lookup. Source: protocol.md §6."""
    return _encode(body)


def encode_entries_body(body: EntriesBody) -> bytes:
    """Encode the body of an answer to Entries. Source: protocol.md §16.1."""
    return _encode(body)


def decode_hello(frame: bytes) -> Hello:
    """Decode a whole HELLO frame.

    Raises:
        RemoteProtocolError: anything but a HELLO.

    Source: protocol.md §3.2.
    """
    if frame[:AT_BODY] != b"\x01" + NO_TOKEN:
        raise RemoteProtocolError("not a HELLO")
    result: Hello = _hello(frame[AT_BODY:])
    return result


def decode_challenge(frame: bytes) -> Challenge:
    """Decode a whole CHALLENGE frame. Raises RemoteProtocolError. Source: protocol.md §3.2."""
    result: Challenge = _challenge(_body(frame, Verb.CHALLENGE))
    return result


def decode_login(frame: bytes) -> tuple[Token, Login]:
    """Decode a whole LOGIN frame into the token it proposes and its body.

    Raises:
        RemoteProtocolError: anything but a LOGIN, or a zero token.

    Source: protocol.md §3.2.
    """
    if len(frame) < AT_BODY or frame[0] != Verb.LOGIN:
        raise RemoteProtocolError("not a LOGIN")
    token = Token(frame[AT_TOKEN:AT_BODY])
    if token == NO_TOKEN:
        raise RemoteProtocolError("zero token")
    login: Login = _login(frame[AT_BODY:])
    return token, login


def decode_welcome(frame: bytes) -> Welcome:
    """Decode a whole WELCOME frame. Raises RemoteProtocolError. Source: protocol.md §3.2."""
    result: Welcome = _welcome(_body(frame, Verb.WELCOME))
    return result


def decode_request(frame: bytes) -> Request:
    """Decode a whole REQUEST frame; the caller has checked its token. Raises RemoteProtocolError.

    Source: protocol.md §6.
    """
    if len(frame) < AT_BODY or frame[0] != Verb.REQUEST:
        raise RemoteProtocolError("not a REQUEST")
    result: Request = _request(frame[AT_BODY:])
    return result


def decode_response(frame: bytes) -> Response:
    """Decode a whole RESPONSE frame. Raises RemoteProtocolError. Source: protocol.md §6."""
    result: Response = _response(_body(frame, Verb.RESPONSE))
    return result


def decode_lookup_body(body: bytes) -> LookupBody:
    """Decode the body of an answer to Lookup. Raises RemoteProtocolError. Source: protocol.md §6."""
    result: LookupBody = _lookup_body(body)
    return result


def decode_entries_body(body: bytes) -> EntriesBody:
    """Decode the body of an answer to Entries. Raises RemoteProtocolError. Source: protocol.md §16.1."""
    result: EntriesBody = _entries_body(body)
    return result


def _body(frame: bytes, verb: Verb) -> bytes:
    if not frame or frame[0] != verb:
        raise RemoteProtocolError(f"not a {verb.name}")
    return frame[1:]
