"""Half an hour of mixed faults with a broker that must neither lose anything nor grow.

    python -m scripts.soak [--minutes 30] [--seed 1] [--report docs/reports/soak.md]

Eighteen pairs of raw peers in four processes and three full peers write to each other, about 200 messages a second.
Meanwhile peers are killed, stopped, cut off and slowed down, one fault every few seconds. Every client keeps a synced
log; at the end everything comes to rest, one checker judges all logs, and the broker's memory, descriptors and threads
are judged by what /proc said all along. Exit 1 when anything was lost, doubled, reordered, or grew.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import plots
from benchmarks.figures import machine
from scripts.kills import Client
from sealwire.broker.keyfiles import read_public
from sealwire.testing.checker import Verdict, judge
from sealwire.testing.processes import ROOT, Process, Stage
from tests.conftest import PEOPLE

PAIRS, CREWS, RATE = 18, 4, 10
"""Raw pairs, the processes they live in, messages a second of each."""
FULL_PAUSE_S = 0.2
"""Between two messages of a full peer."""
FAULT_EVERY_S = (2.0, 8.0)
SAMPLE_S = 5.0
SETTLED_S = 300.0
"""Memory is judged after this: caches, pools and the allocator's arenas have their size by then."""
GROWTH_MIB = 1.0
"""What memory may grow by in ten minutes."""
STOPPED_S = (2.0, 70.0)
"""SIGSTOP lasts so long: past 7 s the broker ends link sessions that do not acknowledge."""
BROKER_STOPPED_S = 3.0
SLOW_S, AWAY_S = 20.0, (0.0, 15.0)
REST_S = 180.0


class Crew:
    """A process of raw peers."""

    def __init__(self, stage: Stage, number: int, folder: Path) -> None:
        curve = read_public(folder / "keys" / "broker.pub")
        self.number, self.log = number, folder / f"crew-{number}.log"
        self.facts = {
            "endpoint": stage.address,
            "curve": curve.hex(),
            "log": str(self.log),
            "writes": [pair for pair in range(PAIRS) if pair % CREWS == number],
            "reads": [pair for pair in range(PAIRS) if (pair + 1) % CREWS == number],
            "rate": RATE,
        }
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "scripts.raw_pairs", json.dumps(self.facts)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        self.pid = self.process.pid

    def kill(self) -> None:
        self.end()
        self.start()

    def tell(self, words: str) -> None:
        self.process.stdin.write(words.encode() + b"\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):  # words it did not live to read
            self.process.stdin.close()


@dataclass(slots=True)
class Watch:
    """What /proc says of the broker, every few seconds."""

    process: Process
    began: float = field(default_factory=time.monotonic)
    rows: list[tuple[float, float, int, int]] = field(default_factory=list)
    """(seconds, resident MiB, descriptors, threads)"""

    def look(self) -> tuple[float, float, int, int]:
        """One sample, not kept."""
        folder = Path(f"/proc/{self.process.child.pid}")
        threads = len(os.listdir(folder / "task"))
        rss = self.process.rss_bytes() / 2**20
        return time.monotonic() - self.began, rss, len(os.listdir(folder / "fd")), threads

    def run(self, done: threading.Event) -> None:
        while not done.wait(SAMPLE_S):
            self.rows.append(self.look())

    def settled(self) -> list[tuple[float, float, int, int]]:
        return [row for row in self.rows if row[0] >= SETTLED_S]

    def growth_mib(self) -> float | None:
        """Least squares over everything after the first minutes, in MiB per ten minutes."""
        rows = self.settled()
        if len(rows) < 3:
            return None
        return statistics.linear_regression([row[0] for row in rows], [row[1] for row in rows]).slope * 600


@dataclass(slots=True)
class Outcome:
    """All that the report needs."""

    verdict: Verdict
    watch: Watch
    before: tuple[float, float, int, int]
    after: tuple[float, float, int, int]
    faults: Counter[str]
    broker_cpu_s: float

    @property
    def clean(self) -> bool:
        growth = self.watch.growth_mib()
        flat = self.after[2] <= self.before[2] and self.after[3] <= self.before[3]
        return self.verdict.clean and flat and (growth is None or growth < GROWTH_MIB)


class Faults:
    """One thing goes wrong after another; what was stopped goes on again."""

    def __init__(self, stage: Stage, clients: list[Client], crews: list[Crew], dice: random.Random) -> None:
        self.stage, self.clients, self.crews, self.dice = stage, clients, crews, dice
        self.asleep: dict[int, tuple[float, Client | Crew]] = {}
        self.count: Counter[str] = Counter()

    def strike(self) -> None:
        """Draw one fault and do it."""
        draw = self.dice.choices(
            (self.kill, self.stop, self.cut, self.slow, self.stop_broker), weights=(4, 3, 8, 4, 1)
        )[0]
        self.count[draw.__doc__ or ""] += draw()

    def _awake(self) -> list[Client | Crew]:
        return [one for one in (*self.clients, *self.crews) if one not in [it for _, it in self.asleep.values()]]

    def kill(self) -> int:
        """SIGKILL of a full peer or of a process of nine raw peers"""
        if awake := self._awake():
            self.dice.choice(awake).kill()
        return bool(awake)

    def stop(self) -> int:
        """SIGSTOP of one of these, for up to 70 s"""
        if awake := self._awake():
            one = self.dice.choice(awake)
            os.kill(pid_of(one), signal.SIGSTOP)
            self.asleep[pid_of(one)] = (time.monotonic() + self.dice.uniform(*STOPPED_S), one)
        return bool(awake)

    def cut(self) -> int:
        """a raw peer's connection broken, back after up to 15 s"""
        return self._tell(lambda name: f"drop {name} {self.dice.uniform(*AWAY_S):.3f}", "writes", "reads")

    def slow(self) -> int:
        """a raw peer that takes one message a second for 20 s"""
        return self._tell(lambda name: f"slow {name} {SLOW_S}", "reads")

    def stop_broker(self) -> int:
        """SIGSTOP of the broker for 3 s"""
        self.stage.broker.child.send_signal(signal.SIGSTOP)
        time.sleep(BROKER_STOPPED_S)
        self.stage.broker.child.send_signal(signal.SIGCONT)
        return 1

    def _tell(self, words, *roles: str) -> int:
        crews = [one for one in self._awake() if isinstance(one, Crew)]
        if crews:
            crew, role = self.dice.choice(crews), self.dice.choice(roles)
            crew.tell(words(f"{role[0]}{self.dice.choice(crew.facts[role])}"))
        return bool(crews)

    def wake(self, now: float = float("inf")) -> None:
        """Those whose time has come go on."""
        for pid, (until, _one) in list(self.asleep.items()):
            if until <= now:
                os.kill(pid, signal.SIGCONT)
                del self.asleep[pid]


def pid_of(one: Client | Crew) -> int:
    return one.pid if isinstance(one, Crew) else one.peer.child.pid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealwire-soak-") as name:
        outcome = run(Path(name), chosen.minutes * 60, random.Random(chosen.seed))
    report = describe(chosen.minutes, chosen.seed, outcome)
    print(report)
    if chosen.report:
        pictures = chosen.report.parent.parent / "plots"
        pictures.mkdir(parents=True, exist_ok=True)
        curve = [(row[0] / 60, row[1]) for row in outcome.watch.rows]
        (pictures / "soak-memory.svg").write_text(plots.line("the broker's memory, MiB, by minute", curve))
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        chosen.report.write_text(f"{report}\n![memory](../plots/soak-memory.svg)\n", "utf-8")
    return 0 if outcome.clean else 1


def run(folder: Path, seconds: float, dice: random.Random) -> Outcome:
    """Load and faults for so long, then rest, then judge."""
    with Stage(folder, people=PEOPLE, SEALWIRE_PEER__READ_RECEIPTS="off") as stage, crowd(stage, folder) as crews:
        clients = [Client(stage, name, folder) for name in PEOPLE]
        done, watch = threading.Event(), Watch(stage.broker)
        # Descriptors are compared with everyone connected and nobody else, before the first fault and after the last.
        time.sleep(SAMPLE_S)
        before = watch.look()
        works = [threading.Thread(target=watch.run, args=(done,), daemon=True)]
        works += [threading.Thread(target=_write, args=(client, done), daemon=True) for client in clients]
        for work in works:
            work.start()
        faults = Faults(stage, clients, crews, dice)
        while time.monotonic() - watch.began < seconds:
            time.sleep(dice.uniform(*FAULT_EVERY_S))
            faults.wake(time.monotonic())
            faults.strike()
        faults.wake()
        done.set()
        for crew in crews:
            crew.tell("quiet")
        for work in works:
            work.join()
        verdict = rest([*(client.log.path for client in clients), *(crew.log for crew in crews)], watch, before)
        for client in clients:
            client.log.close()
        return Outcome(verdict, watch, before, watch.look(), faults.count, stage.broker.cpu_s())


@contextmanager
def crowd(stage: Stage, folder: Path) -> Iterator[list[Crew]]:
    crews = [Crew(stage, number, folder) for number in range(CREWS)]
    try:
        yield crews
    finally:
        for crew in crews:
            crew.end()


def rest(logs: list[Path], watch: Watch, before: tuple[float, float, int, int]) -> Verdict:
    """Wait until everything written has arrived and everyone is connected again, or say what is wrong."""
    ends = time.monotonic() + REST_S
    while time.monotonic() < ends:
        time.sleep(SAMPLE_S)
        if (verdict := judge(logs)).clean and watch.look()[2] == before[2]:
            return verdict
    return judge(logs)


def _write(client: Client, done: threading.Event) -> None:
    others = itertools.cycle(name for name in PEOPLE if name != client.name)
    for number in itertools.count():
        if done.wait(FULL_PAUSE_S):
            return
        client.say(next(others), number)


def describe(minutes: float, seed: int, outcome: Outcome) -> str:
    """The report, in Markdown."""
    verdict, watch, growth = outcome.verdict, outcome.watch, outcome.watch.growth_mib()
    grown = "too short to say" if growth is None else f"{growth:+.2f} MiB"
    rows = [
        *verdict.rows(),
        ("memory after five minutes grows by, per ten minutes", grown),
        ("… allowed", f"{GROWTH_MIB:.2f} MiB"),
        ("descriptors with everyone connected, before / after", f"{outcome.before[2]} / {outcome.after[2]}"),
        ("threads, before / after", f"{outcome.before[3]} / {outcome.after[3]}"),
        ("the broker's CPU", f"{outcome.broker_cpu_s / outcome.after[0]:.1%} of a core"),
    ]
    faults = "\n".join(f"| {name} | {count} |" for name, count in outcome.faults.most_common())
    head = f"# Soak\n\n{machine()}, `python -m scripts.soak --minutes {minutes:g} --seed {seed}`"
    facts = "\n".join(f"| {name} | {value} |" for name, value in rows)
    means = f"{PAIRS} raw pairs in {CREWS} processes and {len(PEOPLE)} full peers. Verdict: "
    means += "everything as it must be." if outcome.clean else "**not as it must be**."
    curve = "\n".join(f"| {row[0] / 60:.0f} | {row[1]:.1f} | {row[2]} | {row[3]} |" for row in _by_minutes(watch.rows))
    return (
        f"{head}\n\n{means}\n\n| what | count |\n|---|---|\n{facts}\n\n| fault | times |\n|---|---|\n{faults}\n\n"
        f"| minute | resident MiB | descriptors | threads |\n|---|---|---|---|\n{curve}\n"
    )


def _by_minutes(rows: list[tuple[float, float, int, int]], each: int = 2) -> Iterator[tuple[float, float, int, int]]:
    for minute, group in itertools.groupby(rows, key=lambda row: int(row[0] // (60 * each))):
        kept = list(group)
        yield minute * 60 * each, statistics.median(row[1] for row in kept), max(r[2] for r in kept), kept[-1][3]


if __name__ == "__main__":
    sys.exit(main())
