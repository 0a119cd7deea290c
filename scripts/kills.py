"""kill -9 at random, under load: the broker, and now and then a peer, while three people write to each other.

    python -m scripts.kills [--kills 500] [--waiting 100000] [--seed 1] [--report docs/reports/kills.md]

All the while many messages wait for a device that is away, so that each restart has them to read. Every client keeps a
synced log of its own; at the end everything comes to rest and one checker judges all logs. Exit 1 when anything was
lost, shown twice, never sent or reordered, or when the broker as a rule takes more than two seconds to serve again.
"""

from __future__ import annotations

import argparse
import itertools
import queue
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.backlog import fill
from benchmarks.figures import machine
from sealwire.broker.keyfiles import read_public
from sealwire.testing.checker import Log, Verdict, judge
from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE
from tests.unit.broker.raw_peer import RawPeer, member

NAMES = tuple(PEOPLE)
PEER_EVERY = 10
"""One kill in so many hits a peer instead of the broker."""
REST_S = 120.0
SERVING_S = 2.0
"""The broker must serve again within this, the median of all kills."""
ROOMY = {
    "SEALWIRE_PEER__READ_RECEIPTS": "off",
    "SEALWIRE_LIMITS__QUOTA_MESSAGES": "1000000",
    "SEALWIRE_LIMITS__QUOTA_BYTES": str(1 << 30),
    "SEALWIRE_LIMITS__SENDER_SHARE": "1.0",
    "SEALWIRE_LIMITS__ACCOUNT_UNITS_PER_S": "1000000",
    "SEALWIRE_LIMITS__ACCOUNT_UNITS_BURST": "10000000",
}


@dataclass(frozen=True, slots=True)
class Start:
    """How a broker began again after a kill.

    Attributes:
        seconds: on the clock, from making the process until it says that it is ready.
        cpu_s: its own work until then; the rest it waited, for a core or the disk.
        log_mib: what the one before left in its write-ahead log, to be checked and written back first.
    """

    seconds: float
    cpu_s: float
    log_mib: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s: {self.cpu_s:.2f} s of CPU, {self.log_mib:.0f} MiB of log"


class Client:
    """Keeps one person's peer process alive and logs what it does."""

    def __init__(self, stage: Stage, name: str, folder: Path) -> None:
        self.stage, self.name = stage, name
        self.log = Log(folder / f"{name}.log")
        self.guard = threading.Lock()
        self.known: set[str] = set()
        self.said_at: dict[str, float] = {}
        self.seen_at: dict[str, float] = {}
        """Monotonic times, by text."""
        self.start()

    def start(self) -> None:
        self.peer = JsonPeer(self.stage, self.name)
        self.stage.processes.append(self.peer)
        works = (self._messages, self._deliveries)
        self.threads = [threading.Thread(target=work, args=(self.peer,), daemon=True) for work in works]
        for thread in self.threads:
            thread.start()
        self.peer.wait_for("ready")

    def kill(self) -> None:
        self.peer.kill()
        self.stage.processes.remove(self.peer)
        self.peer.stop()
        for thread in self.threads:
            thread.join()
        self.start()

    def leave(self) -> None:
        """The end: nothing is written any more when the log closes."""
        self.peer.kill()
        for thread in self.threads:
            thread.join()
        self.log.close()

    def say(self, to: str, number: int) -> None:
        peer, text = self.peer, f"{self.name} {number}"
        with self.guard:
            self.log.write("tried", self.name, to, "", text)
            self.said_at[text] = time.monotonic()
        try:
            answer = peer.request("send", to=to, text=text, patience_s=15)
        except (queue.Empty, ValueError, OSError):
            return  # killed before it answered: durable or not, both are right
        if "result" in answer:
            with self.guard:
                self.log.write("sent", self.name, to, answer["result"]["id"])

    def _messages(self, peer: JsonPeer) -> None:
        earlier = frozenset(self.known)
        for event in all_of(peer, "message"):
            with self.guard:
                if event["id"] not in earlier:  # a process killed before it marked a message tells it again
                    self.known.add(event["id"])
                    self.seen_at[event["text"]] = time.monotonic()
                    self.log.write("shown", self.name, event["from"], event["id"], event["text"])

    def _deliveries(self, peer: JsonPeer) -> None:
        for event in all_of(peer, "delivery"):
            if event["state"] == "sent":
                with self.guard:
                    self.log.write("accepted", self.name, event["to"], event["id"])


def all_of(peer: JsonPeer, kind: str) -> Iterator[dict[str, Any]]:
    """Every event of a kind, to the last one the process wrote before it was killed."""
    while True:
        ended = peer.told_everything
        try:
            yield peer.wait_for(kind, 0.5)
        except queue.Empty:
            if ended:
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--waiting", type=int, default=100_000, help="messages for a device that is away")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    dice = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="sealwire-kills-") as name:
        folder = Path(name)
        verdict, serving = run(folder, chosen.kills, dice, chosen.waiting)
    report = describe(chosen.kills, chosen.waiting, chosen.seed, verdict, serving)
    print(report)
    if chosen.report:
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        chosen.report.write_text(report, "utf-8")
    return 0 if verdict.clean and statistics.median(one.seconds for one in serving) < SERVING_S else 1


def leave_waiting(stage: Stage, folder: Path, count: int) -> None:
    """Send ``count`` messages to a device that was here once."""
    curve = read_public(folder / "keys" / "broker.pub")
    away, writer = (RawPeer(stage.address, curve, member(name, curve)) for name in ("away", "writer"))
    for peer in (away, writer):
        peer.login()
    away.close()
    fill(writer, away.mailbox, count)
    writer.close()


def run(folder: Path, kills: int, dice: random.Random, waiting: int = 0) -> tuple[Verdict, list[Start]]:
    """Kill ``kills`` times under load; returns the verdict and how each broker began again."""
    with Stage(folder, people=PEOPLE, **ROOMY) as stage:
        leave_waiting(stage, folder, waiting)
        clients = [Client(stage, name, folder) for name in NAMES]
        done = threading.Event()
        writers = [threading.Thread(target=_write, args=(client, done), daemon=True) for client in clients]
        for writer in writers:
            writer.start()
        serving = []
        for number in range(kills):
            time.sleep(dice.uniform(0.02, 0.8))
            if number % PEER_EVERY == PEER_EVERY - 1:
                dice.choice(clients).kill()
                continue
            stage.broker.kill()
            stage.processes.remove(stage.broker)
            stage.broker.stop()
            serving.append(begin_again(stage, folder))
        done.set()
        for writer in writers:
            writer.join()
        logs = [client.log.path for client in clients]
        ends = time.monotonic() + REST_S
        while not judge(logs).clean and time.monotonic() < ends:
            time.sleep(1)
        return judge(logs), serving


def begin_again(stage: Stage, folder: Path) -> Start:
    """Start the broker after a kill."""
    log = next(folder.rglob("broker.db-wal"), None)
    log_mib = 0.0 if log is None else log.stat().st_size / 2**20
    began = time.monotonic()
    stage.start_broker()
    return Start(time.monotonic() - began, stage.broker.cpu_s(), log_mib)


def _write(client: Client, done: threading.Event) -> None:
    others = itertools.cycle(name for name in NAMES if name != client.name)
    for number in itertools.count():
        if done.is_set():
            return
        client.say(next(others), number)


def describe(kills: int, waiting: int, seed: int, verdict: Verdict, serving: list[Start]) -> str:
    """The report, in Markdown."""
    seconds = sorted(start.seconds for start in serving)
    cpu = sorted(start.cpu_s for start in serving)
    rows = [
        ("kills", f"{kills} (one in {PEER_EVERY} a peer), seed {seed}"),
        *verdict.rows(),
        ("messages that waited for a device that was away", f"{waiting:,}"),
        (
            "broker serving again, median / p99 / max",
            f"{statistics.median(seconds):.2f} s / {seconds[len(seconds) * 99 // 100]:.2f} s / {seconds[-1]:.2f} s",
        ),
        ("its CPU until then, median / max", f"{statistics.median(cpu):.2f} s / {cpu[-1]:.2f} s"),
        ("the slowest start", f"{max(serving, key=lambda start: start.seconds)}"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    head = f"# kill -9 under load\n\n{machine()}, `python -m scripts.kills --kills {kills}`"
    return f"{head}\n\n| what | count |\n|---|---|\n{table}\n"


if __name__ == "__main__":
    sys.exit(main())
