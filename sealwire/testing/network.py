"""A network in one process: the real router and store, real engines and databases, a clock that tests turn.

Nothing of the product is replaced but sockets and time. Connections are queues; a test may cut them, kill the broker
or a peer at any moment, fill the disk by quota, and stand between broker and peer as a hostile broker would.

    with Network(folder, people) as net:
        alice, bob = net.peer("alice"), net.peer("bob")
        alice.send("bob", "hello")
        net.run()
        assert bob.texts() == ["hello"]
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec.structs

from sealwire.broker.admission import Admission
from sealwire.broker.blobstore import BlobFiles
from sealwire.broker.links import Connection
from sealwire.broker.port import BrokerSettings, Job, Refused, StoreEvent
from sealwire.broker.router import Router
from sealwire.broker.store import SqliteStore
from sealwire.crypto.card import Card, DeviceList
from sealwire.crypto.identity import Identity, realm_of
from sealwire.crypto.primitives import Rng
from sealwire.crypto.vault import Vault
from sealwire.errors import SealwireError
from sealwire.ids import DeviceId, Mailbox, RoutingId
from sealwire.peer.engine import Engine
from sealwire.peer.events import Delivery, Event, Message, Warning
from sealwire.peer.login import Credentials
from sealwire.peer.prefs import Prefs
from sealwire.peer.records import Now
from sealwire.peer.store import Store
from sealwire.peer.turn import Turn
from sealwire.testing.carriage import VirtualHauler
from sealwire.wire.many import apart, gather_delivers, gather_sends

BROKER_KEY = bytes(range(32))
"""Public halves are enough: there is no CURVE without sockets."""
TURN_S = 0.001
AT_EASE = Prefs(requests=False, receipt_pause_s=0.0)
"""Strangers are answered at once and receipts go out at once, except in the stories about that."""
MAX_TURNS = 20_000
"""A network that does not come to rest within this many turns is a bug in the product."""

Hostile = Callable[[Any, bytes], list[bytes]]
"""Stands between broker and one peer: takes a frame on its way, returns what arrives instead."""


def reissue(keys: Identity, realm: str, name: str, device: DeviceId, now_ms: int, rng: Rng = os.urandom) -> Identity:
    """The same RSA keys under another realm or name: making new ones takes seconds."""
    old = keys.card.card
    card = Card(realm, name, device, old.n_sign, old.n_enc, old.ik, old.sk, now_ms)
    devices = DeviceList(realm, name, old.n_sign, 1, ((device, card.hash),))
    return Identity(
        keys.account, keys.device, keys.account.sign_card(card, rng), keys.account.sign_devices(devices, rng)
    )


class VirtualPeer:
    """One peer: an engine over a database file, and everything it told its person."""

    def __init__(self, net: Network, identity: Identity, folder: Path, invite: bytes | None = None) -> None:
        self.net = net
        self.identity = identity
        self.name = identity.card.card.account
        self.folder = folder
        self.curve = os.urandom(32)
        self.invite = invite
        self.vault = Vault(identity.card.card.hash)
        self.events: list[Event] = []
        self.errors: list[SealwireError] = []
        self.rid: RoutingId | None = None
        self.inbound: deque[bytes] = deque()
        self.online = True
        self.running = False
        self.hostile: Hostile | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Open the database and make the engine from it."""
        self.store = Store(self.folder / "peer.db", self.vault.subkey("store"))
        self.net.opened.append(self.store)
        self.hauler = VirtualHauler(self, Credentials(BROKER_KEY, self.curve, None))
        self._make_engine()
        self.running = True

    def _make_engine(self) -> None:
        credentials = Credentials(BROKER_KEY, self.curve, self.invite)
        with self.store.transaction():
            self.engine = Engine(self.store, self.vault, self.identity, credentials, os.urandom, self.net.prefs)

    def crash(self) -> None:
        """The process dies: nothing but the disk is left."""
        self.net.cut(self)
        self.net.cut(self.hauler)
        self.store.close()
        self.running = False

    def lost(self) -> None:
        """The connection broke."""
        self.engine.disconnected()

    def turn(self, frames: list[bytes], command: Callable[[Engine, Now], object] | None = None) -> object:
        """One turn as the client does it: one transaction, then send, then publish."""
        now = self.net.now
        result: object = None
        with self.store.transaction():
            for frame in frames:
                self.engine.receive(frame, now)
            if command is not None:
                result = command(self.engine, now)
            self.engine.settle(now)
        self._apply(self.engine.take())
        return result

    def abort_turn(self, frames: list[bytes]) -> None:
        """A turn whose commit fails: nothing of it may have happened."""
        try:
            with self.store.transaction():
                for frame in frames:
                    self.engine.receive(frame, self.net.now)
                self.engine.settle(self.net.now)
                raise InterruptedError
        except InterruptedError:
            self.net.cut(self)
            self._make_engine()
            self.engine.take()

    def _apply(self, turn: Turn) -> None:
        self.net.to_broker(self, turn.frames)
        # Without what this side did itself: an interface knows what it asked for.
        self.events += [event for event in turn.events if not (isinstance(event, Message) and event.here)]
        self.errors += [resolved.error for resolved in turn.resolved if resolved.error is not None]
        if turn.fatal is not None:
            self.errors.append(turn.fatal)
            self.online = False
        if turn.hangup:
            self.net.cut(self)
        for order in turn.moves:
            self.hauler.carry_out(order)

    # --- what tests say and see ---

    def send(self, to: str, text: str) -> str:
        """Send a text; returns the message id."""
        result = self.turn([], lambda engine, now: engine.send_text(to, text, now))
        assert isinstance(result, bytes)
        return result.hex()

    def texts(self, sender: str | None = None) -> list[str]:
        """Texts shown, in order of appearance."""
        return [e.text for e in self.events if isinstance(e, Message) and sender in (None, e.sender)]

    def states(self, message_id: str) -> list[str]:
        """States shown of one of our messages, in order."""
        return [e.state for e in self.events if isinstance(e, Delivery) and e.id == message_id]

    def warnings(self, name: str) -> list[Warning]:
        """Warnings shown, by code."""
        return [e for e in self.events if isinstance(e, Warning) and e.name == name]

    def mailbox(self) -> Mailbox:
        """This device's mailbox."""
        return self.identity.card.card.mailbox


End = VirtualPeer | VirtualHauler
"""One side of a connection: a peer's main one, or the one that moves its files."""


class Network:
    """A broker, its peers, and the clock."""

    def __init__(
        self,
        folder: Path,
        people: Mapping[str, Identity],
        settings: BrokerSettings | None = None,
        prefs: Prefs = AT_EASE,
    ) -> None:
        self.prefs = prefs
        self.folder = folder
        self.people = people
        self.realm = realm_of(BROKER_KEY)
        self.settings = replace(settings or BrokerSettings(), ballast_bytes=0, blob_keep_free_bytes=0)
        self.now = Now(1_790_000_000_000, 1_000.0)
        self.peers: dict[str, VirtualPeer] = {}
        self._rids = 0
        self._at_broker: dict[RoutingId, tuple[End, deque[bytes]]] = {}
        self._connections: dict[RoutingId, Connection] = {}
        self.broker_runs = False
        self.disk_full = False
        self.relayed: list[bytes] = []
        """Every frame the broker sent to a peer, as a watcher of its process would see it."""
        self.opened: list[Store | SqliteStore] = []
        """Every database of this network, the closed ones too."""
        self.start_broker()

    # --- the broker ---

    def start_broker(self) -> None:
        """Open the store and make the router from it."""
        self.store = SqliteStore(self.folder / "broker", bytes(32), 0)
        self.opened.append(self.store)
        admission = Admission(self.settings)
        self.files = BlobFiles(self.folder / "broker", self.settings.blob_keep_free_bytes)
        snapshot = self.store.snapshot()
        snapshot = msgspec.structs.replace(snapshot, blobs=self.files.survey(snapshot.blobs))
        self.router = Router(self.settings, BROKER_KEY, snapshot, admission, os.urandom, self.now.mono_s, self.now.ms)
        self.broker_runs = True

    def kill_broker(self) -> None:
        """The broker's process dies, as by SIGKILL: everything in memory and on the wire is gone."""
        self.broker_runs = False
        for peer in self.peers.values():
            self.cut(peer)
            self.cut(peer.hauler)
        self._at_broker.clear()
        self._connections.clear()
        self.store.close()

    def close(self) -> None:
        """Close every database, whatever state it is in: a story may break off anywhere."""
        for store in self.opened:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def restart_broker(self) -> None:
        """Kill and start again."""
        self.kill_broker()
        self.start_broker()

    # --- peers ---

    def peer(self, name: str, keys: str | None = None, invite: bytes | None = None) -> VirtualPeer:
        """A new peer called ``name`` (with the RSA keys of ``keys``), registered once the network ran."""
        template = self.people[keys or name]
        identity = reissue(template, self.realm, name, DeviceId(os.urandom(16)), self.now.ms)
        peer = VirtualPeer(self, identity, self.folder / f"{name}-{len(self.peers)}", invite)
        self.peers[f"{name}-{len(self.peers)}"] = peer
        return peer

    def cut(self, peer: End) -> None:
        """The connection breaks; both sides notice."""
        rid, peer.rid = peer.rid, None
        peer.inbound.clear()
        peer.lost()
        if rid is not None:
            self._at_broker.pop(rid, None)
            connection = self._connections.pop(rid, None)
            if connection is not None and self.broker_runs:
                self.router.disconnected(connection.fd)

    def to_broker(self, peer: End, frames: list[bytes]) -> None:
        """A peer's frames go onto the wire, together where the real link puts them together."""
        if peer.rid is not None and peer.rid in self._at_broker:
            self._at_broker[peer.rid][1].extend(gather_sends(frames))

    def _connect(self, peer: End) -> None:
        self._rids += 1
        rid = RoutingId(b"\0" + self._rids.to_bytes(4, "big"))
        peer.rid = rid
        self._at_broker[rid] = (peer, deque())
        self._connections[rid] = Connection(rid, self._rids, "127.0.0.1", None, peer.curve)
        if isinstance(peer, VirtualPeer):
            peer.turn([], lambda engine, now: engine.connect(now))
        else:
            peer.mover.connect(self.now.mono_s)

    # --- time ---

    def advance(self, seconds: float, step_s: float = 1.0) -> None:
        """Time passes, ``step_s`` at most between two looks at the deadlines: longer where hours pass in peace."""
        left = seconds
        while left > 0:
            step = min(step_s, left)
            left -= step
            self._pass(step)
            self.run()

    def _pass(self, seconds: float) -> None:
        self.now = Now(self.now.ms + max(1, round(seconds * 1000)), self.now.mono_s + seconds)

    def run(self) -> None:
        """Let everything happen that can happen without waiting longer than milliseconds."""
        for _ in range(MAX_TURNS):
            self._pass(TURN_S)
            if not self._turn():
                break
        else:
            raise AssertionError("the network does not come to rest")

    def _turn(self) -> bool:
        moved = False
        for peer in list(self.peers.values()):
            if not peer.running or not peer.online:
                continue
            if peer.rid is None and self.broker_runs:
                self._connect(peer)
                moved = True
            frames = list(peer.inbound)
            peer.inbound.clear()
            if frames or peer.engine.deadline(self.now) <= self.now.mono_s:
                peer.turn(frames)
                moved = True
            moved = self._haul(peer.hauler) or moved
        return self._broker_turn() or moved

    def _haul(self, hauler: VirtualHauler) -> bool:
        """A turn of a peer's second connection."""
        if hauler.wants_link and self.broker_runs:
            self._connect(hauler)
        return hauler.turn()

    def _broker_turn(self) -> bool:
        if not self.broker_runs:
            return False
        router = self.router
        router.begin(self.now.mono_s, self.now.ms)
        moved = False
        for rid, (_peer, queue) in list(self._at_broker.items()):
            moved = moved or bool(queue)
            while queue:
                self._feed(rid, queue.popleft())
        moved = self._move_blobs() or moved
        router.end_turn()
        job = router.next_job()
        if job is not None:
            moved = True
            router.store_event(self._apply(job))
            router.end_turn()
        if not moved:
            router.tick()
        return self._carry_out() or moved or bool(self.router.wait_s() < 0.5)

    def _move_blobs(self) -> bool:
        blobs = self.router.blobs
        jobs = blobs.jobs[:]
        blobs.jobs.clear()
        for job in jobs:
            blobs.done(self.files.carry_out(job))
        return bool(jobs)

    def _apply(self, job: Job) -> StoreEvent:
        if not (self.disk_full and job.mails):
            return self.store.apply(job)
        # What the store answers when SQLite says FULL: nothing kept, reads answered all the same.
        return Refused(job, self.store.apply(Job(job.at_ms, reads=job.reads)).slices)

    def _feed(self, rid: RoutingId, frame: bytes) -> None:
        link = self.router.links.get(rid)
        if link is not None:
            self.router.handle(link, frame)
        elif self.router.has_seen(rid):
            self.router.second_frame(rid, frame)
        else:
            self.router.first_frame(self._connections[rid], frame)

    def _carry_out(self) -> bool:
        router = self.router
        sends, kicks = list(router.sends), list(router.kicks)
        signs = [(rid, frame) for rid, frame in router.ephemerals if rid in self._at_broker]
        router.ephemerals.clear()
        router.sends.clear()
        router.kicks.clear()
        for rid, frame in (*gather_delivers(sends), *signs):
            entry = self._at_broker.get(rid)
            if entry is None:
                router.send_failed(rid)
                continue
            peer = entry[0]
            for one in apart(frame):
                self.relayed.append(one)
                peer.inbound.extend(peer.hostile(peer, one) if peer.hostile else [one])
        for connection in kicks:
            entry = self._at_broker.get(connection.rid)
            if entry is not None and entry[0].rid == connection.rid and not entry[0].inbound:
                self.cut(entry[0])
        return bool(sends or kicks or signs)
