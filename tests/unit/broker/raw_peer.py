"""A peer without an engine: a DEALER that logs in and speaks frames. For tests and load."""

from __future__ import annotations

import os
import struct
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from unittest.mock import ANY

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from sealwire.crypto.card import Card, DeviceList
from sealwire.crypto.identity import Identity, login_transcript, realm_of
from sealwire.ids import DeviceId, Mailbox, Token
from sealwire.wire import control, frames
from sealwire.wire.frames import Verb
from sealwire.wire.many import apart
from tests.vectors.people import NOW_MS, person

TIMEOUT_MS = 10_000


@cache
def member(account: str, broker_curve: bytes, keys: str = "alice", device: bytes = bytes(16)) -> Identity:
    """An identity for this broker, of the ready-made RSA keys of ``keys``."""
    old = person(keys)
    card = Card(
        realm=realm_of(broker_curve),
        account=account,
        device=DeviceId(device),
        n_sign=old.account.n_sign,
        n_enc=old.device.enc.modulus,
        ik=old.card.card.ik,
        sk=old.card.card.sk,
        created_ms=NOW_MS,
    )
    listed = DeviceList(card.realm, account, card.n_sign, 1, ((card.device, card.hash),))
    signed = old.account.sign_card(card, os.urandom)
    return Identity(old.account, old.device, signed, old.account.sign_devices(listed, os.urandom))


def hello_of(identity: Identity, nonce: bytes, **changes: object) -> bytes:
    card = identity.card
    fields = {"name": card.card.account, "card": card.card.encode(), "signature": card.signature, "nonce": nonce}
    return control.encode_hello(control.Hello(**{**fields, **changes}))


def login_of(
    identity: Identity,
    broker_curve: bytes,
    curve: bytes,
    hello: bytes,
    challenge: bytes,
    token: Token,
    invite: bytes | None = None,
) -> bytes:
    nonces = control.decode_hello(hello).nonce, control.decode_challenge(challenge).nonce
    transcript = login_transcript(realm_of(broker_curve), broker_curve, curve, *nonces, token, hello, challenge)
    login = control.Login(
        signature=identity.device.login_signature(transcript),
        invite=invite,
        devices=identity.devices.devices.encode(),
        devices_signature=identity.devices.signature,
    )
    return control.encode_login(token, login)


@dataclass
class RawPeer:
    """One connection of one device to a real broker."""

    endpoint: str
    broker_curve: bytes
    identity: Identity
    curve_secret: bytes = field(default_factory=lambda: z85.decode(zmq.curve_keypair()[1]))
    context: zmq.Context = field(default_factory=zmq.Context.instance)
    token: Token = field(default_factory=lambda: Token(os.urandom(8)))
    routing_id: bytes = b""

    def __post_init__(self) -> None:
        self.curve = z85.decode(zmq.curve_public(z85.encode(self.curve_secret)))
        self.seq = 0
        self._came: deque[bytes] = deque()

    @property
    def mailbox(self) -> Mailbox:
        return self.identity.card.card.mailbox

    def connect(self) -> RawPeer:
        sock = self.socket = self.context.socket(zmq.DEALER)
        sock.linger = 0
        sock.immediate = 1
        sock.rcvtimeo = sock.sndtimeo = TIMEOUT_MS
        sock.reconnect_ivl = -1
        sock.sndhwm, sock.rcvhwm = 2000, 2000
        if self.routing_id:
            sock.routing_id = self.routing_id
        sock.curve_serverkey = z85.encode(self.broker_curve)
        sock.curve_secretkey = z85.encode(self.curve_secret)
        sock.curve_publickey = z85.encode(self.curve)
        self.monitor = sock.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        sock.connect(self.endpoint)
        return self

    def greet(self) -> RawPeer:
        self.hello = hello_of(self.identity, os.urandom(32))
        self.socket.send(self.hello)
        self.challenge = self.socket.recv()
        return self

    def prove(self, invite: bytes | None = None) -> bytes:
        login = login_of(self.identity, self.broker_curve, self.curve, self.hello, self.challenge, self.token, invite)
        self.socket.send(login)
        return self.socket.recv()

    def login(self, invite: bytes | None = None) -> control.Welcome:
        return control.decode_welcome(self.connect().greet().prove(invite))

    def send(self, to: Mailbox, envelope: bytes) -> int:
        self.seq += 1
        mid = struct.pack(">QQ", 0, self.seq)
        self.socket.send(frames.encode_send(self.token, self.seq, mid, to, envelope))
        return self.seq

    def ack(self, seq: int) -> None:
        self.socket.send(frames.encode_ack(self.token, seq))

    def recv(self, *verbs: Verb) -> bytes:
        """The next frame of these verbs; others are skipped: a broker may send a PING at any time.

        DELIVERs that came together come out one by one, unless it is DELIVER_MANY that is wanted.
        """
        while True:
            if not self._came:
                frame = self.socket.recv()
                self._came += [frame] if Verb.DELIVER_MANY in verbs else apart(frame)
            if (frame := self._came.popleft())[0] in verbs:
                return frame

    def event(self, timeout_ms: int = TIMEOUT_MS) -> tuple[zmq.Event, int] | None:
        """The next thing that happened to the connection, or None."""
        if not self.monitor.poll(timeout_ms):
            return None
        message = parse_monitor_message(self.monitor.recv_multipart())
        return message["event"], message["value"]

    def is_closed(self, timeout_ms: int = TIMEOUT_MS) -> bool:
        """Whether the connection ends within the time."""
        return self.event(timeout_ms) == (zmq.EVENT_DISCONNECTED, ANY)

    def refusal(self, timeout_ms: int = TIMEOUT_MS) -> int:
        """The status with which the broker refused the connection."""
        event = self.event(timeout_ms)
        assert event is not None
        assert event[0] == zmq.EVENT_HANDSHAKE_FAILED_AUTH
        return event[1]

    def close(self) -> None:
        if hasattr(self, "socket") and not self.socket.closed:
            self.socket.disable_monitor()
            self.monitor.close()
            self.socket.close(linger=0)
