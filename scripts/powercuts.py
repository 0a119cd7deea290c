"""Power cuts at random in recorded runs of a broker and two peers, and a report of what was found.

    python -m scripts.powercuts [--points 2000] [--seed 1] [--report docs/reports/powercuts.md]

Exit 1 when anything accepted was lost, anything shown was lost or came twice, an order broke or a database was unsound.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw

from benchmarks.figures import machine
from sealwire.testing.faultfs import Damage, Sync, Truncate
from tests.fault.cuts import Judge, Life, points, record

LIVES = 8
"""Recorded runs the points are spread over, each longer than the one before."""
SHOWN_FAILURES = 5
MEMORY = Path("/dev/shm")
"""Copies of small databases, thousands of times: not on a disk, where there is a choice."""

KINDS: dict[Damage, str] = {
    "lost": "all of it lost",
    "prefix": "a prefix kept, the last write torn",
    "sectors": "each 512-byte sector kept or lost by chance, in any order",
    "garbage": "as before, lost sectors full of noise",
    "kept": "all of it kept",
}


@dataclass(slots=True)
class Tally:
    """What the cuts found."""

    seed: int
    lives: int = 0
    cuts: int = 0
    second_cuts: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    kinds: Counter[Damage] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, life: Life, judge: Judge) -> None:
        self.lives += 1
        self.cuts += judge.cuts
        self.second_cuts += judge.second_cuts
        self.accepted += len(life.facts.accepted)
        self.kinds += judge.kinds
        self.operations += Counter(type(op).__name__ for op in life.facts.disk.ops)


def run(count: int, seed: int, folder: Path) -> Tally:
    """Record, cut, judge."""
    tally, began = Tally(seed), time.monotonic()
    dice = Random(seed)
    for number in range(LIVES):
        life = record(folder / f"life-{number}", rounds=6 + 2 * number)
        judge = Judge(life, folder / f"cut-{number}", dice)
        share = count // LIVES + (number < count % LIVES)
        for at in points(life, share, dice):
            try:
                judge.cut(at)
            except Exception:  # noqa: BLE001 - whatever it was, it belongs into the report
                tally.failures.append(f"run {number}, operation {at} of {life.ops}\n{traceback.format_exc(limit=-4)}")
        tally.add(life, judge)
        print(f"{tally.cuts} cuts, {len(tally.failures)} failures", file=sys.stderr)
    tally.seconds = time.monotonic() - began
    return tally


def report(tally: Tally) -> str:
    """The page in docs/reports."""
    kinds = "\n".join(f"| {KINDS[kind]} | {count:,} |" for kind, count in tally.kinds.most_common())
    failures = "\n".join(f"```\n{text.rstrip()}\n```" for text in tally.failures[:SHOWN_FAILURES])
    return PAGE.format(
        machine=machine(),
        sqlite=apsw.sqlite_lib_version(),
        cipher=apsw.mc_version,
        tally=tally,
        starts=tally.cuts + tally.second_cuts,
        syncs=tally.operations[Sync.__name__],
        truncates=tally.operations[Truncate.__name__],
        operations=tally.operations.total(),
        kinds=kinds,
        failures=f"\n{failures}\n" if failures else "",
        bad=len(tally.failures),
    )


PAGE = """# Power cuts

Written by `python -m scripts.powercuts --points {tally.cuts} --seed {tally.seed} --report docs/reports/powercuts.md`.
{machine}; SQLite {sqlite}, {cipher}.

## What was found

| | |
|---|---:|
| points at which the power failed | {tally.cuts:,} |
| … and failed again while everything started up | {tally.second_cuts:,} |
| starts from what was left, each judged | {starts:,} |
| **starts at which something was wrong** | **{bad}** |
| recorded runs | {tally.lives} |
| disk operations in them | {operations:,} |
| … syncs | {syncs:,} |
| … truncations (each the end of a write-back) | {truncates:,} |
| envelopes accepted in them | {tally.accepted:,} |
| time | {tally.seconds:.0f} s |

| The broker's unsynced writes at the cut | starts |
|---|---:|
{kinds}
{failures}
## What is done

The broker's router and store and the engines and stores of two peers run as they are, only sockets and the clock are
a test's. Below the cipher lies a file system that writes down every write, truncation, sync, new name and removed name
(`sealwire/testing/faultfs.py`). The peers write to each other in both directions, one of them stays away for a while,
broker and peers stop and start, logs are written back into their databases.

At each point broker and recipient lose power together; the sender's machine loses it too, or only its process ends. Of
each machine stays what was synced; what became of the rest is drawn for each machine. A new file is there only if its
folder was synced, or by chance. Then everything starts from these files, peers write to each other again, and after
every start a judge asks:

- Does `PRAGMA quick_check` say ok of all three databases?
- Is every envelope whose ACCEPTED had left the broker in the broker's store or marked as taken in a peer's?
- Is everything that a peer had written still in its history, and everything that was shown?
- When all is quiet again: has everything written arrived, once, in order, shown once, without a warning?

That the judge is awake is a test of its own: on a disk that lies about its syncs it finds losses at once.

## The contract with the disk

Promised is what follows from these, and nothing is promised without them:

- **A sync that succeeded is true.** A disk that confirms a sync and loses the data in a power cut (a drive with a
  volatile cache that ignores flushes, a virtual disk with `cache=unsafe`, `eatmydata`, some network file systems)
  breaks every promise of this page: accepted messages can be lost, and a peer can fall back behind keys it has used.
  There is no way to notice it from inside. Do not run a broker on such a disk.
- **A write changes no bytes but its own** (SQLite's "powersafe overwrite"); it may be torn at any sector.
- **A sync that fails is the end.** The broker answers nothing after it, exits with 70, and starts again from what is
  certainly on the disk. Trying the sync again is not done: after a failure the system may count the pages as clean. A
  peer forgets the turn, makes its state again from its database and goes on; what it writes next it writes anew.
- **A full disk is an answer, not an error.** REJECT storage, and the sender keeps the message. What the ballast file
  gave stays free for deletes, so acknowledged mail empties the disk; mail is stored again when there is room, without
  a restart.

## Changed bits

Each page of a database carries the cipher's tag: a changed bit is found when the page is read, and at the latest by
`quick_check`. The log of a process that was killed is looked at when it is opened: when commits in it cannot be read
although later ones follow, the start is refused (`store-damaged`) and the files are left alone. One case remains: a
changed bit in the very last transaction before the process was killed looks like a power cut during it. That one is
left out as a whole; no altered row is served. What it held, accepted then and lost, shows at the recipient as a missing
message, by the counters inside the encryption.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="also write the report here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        tally = run(arguments.points, arguments.seed, Path(folder))
    text = report(tally)
    print(text)
    if arguments.report:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        arguments.report.write_text(text, "utf-8")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
