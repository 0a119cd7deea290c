"""Files: one from alice to the broker and from there to bob, through real processes, while the two go on talking.

    python -m benchmarks.files [--mib 256] [--times 3] [--report docs/performance.md]

Alice and bob are ``peer.py --json`` processes, the broker is ``broker.py``; everything runs on this machine over
loopback with CURVE, each chunk sealed, and fsync at the broker and at bob. *Sent*: from the request until the broker
has the file for good. *Fetched*: from the request until bob has it verified, synced and under its name. Meanwhile alice
says something to bob, 25 times a second at most; its time counts from the request written to alice until bob has
written it out; the first row is the same talk while no file moves. Memory is the most that was seen above what stood
before the first file. On a machine with other work CPU time is what to compare.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import replaced, table
from sealwire.testing.processes import JsonPeer, Process, Stage

ASKED_MB_S: Final = 60.0
ASKED_P99_MS: Final = 50.0
EVERY_S: Final = 0.04
LOOK_S: Final = 0.05
ALONE_S: Final = 4.0
"""Of talk without a file."""
PATIENCE_S: Final = 600.0
MB: Final = 1_000_000
MIB: Final = 1 << 20
UNLIMITED: Final = {
    "SEALWIRE_LIMITS__BLOB_BYTES_PER_S": "64 GiB",
    "SEALWIRE_LIMITS__BLOB_QUOTA_BYTES": "64 GiB",
    "SEALWIRE_LIMITS__BLOB_FILE_BYTES": "16 GiB",
    "SEALWIRE_LIMITS__BLOB_KEEP_FREE_BYTES": "0",
}


class Move(NamedTuple):
    """One file in one direction."""

    what: str
    seconds: float
    cpu_s: dict[str, float]
    talk_ms: list[float]


class Talk:
    """Alice says something, bob hears it: how long each took."""

    def __init__(self, alice: JsonPeer, bob: JsonPeer) -> None:
        self._alice, self._bob = alice, bob
        self.times_ms: list[float] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._is_over.wait(max(0.0, due - time.perf_counter())):
            began = time.perf_counter()
            self._alice.write_later(
                b'{"jsonrpc": "2.0", "id": 1, "method": "send", "params": {"to": "bob", "text": "still here"}}\n'
            )
            while self._bob.wait_for("message").get("kind") == "file":
                pass
            self.times_ms.append((time.perf_counter() - began) * 1000)
            due = max(due + EVERY_S, time.perf_counter())

    def stop(self) -> list[float]:
        """End; returns all times."""
        self._is_over.set()
        self._thread.join()
        return self.times_ms


class Watch:
    """The most memory each process had."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self._before = {one.name: one.rss_bytes() for one in processes}
        self._most = dict(self._before)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while all(one.child.poll() is None for one in self._processes):
            for one in self._processes:
                try:
                    self._most[one.name] = max(self._most[one.name], one.rss_bytes())
                except OSError:  # it has just ended
                    return
            time.sleep(LOOK_S)

    def growth_mib(self) -> dict[str, float]:
        """By process."""
        return {name: (most - self._before[name]) / MIB for name, most in self._most.items()}


@contextmanager
def house() -> Iterator[tuple[Stage, JsonPeer, JsonPeer]]:
    """A broker, and two who know each other."""
    with Stage(**UNLIMITED) as stage:
        alice, bob = stage.peer("alice"), stage.peer("bob")
        alice.wait_for("ready")
        bob.wait_for("ready")
        alice.request("send", to="bob", text="warm up", wait="delivered")
        bob.wait_for("message")
        yield stage, alice, bob


def measured(stage: Stage, alice: JsonPeer, bob: JsonPeer, what: str, do: Callable[[], object]) -> Move:
    """Do something while the two talk."""
    talk = Talk(alice, bob)
    cpu_s = {one.name: one.cpu_s() for one in stage.processes}
    began = time.perf_counter()
    do()
    seconds = time.perf_counter() - began
    spent_s = {one.name: one.cpu_s() - cpu_s[one.name] for one in stage.processes}
    return Move(what, seconds, spent_s, talk.stop())


def moves(stage: Stage, alice: JsonPeer, bob: JsonPeer, source: Path, times: int) -> list[Move]:
    """The same file, each time another blob under other keys."""
    found = [measured(stage, alice, bob, "alone", lambda: time.sleep(ALONE_S))]
    for n in range(times):
        sent: dict[str, str] = {}

        def send(sent: dict[str, str] = sent) -> None:
            answer = alice.request(
                "file.send", patience_s=PATIENCE_S, to="bob", path=str(source), wait="sent", timeout=PATIENCE_S
            )
            sent.update(answer["result"])

        def fetch(sent: dict[str, str] = sent, target: Path = source.with_name(f"got-{n}")) -> None:
            answer = bob.request("file.fetch", patience_s=PATIENCE_S, id=sent["id"], path=str(target))
            assert answer["result"]["state"] == "done", answer

        found.append(measured(stage, alice, bob, "sent", send))
        while bob.request("file.list", conversation="alice")["result"]["messages"][-1]["id"] != sent["id"]:
            time.sleep(LOOK_S)
        found.append(measured(stage, alice, bob, "fetched", fetch))
        assert _same(source, source.with_name(f"got-{n}"))
        source.with_name(f"got-{n}").unlink()
    return found


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(MIB), right.read(MIB)
            if a != b:
                return False
            if not a:
                return True


def rows(found: list[Move], size: int) -> list[list[str]]:
    """One row for each file and direction, and what all of one direction come to."""
    (alone,) = [move for move in found if move.what == "alone"]
    lines = [["no file", *"-----", *_talk(alone.talk_ms)]]
    for what in ("sent", "fetched"):
        chosen = [move for move in found if move.what == what]
        lines += [_row(f"{what} {n}", [move], size) for n, move in enumerate(chosen, 1)]
        if len(chosen) > 1:
            lines.append(_row(f"{what}, median", chosen, size))
    return lines


def _row(name: str, chosen: list[Move], size: int) -> list[str]:
    rate = statistics.median(size / move.seconds / MB for move in chosen)
    cpu = [statistics.median(m.cpu_s[who] for m in chosen) / size * MB * 1000 for who in ("broker", "alice", "bob")]
    talk = _talk([ms for move in chosen for ms in move.talk_ms])
    return [name, f"{rate:.0f}", f"{rate / ASKED_MB_S:.2f}", *(f"{ms:.1f}" for ms in cpu), *talk]


def _talk(times_ms: list[float]) -> list[str]:
    """Number, median, the 99th of 100, and that by what is asked for."""
    times = sorted(times_ms)
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)]
    return [f"{len(times)}", f"{statistics.median(times):.1f}", f"{p99:.1f}", f"{p99 / ASKED_P99_MS:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256, help="size of the file (default 256)")
    parser.add_argument("--times", type=int, default=3, help="how often (default 3)")
    parser.add_argument("--report", type=Path, help="document to put the tables into")
    options = parser.parse_args()
    size = options.mib * MIB
    with house() as (stage, alice, bob):
        source = stage.path / "source"
        with source.open("wb") as file:
            for _ in range(options.mib):
                file.write(os.urandom(MIB))
        watch = Watch(stage.processes)
        found = moves(stage, alice, bob, source, options.times)
        growth = watch.growth_mib()
    load = f"load average of the machine at the end: {os.getloadavg()[0]:.1f}"
    head = ["file", "MB/s", "of 60", "broker CPU ms/MB", "alice", "bob", "messages", "p50 ms", "p99 ms", "of 50"]
    tables = table(f"A file of {options.mib} MiB, {load}", head, rows(found, size))
    tables += table(
        f"Memory above what stood before, {options.times} files of {options.mib} MiB each way",
        ["process", "most, MiB"],
        [[name, f"{mib:.1f}"] for name, mib in growth.items()],
    )
    print(tables)
    if options.report:
        command = f"`python -m benchmarks.files --mib {options.mib} --times {options.times}`"
        old = options.report.read_text("utf-8") if options.report.exists() else ""
        body = f"Made by {command}.\n{tables}"
        options.report.write_text(replaced(old, "benchmarks.files", body, "Files"), "utf-8")


if __name__ == "__main__":
    main()
