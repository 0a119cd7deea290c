"""One link session as the peer sees it: HELLO → CHALLENGE → LOGIN → WELCOME, then numbers and a token.

Source: protocol.md §3.2, §5.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from sealwire.crypto.identity import Identity, login_transcript
from sealwire.crypto.primitives import Rng
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Token
from sealwire.peer.waits import heeded_s
from sealwire.wire.control import (
    Hello,
    Login,
    Welcome,
    decode_challenge,
    decode_welcome,
    encode_hello,
    encode_login,
)
from sealwire.wire.frames import NO_TOKEN, PROTOCOL_VERSION


class LinkState(Enum):
    """Where a link session stands."""

    DOWN = "down"
    GREETING = "greeting"
    PROVING = "proving"
    OPEN = "open"


class Credentials(Struct, frozen=True):
    """What a login needs beside the identity: the pinned broker key, our connection key, an invite."""

    broker_key: bytes
    connection_key: bytes
    invite: bytes | None


class LinkSession:
    """The login's state machine; one object per connection."""

    def __init__(self, identity: Identity, credentials: Credentials, rng: Rng, kind: str = "main") -> None:
        self._identity = identity
        self._credentials = credentials
        self._rng = rng
        self._kind = kind
        self._hello = b""
        self._nonce = b""
        self.state = LinkState.DOWN
        self.token: Token = NO_TOKEN
        self.welcome: Welcome | None = None

    @property
    def spread_s(self) -> float:
        """Over how many seconds this broker wants its peers to return after a loss."""
        return 1.0 if self.welcome is None else heeded_s(self.welcome.spread_ms)

    def greet(self) -> bytes:
        """The connection is up: returns HELLO, with the card that holds our RSA public keys."""
        card = self._identity.card
        self._nonce = self._rng(32)
        self._hello = encode_hello(
            Hello(
                kind=self._kind,
                name=card.card.account,
                card=card.card.encode(),
                signature=card.signature,
                nonce=self._nonce,
            )
        )
        self.state = LinkState.GREETING
        return self._hello

    def prove(self, frame: bytes) -> bytes:
        """CHALLENGE came: returns LOGIN, signed over this very connection.

        Raises:
            RemoteProtocolError: not a CHALLENGE, another realm, or a protocol we did not offer.
        """
        challenge = decode_challenge(frame)
        card = self._identity.card.card
        if challenge.realm != card.realm:
            raise RemoteProtocolError("the broker names another realm than its key does")
        if challenge.protocol != PROTOCOL_VERSION:
            raise RemoteProtocolError("the broker chose a protocol version that was not offered")
        token = Token(self._rng(8))
        while token == NO_TOKEN:
            token = Token(self._rng(8))
        transcript = login_transcript(
            card.realm,
            self._credentials.broker_key,
            self._credentials.connection_key,
            self._nonce,
            challenge.nonce,
            token,
            self._hello,
            frame,
        )
        devices = self._identity.devices
        login = Login(
            signature=self._identity.device.login_signature(transcript),
            invite=self._credentials.invite,
            devices=devices.devices.encode(),
            devices_signature=devices.signature,
        )
        self.token = token
        self.state = LinkState.PROVING
        return encode_login(token, login)

    def open(self, frame: bytes) -> Welcome:
        """WELCOME came.

        Raises:
            RemoteProtocolError: anything else.
        """
        self.welcome = decode_welcome(frame)
        self.state = LinkState.OPEN
        return self.welcome
