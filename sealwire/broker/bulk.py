"""Bulk connections: link sessions beside the main one, for requests about blobs and nothing else.

They never touch a mailbox, and what they may make the broker hold is small: four requests each, and no more answers
under way than the peer has proven to have read.

Source: protocol.md §17.3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sealwire.broker.blobjobs import Asked
from sealwire.broker.blobs import Blobs
from sealwire.broker.links import CHATTER_UNITS, MAX_CHATTER, WRONG_TOKENS, Account, Connection
from sealwire.broker.mailbox import Mailbox
from sealwire.broker.port import BrokerSettings
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Millis, RoutingId, Token
from sealwire.wire import frames
from sealwire.wire.blobs import BULK_WINDOW, BlobGet, BlobPut, BlobRequest, decode_blob_request
from sealwire.wire.control import Response, encode_response
from sealwire.wire.frames import AT_BODY, AT_TOKEN, Code, Reset, Verb

PROVE_AFTER: Final = 16
"""Chunks given before the peer is asked for a sign that it read them."""
UNPROVEN: Final = 32
"""Chunks given without such a sign, 2 MiB: past it reads wait. Who asks and does not read fills nothing."""
PROOF_BYTES: Final = 7
"""A number nobody can guess in the life of a connection, and that fits a PING."""


class BulkLink:
    """One bulk connection that has logged in."""

    def __init__(
        self,
        connection: Connection,
        mailbox: Mailbox,
        token: Token,
        now: float,
        sends: list[tuple[RoutingId, bytes]],
        rng: Callable[[int], bytes],
    ) -> None:
        self.rid = connection.rid
        self.connection = connection
        self.mailbox = mailbox
        self.account: Account = mailbox.account
        self.token = token
        self.heard = self.since = now
        self.wrong_tokens = self.chatter = 0
        self.open = True
        self.requests = 0
        self.held: deque[BlobGet] = deque()
        self.proof: tuple[int, int, float] | None = None
        """The number it has to say, how many chunks that proves, and when it was asked."""
        self._given = self._proven = 0
        self._sends = sends
        self._rng = rng

    def __repr__(self) -> str:
        return f"<BulkLink of {self.account.name}>"

    @property
    def account_name(self) -> str:
        """Whose it is."""
        return self.account.name

    @property
    def reads_wait(self) -> bool:
        """Whether it has to read what it was given before it gets more."""
        return self._given - self._proven >= UNPROVEN

    def answer(self, request_id: int, code: Code, body: bytes = b"", retry_after_ms: int = 0) -> None:
        """Give an answer, unless the link session is over."""
        self.requests -= 1
        if self.open:
            response = Response(id=request_id, code=code, retry_after_ms=retry_after_ms, body=body)
            self._sends.append((self.rid, encode_response(response)))

    def gives(self, now: float) -> None:
        """One more chunk will be given: ask for a sign from time to time."""
        self._given += 1
        if self.proof is None and self._given - self._proven >= PROVE_AFTER:
            self._ask(now)

    def _ask(self, now: float) -> None:
        number = int.from_bytes(self._rng(PROOF_BYTES), "big")
        self.proof = (number, self._given, now)
        self._sends.append((self.rid, frames.encode_broker_ping(number)))

    def proves(self, number: int, now: float) -> None:
        """PONG came: it has read everything that was sent before the PING of this number."""
        if self.proof is not None and self.proof[0] == number:
            self._proven = self.proof[1]
            self.proof = None
            if self._given - self._proven >= PROVE_AFTER:
                self._ask(now)


class Bulks:
    """All bulk link sessions.

    Args:
        ended: called with the connection of a link session that has just ended.
        sends: the router's list of frames to send.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        blobs: Blobs,
        sends: list[tuple[RoutingId, bytes]],
        ended: Callable[[Connection], None],
        rng: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self._blobs = blobs
        self._sends = sends
        self._ended = ended
        self._rng = rng
        self._by_device: dict[MailboxId, BulkLink] = {}
        self.links: dict[RoutingId, BulkLink] = {}
        self.wrong_tokens = self.turned_away = 0

    def open(self, connection: Connection, mailbox: Mailbox, token: Token, now: float) -> bool:
        """Take in a login; the device's older bulk connection ends first. False: there are too many."""
        older = self._by_device.get(mailbox.id)
        if older is not None:
            self.end(older, Reset.SUPERSEDED)
        if len(self.links) >= self._settings.bulk_links:
            self.turned_away += 1
            return False
        link = BulkLink(connection, mailbox, token, now, self._sends, self._rng)
        self.links[link.rid] = self._by_device[mailbox.id] = link
        return True

    def frame(self, link: BulkLink, frame: bytes, now: float, mail_ms: Millis) -> int:
        """One frame of a bulk link session; returns what it cost in units.

        Source: protocol.md §17.3.
        """
        link.heard = now
        if frame[AT_TOKEN:AT_BODY] != link.token:
            self.wrong_tokens += 1
            link.wrong_tokens += 1
            if link.wrong_tokens >= WRONG_TOKENS:
                self.end(link, Reset.PROTOCOL)
            return 1
        is_request = frame[0] == Verb.REQUEST  # those that move a chunk have a window and a rate of their own
        link.chatter += not is_request
        try:
            self._take(link, frame, now, mail_ms)
        except RemoteProtocolError:
            self.end(link, Reset.PROTOCOL)
        if link.chatter > MAX_CHATTER:
            self.end(link, Reset.PROTOCOL)
        return (1 if is_request else CHATTER_UNITS) + (len(frame) >> 12)

    def _take(self, link: BulkLink, frame: bytes, now: float, mail_ms: Millis) -> None:
        match frame[0]:
            case Verb.REQUEST:
                self._request(link, decode_blob_request(frame), now, mail_ms)
            case Verb.PING:
                self._sends.append((link.rid, frames.encode_broker_pong(frames.decode_peer_u64(frame))))
            case Verb.PONG:
                link.proves(frames.decode_peer_u64(frame), now)
                while link.held and link.open and not link.reads_wait:
                    self._ask(link, link.held.popleft(), now, mail_ms)
            case Verb.BYE if len(frame) == AT_BODY:
                self.end(link, None)
            case _:
                raise RemoteProtocolError("not a verb of a bulk connection")

    def _request(self, link: BulkLink, request: BlobRequest, now: float, mail_ms: Millis) -> None:
        if link.requests >= BULK_WINDOW:
            raise RemoteProtocolError("too many requests at once")
        link.requests += 1
        if isinstance(request, BlobGet) and link.reads_wait:
            link.held.append(request)
        else:
            self._ask(link, request, now, mail_ms)

    def _ask(self, link: BulkLink, request: BlobRequest, now: float, mail_ms: Millis) -> None:
        if isinstance(request, BlobGet):
            link.gives(now)
        under_way = link.requests
        self._blobs.ask(Asked(link, request.id), request, now, mail_ms)
        if link.requests < under_way or not isinstance(request, BlobGet | BlobPut):
            link.chatter += 1  # answered at once, or it moves nothing: no window and no rate holds that back

    def end(self, link: BulkLink, reason: Reset | None) -> None:
        """End a link session; ``reason`` None or GONE says nothing to the peer."""
        if not link.open:
            return
        link.open = False
        link.held.clear()
        del self.links[link.rid]
        if self._by_device.get(link.mailbox.id) is link:
            del self._by_device[link.mailbox.id]
        if reason is not None and reason is not Reset.GONE:
            self._sends.append((link.rid, frames.encode_reset(reason)))
        self._ended(link.connection)

    def end_where(self, chosen: Callable[[BulkLink], bool], reason: Reset) -> int:
        """End those link sessions; returns how many."""
        ended = [link for link in self.links.values() if chosen(link)]
        for link in ended:
            self.end(link, reason)
        return len(ended)

    def status(self) -> dict[str, int]:
        """How many, and what was counted."""
        return {
            "bulk_links": len(self.links),
            "bulk_turned_away": self.turned_away,
            "bulk_wrong_tokens": self.wrong_tokens,
        }

    def tick(self, now: float) -> None:
        """Look at deadlines."""
        settings = self._settings
        for link in self.links.values():
            link.chatter = 0
        self.end_where(lambda link: now - link.heard > settings.silence_timeout_s, Reset.SILENT)
        self.end_where(
            lambda link: link.proof is not None and now - link.proof[2] > settings.slow_ack_timeout_s, Reset.STALLED
        )
