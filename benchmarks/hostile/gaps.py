"""What the machine itself takes from everybody: times at which a core ran nothing of ours.

On a shared machine the host takes a core away for some milliseconds, several times a second. One in a hundred
messages is under way then, so a p99 is made of such gaps, and an attack cannot be seen behind them. Here a program of
the highest priority sleeps for half a millisecond at a time on each core: nothing of ours can hold it up, so when it is
late, the core was gone. Messages that became due then say nothing about anybody's attack, and are left out, with and
without it; how long they took is not asked, or the slow ones would be left out more often. Needs the right to ask for
that priority (SCHED_FIFO): without it nothing is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import ExitStack
from threading import Thread

from sealwire.testing.processes import ROOT

NAP_S = 0.0005
LATE_S = 0.001
"""So much later than asked for: the kernel itself needs a tenth of it."""
BEFORE_S, AFTER_S = 0.003, 0.003
"""What became due so long before is still under way, and what gathered meanwhile is through so long after."""

Span = tuple[float, float]


class Gaps(ExitStack):
    """Watches every core until it is closed. Times are monotonic seconds."""

    def __enter__(self) -> Gaps:
        super().__enter__()
        self._found: list[Span] = []
        self.is_sure = True
        for core in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-m", "benchmarks.hostile.gaps", str(core)]
            child = self.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            self.is_sure &= child.stdout.readline() == "watching\n"
            reader = Thread(target=self._gather, args=(child.stdout,), daemon=True)
            reader.start()
            self.callback(reader.join)
            self.callback(child.kill)
        return self

    def _gather(self, lines: Iterable[str]) -> None:
        for line in lines:
            begin, end = map(float, line.split())
            self._found.append((begin - BEFORE_S, end + AFTER_S))

    def take(self) -> list[Span]:
        """Those found since it was last asked, in order, none touching the next."""
        found, self._found = self._found, []
        return merged(sorted(found))


def merged(spans: list[Span]) -> list[Span]:
    """Spans in order of their beginnings, put together where they touch."""
    apart: list[Span] = []
    for begin, end in spans:
        if apart and begin <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((begin, end))
    return apart


def outside(samples: list[tuple[float, float]], spans: list[Span]) -> list[tuple[float, float]]:
    """Those of (due, delay) that became due in none of these spans, which are in order and apart."""
    ends = [end for _, end in spans]

    def is_outside(due: float) -> bool:
        at = bisect_right(ends, due)
        return at == len(spans) or due < spans[at][0]

    return [(due, delay) for due, delay in samples if is_outside(due)]


def watch(core: int) -> None:
    """Print each gap of this core: its beginning and its end."""
    os.sched_setaffinity(0, [core])
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except OSError:
        print("not allowed", flush=True)
        return
    print("watching", flush=True)
    before = time.monotonic()
    while True:
        time.sleep(NAP_S)
        now = time.monotonic()
        if now - before > NAP_S + LATE_S:
            print(before, now, flush=True)
        before = now


if __name__ == "__main__":
    watch(int(sys.argv[1]))
