"""Bad networks: two people talk while the wire between them and their broker is cut, slow, lossy or narrow.

    python -m scripts.netfaults [--seed 1] [--report docs/reports/network.md]

Broker and peers are real processes in two network namespaces that this script makes itself (root and iproute2); a third
person lives on the broker's side and writes to the two all the time. After each stretch the wire heals, and the time
until messages written then have arrived in both directions is taken. At the end one checker judges all logs. Exit 1
when anything was lost, doubled or reordered, or came back too late.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import machine
from scripts.kills import Client, all_of
from sealwire.broker.admin import ask
from sealwire.testing.checker import Verdict, judge
from sealwire.testing.faultnet import BROKER_ADDRESS, CUT, FINE, Weather, Wire, unavailable
from sealwire.testing.processes import Stage
from tests.conftest import PEOPLE

NAMES, NEAR = ("alice", "bob"), "mallory"
"""Those behind the wire, and the one beside the broker: what she writes waits for them, and the missing acknowledgement
is what the broker notices. A dead link with nothing to deliver is found by TCP's keepalive, within 40 s."""
PAUSE_S, NEAR_PAUSE_S = 0.2, 0.5
"""Between two messages of one person."""
LOOK_S = 0.05
RESUME_S = 10.0
"""After healing, messages written from then on must arrive within this."""
DEAD_S = 45.0
"""The broker must know by then that a link session has nobody at the other end."""
GIVE_UP_S = 60.0
REST_S = 60.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """The weather of both directions for so long."""

    name: str
    seconds: float
    towards_peers: Weather = FINE
    towards_broker: Weather = FINE
    stays_up: bool = False
    """Weather that must not end a link."""
    p99_s: float = math.inf
    """Of delivery, at most: three round trips and a second where one packet in a hundred is lost."""


def both(name: str, seconds: float, weather: Weather, *, stays_up: bool = False, p99_s: float = math.inf) -> Stretch:
    return Stretch(name, seconds, weather, weather, stays_up, p99_s)


SLOW = Weather(delay_s=0.2, jitter_s=0.05)
ROUGH = Weather(delay_s=0.2, jitter_s=0.05, loss=0.05, duplicate=0.01, bits_per_s=256_000)
SHARE = (
    both("all of it at once", 4, ROUGH),
    both("cut for 3 s", 3, CUT),
    Stretch("nothing reaches the peers for 11 s", 11, towards_peers=CUT),
)
"""What the tests run: under half a minute with everything around it."""
FULL = (
    both("fine", 20, FINE, stays_up=True),
    both("200 ± 50 ms each way", 40, SLOW, stays_up=True),
    both("the same, 1 % lost", 60, Weather(0.2, 0.05, loss=0.01), stays_up=True, p99_s=3 * 0.4 + 1),
    both("5 % lost", 60, Weather(loss=0.05)),
    both("1 % twice", 30, Weather(duplicate=0.01), stays_up=True),
    both("256 kbit/s", 30, Weather(bits_per_s=256_000), stays_up=True),
    both("all of it at once", 60, ROUGH),
    *(both(f"cut for {seconds} s", seconds, CUT) for seconds in (1, 3, 10, 30, 60, 120)),
    *(Stretch(f"nothing reaches the peers for {seconds} s", seconds, towards_peers=CUT) for seconds in (5, 20, 60)),
    *(Stretch(f"nothing reaches the broker for {seconds} s", seconds, towards_broker=CUT) for seconds in (5, 20, 60)),
)


@dataclass(slots=True)
class Found:
    """What one stretch did."""

    stretch: Stretch
    lost_packets: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    links_lost: int = 0
    dead_after_s: float | None = None
    """From the beginning of the stretch until the broker had no link session of those behind the wire."""
    resumed_s: float = GIVE_UP_S

    @property
    def wrong(self) -> str:
        """What must not be, or nothing."""
        if self.resumed_s > RESUME_S:
            return f"came back after {self.resumed_s:.1f} s"
        if self.stretch.stays_up and self.links_lost:
            return "a link ended"
        if (self.p99_ms or 0.0) > self.stretch.p99_s * 1000:
            return f"p99 above {self.stretch.p99_s:g} s"
        silent = self.stretch.seconds > DEAD_S and CUT in (self.stretch.towards_broker, self.stretch.towards_peers)
        return "dead links were not found" if silent and (self.dead_after_s or GIVE_UP_S) > DEAD_S else ""


class Talker(Client):
    """Says something five times a second, and knows when each text was said and seen."""

    def __init__(self, stage: Stage, name: str, folder: Path) -> None:
        self.offline = 0
        self.number = 0
        super().__init__(stage, name, folder)
        threading.Thread(target=self._connections, args=(self.peer,), daemon=True).start()

    def _connections(self, peer) -> None:
        for event in all_of(peer, "connection"):
            self.offline += event["state"] == "offline"

    def talk(self, to: tuple[str, ...], pause_s: float, done: threading.Event) -> None:
        for name in itertools.cycle(to):
            if done.wait(pause_s):
                return
            self.number += 1
            self.say(name, self.number)


@dataclass(slots=True)
class Story:
    """Everything that runs."""

    wire: Wire
    folder: Path
    talkers: list[Talker] = field(default_factory=list)

    def stretch(self, stretch: Stretch) -> Found:
        """The weather comes, stays, and goes."""
        found = Found(stretch)
        lost, offline, began = self.wire.lost, self._offline(), time.monotonic()
        self.wire.towards_peers, self.wire.towards_broker = stretch.towards_peers, stretch.towards_broker
        while (gone := time.monotonic() - began) < stretch.seconds:
            time.sleep(LOOK_S)
            if found.dead_after_s is None and CUT in (stretch.towards_peers, stretch.towards_broker):
                found.dead_after_s = gone if not self._links() else None
        self.wire.heal()
        found.resumed_s = self._resumed()
        found.lost_packets, found.links_lost = self.wire.lost - lost, self._offline() - offline
        self._latency(found, began)
        return found

    def _offline(self) -> int:
        return sum(talker.offline for talker in self.talkers)

    def _links(self) -> int:
        rows = ask(self.folder / "data" / "broker", {"do": "link list"})["rows"]
        return sum(row["account"] != NEAR for row in rows)

    def _resumed(self) -> float:
        """Seconds until what everyone said after now was seen by the other."""
        healed = time.monotonic()
        after = {talker.name: talker.number for talker in self.talkers}
        while (now := time.monotonic()) - healed < GIVE_UP_S:
            if all(self._seen_past(talker, after) for talker in self.talkers):
                return now - healed
            time.sleep(LOOK_S)
        return GIVE_UP_S

    def _seen_past(self, talker: Talker, after: dict[str, int]) -> bool:
        other = next(name for name in after if name != talker.name)
        return any(f"{other} {number}" in talker.seen_at for number in range(after[other] + 2, after[other] + 400))

    def _latency(self, found: Found, began: float) -> None:
        """Of what was said while the weather lasted, and seen by now."""
        ends = began + found.stretch.seconds
        said = {text: at for talker in self.talkers for text, at in talker.said_at.items() if began <= at < ends}
        seen = {text: at for talker in self.talkers for text, at in talker.seen_at.items()}
        took = sorted(seen[text] - at for text, at in said.items() if text in seen)
        if took and CUT not in (found.stretch.towards_peers, found.stretch.towards_broker):
            found.p50_ms, found.p99_ms = statistics.median(took) * 1000, took[len(took) * 99 // 100] * 1000


def run(folder: Path, stretches: tuple[Stretch, ...], seed: int) -> tuple[Verdict, list[Found]]:
    """Every stretch in turn under talk in both directions, then rest, then the judge."""
    stage = Stage(folder, people=PEOPLE, SEALWIRE_PEER__READ_RECEIPTS="off")
    with Wire(seed) as wire:
        stage.address, stage.broker_prefix, stage.peer_prefix = (
            f"tcp://{BROKER_ADDRESS}:0",
            wire.broker_prefix,
            wire.peer_prefix,
        )
        with stage:
            story, done = Story(wire, folder), threading.Event()
            alice, bob = story.talkers = [Talker(stage, name, folder) for name in NAMES]
            stage.peer_prefix = wire.broker_prefix
            near = Talker(stage, NEAR, folder)
            talks = ((alice, ("bob",), PAUSE_S), (bob, ("alice",), PAUSE_S), (near, NAMES, NEAR_PAUSE_S))
            works = [threading.Thread(target=who.talk, args=(to, pause_s, done)) for who, to, pause_s in talks]
            for work in works:
                work.start()
            story._resumed()  # strangers become acquainted before the weather turns
            found = [story.stretch(stretch) for stretch in stretches]
            done.set()
            for work in works:
                work.join()
            everyone = [*story.talkers, near]
            logs = [talker.log.path for talker in everyone]
            ends = time.monotonic() + REST_S
            while not (verdict := judge(logs)).clean and time.monotonic() < ends:
                time.sleep(LOOK_S)
            for talker in everyone:
                talker.leave()
            return verdict, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", action="store_true", help="only what the tests run")
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    if reason := unavailable():
        print(f"skipped: {reason}", file=sys.stderr)
        return 0 if os.environ.get("CI") != "true" else 1
    with tempfile.TemporaryDirectory(prefix="sealwire-net-") as name:
        verdict, found = run(Path(name), SHARE if chosen.share else FULL, chosen.seed)
    text = describe(chosen.seed, verdict, found)
    print(text)
    if chosen.report:
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        chosen.report.write_text(text, "utf-8")
    return 0 if verdict.clean and not any(one.wrong for one in found) else 1


def describe(seed: int, verdict: Verdict, found: list[Found]) -> str:
    """The report, in Markdown."""
    head = "| the wire | packets lost | delivered p50 / p99 ms | links lost, as peers say | broker found out after |"
    head += " talking again after | |\n|---|---|---|---|---|---|---|"
    table = "\n".join(_row(one) for one in found)
    counts = f"{verdict.sent:,} sent, {verdict.accepted:,} accepted, {verdict.shown:,} shown; {len(verdict.lost)} lost,"
    counts += f" {len(verdict.unsent)} never sent, {len(verdict.doubles)} twice, {len(verdict.reordered)} reordered"
    return (
        f"# Bad networks\n\n{machine()}, `python -m scripts.netfaults --seed {seed}`\n\n{counts}, "
        f"{len(verdict.phantoms)} never written by anyone.\n\n{EXPLAINED}\n{head}\n{table}\n"
    )


EXPLAINED = f"""\
Within {RESUME_S:g} s after the wire healed, messages written from then on had to arrive in both directions, and
within {DEAD_S:g} s of a longer cut the broker had to find that the link sessions were dead. Where 1 % is lost, the p99
must stay below three round trips and a second. A third person beside the broker wrote to both all the time. The wire
is `sealwire/testing/faultnet.py`: two network namespaces, the kernel's TCP between them.
"""


def _row(one: Found) -> str:
    took = f"{one.p50_ms:.0f} / {one.p99_ms:.0f}" if one.p50_ms is not None and one.p99_ms is not None else "-"
    dead = f"{one.dead_after_s:.1f} s" if one.dead_after_s is not None else "-"
    cells = (one.stretch.name, str(one.lost_packets), took, str(one.links_lost), dead, f"{one.resumed_s:.1f} s")
    return f"| {' | '.join(cells)} | {one.wrong and f'**{one.wrong}**'} |"


if __name__ == "__main__":
    sys.exit(main())
