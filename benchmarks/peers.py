"""Our broker beside Mosquitto, NATS JetStream, RabbitMQ, Prosody and a bare ROUTER, in one run on one machine.

    python -m benchmarks.peers [--seconds 5] [--only ours,nats] [--report docs/performance.md]

Each server runs alone, on loopback, from a fresh folder, with its default durability (the report says which); those
that can promise what we do are there a second time. All senders are one process, all receivers another, in C where they
can be built (``benchmarks/clients.py``) and in Python, whichever gets more out of a server; a message counts when its
sender was answered and its receiver has it and acknowledged it. Latency is measured at half of the rate that server
reached. What is missing is named and skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from benchmarks import clients, plots
from benchmarks.figures import between, machine, replaced
from benchmarks.figures import table as markdown
from benchmarks.rivals import KEYS, rival
from benchmarks.rivals.common import Server, cpu_s, rss_mib
from benchmarks.rivals.load import MAX_PAIRS

ROOT = Path(__file__).resolve().parent.parent
MARK = "benchmarks.peers"
BEGIN, END = between(MARK)
WARM_UP_S = 1.0
QUICK_WARM_UP_S = 0.2
READY_S = 60
SYNCS = 200
STALLS_S = 3.0
SPIN = """
import os, sys, time
end, lost, longest = time.perf_counter() + float(sys.argv[1]), 0.0, 0.0
os.sched_setaffinity(0, [int(sys.argv[2])])
before = time.perf_counter()
while before < end:
    now = time.perf_counter()
    if now - before > 0.001:
        lost, longest = lost + now - before, max(longest, now - before)
    before = now
print(lost, longest)
"""
"""Run on one core: seconds lost in gaps, and the longest."""
LEAST_TIMES = {"nats": 1.5, "nats_durable": 1.5, "rabbitmq": 4.0, "mosquitto": 3.0, "prosody": 5.0}
MOST_CPU_US, MOST_DELIVERED_MS, MOST_ACCEPTED_MS = 12.0, 8.0, 15.0
"""The figures asked for, at 256 bytes and one pair."""
HEAD = [
    "server",
    "msg/s",
    "us / it",
    "server CPU µs/msg",
    "× ours",
    "server cores",
    "client",
    "its CPU µs/msg",
    "delivered p50 ms",
    "p99",
    "accepted p50 ms",
    "p99",
    "RSS MiB",
]


@dataclass(frozen=True, slots=True)
class Load:
    """One row's load: body size in bytes, how many pairs talk, and how fast, when that is the same for everybody."""

    size: int
    pairs: int
    rate: float = 0.0

    @property
    def title(self) -> str:
        offered = f", {self.rate:,.0f}/s to each server" if self.rate else ""
        return f"{self.size} bytes, {self.pairs} pair{'s' if self.pairs > 1 else ''}{offered}"


@dataclass(frozen=True, slots=True)
class Result:
    """What one server did under one load. Times in ms, CPU in µs a message, latencies (p50, p99)."""

    rate: float
    cpu_us: float
    cores: float
    client: str
    """The language of the load client that did better here."""
    client_us: float
    rss: float
    delivered: tuple[float | None, float | None]
    accepted: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Counts of one stretch of load, of both processes, and what the server spent."""

    sender: dict
    receiver: dict
    elapsed_s: float
    cpu_s: float
    rss: float

    @property
    def messages(self) -> int:
        """Answered and taken: the smaller of the two."""
        return max(1, min(self.sender["count"], self.receiver["count"]))

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.elapsed_s


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, what, and who."""

    seconds: float
    warm_up_s: float
    loads: tuple[Load, ...]
    keys: tuple[str, ...]
    rounds: int = 1
    """Flat out, then at half of that, so often: one stretch of two seconds is at the mercy of one gap of the machine,
    and half of what it did minutes ago may be all that it does now."""
    in_c: bool = True
    """Load clients in C, where they can be built."""
    pause_s: float = 0.0


EQUAL_PER_S = 5_000.0
"""What the slowest of them can take as well: only at one rate do latencies compare."""
FULL = (Load(256, 1), Load(256, 20), Load(4096, 1), Load(4096, 20), Load(256, 1, EQUAL_PER_S))
QUICK = Plan(0.5, QUICK_WARM_UP_S, FULL[:1], ("ours", "bare"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each stretch, after a second of warm-up")
    parser.add_argument("--rounds", type=int, default=3, help="flat out and at half of that this often; medians count")
    parser.add_argument("--only", default=",".join(KEYS), help=f"some of {','.join(KEYS)}")
    parser.add_argument(
        "--quick", action="store_true", help="our broker and the bare ROUTER, half a second: a smoke test"
    )
    parser.add_argument(
        "--pause", type=float, default=0.0, help="rest before each stretch, where others use the machine"
    )
    parser.add_argument("--python-clients", action="store_true", help="do not build the load clients in C")
    parser.add_argument("--report", type=Path, help="put the tables between the markers of this file, plots beside it")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    keys = tuple(key for key in KEYS if key in chosen.only.split(","))
    full = Plan(chosen.seconds, WARM_UP_S, FULL, keys, max(1, chosen.rounds), not chosen.python_clients, chosen.pause)
    plan = QUICK if chosen.quick else full
    busy = os.getloadavg()[0]
    names, results, notes = compare(plan)
    text = report(plan, busy, names, results, notes)
    print(text)
    if chosen.report:
        publish(chosen.report, plan, text, names, results)


def compare(plan: Plan) -> tuple[dict[str, str], dict[tuple[str, Load], Result], list[str]]:
    """Every server under every load: names by key, results, and the notes of the report."""
    names, results, notes = {}, {}, []
    for key in plan.keys:
        module = rival(key)
        if reason := module.missing():
            notes.append(f"- **{module.NAME}** was skipped: {reason}.")
            continue
        say(f"{module.NAME} ...")
        try:
            version, client = one(key, plan, results)
        except (RuntimeError, OSError) as error:
            notes.append(f"- **{module.NAME}** was skipped: it failed ({str(error).splitlines()[0]}).")
            say(str(error))
            continue
        names[key] = module.NAME
        notes.append(f"- **{module.NAME}** {version}. Durability: {module.DURABILITY}. Client: {client}.")
    return names, results, notes


def one(key: str, plan: Plan, results: dict[tuple[str, Load], Result]) -> tuple[str, str]:
    """One server under every load: its version, and what the client was."""
    tags = count()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")))
        )
        server = stack.enter_context(rival(key).running(folder))
        kinds = [replace(server, client=built)] if plan.in_c and (built := clients.build(key, folder)) else []
        kinds.append(server)
        for load in plan.loads:
            some = kinds[:1] if load.rate else kinds  # at a rate that all reach, there is no better client
            tries = [(run(key, kind, load, plan, folder, f"t{next(tags)}", load.rate), kind) for kind in some]
            first, best = max(tries, key=lambda it: it[0].rate)
            offered, halves = [first], []
            for number in range(plan.rounds):
                if number:
                    offered.append(run(key, best, load, plan, folder, f"t{next(tags)}", load.rate))
                if not load.rate:
                    halves.append(run(key, best, load, plan, folder, f"t{next(tags)}", offered[-1].rate / 2))
            flat, timed = sorted(offered, key=lambda it: it.rate)[plan.rounds // 2], halves or offered
            results[key, load] = Result(
                rate=flat.rate,
                cpu_us=flat.cpu_s / flat.messages * 1e6,
                cores=flat.cpu_s / flat.elapsed_s,
                client="C" if best.client else "Python",
                client_us=(flat.sender["cpu_s"] + flat.receiver["cpu_s"]) / flat.messages * 1e6,
                rss=flat.rss,
                delivered=medians([stretch.receiver for stretch in timed]),
                accepted=medians([stretch.sender for stretch in timed]),
            )
            say(f"  {load.title}: {flat.rate:,.0f}/s, {results[key, load].client}")
        words = f"{clients.words(key)}; and in Python: {rival(key).CLIENT}" if len(kinds) > 1 else rival(key).CLIENT
        return server.version, words


def medians(several: list[dict]) -> tuple[float | None, float | None]:
    """The middle of several p50 and of several p99, each by itself; None where one of them is missing."""
    return _median([figures["p50"] for figures in several]), _median([figures["p99"] for figures in several])


def _median(found: list[float | None]) -> float | None:
    known = [value for value in found if value is not None]
    return statistics.median(known) if len(known) == len(found) else None


def run(key: str, server: Server, load: Load, plan: Plan, folder: Path, tag: str, rate: float) -> Run:
    """One stretch: receivers enter, then senders, both count between the same two times."""
    time.sleep(plan.pause_s)
    with ExitStack() as stack:
        command = command_of(key, server, load, folder, tag, rate)
        receiver = stack.enter_context(Worker("receive", command))
        sender = stack.enter_context(Worker("send", command))
        begin = time.monotonic() + plan.warm_up_s
        end = begin + plan.seconds
        for worker in (receiver, sender):
            worker.tell(begin, end)
        time.sleep(max(0.0, begin - time.monotonic()))
        before, since = cpu_s(server.pid), time.monotonic()
        time.sleep(max(0.0, end - time.monotonic()))
        used, elapsed, rss = cpu_s(server.pid) - before, time.monotonic() - since, rss_mib(server.pid)
        return Run(sender.figures(), receiver.figures(), elapsed, used, rss)


def command_of(key: str, server: Server, load: Load, folder: Path, tag: str, rate: float) -> Callable[[str], list[str]]:
    """How a process of load is started, by its role."""
    board = folder / f"board-{tag}"
    board.write_bytes(bytes(MAX_PAIRS * 8))
    numbers = [str(load.pairs), str(load.size), str(rate)]
    if server.client is not None:
        facts = clients.facts_for(key, server, tag, load.pairs).write(folder / f"facts-{tag}")
        return lambda role: [str(server.client), role, str(facts), str(board), tag, *numbers]
    options = ["--facts", json.dumps(server.facts), "--board", str(board), "--tag", tag]
    options += [part for pair in zip(("--pairs", "--size", "--rate"), numbers, strict=True) for part in pair]
    return lambda role: [sys.executable, "-m", "benchmarks.rivals.load", role, key, *options]


class Worker:
    """A process of load."""

    def __init__(self, role: str, command: Callable[[str], list[str]]) -> None:
        self.role, self.command = role, command(role)

    def __enter__(self) -> Worker:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self.process.stdout.readline() != "in\n":
            self.fail()
        return self

    def tell(self, begin: float, end: float) -> None:
        self.process.stdin.write(f"{begin} {end}\n")
        self.process.stdin.flush()

    def figures(self) -> dict:
        out, words = self.process.communicate(timeout=READY_S)
        if self.process.returncode:
            self.fail(words)
        return json.loads(out)

    def fail(self, words: str = "") -> None:
        self.process.kill()
        if not self.process.stderr.closed:
            words += self.process.stderr.read()
        raise RuntimeError(f"the load client could not {self.role}\n{words[-2000:]}")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def disk_sync_ms(folder: str | None = None) -> tuple[float, float]:
    """The disk's own fdatasync after 4 KiB, without any server: (p50, p99)."""
    took = []
    with tempfile.NamedTemporaryFile(dir=folder or os.environ.get("BENCH_DIR")) as file:
        for _ in range(SYNCS):
            os.write(file.fileno(), bytes(4096))
            since = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - since) * 1000)
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def stalls(seconds: float = STALLS_S) -> tuple[float, float]:
    """What the machine itself takes from a program: on each core one does nothing but look at the clock.

    Returns:
        the largest share of a core's time that went in gaps of over 1 ms, and the longest gap in ms.
    """
    found = []
    spin = [sys.executable, "-c", SPIN, str(seconds)]
    running = [subprocess.Popen([*spin, str(core)], stdout=subprocess.PIPE) for core in os.sched_getaffinity(0)]
    for process in running:
        lost, longest = map(float, process.communicate()[0].split())
        found.append((lost / seconds, longest * 1000))
    return max(share for share, _ in found), max(longest for _, longest in found)


# --- the report ----------------------------------------------------------------------------------------------


def report(
    plan: Plan, busy: float, names: dict[str, str], results: dict[tuple[str, Load], Result], notes: list[str]
) -> str:
    p50, p99 = disk_sync_ms()
    share, longest = stalls()
    intro = [
        f"{machine()}. {plan.seconds:g} s after {plan.warm_up_s:g} s of warm-up per figure, "
        f"the median of {plan.rounds} such stretches. "
        f"Load average of the machine before it began: {busy:.1f} (others' work slows everyone here, unevenly); "
        f"priority of everything in this run: nice {os.nice(0)}. "
        f"The disk's own fdatasync of 4 KiB: p50 {p50:.2f} ms, p99 {p99:.2f} ms. "
        f"A program that only looks at the clock, one on each core, loses {share:.1%} of its time in gaps of over "
        f"1 ms, the longest of {longest:.0f} ms: where that is about a percent, no p99 is below those gaps.",
        "",
        "Server and load share the cores, so the figure to compare is the server's CPU per message; msg/s is what came "
        "of it here. Each server is loaded by a client in C, over the library that Debian has for it, and by one in "
        "Python that writes many messages at once; a row is of the one that got more out of it. A message counts when "
        "its sender was answered and its receiver has acknowledged it. Latencies are at half of what the stretch just "
        "before theirs reached, in the last table at one rate for all, from the moment a message was due. `us / it` is "
        "our rate by theirs.",
        "",
        *notes,
    ]
    tables = [goals(results)] if ("ours", FULL[0]) in results else []
    tables += [markdown(load.title, HEAD, list(rows(load, names, results))) for load in plan.loads]
    return "\n".join(intro) + "\n" + "".join(tables)


def goals(results: dict[tuple[str, Load], Result]) -> str:
    """What was asked of one pair at 256 bytes, and what came of it."""
    load = FULL[0]
    ours = results["ours", load]
    asked = [
        ("broker CPU a message, µs", f"≤ {MOST_CPU_US:g}", f"{ours.cpu_us:.1f}"),
        ("p99 delivered at half load, ms", f"≤ {MOST_DELIVERED_MS:g}", ms_of(ours.delivered[1])),
        ("p99 accepted at half load, ms", f"≤ {MOST_ACCEPTED_MS:g}", ms_of(ours.accepted[1])),
    ]
    for key, times in LEAST_TIMES.items():
        if (it := results.get((key, load))) is not None:
            found = f"{ours.rate / it.rate:.1f} (by CPU a message: {it.cpu_us / ours.cpu_us:.1f})"
            asked.append((f"our rate by that of {rival(key).NAME}", f"≥ {times:g}", found))
    return markdown("What was asked, at 256 bytes and 1 pair", ["what", "asked", "found"], [list(row) for row in asked])


def ms_of(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.1f}"


def rows(load: Load, names: dict[str, str], results: dict[tuple[str, Load], Result]) -> Iterator[list[str]]:
    ours = results.get(("ours", load))
    for key, name in names.items():
        if (it := results.get((key, load))) is None:
            continue
        yield [
            name,
            f"{it.rate:,.0f}",
            f"{ours.rate / it.rate:.1f}" if ours else "-",
            f"{it.cpu_us:.1f}",
            f"{it.cpu_us / ours.cpu_us:.1f}" if ours and ours.cpu_us else "-",
            f"{it.cores:.2f}",
            it.client,
            f"{it.client_us:.1f}",
            *(ms_of(ms) for ms in (*it.delivered, *it.accepted)),
            f"{it.rss:.0f}",
        ]


def publish(file: Path, plan: Plan, text: str, names: dict[str, str], results: dict[tuple[str, Load], Result]) -> None:
    """Put text and plots into ``file``, between its markers; everything else stays."""
    pictures = file.parent / "plots"
    pictures.mkdir(exist_ok=True)
    links = []
    for what, title in (("rate", "messages a second"), ("cpu_us", "server CPU, µs a message")):
        groups = {
            load.title: [(names[key], getattr(results[key, load], what)) for key in names if (key, load) in results]
            for load in plan.loads
            if not load.rate
        }
        (pictures / f"beside-{what}.svg").write_text(plots.bars(title, groups))
        links.append(f"![{title}](plots/beside-{what}.svg)")
    command = f"Made by `python -m benchmarks.peers {' '.join(sys.argv[1:])}`."
    body = f"{command}\n\n{text}\n" + "\n\n".join(links)
    file.write_text(replaced(file.read_text() if file.exists() else "# Performance\n", MARK, body, "Beside others"))


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
