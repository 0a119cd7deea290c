"""The broker's state machine: frames, store events and time go in; frames, kicks and jobs come out.

It does no I/O. Whoever drives it, the server over sockets or a test over lists, does this, turn after turn::

    router.begin(monotonic_s, wall_ms)                # once per turn: no message asks for the time
    for rid, frame in arrived:                        # while router.relay.units < settings.turn_units
        link = router.links.get(rid)
        if link is not None:
            router.handle(link, frame)                # the hot path
        elif router.has_seen(rid):
            router.second_frame(rid, frame)           # LOGIN, or what an ended connection still says
        else:
            router.first_frame(connection, frame)     # HELLO
    for event in store_events:                        # Committed or Refused, one per job
        router.store_event(event)
    router.end_turn()                                 # ACCEPTED for whatever became final
    job = router.next_job()                           # at most one under way
    if job is not None:
        store.submit(job)
    for rid, frame in router.sends:                   # whatever depends on a commit was appended after it
        if cannot_send(rid, frame):
            router.send_failed(rid)
    router.sends.clear()                              # the shell empties the lists it has carried out
    for rid, frame in router.ephemerals: ...          # dropped when they do not go out
    for connection in router.kicks: ...               # shut down
    for ref, reply in router.replies: ...             # answers to router.command()
    for job in router.blobs.jobs: ...                 # files; each answered by router.blobs.done()
    if nothing_else_arrived:
        router.tick()                                 # deadlines
        wait(router.wait_s())

Lists are appended to, not returned, because this runs per message. Delivery itself is ``relay``, the time before a
login ``lobby``, what goes to the store ``ledger``.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from sealwire.broker.admission import Admission
from sealwire.broker.bans import Bans
from sealwire.broker.blobjobs import BlobOp
from sealwire.broker.blobs import Blobs
from sealwire.broker.bulk import Bulks
from sealwire.broker.clock import Clock
from sealwire.broker.descriptors import Descriptors
from sealwire.broker.directory import Asked, Directory
from sealwire.broker.ephemeral import Ephemerals
from sealwire.broker.expiry import Expiry, load_mail
from sealwire.broker.limits import Limits
from sealwire.broker.links import Account, Connection, Door, Expected, Greeted, Link, encode_welcome
from sealwire.broker.lobby import LOGIN_UNITS, Lobby
from sealwire.broker.mailbox import Mailbox
from sealwire.broker.operator import House, Operator
from sealwire.broker.orders import DELETED, DISABLED, Expire, Must
from sealwire.broker.patience import Patience
from sealwire.broker.port import (
    BrokerSettings,
    Command,
    Committed,
    DeviceRow,
    Job,
    Rebind,
    Register,
    Result,
    Snapshot,
    Status,
    StoreEvent,
    StorePrekeys,
    TakeBundle,
)
from sealwire.broker.relay import Relay
from sealwire.errors import RemoteProtocolError
from sealwire.ids import Millis, RoutingId, Token
from sealwire.wire import control, frames
from sealwire.wire.frames import AT_BODY, MAX_OPEN_REQUESTS, Reset, Verb

BULK_RETRY_MS: Final = 5_000
"""When to come back with a file, when too many move already."""
TICK_S: Final = 1.0
"""How often deadlines are looked at."""


class Router:
    """All of the broker that is not I/O. The module's text shows how it is driven.

    Args:
        curve_public: the broker's CURVE key, 32 bytes.
        snapshot: what the store held at the start.
        admission: told about registered keys, and about connections that misbehave.
        rng: n random bytes, for nonces.
        now: monotonic seconds; ``wall_ms``: milliseconds since 1970.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        curve_public: bytes,
        snapshot: Snapshot,
        admission: Admission,
        rng: Callable[[int], bytes],
        now: float,
        wall_ms: Millis,
    ) -> None:
        self.settings = settings = replace(settings)  # a copy of its own: an operator may change it
        self._admission = admission
        self._clock = Clock(now, wall_ms, snapshot.mail_ms or wall_ms)
        self._now = now
        self._wall_ms = wall_ms
        self._ticked = now
        self.relay = relay = Relay(settings, self._control, lambda link: self._leave(link.connection), now)
        self.handle = relay.handle
        self.end_turn = relay.end_turn
        self.links = relay.links
        self.mailboxes = relay.mailboxes
        self.sends = relay.sends
        self.pongs = 0  # so many of those are PONGs; whoever clears them sets it back
        self._returning = Expected(relay.mailboxes, relay.links, now).count
        self._patience = Patience(settings, relay.links, relay.roused, now)
        self._ledger = relay.ledger
        self._expiry = Expiry(settings, relay.ledger, relay.mailboxes, self._clock.mail_ms)
        self.ephemerals: list[tuple[RoutingId, bytes]] = []
        self._typing = Ephemerals(settings, relay.mailboxes, self.ephemerals)
        self.replies: list[tuple[object, object]] = []
        self._accounts: dict[str, Account] = {}
        self.fds = Descriptors()
        self._directory = Directory(settings)
        door = Door(settings, curve_public, rng)
        self.realm = door.realm
        ops = self._ledger.ops
        is_known = self.mailboxes.__contains__
        self._lobby = Lobby(settings, door, admission, is_known, self._is_barred, self._open, ops.append, self.sends)
        self._bans = Bans(snapshot.bans, admission.bar)
        deleted = {name for name, state in snapshot.states.items() if state == DELETED}
        self.blobs = Blobs(settings, ops, snapshot.blobs)
        self._bulks = Bulks(settings, self.blobs, self.sends, self._leave, rng)
        adopters = (relay.adopt, self._ledger.adopt, self._typing.adopt, self._expiry.adopt, admission.adopt)
        self._limits = Limits(settings, self._accounts, snapshot.limits, adopters)
        house = House(
            self._accounts,
            deleted,
            self._bans,
            self.blobs,
            self._bulks,
            self._lobby,
            self._typing,
            self._expiry,
            self._limits,
            self._directory,
        )
        self._operator = Operator(relay, house, admission.forget)
        self.kicks = self._lobby.kicks
        self._incarnation = snapshot.incarnation
        self._load(snapshot)

    def _load(self, snapshot: Snapshot) -> None:
        for row in snapshot.devices:
            self._add(row)
        load_mail(snapshot.mail, self.mailboxes, self._expiry, self._ledger.deletes.append)
        for name, state in snapshot.states.items():
            if state == DISABLED and name in self._accounts:
                self._accounts[name].disabled = True

    def _add(self, row: DeviceRow) -> None:
        account = self._accounts.get(row.account)
        if account is None:
            account = self._accounts[row.account] = Account(row.account, self.settings, self._now)
            self._limits.apply(row.account)
        mailbox = self.mailboxes[row.mailbox] = Mailbox(row.mailbox, account, row.curve)
        mailbox.prekeys_id, mailbox.one_time_left = row.prekeys_id, row.one_time_left
        mailbox.expired = row.expired
        account.mailboxes.append(mailbox)
        self._admission.learn(row.curve)

    # --- a turn ----------------------------------------------------------------------------------------------

    def begin(self, now: float, wall_ms: Millis) -> None:
        """Start a turn: the only place that hears the time."""
        self._now = self.relay.now = self._clock.advance(now, wall_ms)
        self._wall_ms = wall_ms
        self.relay.units = 0

    def has_seen(self, rid: RoutingId) -> bool:
        """Whether this connection said HELLO before, or is on its way out."""
        return rid in self._bulks.links or rid in self._lobby.greeted or rid in self._lobby.leaving

    def is_leaving(self, rid: RoutingId) -> bool:
        """Whether this connection is being ended."""
        return rid in self._lobby.leaving

    def first_frame(self, connection: Connection, frame: bytes) -> None:
        """The first frame of a connection; or the second and third part of a message, taken for one."""
        self.relay.units += LOGIN_UNITS
        if self.fds.of(connection) is None:
            self._lobby.first_frame(connection, frame, self._now)
        else:
            self.several_parts(connection)

    def second_frame(self, rid: RoutingId, frame: bytes) -> None:
        """A frame of a connection that has said HELLO, that moves files, or that has ended."""
        bulk = self._bulks.links.get(rid)
        if bulk is not None:
            self.relay.units += self._bulks.frame(bulk, frame, self._now, self._clock.mail_ms)
            return
        self.relay.units += LOGIN_UNITS if rid in self._lobby.greeted else 1
        room = len(self.mailboxes) < self.settings.max_devices
        self._lobby.login(rid, frame, self._now, self._wall_ms, room)

    def next_job(self) -> Job | None:
        """The job to hand to the store now, if any."""
        return self._ledger.next_job(self._now, self._clock.mail_ms)

    def wait_s(self) -> float:
        """How long the shell may wait for frames."""
        return self._ledger.wait_s(self._now)

    def tick(self) -> bool:
        """Look at deadlines, at most once a second (then True)."""
        now = self._now
        self._lobby.see_off(now)
        if now - self._ticked < TICK_S:
            return False
        self._ticked = now
        self.sends += [(link.rid, frames.encode_broker_ping(0)) for link in self.fds.again()]
        self._lobby.tick(now)
        for link in self.relay.chatty:
            link.chatter = 0
        self.relay.chatty.clear()
        for link, reason in self._patience.ended(now):
            self.relay.end(link, reason)
        self._bulks.tick(now)
        self._expiry.tick(self._clock.mail_ms)
        self.blobs.tick(self._clock.mail_ms)
        self._operator.tick(self._wall_ms)
        return True

    @property
    def has_only_pongs(self) -> bool:
        """Whether nothing is to be sent that anybody waits for."""
        return len(self.sends) == self.pongs

    def has_unstored(self) -> bool:
        """Whether a message or a job is still on its way to the disk."""
        return self._ledger.is_busy or self._ledger.unstored_bytes > 0

    def spoken(self, fds: Iterable[int]) -> list[int]:
        """Return those of these descriptors whose connections have said HELLO."""
        greeted = {greeted.connection.fd for greeted in self._lobby.greeted.values()}
        return [fd for fd in fds if fd in greeted or self.fds.get(fd) is not None]

    # --- connections -----------------------------------------------------------------------------------------

    def send_failed(self, rid: RoutingId) -> None:
        """A frame did not go out: the peer is gone, or its queue is full; either way the link session is over."""
        link = self.links.get(rid)
        if link is not None:
            self.relay.end(link, Reset.GONE)
        elif rid in self._bulks.links:
            self._bulks.end(self._bulks.links[rid], None)

    def disconnected(self, fd: int) -> None:
        """The monitor saw this descriptor close. Only a hint: descriptors are reused, so ask."""
        if (link := self.fds.closed(fd)) is not None:
            self.sends.append((link.rid, frames.encode_broker_ping(0)))

    def stray(self, rid: RoutingId) -> None:
        """This link session sent more than one frame in a message."""
        link = self.links.get(rid) or self._bulks.links.get(rid)
        if link is not None:
            self.several_parts(link.connection)

    def several_parts(self, connection: Connection) -> None:
        """No peer of ours sends a message of several parts, and each fills memory: its key and its device stay out."""
        self._admission.ban(connection.curve, self._now + self.settings.key_ban_s)
        link = self.fds.of(connection)
        if link is not None:
            connection = link.connection  # the same, under its own id
            self._operator.keep_out(link.mailbox, self._wall_ms + int(self.settings.key_ban_s * 1000))
            if isinstance(link, Link):
                self.relay.end(link, Reset.PROTOCOL)
            else:
                self._bulks.end(link, Reset.PROTOCOL)
        self._lobby.kick(connection, self._now)

    def overfull(self, fd: int, address: str) -> None:
        """This connection brings bytes and never ends a message."""
        link = self.fds.get(fd)
        if link is not None:
            self.several_parts(link.connection)
        elif address:
            self._admission.charge(b"", address, self._now)

    def shutdown(self) -> None:
        """Tell every peer that the broker stops; they come back when it does."""
        for link in list(self.links.values()):
            self.relay.end(link, Reset.SHUTDOWN)
        self._bulks.end_where(lambda _link: True, Reset.SHUTDOWN)

    def _is_barred(self, greeted: Greeted) -> bool:
        card = greeted.card
        account = self._accounts.get(card.account)
        disabled = account is not None and account.disabled
        return disabled or self._bans.bars(card.account, card.mailbox, greeted.connection.address)

    def _open(self, greeted: Greeted, token: Token) -> None:
        """GREETED or PROVEN → OPEN: WELCOME first, then what waits."""
        connection, mailbox = greeted.connection, self.mailboxes[greeted.card.mailbox]
        welcome = encode_welcome(self.settings, self._incarnation, mailbox, self._returning(self._now), self._wall_ms)
        if greeted.kind == "bulk":
            self._open_bulk(connection, mailbox, token, welcome)
            return
        if mailbox.curve != connection.curve:
            self._admission.forget(mailbox.curve)
            self._admission.learn(connection.curve)
            mailbox.curve = connection.curve
            self._ledger.ops.append(Rebind(None, mailbox.id, connection.curve))
        link = Link(connection, greeted.card, mailbox, token, self.settings, self._now)
        self.relay.open(link)
        self.fds.put(link)
        if mailbox.expired:
            self._expiry.tell(link, mailbox.expired)
        self.sends.append((link.rid, welcome))
        self.relay.attach(link)

    def _open_bulk(self, connection: Connection, mailbox: Mailbox, token: Token, welcome: bytes) -> None:
        """GREETED → OPEN beside the main link session: nothing is superseded but an older one of its kind."""
        if not self._bulks.open(connection, mailbox, token, self._now):
            self.sends.append((connection.rid, frames.encode_reject(0, frames.Code.BUSY, BULK_RETRY_MS)))
            self._lobby.leave(connection, self._now)
            return
        self.fds.put(self._bulks.links[connection.rid])
        self.sends.append((connection.rid, welcome))

    def _leave(self, connection: Connection) -> None:
        """A link session of either kind is over."""
        self.fds.drop(connection)
        self._lobby.leave(connection, self._now)

    # --- other verbs -----------------------------------------------------------------------------------------

    def _control(self, link: Link, frame: bytes) -> None:
        """An authentic frame that is not about delivery. Raises RemoteProtocolError: it ends the link session."""
        match frame[0]:
            case Verb.RELEASE:
                link.held.discard(frames.decode_release(frame))
            case Verb.PING:
                self.pongs += 1
                self.sends.append((link.rid, frames.encode_broker_pong(frames.decode_peer_u64(frame))))
            case Verb.PONG:
                frames.decode_peer_u64(frame)
            case Verb.REQUEST:
                self._request(link, frame)
            case Verb.EPHEMERAL:
                self._typing.handle(link, frame)
            case Verb.BYE if len(frame) == AT_BODY:
                self.relay.end(link, None)
            case _:
                raise RemoteProtocolError("unknown verb")

    def _request(self, link: Link, frame: bytes) -> None:
        self.relay.units += LOGIN_UNITS // 4
        request = control.decode_request(frame)
        if link.requests >= MAX_OPEN_REQUESTS:
            raise RemoteProtocolError("too many requests at once")
        answer = self._directory.ask(link, request, self._now)
        if isinstance(answer, bytes):
            self.sends.append((link.rid, answer))
        else:
            link.requests += 1
            self._ledger.ops.append(answer)

    # --- the store -------------------------------------------------------------------------------------------

    def store_event(self, event: StoreEvent) -> None:
        """What came of a job: entries are stored or refused, operations answered, slices delivered."""
        match event:
            case Committed():
                self._slices(event)  # first: what is still in memory follows them, and is not read back in its turn
                self.relay.committed(event)
                if event.rows:
                    self._expiry.stored(event.rows[-1])
                for result in event.results:
                    self._result(result)
            case _:
                self.relay.refused(event)
                self._ledger.again([op for op in event.job.ops if isinstance(op, Must)])
                for op in event.job.ops:
                    if not isinstance(op, Must):
                        self._result(Result(op, "full"))
                self._slices(event)

    def _slices(self, event: StoreEvent) -> None:
        for piece in event.slices:
            self.relay.slice(piece)

    def _result(self, result: Result) -> None:
        op = result.op
        if isinstance(op, BlobOp):
            self.blobs.result(op, result.outcome == "done")
            return
        self._learn(result)
        match op.ref:
            case Greeted():
                self._lobby.registered(result, self._now)
            case Asked(link=link):
                link.requests -= 1
                if link.open:
                    self.sends.append((link.rid, self._directory.answer(result)))
            case None:
                pass
            case ref:
                self.replies.append((ref, result))

    def _learn(self, result: Result) -> None:
        """Keep in memory what a committed operation changed."""
        if result.outcome != "done":
            return
        match result.op:
            case Register(mailbox=mailbox_id, account=account, curve=curve):
                if mailbox_id not in self.mailboxes:
                    self._add(DeviceRow(mailbox_id, account, curve, 0, 0))
            case StorePrekeys(mailbox=mailbox_id, spk_id=spk_id):
                mailbox = self.mailboxes.get(mailbox_id)  # None: deleted meanwhile
                if mailbox is not None:
                    mailbox.prekeys_id, mailbox.one_time_left = spk_id, result.one_time_left
            case TakeBundle(mailbox=mailbox_id) if result.bundle is not None and result.bundle.opk_id:
                mailbox = self.mailboxes.get(mailbox_id)
                if mailbox is not None:
                    mailbox.one_time_left -= 1
            case Expire():
                self._expiry.committed(result)
            case _:
                self._operator.learn(result)

    # --- the operator ----------------------------------------------------------------------------------------

    def command(self, ref: object, command: Command) -> None:
        """An operator's action, in line with the frames; the answer appears in ``replies`` under ``ref``."""
        answer = self.status() if isinstance(command, Status) else self._operator.order(ref, command)
        if answer is not None:
            self.replies.append((ref, answer))

    def status(self) -> dict[str, int | str]:
        """What the broker holds, in numbers. No names, no ids."""
        behind_s = (self._clock.mail_ms - self._wall_ms) // 1000
        return {"realm": self.realm, "clock_behind_s": max(0, behind_s), **self._operator.status()}
