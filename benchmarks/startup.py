"""Start-up: one-shot commands of a peer with an existing session, process start to exit, and the broker's start.

    python -m benchmarks.startup [--count 7]

``send`` ends when the broker has ACCEPTED the message. The default key derivation (Argon2id, 64 MiB, 3 passes) is on.
Then the same while a peer of that profile runs, which does the sending: no key derivation, no database, no login.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

from benchmarks.figures import table
from sealwire.testing.processes import Stage
from tests.conftest import PEOPLE

GOAL_S = 0.8
SERVED_GOAL_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=7)
    count = parser.parse_args().count
    defaults = {"SEALWIRE_PEER__KDF_MEMORY_MIB": "64", "SEALWIRE_PEER__KDF_PASSES": "3"}
    defaults["PYTHONDONTWRITEBYTECODE"] = ""  # people's Pythons keep what they compiled
    with Stage(people=PEOPLE, **defaults) as stage:
        for name in ("alice", "bob"):
            stage.run("--name", name, "status")
        for sender, recipient in (("alice", "bob"), ("bob", "alice")):
            stage.run("--name", sender, "send", recipient, "warm up")
        sends = [_timed(stage, "--name", "alice", "send", "bob", "hello") for _ in range(count)]
        histories = [_timed(stage, "--name", "alice", "history", "bob") for _ in range(count)]
        stage.peer("alice").wait_for("ready")
        served = [_timed(stage, "--name", "alice", "send", "bob", "hello") for _ in range(count)]
        served_cpu = [_cpu(stage, "--name", "alice", "send", "bob", "hello") for _ in range(count)]
        starts = []
        for _ in range(count):
            stage.broker.stop()
            start = time.perf_counter()
            stage.start_broker()
            starts.append(time.perf_counter() - start)
    rows = [
        ["peer.py send, to ACCEPTED", *_spread(sends), f"{statistics.median(sends) / GOAL_S:.2f} of the 0.8 s allowed"],
        [
            "the same through a running peer",
            *_spread(served),
            f"{statistics.median(served) / SERVED_GOAL_S:.2f} of the 0.5 s allowed",
        ],
        ["CPU of that command", *_spread(served_cpu), ""],
        ["peer.py history", *_spread(histories), ""],
        ["broker.py, to the ready line", *_spread(starts), ""],
    ]
    print(table("Start-up, seconds", ["what", "median", "max", "ratio"], rows))


def _timed(stage: Stage, *args: str) -> float:
    start = time.perf_counter()
    done = stage.run(*args)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - start


def _cpu(stage: Stage, *args: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _timed(stage, *args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _spread(times: list[float]) -> list[str]:
    return [f"{statistics.median(times):.2f}", f"{max(times):.2f}"]


if __name__ == "__main__":
    main()
