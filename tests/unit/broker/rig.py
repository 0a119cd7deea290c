"""A router and a real store driven without sockets: the loop of ``router``'s docstring, turned by hand."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from sealwire.broker.admission import Admission
from sealwire.broker.blobjobs import BlobJob
from sealwire.broker.blobstore import BlobFiles
from sealwire.broker.ledger import PACE_S
from sealwire.broker.links import Connection
from sealwire.broker.port import BrokerSettings, Job, Refused, StoreEvent
from sealwire.broker.router import Router
from sealwire.broker.store import SqliteStore
from sealwire.crypto.identity import Identity
from sealwire.ids import Mailbox, RoutingId, Token
from sealwire.wire import control, frames
from sealwire.wire.frames import Code, Reset, Verb
from tests.unit.broker.raw_peer import hello_of, login_of, member

BROKER_CURVE = bytes(range(32))
DB_KEY = bytes(range(32, 64))
WALL_MS = 1_800_000_000_000
NO_BALLAST = 0


@dataclass
class Rig:
    """The broker. ``auto`` carries jobs out at once; otherwise ``commit``, ``refuse`` or ``crash`` decide."""

    folder: Path
    settings: BrokerSettings = field(default_factory=lambda: BrokerSettings(grace_ms=0.0))
    auto: bool = True
    auto_files: bool = True

    def __post_init__(self) -> None:
        self.now, self.wall_ms = 1000.0, WALL_MS
        self.next_rid = 0
        self.incarnations = 0
        self.start()

    def start(self) -> None:
        self.store = SqliteStore(self.folder, DB_KEY, NO_BALLAST)
        self.files = BlobFiles(self.folder, self.settings.blob_keep_free_bytes)
        self.admission = Admission(self.settings)
        snapshot = self.store.snapshot()
        snapshot = replace(snapshot, blobs=self.files.survey(snapshot.blobs))
        self.router = Router(self.settings, BROKER_CURVE, snapshot, self.admission, os.urandom, self.now, self.wall_ms)
        self.moves: list[BlobJob] = []
        self.job: Job | None = None
        self.inbox: dict[RoutingId, list[bytes]] = {}
        self.kicked: list[Connection] = []
        self.dead: set[RoutingId] = set()

    def crash(self) -> None:
        """SIGKILL: whatever was not committed is gone."""
        self.store.close()
        self.start()

    close = crash

    def begin(self) -> None:
        """A turn of a running loop: long enough after the last for a transaction to begin."""
        self.now += PACE_S
        self.router.begin(self.now, self.wall_ms)

    def feed(self, connection: Connection, *arrived: bytes) -> None:
        self.begin()
        for frame in arrived:
            link = self.router.links.get(connection.rid)
            if link is not None:
                self.router.handle(link, frame)
            elif self.router.has_seen(connection.rid):
                self.router.second_frame(connection.rid, frame)
            else:
                self.router.first_frame(connection, frame)
        self.turn()

    def turn(self) -> None:
        """End the turn; with ``auto`` until nothing is due any more."""
        while True:
            self.move()
            self.router.end_turn()
            if self.job is None:
                self.job = self.router.next_job()
            self.carry_out()
            if not (self.auto and self.job is not None):
                return
            self.router.store_event(self.store.apply(self.job))
            self.job = None

    def move(self) -> None:
        """Carry out what is asked of the blobs' files, or keep it for the test to carry out."""
        blobs = self.router.blobs
        while blobs.jobs:
            jobs = blobs.jobs[:]
            blobs.jobs.clear()
            if not self.auto_files:
                self.moves += jobs
                continue
            for job in jobs:
                blobs.done(self.files.carry_out(job))

    def commit(self) -> StoreEvent:
        """The job under way becomes durable and is answered."""
        assert self.job is not None
        event = self.store.apply(self.job)
        self.answer(event)
        return event

    def refuse(self) -> None:
        """The job under way meets a full disk."""
        assert self.job is not None
        self.answer(Refused(self.job, []))

    def answer(self, event: StoreEvent) -> None:
        self.job = None
        self.begin()
        self.router.store_event(event)
        self.turn()

    def carry_out(self) -> None:
        router = self.router
        for rid, frame in router.sends:
            if rid in self.dead:
                router.send_failed(rid)
            else:
                self.inbox.setdefault(rid, []).append(frame)
        router.sends.clear()
        for rid, frame in router.ephemerals:
            self.inbox.setdefault(rid, []).append(frame)
        router.ephemerals.clear()
        self.kicked += router.kicks
        router.kicks.clear()

    def advance(self, seconds: float, wall_seconds: float | None = None) -> None:
        """Time passes as a running loop sees it."""
        self.wall_ms += int((seconds if wall_seconds is None else wall_seconds) * 1000)
        while seconds > 0:
            step = min(1.0, seconds)
            seconds -= step
            self.now += step
            self.router.begin(self.now, self.wall_ms)
            self.router.tick()
            self.turn()

    def connect(self, name: str, keys: str = "alice", device: bytes = bytes(16)) -> Client:
        self.next_rid += 1
        rid = RoutingId(b"\0" + self.next_rid.to_bytes(4, "big"))
        identity = member(name, BROKER_CURVE, keys, device)
        curve = (name.encode() + keys.encode() + device)[:32].ljust(32, b"\0")
        peer = ("127.0.0.1", self.next_rid)
        return Client(self, identity, Connection(rid, self.next_rid, "::ffff:127.0.0.1", peer, curve))

    def login(
        self,
        name: str,
        keys: str = "alice",
        device: bytes = bytes(16),
        invite: bytes | None = None,
        kind: str = "main",
    ) -> Client:
        """Log in, registering on the way. Only for rigs without a job under way."""
        client = self.connect(name, keys, device)
        auto, self.auto = self.auto, True
        client.greet(kind=kind)
        client.prove(invite)
        self.auto = auto
        welcome, *rest = self.inbox.pop(client.rid)
        assert welcome[0] == Verb.WELCOME, welcome
        if rest:
            self.inbox[client.rid] = rest
        return client


@dataclass
class Client:
    """One connection of a device."""

    rig: Rig
    identity: Identity
    connection: Connection

    def __post_init__(self) -> None:
        self.rid = self.connection.rid
        self.token = Token(os.urandom(8))
        self.seq = 0

    @property
    def mailbox(self) -> Mailbox:
        return self.identity.card.card.mailbox

    def feed(self, *arrived: bytes) -> None:
        self.rig.feed(self.connection, *arrived)

    def greet(self, **changes: object) -> bytes:
        self.hello = hello_of(self.identity, os.urandom(32), **changes)
        self.feed(self.hello)
        self.challenge = self.take(Verb.CHALLENGE)
        return self.challenge

    def login_frame(self, invite: bytes | None = None) -> bytes:
        curve = self.connection.curve
        return login_of(self.identity, BROKER_CURVE, curve, self.hello, self.challenge, self.token, invite)

    def prove(self, invite: bytes | None = None) -> None:
        self.feed(self.login_frame(invite))

    def frames(self) -> list[bytes]:
        """Everything that came since the last look."""
        return self.rig.inbox.pop(self.rid, [])

    def take(self, verb: Verb) -> bytes:
        """The only frame that came, which has this verb."""
        (frame,) = self.frames()
        assert frame[0] == verb, frame[:16]
        return frame

    def seen(self) -> list[tuple[object, ...]]:
        """What came, in words."""
        return [_words(frame) for frame in self.frames()]

    def send(self, to: Mailbox, *envelopes: bytes) -> None:
        """SEND each, all in one turn."""
        self.feed(*(self.send_frame(to, envelope) for envelope in envelopes))

    def send_frame(self, to: Mailbox, envelope: bytes) -> bytes:
        self.seq += 1
        return frames.encode_send(self.token, self.seq, frames.Mid(bytes(16)), to, envelope)

    def fanout(self, to: list[Mailbox], envelope: bytes) -> None:
        self.seq += 1
        self.feed(frames.encode_fanout(self.token, self.seq, frames.Mid(bytes(16)), to, envelope))

    def ack(self, seq: int) -> None:
        self.feed(frames.encode_ack(self.token, seq))

    def release(self, to: Mailbox) -> None:
        self.feed(frames.encode_release(self.token, to))

    def ask(self, request: control.Request) -> control.Response | None:
        self.feed(frames_of(self.token, request))
        got = self.frames()
        return control.decode_response(got[-1]) if got else None

    def vanish(self) -> None:
        """The connection dies; the broker learns it with the next frame it sends."""
        self.rig.dead.add(self.rid)

    @property
    def is_open(self) -> bool:
        return self.rid in self.rig.router.links or self.rid in self.rig.router._bulks.links


def frames_of(token: Token, request: control.Request) -> bytes:
    return control.encode_request(token, request)


def _words(frame: bytes) -> tuple[object, ...]:
    match frame[0]:
        case Verb.DELIVER:
            seq, _, envelope = frames.decode_deliver(frame)
            return ("deliver", seq, envelope)
        case Verb.ACCEPTED:
            return ("accepted", frames.decode_u64(frame))
        case Verb.REJECT:
            seq, code, _ = frames.decode_reject(frame)
            return ("reject", seq, Code(code).name.lower())
        case Verb.PARTIAL:
            seq, _, rows = frames.decode_partial(frame)
            return ("partial", seq, [(index, Code(code).name.lower()) for index, code in rows])
        case Verb.RESET:
            return ("reset", Reset(frame[1]).name.lower())
        case verb:
            return (Verb(verb).name.lower(),)


def pair(rig: Rig) -> tuple[Client, Client]:
    """alice and bob, both here."""
    return rig.login("alice"), rig.login("bob", "bob")


def leave(client: Client) -> None:
    """Say goodbye."""
    client.feed(frames.encode_bye(client.token))
