"""What an attack does to everybody else: how soon it is cut off, and the p99 of two pairs who talk all the while.

    python -m benchmarks.attacks [--seconds 10] [--rounds 1] [--rate 100] [--only WORD] [--report docs/performance.md]

The broker is the real program with its default limits; only 127.0.0.1 is a trusted network, and attackers come from
other addresses of 127.0.0.0/8, a new one each time, as if each were another machine. Two pairs write ``--rate``
messages a second each, and one more person logs in again and again, in a process of their own; a login that fails
counts as ten seconds. Before each attack they are measured for as long as during it; the row without an attack says
what the machine itself does to such a ratio. The attacker takes only the time that nobody else wants (SCHED_IDLE):
elsewhere it would bring a processor of its own. On a machine with other work the ratios mean little. Needs Linux.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import selectors
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks.crowd import room_for
from benchmarks.figures import replaced, table
from benchmarks.hostile.kinds import ATTACKS, TICK_S, Attack, Held, Target
from benchmarks.hostile.talkers import PAIRS, Talkers, talk
from benchmarks.rivals.common import cpu_s
from sealwire.broker.keyfiles import read_public
from sealwire.broker.zap import ZapThread
from sealwire.cli import broker as broker_program
from sealwire.testing.processes import Process

PATIENCE_S = 15.0
"""After the measured time, for connections that are still to be cut off."""


@dataclass
class Siege:
    """One attack under way."""

    attack: Attack
    target: Target
    took: list[float] = field(default_factory=list)
    """Seconds from a connection's last honest byte until the broker ended it."""
    refused: int = 0
    """Connections that did not get that far."""
    begun: int = 0

    def __post_init__(self) -> None:
        self.eyes = selectors.DefaultSelector()
        self.since: dict[Held, float] = {}
        self.meals: list[tuple[float, int, Held]] = []

    def run(self, seconds: float, measured: Callable[[], None]) -> None:
        """Attack for so long, call ``measured``, and wait for what is still to be cut off."""
        began, asked = time.monotonic(), False
        while True:
            now = time.monotonic() - began
            if now >= seconds and not asked:
                measured()
                asked = True
            if asked and (not self.since or self.attack.allowed_s is None or now > seconds + PATIENCE_S):
                break
            if now < seconds and self._is_short_of_one(now):
                self._begin()
                self._listen(0)
            else:
                self._listen(TICK_S)
            self._feed()
        for raw in list(self.since):
            self._forget(raw)
        self.eyes.close()

    def _is_short_of_one(self, now: float) -> bool:
        attack = self.attack
        there = len(self.since) if attack.again else self.begun
        return attack.begin is not None and there < attack.at_once and self.begun <= now * attack.a_second

    def _begin(self) -> None:
        self.begun += 1
        try:
            raw = self.attack.begin(self.target)
        except (OSError, AssertionError):
            self.refused += 1
            return
        self.since[raw] = time.monotonic()
        self.eyes.register(raw.socket, selectors.EVENT_READ, raw)
        if self.attack.feed:
            heapq.heappush(self.meals, (time.monotonic(), self.begun, raw))

    def _listen(self, patience_s: float) -> None:
        if not self.since:
            time.sleep(patience_s)
            return
        for key, _what in self.eyes.select(patience_s):
            raw = key.data
            raw.socket.settimeout(0)
            try:
                ended = not raw.socket.recv(1 << 16)
            except BlockingIOError:
                ended = False
            except OSError:
                ended = True
            raw.socket.settimeout(5)
            if ended:
                self.took.append(time.monotonic() - self.since[raw])
                self._forget(raw)

    def _feed(self) -> None:
        now = time.monotonic()
        while self.meals and self.meals[0][0] <= now:
            _due, number, raw = heapq.heappop(self.meals)
            if raw in self.since:
                self.attack.feed(raw)
                heapq.heappush(self.meals, (now + self.attack.feed_every_s, number, raw))

    def _forget(self, raw: Held) -> None:
        del self.since[raw]
        self.eyes.unregister(raw.socket)
        raw.socket.close()


@contextmanager
def broker(folder: Path) -> Iterator[Target]:
    """The broker's own program, but for a signal on which its ruling thread dies."""
    command = ["-m", "benchmarks.attacks", "--broker", str(folder)]
    environment = {**os.environ, "SEALWIRE_LIMITS__TRUSTED_NETWORKS": "127.0.0.1/32", "SEALWIRE_LOG__LEVEL": "error"}
    process = Process("broker", command, environment)
    try:
        endpoint = process.hears("ready on").split()[-1]
        yield Target(endpoint, read_public(folder / "keys" / "broker.pub"), process.child.pid)
    finally:
        process.stop()


def serve(folder: str) -> None:
    """Be the broker."""
    armed, answer = threading.Event(), ZapThread._answer

    def answer_or_die(self: ZapThread, request: list[bytes]) -> list[bytes]:
        if armed.is_set():
            armed.clear()
            raise RuntimeError("as told")
        return answer(self, request)

    ZapThread._answer = answer_or_die
    signal.signal(signal.SIGUSR1, lambda *_: armed.set())
    flags = ["--bind", "tcp://127.0.0.1:0", "--data", f"{folder}/data", "--keys", f"{folder}/keys"]
    raise SystemExit(broker_program.main(flags))


def p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100] if values else float("nan")


def measure(attack: Attack, target: Target, talkers: Talkers, seconds: float) -> tuple[list[float], Siege]:
    """Figures before and during, in pairs: p99 delivered, accepted, of a login, the broker's CPU; and the siege."""
    seconds = max(seconds, attack.least_s)
    found, used = [], [cpu_s(target.pid)]

    def take() -> None:
        found.append(talkers.take())
        used.append(cpu_s(target.pid))

    talkers.take()
    time.sleep(seconds)
    take()
    siege = Siege(attack, target)
    siege.run(seconds, take)
    delays = [p99(one[kind]) for kind in ("delivered", "accepted", "login") for one in found]
    return [*delays, *((later - earlier) / seconds * 100 for earlier, later in pairwise(used))], siege


HEAD = ["attack", "connections", "refused at the door", "cut off after, median / max s", "allowed",
        "others' p99 before / during, ms", "ratio", "accepted", "a login", "broker's CPU, %"]  # fmt: skip


def row(attack: Attack, found: list[tuple[list[float], Siege]]) -> list[str]:
    """One line: the medians of the rounds, the worst of the cuts."""
    took = [seconds for _, siege in found for seconds in siege.took]
    left = sum(siege.begun - siege.refused - len(siege.took) for _, siege in found)
    cut = f"{statistics.median(took):.2f} / {max(took):.2f}" if took else "-"
    if attack.allowed_s is not None and left:
        cut += f", {left} never"
    figures = [statistics.median(figure) for figure in zip(*(figures for figures, _ in found), strict=True)]
    both = [f"{before:.1f} / {during:.1f}" for before, during in zip(figures[::2], figures[1::2], strict=True)]
    ratio = statistics.median(one[1] / one[0] for one, _ in found)
    return [
        attack.name,
        f"{sum(siege.begun for _, siege in found):,}",
        f"{sum(siege.refused for _, siege in found):,}",
        cut,
        "-" if attack.allowed_s is None else f"{attack.allowed_s:g}",
        both[0],
        f"{ratio:.2f}",
        *both[1:],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="before each attack, and during it")
    parser.add_argument("--rounds", type=int, default=1, help="of each attack; medians are shown")
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second of each pair")
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    parser.add_argument("--report", type=Path, help="put the table between the markers of this file")
    parser.add_argument("--talk", help=argparse.SUPPRESS)
    parser.add_argument("--broker", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.talk:
        talk(json.loads(chosen.talk))
    elif chosen.broker:
        serve(chosen.broker)
    else:
        show(chosen)


def show(chosen: argparse.Namespace) -> None:
    """Run every attack, print the table, and put it into the report."""
    busy, rows = os.getloadavg()[0], []
    room_for(6_000)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder, broker(Path(folder)) as target:
        talkers = Talkers({"endpoint": target.endpoint, "curve": target.curve.hex(), "rate": chosen.rate})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        for attack in ATTACKS:
            if chosen.only in attack.name:
                found = [measure(attack, target, talkers, chosen.seconds) for _ in range(chosen.rounds)]
                rows.append(row(attack, found))
                print(" | ".join(rows[-1]), file=sys.stderr)
        talkers.end()
    text = table(f"{PAIRS} pairs at {chosen.rate:g} messages a second each, under attack", HEAD, rows)
    print(text)
    if chosen.report is not None:
        flags = f"--seconds {chosen.seconds:g} --rounds {chosen.rounds} --rate {chosen.rate:g}"
        command = f"Made by `python -m benchmarks.attacks {flags}`."
        command += f" Load average of the machine before it began: {busy:.1f}."
        old, body = chosen.report.read_text(), f"{command}\n{text}"
        chosen.report.write_text(replaced(old, "benchmarks.attacks", body, "Under attack"))


if __name__ == "__main__":
    main()
