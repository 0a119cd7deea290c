"""Power cuts: a recorded run of a broker and two peers, cut anywhere, started again, and judged.

Broker and peers lie on one recorded disk. At a cut each of them keeps what it had synced, and of the rest what chance
kept. Then they start again from their files, talk on, and come to rest.

Nothing accepted may be lost, nothing shown may be gone or come twice, each side's order stands, databases are sound.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from struct import Struct

from sealwire.broker import store as broker_store
from sealwire.crypto.identity import Identity, realm_of
from sealwire.ids import DeviceId, RoutingId
from sealwire.peer.engine import Turn
from sealwire.peer.events import Message, Warning
from sealwire.testing.faultfs import CUTS, Damage, Disk, Platter, Truncate, mounted
from sealwire.testing.network import BROKER_KEY, Network, VirtualPeer, reissue
from sealwire.wire.frames import AT_BODY, Verb, decode_u64
from tests.vectors.people import NOW_MS, person

PAIR = {"alice": "bob", "bob": "alice"}
TROUBLE = {"gap", "clone", "unreadable", "protocol", "refused"}
"""Warnings that a power cut must not cause."""
SECOND_CUT = 0.25
"""How often the power fails again while everything starts up."""
SETTLE_S = 2.0

_send_fields = Struct(">Q16s").unpack_from


@dataclass(slots=True)
class Facts:
    """What was promised, each with the number of disk operations before it."""

    disk: Disk
    accepted: dict[bytes, int] = field(default_factory=dict)
    said: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {name: [] for name in PAIR})
    shown: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {name: [] for name in PAIR})

    @property
    def at(self) -> int:
        return len(self.disk.ops)

    def until(self, at: int, disk: Disk) -> Facts:
        """The promises made before a point, as the beginning of the next life on ``disk``."""
        return Facts(
            disk,
            {mid: 0 for mid, when in self.accepted.items() if when <= at},
            {name: [(0, text) for when, text in facts if when <= at] for name, facts in self.said.items()},
            {name: [(0, text) for when, text in facts if when <= at] for name, facts in self.shown.items()},
        )


class Witness(VirtualPeer):
    """A peer whose promises are written down."""

    def __init__(self, net: Network, identity: Identity, folder: Path, facts: Facts) -> None:
        self.facts = facts
        self._sent: dict[RoutingId | None, list[bytes]] = {}
        super().__init__(net, identity, folder)
        self.curve = identity.card.card.ik  # the same in every life: any 32 bytes do without sockets
        self._make_engine()
        self.hostile = self._overhear
        net.peers[self.name] = self

    def say(self, text: str) -> None:
        self.send(PAIR[self.name], text)
        self.facts.said[self.name].append((self.facts.at, text))

    def _apply(self, turn: Turn) -> None:
        for frame in turn.frames:
            if frame[0] == Verb.SEND:
                _seq, mid = _send_fields(frame, AT_BODY)
                self._sent.setdefault(self.rid, []).append(mid)
        super()._apply(turn)
        heard = (event for event in turn.events if isinstance(event, Message) and not event.here)
        shown = [(self.facts.at, event.text) for event in heard]
        self.facts.shown[self.name] += shown

    def _overhear(self, _peer: VirtualPeer, frame: bytes) -> list[bytes]:
        """ACCEPTED counts from the moment it leaves the broker."""
        assert frame[0] != Verb.REJECT, "nothing is refused in this story"
        if frame[0] == Verb.ACCEPTED:
            for mid in self._sent[self.rid][: decode_u64(frame)]:
                self.facts.accepted.setdefault(mid, self.facts.at)
        return [frame]

    def received(self) -> list[str]:
        other = PAIR[self.name]
        return [message.text for message in self.store.history(other, 100_000, None) if message.sender == other]

    def own(self) -> list[str]:
        other = PAIR[self.name]
        return [message.text for message in self.store.history(other, 100_000, None) if message.sender == self.name]


@dataclass(slots=True)
class Life:
    """A network on one disk, from a start to an end."""

    folder: Path
    facts: Facts
    identities: Mapping[str, Identity]
    net: Network
    first: int = 0
    """Operations before it began."""

    @property
    def ops(self) -> int:
        return self.facts.at

    def witness(self, name: str) -> Witness:
        peer = self.net.peers[name]
        assert isinstance(peer, Witness)
        return peer


# --- the recorded run ------------------------------------------------------------------------------------------


def record(folder: Path, rounds: int = 8, lies: bool = False) -> Life:
    """Run the story on a recorded disk: live talk, an absent peer, restarts, checkpoints."""
    disk = Disk(lies=lies)
    facts = Facts(disk)
    realm = realm_of(BROKER_KEY)
    identities = {name: reissue(person(name), realm, name, DeviceId(os.urandom(16)), NOW_MS) for name in PAIR}
    with mounted(disk), Network(folder, {}) as net:
        life = Life(folder, facts, identities, net)
        for name, identity in identities.items():
            Witness(net, identity, folder / name, facts)
        _story(life, rounds)
    return life


def _story(life: Life, rounds: int) -> None:
    net = life.net
    net.run()
    count = 0
    for number in range(rounds):
        for name in PAIR:
            for _ in range(number % 3 + 1):
                life.witness(name).say(f"{name} {count}")
                count += 1
        _some_turns(life, number % 4)
        if number % 3 == 1:
            count = _absence(life, "bob" if number % 2 else "alice", count)
        if number % 4 == 2:
            _write_back(life)
        if number % 5 == 3:
            net.restart_broker()
    net.advance(SETTLE_S)


def _some_turns(life: Life, turns: int) -> None:
    for _ in range(turns):
        life.net._pass(0.001)
        life.net._turn()


def _absence(life: Life, name: str, count: int) -> int:
    """One peer is away: what is sent to it waits on the broker's disk, and is written back there."""
    peer, other = life.witness(name), life.witness(PAIR[name])
    peer.crash()
    for _ in range(6):
        other.say(f"{other.name} {count}")
        count += 1
    life.net.run()
    _write_back(life)
    other.say(f"{other.name} {count}")
    life.net.run()
    peer.start()
    _some_turns(life, 6)
    return count + 1


def _write_back(life: Life) -> None:
    """Checkpoints, as they come after megabytes."""
    idle_pages, broker_store.CHECKPOINT_IDLE_PAGES = broker_store.CHECKPOINT_IDLE_PAGES, 0
    try:
        life.net.store.idle()
    finally:
        broker_store.CHECKPOINT_IDLE_PAGES = idle_pages
    for name in PAIR:
        if life.witness(name).running:
            life.witness(name).store._db.wal_checkpoint()


# --- a cut, and the life after it ------------------------------------------------------------------------------


def points(life: Life, count: int, dice: Random) -> list[int]:
    """Where to cut: around every truncation and by chance, in order."""
    ops = life.facts.disk.ops
    delicate = [at for at, op in enumerate(ops) if isinstance(op, Truncate)]
    chosen = [min(len(ops), max(0, at + dice.randint(-2, 3))) for at in delicate]
    dice.shuffle(chosen)
    chosen = chosen[: count // 4]
    chosen += [dice.randint(0, len(ops)) for _ in range(count - len(chosen))]
    return sorted(chosen)


def fate(dice: Random) -> dict[str, Damage]:
    """Broker and one peer lose power; the other peer's machine loses it too, or only its process ends."""
    lucky = dice.choice(["alice", "bob", ""])
    kinds: dict[str, Damage] = {who: dice.choice(CUTS) for who in ("broker", *PAIR)}
    if lucky:
        kinds[lucky] = "kept"
    return kinds


class Judge:
    """Cuts one life at rising points and starts it again each time."""

    def __init__(self, life: Life, work: Path, dice: Random) -> None:
        self.cuts = self.second_cuts = 0
        self.kinds: Counter[Damage] = Counter()
        """What became of the broker's unsynced writes, each cut counted."""
        self._life, self._work, self._dice = life, work, dice
        self._platter = Platter(life.facts.disk.ops)

    def cut(self, at: int) -> None:
        """Cut at operation ``at``; AssertionError says what was lost."""
        self._platter.forward(at)
        self.cuts += 1
        folder = self._work / str(self.cuts)
        after = self._start_again(self._life, self._platter, at, folder)
        if self._dice.random() < SECOND_CUT:
            self.second_cuts += 1
            again = self._dice.randint(after.first, after.ops)
            platter = Platter(after.facts.disk.ops)
            platter.forward(again)
            self._start_again(after, platter, again, folder / "again")
        shutil.rmtree(folder)

    def _start_again(self, life: Life, platter: Platter, at: int, folder: Path) -> Life:
        kinds = fate(self._dice)
        self.kinds[kinds["broker"]] += 1

        def damage(path: str) -> Damage:
            return kinds[Path(path).relative_to(life.folder).parts[0]]

        for path, content in platter.after_power_cut(damage, self._dice).items():
            copy = folder / Path(path).relative_to(life.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        disk = Disk()
        disk.adopt(folder)
        first = len(disk.ops)
        facts = life.facts.until(at, disk)
        with mounted(disk), Network(folder, {}) as net:
            net.now = life.net.now
            after = Life(folder, facts, life.identities, net, first)
            for name, identity in life.identities.items():
                Witness(net, identity, folder / name, facts)
            before = check_opened(after)
            _talk_on(after, at)
            check_at_rest(after, before)
        return after


def _talk_on(life: Life, at: int) -> None:
    life.net.run()
    for name in PAIR:
        life.witness(name).say(f"{name} after the cut at {at}")
    life.net.advance(SETTLE_S)


def check_opened(life: Life) -> dict[str, list[str]]:
    """The databases as they open, before anything is sent again; returns what each side had received."""
    facts, net = life.facts, life.net
    for db in (net.store._db, *(life.witness(name).store._db for name in PAIR)):
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    waiting = {mid for (mid,) in net.store._db.execute("SELECT mid FROM mail")}
    for mid in facts.accepted:
        taken = any(life.witness(name).store.seen(mid) for name in PAIR)
        assert mid in waiting or taken, f"accepted and lost: {mid.hex()}"
    for name in PAIR:
        said, own = [text for _, text in facts.said[name]], life.witness(name).own()
        assert own[: len(said)] == said, f"{name} lost something it had written"
        shown, received = [text for _, text in facts.shown[name]], life.witness(name).received()
        assert received[: len(shown)] == shown, f"{name} lost something it had shown"
    # What reached the disk just before the cut, and nobody was told, stands there from now on.
    facts.said = {name: [(0, text) for text in life.witness(name).own()] for name in PAIR}
    facts.shown = {name: [(0, text) for text in life.witness(name).received()] for name in PAIR}
    return {name: life.witness(name).received() for name in PAIR}


def check_at_rest(life: Life, before: Mapping[str, list[str]]) -> None:
    """Everything written has arrived, once, in order, and nothing was shown again."""
    for name, other in PAIR.items():
        peer = life.witness(name)
        assert peer.received() == life.witness(other).own(), f"{other} to {name}: lost, doubled or out of order"
        shown = [event.text for event in peer.events if isinstance(event, Message)]
        assert before[name] + shown == peer.received(), f"{name} was shown something twice or not at all"
        trouble = [event for event in peer.events if isinstance(event, Warning) and event.name in TROUBLE]
        assert not trouble, trouble
        assert not peer.errors, peer.errors
        assert not peer.store.outbox_rows(), f"{name} still waits"
