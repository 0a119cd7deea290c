"""Run spin over the model of delivery: it holds as it stands, and breaks by name when any rule is taken out.

    python -m model.check [--small | --large] [--without RULE] [--all]

The exit code is 0 when every line of the table came out as it must, else 1.

Source: protocol.md §5.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import machine

MODEL: Final = Path(__file__).with_name("delivery.pml")
TOOLS: Final = ("spin", "gcc")

MAX_DEPTH: Final = 100_000
"""Steps of the longest run looked at; the longest there is has a few hundred. pan says so when it is too small."""
BITSTATE_LOG2: Final = 34
"""2^34 bits, 2 GiB, mark the states of a sampled scenario: fewer make more of them look like known ones."""
LARGE_MINUTES: Final = 2
"""A sampled scenario stops after this long: without it the largest would take days."""
HASH_BYTES: Final = 12
"""What pan keeps of a state with -DHC4. Of n states one is taken for another with a chance of about n² / 2^97, which is
below 10^-12 for a hundred million; the whole states would need eight times the memory."""
TABLE_LOG2: Final = 27
"""Places in the table of those hashes, 8 bytes each; with fewer the search slows down."""
SMALL_TABLE_LOG2: Final = 20
"""Places in the table of a small scenario, which has about as many states: pan's own 2^24 take longer to touch than to
search."""
MEMORY_MIB: Final = 6_144
"""pan stops here and says so, which counts as a failure: a search that was cut short proves nothing."""
RUN_LIMIT_S: Final = 3_600.0
"""Nothing may hang a check for ever."""

INVARIANTS: Final = {
    1: "accepted: on disk or in the recipient's store",
    2: "a row goes only after the ACK of the device that stored it",
    3: "first deliveries keep each sender's order",
    4: "shown at most once",
    5: "numbers and windows are kept",
    6: "a dead token changes nothing",
    7: "one open link session per device",
    8: "quota count = rows + unstored",
    9: "every run ends with everything shown and accepted",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How many of each, and how many faults; names are those of the model's first lines."""

    name: str
    sizes: str
    cycles: bool = False
    """Look for a run without end instead of a broken claim."""
    hashed: bool = False
    """Visited whole, but only a hash of each state is kept."""
    sampled: bool = False
    """Too large to be visited whole: bitstate hashing, and a limit of time."""
    quick: bool = False
    """The compiler would take more time to optimise the search than the search takes."""

    @property
    def defines(self) -> list[str]:
        """Return the sizes as options of spin."""
        return [f"-D{size}" for size in self.sizes.split()]


@dataclass(frozen=True, slots=True)
class Removal:
    """A rule, the scenario that needs it, and the invariants that fall with it."""

    rule: str
    scenario: str
    breaks: tuple[int, ...]
    sizes: str = ""

    @property
    def define(self) -> str:
        """Return the name that takes the rule out of the model."""
        return f"WITHOUT_{self.rule.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What pan found: ``broken`` is an invariant's number, 0 for any other error, None when everything held."""

    states: int
    seconds: float
    broken: int | None
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    scenario: Scenario
    expected: int | None
    outcome: Outcome

    @property
    def is_right(self) -> bool:
        """Whether it came out as it must."""
        return self.outcome.broken == self.expected


NO_FAULT: Final = "REFUSALS=0 RECONNECTS=0 CRASHES=0"
TWO: Final = "MESSAGES=2 SEND_WINDOW=2"
GATHERED: Final = "TOGETHER=3"
"""Where a frame may hold several messages; elsewhere that would only visit the same ends by longer ways."""

SMALL: Final = (
    Scenario("refused", f"RECONNECTS=0 CRASHES=0 {GATHERED}", quick=True),
    Scenario("lost", "REFUSALS=0 CRASHES=0", quick=True),
    Scenario("crashed", "REFUSALS=0 RECONNECTS=0", quick=True),
    Scenario("lied", f"{NO_FAULT} LIES=1 {GATHERED}", quick=True),
    Scenario("forked", f"{TWO} RECIPIENTS=2 REFUSALS=0 RECONNECTS=0", quick=True),
    Scenario("all faults", f"{TWO} DELIVER_WINDOW=1"),
    Scenario("ends", f"{TWO} CRASHES=0", cycles=True),
    Scenario("ends, crashed", f"{TWO} REFUSALS=0", cycles=True),
)
"""One sender, one recipient (forked: two), two or three messages, up to so many faults: every state is visited."""

LARGE: Final = (
    Scenario("three, refused and lost", f"CRASHES=0 {GATHERED}"),
    Scenario("three, all faults", "", hashed=True),
    Scenario("two, lost twice", f"{TWO} RECONNECTS=2", hashed=True),
    Scenario("two, crashed twice", f"{TWO} CRASHES=2", hashed=True),
    Scenario("1 x 2, all faults", f"{TWO} RECIPIENTS=2", hashed=True),
    Scenario("2 x 2, calm", f"{TWO} SENDERS=2 RECIPIENTS=2 {NO_FAULT}"),
    Scenario("1 x 2, refused and broken off", f"{TWO} RECIPIENTS=2 RECONNECTS=0 CRASHES=0 LIES=1 {GATHERED}"),
    Scenario("2 x 2, refused", f"{TWO} SENDERS=2 RECIPIENTS=2 RECONNECTS=0 CRASHES=0", hashed=True),
    Scenario("2 x 2, all faults", "SENDERS=2 RECIPIENTS=2", sampled=True),
    Scenario("ends, all faults", f"{TWO} DELIVER_WINDOW=1", cycles=True),
)
"""More of everything; those marked as sampled are too large to be visited whole."""

REMOVALS: Final = (
    Removal("hold", "refused", (3,)),
    Removal("supersession", "lost", (7,)),
    Removal("modes", "refused", (3,)),
    Removal("watermark", "forked", (1,)),
    Removal("token", "lost", (6, 2, 3)),
    Removal("each", "refused", (3,)),
    Removal("break-off", "lied", (5, 9)),
    Removal("ack-bound", "lied", (2,)),
    Removal("seen-first", "lost", (2,)),
    Removal("stored-first", "crashed", (1,)),
    Removal("reject-first", "refused", (1,)),
    Removal("cascade", "refused", (3,)),
    Removal("release-last", "refused", (3,), "PIPE=12"),
    Removal("seen", "lost", (4,)),
    Removal("window", "refused", (5,)),
    Removal("count", "refused", (8,)),
    Removal("requeue", "lost", (9,)),
    Removal("resend", "crashed", (9,)),
)
"""Each rule fails with each invariant named here when only that one is checked."""


def missing_tools() -> list[str]:
    """Return the programs that are needed and not there."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def run(scenario: Scenario, defines: Sequence[str] = ()) -> Outcome:
    """Build and run the model.

    Args:
        defines: further options of spin.

    Raises:
        subprocess.SubprocessError: spin or gcc failed, or pan took too long.
    """
    with tempfile.TemporaryDirectory(prefix="sealwire-model-") as name:
        folder = Path(name)
        # What breaks does so at once.
        optimise = "-O2" if scenario.sampled or scenario.hashed else "-O0" if defines or scenario.quick else "-O1"
        kind = ["-DNP" if scenario.cycles else "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}"]
        kind += ["-DBITSTATE"] if scenario.sampled else ["-DHC4"] if scenario.hashed else []
        if scenario in SMALL and not scenario.cycles:
            kind.append("-DNOCOMP")  # states kept as they are: packing them is a third of the search
        _call(folder, "spin", "-a", *scenario.defines, *defines, str(MODEL))
        _call(folder, "gcc", "-w", optimise, "-DNOREDUCE", "-DVECTORSZ=4096", *kind, "-o", "pan", "pan.c")
        options = [f"-m{MAX_DEPTH}"]
        if scenario.cycles:
            options.append("-l")
        if scenario in SMALL:
            options.append(f"-w{SMALL_TABLE_LOG2}")
        if scenario.hashed:
            options.append(f"-w{TABLE_LOG2}")
        if scenario.sampled:
            options += [f"-w{BITSTATE_LOG2}", f"-Q{LARGE_MINUTES}"]
        began = time.monotonic()
        output = _call(folder, "./pan", *options)
        return read(output, time.monotonic() - began)


def _call(folder: Path, *command: str) -> str:
    # A list, no shell: program names and numbers of this file only.
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=RUN_LIMIT_S
    )
    return done.stdout


def read(output: str, seconds: float) -> Outcome:
    """Read what pan prints.

    Args:
        seconds: how long it ran.
    """
    states = re.search(r"([\d.e+]+) states, (?:stored|visited)", output) or re.search(r"States=\s*([\d.e+]+)", output)
    count = int(float(states[1])) if states else 0
    said = re.search(r"^pan:\d+: (.*)$", output, re.MULTILINE)
    if said is not None:
        claim = re.search(r"assertion violated \(+\d\*\(\d-(\d)\)", said[0])
        return Outcome(count, seconds, int(claim[1]) if claim else 0, said[1])
    # No complaint is not enough: a search that was cut short by depth or memory proves nothing.
    whole = "errors: 0" in output and "max search depth too small" not in output and "out of memory" not in output
    return Outcome(count, seconds, None if whole else 0, "" if whole else output[-300:])


def intact(scenario: Scenario) -> Line:
    """Run a scenario with every rule in place: everything must hold."""
    return Line("", scenario, None, run(scenario))


def broken(removal: Removal, invariant: int) -> Line:
    """Run without a rule, looking at one invariant: it must fall."""
    scenario = next(scenario for scenario in SMALL if scenario.name == removal.scenario)
    defines = [f"-D{removal.define}", f"-DCHECKED={invariant}", *(f"-D{size}" for size in removal.sizes.split())]
    return Line(removal.rule, scenario, invariant, run(scenario, defines))


def check(scenarios: Sequence[Scenario], removals: Sequence[Removal], workers: int) -> list[Line]:
    """Run all of them, at most ``workers`` at a time, and return a line for each in this order."""
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(intact, scenario) for scenario in scenarios]
        jobs += [pool.submit(broken, removal, invariant) for removal in removals for invariant in removal.breaks]
        return [job.result() for job in jobs]


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Lay the lines out as a table in Markdown."""
    yield "| rule removed | scenario | states | seconds | result | as it must be |"
    yield "|---|---|---:|---:|---|---|"
    for line in lines:
        found = line.outcome
        if found.broken is None:
            result = "no run without end" if line.scenario.cycles else "all hold"
            result += ", sampled" if line.scenario.sampled else ", hashed" if line.scenario.hashed else ""
        elif found.broken:
            result = f"breaks {found.broken}: {INVARIANTS[found.broken]}"
        else:
            result = f"failed: {found.said}"
        cells = (line.name or "-", line.scenario.name, f"{found.states:,}", f"{found.seconds:.1f}", result)
        yield f"| {' | '.join(cells)} | {'yes' if line.is_right else 'NO'} |"


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m model.check", description="Check the model of delivery by spin.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", action="store_true", help="every state of the small scenarios (the default)")
    size.add_argument("--large", action="store_true", help="more devices and faults: minutes, and gigabytes")
    rules = [removal.rule for removal in REMOVALS]
    parser.add_argument("--without", choices=rules, metavar="RULE", help=f"only without a rule: {', '.join(rules)}")
    parser.add_argument("--all", action="store_true", help="the scenarios, then every rule removed in turn")
    parser.add_argument("--report", type=Path, help="write the table into this file, with what its words mean")
    return parser.parse_args(arguments)


REPORT: Final = """# The model of delivery, checked

Made by `python -m model.check --large --all`. {machine}. The model, its rules and its invariants are explained in
[model/README.md](../../model/README.md); the small scenarios run with the tests.

A line with *all hold* alone was visited whole, each state kept as it is. *Hashed*: visited whole as well, but of each
state a hash of {hash_bits} bits was kept, so that with a chance below one in 10^12 some state was taken for another.
*Sampled*: states were hashed to single bits, and the search stopped after some minutes; such a line can find a fault,
not rule one out. *two* and *three* are messages from one sender to one recipient; *n x m*: n senders, m recipients.

{rows}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, print the table, and say by the exit code whether it is right."""
    asked = options(arguments)
    missing = missing_tools()
    if missing:
        sys.stderr.write(f"Not installed: {', '.join(missing)}. On Debian: apt-get install {' '.join(missing)}\n")
        return 1
    removals = [r for r in REMOVALS if asked.all or r.rule == asked.without]
    scenarios: tuple[Scenario, ...] = () if asked.without else LARGE if asked.large else SMALL
    workers = 1 if asked.large else os.cpu_count() or 1  # the large ones need the memory for themselves
    lines = check(scenarios, removals, workers)
    rows = "".join(f"{row}\n" for row in table(lines))
    sys.stdout.write(rows)
    if asked.report:
        asked.report.write_text(REPORT.format(machine=machine(), hash_bits=8 * HASH_BYTES, rows=rows), "utf-8")
    return 0 if all(line.is_right for line in lines) else 1


if __name__ == "__main__":
    raise SystemExit(main())
