"""What an attack does to everybody else: how soon it is cut off, and the p99 of two pairs who talk all the while.

    python -m benchmarks.attacks [--minutes 18] [--rate 200] [--only WORD] [--report docs/performance.md]

The broker is the real program with its default limits; only 127.0.0.1 is a trusted network, and attackers come from
other addresses of 127.0.0.0/8, a new one each time, as if each were another machine. Two pairs write ``--rate``
messages a second each, a hundredth of what the broker carries, and one more person logs in again and again; a login
that fails counts as ten seconds.

First one round of each attack shows when its connections are cut off. Then short stretches without and with it
alternate for its share of the minutes, and the p99 of all stretches with it is divided by that of all without. The
interval behind a ratio holds 95 of 100 ratios found by drawing pairs of stretches again and again; the first row has
stretches in which nobody attacks, so its ratio is chance alone. "Within 10 %" is said when the whole interval is.

Messages that became due while the machine gave a core to somebody else are left out (benchmarks/hostile/gaps.py).
An attacker brings no processor of the broker's: it begins so many connections a second as the table of attacks says
(benchmarks/hostile/kinds.py), and takes only the time of this machine that nobody else wants (SCHED_IDLE). Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crowd import room_for
from benchmarks.figures import replaced, table
from benchmarks.hostile.gaps import Gaps, outside
from benchmarks.hostile.kinds import ATTACKS, Attack, Target
from benchmarks.hostile.ratios import Ratio, means, ratio
from benchmarks.hostile.siege import Siege
from benchmarks.hostile.talkers import KINDS, PAIRS, Samples, Talkers, talk
from benchmarks.rivals.common import cpu_s
from sealwire.broker.keyfiles import read_public
from sealwire.broker.zap import ZapThread
from sealwire.cli import broker as broker_program
from sealwire.testing.processes import Process

ASKED = 0.10
"""By so much others' p99 may rise."""
LEAST_PAIRS = 2
SURE_PAIRS = 5
"""Drawn from fewer pairs of stretches the interval is too narrow to say anything."""
LATE_S = 1.0
"""What began at the end of the last stretch may take so long to arrive."""

READ = """A ratio is the p99 of all stretches with the attack by that of all without, and where 95 of 100 such ratios
lie when pairs of stretches are drawn again and again; the first row is chance alone. Attackers come from addresses of
their own, begin so many connections a second as `benchmarks/hostile/kinds.py` says, and take only the time that nobody
else wants.
"""
LEFT_OUT = (
    "Left out are messages that became due while the machine had given a core to somebody else: {share:.1%} of them."
)
NOT_SURE = "None is left out: what the machine itself took from a core was not allowed to be watched."


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the time in which the talkers are watched."""

    begin: float
    end: float
    cpu: float
    """Of the broker, as a part of one core."""

    def of(self, samples: Samples) -> list[float]:
        return [delay for due, delay in samples if self.begin <= due < self.end]


class Watch:
    """Alternates stretches without and with an attack."""

    def __init__(self, target: Target, talkers: Talkers, gaps: Gaps) -> None:
        self.target = target
        self.talkers = talkers
        self.gaps = gaps
        self.counted = self.left_out = 0

    def measure(self, attack: Attack, seconds: float) -> Found:
        """Attack for so long in all; at least twice."""
        began = time.monotonic()
        siege = Siege(attack, self.target)
        siege.until_cut_off()
        self._take()
        pairs: list[tuple[Stretch, Stretch]] = []
        while len(pairs) < LEAST_PAIRS or time.monotonic() - began + attack.cycle_s <= seconds:
            time.sleep(attack.calm_s)
            without = self._stretch(time.monotonic(), attack.watched_s, time.sleep)
            start = time.monotonic()
            with_it = self._stretch(start + attack.ramp_s, attack.watched_s, siege.stretch)
            pairs.append((without, with_it))
        siege.close()
        time.sleep(LATE_S)
        return Found(attack, siege, pairs, self._take())

    def _take(self) -> dict[str, Samples]:
        """What was measured since the last time, without what the machine itself delayed."""
        found, spans = self.talkers.take(), self.gaps.take()
        for kind in ("delivered", "accepted"):
            all_of_them, found[kind] = found[kind], outside(found[kind], spans)
            self.counted += len(all_of_them)
            self.left_out += len(all_of_them) - len(found[kind])
        return found

    def _stretch(self, begin: float, seconds: float, run: Callable[[float], None]) -> Stretch:
        used: list[float] = []
        timer = threading.Timer(max(0.0, begin - time.monotonic()), lambda: used.append(cpu_s(self.target.pid)))
        timer.start()
        run(begin + seconds - time.monotonic())
        timer.join()
        return Stretch(begin, begin + seconds, (cpu_s(self.target.pid) - used[0]) / seconds)


@dataclass(frozen=True, slots=True)
class Found:
    """What one attack did."""

    attack: Attack
    siege: Siege
    pairs: list[tuple[Stretch, Stretch]]
    samples: dict[str, Samples]

    def ratio(self, kind: str, part: float = 0.99) -> Ratio:
        several = self.samples[kind]
        return ratio([(without.of(several), with_it.of(several)) for without, with_it in self.pairs], part)

    def row(self) -> list[str]:
        """One line of the table."""
        delivered, accepted, login = (
            self.ratio(kind, part) for kind, part in zip(KINDS, (0.99, 0.99, 0.5), strict=True)
        )
        without, with_it = means([(one.cpu * 100, other.cpu * 100) for one, other in self.pairs])
        return [
            self.attack.name,
            f"{self.siege.begun:,}",
            self._cut(),
            "-" if self.attack.allowed_s is None else f"{self.attack.allowed_s:g}",
            f"{len(self.pairs)}",
            both(delivered),
            str(delivered),
            delivered.stays_within(ASKED) if len(self.pairs) >= SURE_PAIRS else "too few pairs",
            both(accepted),
            str(accepted),
            both(login),
            f"{without:.1f} / {with_it:.1f}",
        ]

    def _cut(self) -> str:
        took = self.siege.took
        cut = f"{statistics.median(took):.2f} / {max(took):.2f}" if took else "-"
        if self.siege.refused:
            cut += f", {self.siege.refused:,} at the door"
        return cut + (f", {self.siege.left} never" if self.siege.left else "")


def both(found: Ratio) -> str:
    return f"{found.without:.2f} / {found.with_it:.2f}"


HEAD = ["attack", "connections", "cut off after, median / max s", "allowed", "pairs of stretches",
        "delivered p99, without / with, ms", "ratio (95 %)", "within 10 %", "accepted p99, ms", "ratio (95 %)",
        "a login, median, ms", "broker's CPU, %"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=18.0, help="for all attacks together")
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second of each pair")
    parser.add_argument("--only", default="", help="attacks whose name contains this share the minutes")
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
    attacks = [attack for attack in ATTACKS if chosen.only in attack.name]
    each_s = chosen.minutes * 60 / len(attacks)
    room_for(6_000)
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder,
        Gaps() as gaps,
        broker(Path(folder)) as target,
    ):
        talkers = Talkers({"endpoint": target.endpoint, "curve": target.curve.hex(), "rate": chosen.rate})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        watch = Watch(target, talkers, gaps)
        for attack in attacks:
            rows.append(watch.measure(attack, each_s).row())
            print(" | ".join(rows[-1]), file=sys.stderr)
        talkers.end()
        share = watch.left_out / watch.counted if gaps.is_sure else None
    text = table(f"{PAIRS} pairs at {chosen.rate:g} messages a second each, under attack", HEAD, rows)
    text += f"\n{READ}{NOT_SURE if share is None else LEFT_OUT.format(share=share)}\n"
    print(text)
    if chosen.report is not None:
        command = f"Made by `python -m benchmarks.attacks --minutes {chosen.minutes:g} --rate {chosen.rate:g}`."
        command += f" Load average of the machine before it began: {busy:.1f}."
        old, body = chosen.report.read_text(), f"{command}\n{text}"
        chosen.report.write_text(replaced(old, "benchmarks.attacks", body, "Under attack"))


if __name__ == "__main__":
    main()
