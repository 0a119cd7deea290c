"""The window over a long history: how soon it can be used, how soon a conversation and a new message stand in it.

    python -m benchmarks.desktop [--messages 100000] [--count 20] [--starts 5]

Alice's database is the usual encrypted one, filled beforehand: four of five messages with bob, the rest with twenty
others. ``peer.py --name alice --gui`` runs as a process with the default key derivation (Argon2id, 64 MiB, 3 passes),
on a screen of its own where Xvfb is installed, else offscreen. A start counts from before the process is made until the
list of conversations is painted and the keyboard is answered. A switch counts from opening a conversation until its
last page is painted; it goes back and forth between bob's and the others'. An arrival counts from the moment bob's own
process is told to send until the window has painted it: encryption, two fsyncs, the broker and the network are in it;
the append alone is from the moment the window is given the event.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count as numbers
from typing import Any

from benchmarks.figures import table
from benchmarks.load.window import BEGAN
from benchmarks.screen import DEFAULTS, old_friends, spread
from sealwire.testing.processes import ROOT, JsonPeer, Stage
from tests.conftest import PEOPLE

START_S, SWITCH_S, APPEND_S = 1.5, 0.1, 0.05
NUMBERS = numbers()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=20, help="switches, and messages that arrive, for each start")
    parser.add_argument("--starts", type=int, default=5)
    chosen = parser.parse_args()
    with Stage(people=PEOPLE, **DEFAULTS) as stage, display() as environment:
        bob = old_friends(stage, chosen.messages)
        found = [measured(stage, environment, bob, chosen.count) for _ in range(chosen.starts)]
    said = {key: [value for one in found for value in one[key]] for key in found[0]}
    rows = [
        ["start to usable", *spread(said["start"]), ratio(said["start"], START_S, "1.5 s")],
        ["CPU of the process until then", *spread(said["start_cpu"]), ratio(said["start_cpu"], START_S, "1.5 s")],
        ["switch of conversation, painted", *spread(said["switch"]), ratio(said["switch"], SWITCH_S, "100 ms")],
        ["CPU of a switch", *spread(said["switch_cpu"]), ratio(said["switch_cpu"], SWITCH_S, "100 ms")],
        ["append: event to painted", *spread(said["append"]), ratio(said["append"], APPEND_S, "50 ms")],
        ["bob's process sends, to painted", *spread(said["arrival"]), ""],
        ["CPU of alice's process for one of these", *spread(said["arrival_cpu"]), ""],
    ]
    print(table(f"The window with {chosen.messages:,} messages", ["what", "median ms", "max ms", "ratio"], rows))


def ratio(values: list[float], goal_s: float, words: str) -> str:
    """How much of what is allowed."""
    return f"{statistics.median(values) / goal_s:.2f} of {words}"


@contextmanager
def display() -> Iterator[dict[str, str]]:
    """Where the window is shown."""
    if shutil.which("Xvfb") is None:
        with nullcontext():
            yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    from scripts.screenshots import screen

    with screen() as name:
        yield {"QT_QPA_PLATFORM": "xcb", "DISPLAY": name}


def measured(stage: Stage, environment: dict[str, str], bob: JsonPeer, count: int) -> dict[str, list[float]]:
    """One start and what follows, in seconds."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load.window", *stage.peer_flags, "--name", "alice", "--gui"],
        cwd=ROOT,
        env={**stage.environment, **environment, BEGAN: str(time.monotonic())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def ask(**question: Any) -> None:
        assert child.stdin is not None
        child.stdin.write(json.dumps(question) + "\n")
        child.stdin.flush()

    def answer() -> dict[str, float]:
        assert child.stdout is not None
        said: dict[str, float] = json.loads(child.stdout.readline())
        return said

    found: dict[str, list[float]] = {
        key: [] for key in ("start", "start_cpu", "switch", "switch_cpu", "append", "arrival", "arrival_cpu")
    }
    try:
        began = answer()
        found["start"].append(began["took"])
        found["start_cpu"].append(began["cpu"])
        for number in range(count):
            ask(open=f"person{number:02}" if number % 2 else "bob")
            said = answer()
            found["switch"].append(said["took"])
            found["switch_cpu"].append(said["cpu"])
        ask(open="bob")
        answer()
        for _number in range(count):
            text = f"arrival{next(NUMBERS)}x"
            ask(wait=text)
            answer()
            told = time.monotonic()
            bob.request("send", to="alice", text=text)
            said = answer()
            found["arrival"].append(said["at"] - told)
            found["append"].append(said["took"])
            found["arrival_cpu"].append(said["cpu"])
        child.stdin.close()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    return found


if __name__ == "__main__":
    main()
