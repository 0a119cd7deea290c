"""The full screen over a long history: how soon it is there, and how soon a message that arrives stands on it.

    python -m benchmarks.screen [--messages 100000] [--count 20] [--starts 5]

Alice's database is the usual encrypted one, filled beforehand: four of five messages with bob, the rest with twenty
others. ``peer.py --name alice`` runs on a pseudo-terminal of 200 by 60, with the default key derivation (Argon2id,
64 MiB, 3 passes). A start counts from the process's first instruction until the list of conversations, an opening
from the key until the last message is drawn, an arrival from the moment bob's own process is told to send until
alice's terminal gets the text: encryption, two fsyncs, the broker and the network are in it.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from itertools import count as numbers
from struct import pack
from termios import TIOCSWINSZ

from benchmarks.figures import table
from sealwire.peer import keystore
from sealwire.peer.profile import Profile
from sealwire.peer.records import Details
from sealwire.peer.store import Store
from sealwire.testing.processes import ROOT, TICKS_PER_S, JsonPeer, Stage
from tests.conftest import PEOPLE

START_S, APPEND_S = 1.0, 0.05
DEFAULTS = {"SEALWIRE_PEER__KDF_MEMORY_MIB": "64", "SEALWIRE_PEER__KDF_PASSES": "3", "PYTHONDONTWRITEBYTECODE": ""}
PATIENCE_S = 30.0
CTRL_K, CTRL_Q = b"\x0b", b"\x11"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=20, help="messages that arrive")
    parser.add_argument("--starts", type=int, default=5)
    chosen = parser.parse_args()
    with Stage(people=PEOPLE, **DEFAULTS) as stage:
        bob = old_friends(stage, chosen.messages)
        lasts = ["a long friendship", *(arrival(start * chosen.count - 1) for start in range(1, chosen.starts))]
        figures = [measured(stage, bob, chosen.count, last) for last in lasts]
    starts, began, opens, arrivals, spent = zip(*figures, strict=True)
    every = [one for some in arrivals for one in some]
    rows = [
        ["start to the list of conversations", *spread(starts), f"{statistics.median(starts) / START_S:.2f} of 1 s"],
        ["CPU of alice's process until then", *spread(began), f"{statistics.median(began) / START_S:.2f} of 1 s"],
        ["Ctrl+K, bob, Enter: until his last message", *spread(opens), ""],
        [
            "bob sends: until alice's terminal has it",
            *spread(every),
            f"{statistics.median(every) / APPEND_S:.2f} of 50 ms",
        ],
        ["CPU of alice's process for one of these", *spread(spent), ""],
    ]
    print(table(f"The full screen with {chosen.messages:,} messages", ["what", "median ms", "max ms", "ratio"], rows))


def spread(times: Iterator[float] | list[float] | tuple[float, ...]) -> list[str]:
    """Median and largest, in milliseconds."""
    values = list(times)
    return [f"{statistics.median(values) * 1e3:.0f}", f"{max(values) * 1e3:.0f}"]


def old_friends(stage: Stage, messages: int) -> JsonPeer:
    """Let alice and bob know each other for long; returns bob, who is there."""
    for name in ("alice", "bob"):
        stage.run("--name", name, "status")
    for sender, recipient in (("alice", "bob"), ("bob", "alice")):
        stage.run("--name", sender, "send", recipient, "warm up")
    fill(stage, messages)
    bob = stage.peer("bob")
    bob.wait_for("ready")
    return bob


def fill(stage: Stage, messages: int) -> None:
    """Give alice a past."""
    profile = Profile("alice", "", None, "", None, stage.path / "keys", stage.path / "data" / "alice")
    store = Store(profile.database, keystore.open_keys(profile, b"").vault.subkey("store"))
    others = [f"person{number:02}" for number in range(20)]
    first_ms = time.time_ns() // 1_000_000 - messages * 60_000
    with store.transaction():
        for number in range(messages):
            place = others[number // 5 % len(others)] if number % 5 == 0 else "bob"
            mine = number % 3 == 0
            text = (
                f"Message number {number} of a long friendship, with enough words for a line or two of a narrow screen."
            )
            sender = "alice" if mine else place
            store.add_message(os.urandom(16), place, sender, mine, text, first_ms + number * 60_000, Details())
        store.put_read(2**40)
    while store.words_behind():
        with store.transaction():
            store.index_words()
    store.close()


def measured(stage: Stage, bob: JsonPeer, count: int, last: str) -> tuple[float, float, float, list[float], float]:
    """(start, CPU of it, opening, arrivals, CPU of an arrival), in seconds.

    Args:
        last: words of the newest message with bob.
    """
    with terminal(stage) as tty:
        start = tty.until("Ctrl+K", "person19", since=tty.began)
        began = tty.cpu_s()
        tty.press(CTRL_K)
        tty.until("Jump to a conversation")
        tty.press(b"bob")
        tty.until("bob")
        opened = time.perf_counter()
        tty.press(b"\r")
        tty.until(last)
        opening = time.perf_counter() - opened
        tty.quiet()
        arrivals, before = [], tty.cpu_s()
        for number in range(count):
            text = arrival(next(NUMBERS))
            told = time.perf_counter()
            bob.request("send", to="alice", text=text)
            arrivals.append(tty.until(text, since=told))
            if number % 2:
                tty.quiet()
        return start, began, opening, arrivals, (tty.cpu_s() - before) / count


NUMBERS = numbers()


def arrival(number: int) -> str:
    """The text of a message that arrives while alice looks."""
    return f"arrival{number}x"


class Tty:
    """A program on a pseudo-terminal that is read as fast as it writes."""

    def __init__(self, child: subprocess.Popen[bytes], master: int, began: float) -> None:
        self.child, self.began, self._master, self._shown = child, began, master, ""

    def press(self, keys: bytes) -> None:
        """Press keys; what was shown before does not count any more."""
        self._shown = ""
        os.write(self._master, keys)

    def until(self, *parts: str, since: float = 0.0) -> float:
        """Read until all of these were written; returns the time since ``since``."""
        self._read(lambda: all(part in self._shown for part in parts), PATIENCE_S)
        assert all(part in self._shown for part in parts), f"not seen: {parts}"
        self._shown = ""
        return time.perf_counter() - since

    def quiet(self, pause_s: float = 0.3) -> None:
        """Read until nothing was written for a while."""
        size = -1
        while size != len(self._shown):
            size = len(self._shown)
            self._read(lambda: False, pause_s)

    def _read(self, is_enough: Callable[[], bool], patience_s: float) -> None:
        ends = time.perf_counter() + patience_s
        while not is_enough() and (left := ends - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                told = os.read(self._master, 1 << 16).decode("utf-8", "replace")
                self._shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told)

    def cpu_s(self) -> float:
        """User and system time of the program so far."""
        with open(f"/proc/{self.child.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def close(self) -> None:
        """End the program as its person would."""
        os.write(self._master, CTRL_Q)
        try:
            while os.read(self._master, 1 << 16):
                pass
        except OSError:
            pass  # the program has closed its side
        self.child.wait(PATIENCE_S)


@contextmanager
def terminal(stage: Stage) -> Iterator[Tty]:
    """Alice's screen."""
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, pack("HHHH", 60, 200, 0, 0))
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "peer.py", *stage.peer_flags, "--name", "alice"],
        cwd=ROOT,
        env={**stage.environment, "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    tty = Tty(child, master, began)
    try:
        yield tty
        tty.close()
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.wait()
        os.close(master)


if __name__ == "__main__":
    main()
