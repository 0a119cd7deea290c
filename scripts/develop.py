"""Development mode: a broker of its own, a friend who answers, a history made up, and the interface you work on.

    python -m scripts.develop --gui                      the window, over 2,000 messages
    python -m scripts.develop --messages 100000          the full screen, over a long history
    python -m scripts.develop history bob 5              or any other words of peer.py
    python -m scripts.develop --sample > sample.json     the history alone; peer.py --name alice import takes it in

You are alice, with keys that the tests use and an empty passphrase; bob is a real peer and answers what you write.
Everything lies in a temporary folder and is gone at the end, unless ``--keep`` names one.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sealwire.peer import export
from sealwire.peer.events import Message
from sealwire.testing.processes import ROOT, JsonPeer, Stage
from tests.conftest import PEOPLE

OWN, FRIEND = "alice", "bob"
OTHERS: Final = (
    "ada", "boris", "chiara", "dmitri", "elif", "farid", "gita", "hana", "ivo", "jun", "kofi", "lin", "maya", "noor",
    "olga", "pedro", "quinn", "rosa", "sami", "tomas",
)  # fmt: skip
TEXTS: Final = (
    "Good morning!",
    "Are you coming on Saturday?",
    "Yes. I bring the cables and the soldering iron.",
    "The plan for the weekend:\n- look at the roof\n- mend the pump\n- eat",
    "It says `broker ready on tcp://127.0.0.1:5555`, so that works.",
    "That is *important*: the key changed because I have a new laptop. We compare digits on the phone, all right?",
    "See https://example.org/garden/beds?year=2026#spring for the drawing.",
    "صباح الخير! هل وصلت الملفات؟",
    "שלום, נתראה ב-10:30 בספרייה (כמו תמיד).",
    "今天下午三点在图书馆见面,带上那本书。",
    "क्या आप कल शहर में हैं?",
    "👍🏽 🎉 👨‍👩‍👧‍👦",
    "ok",
    "A longer one, to see how it wraps: " + "the beans need water every day now, and the peas do not. " * 6,
    "Averyverylongwordwithoutanyplacewhereitcouldbebroken" * 3,
    "Tags are text here: <b>not bold</b> & <img src=x>",
)
"""Short and long, of both directions, with marks, addresses and emoji: what an interface must show well."""
FIRST_DAYS_AGO: Final = 400
DAY_MS: Final = 86_400_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2_000, help="how long the history is (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same history again for the same seed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make everything in this new folder and leave it")
    parser.add_argument("--sample", action="store_true", help="write the history to standard output and end")
    chosen, words = parser.parse_known_args()
    lines = history(chosen.messages, time.time_ns() // 1_000_000, chosen.seed)
    if chosen.sample:
        sys.stdout.writelines(lines)
        return 0
    if chosen.keep is not None:
        chosen.keep.mkdir(mode=0o700)
    return play(lines, words, chosen.keep)


def history(count: int, now_ms: int, seed: int = 1) -> Iterator[str]:
    """Return the lines of an export of alice's: half with bob, the rest with many others, the last within a minute."""
    dice = random.Random(seed)
    yield export.head("json", OWN, now_ms)
    step_ms = FIRST_DAYS_AGO * DAY_MS // max(1, count)
    for number in range(count):
        place = FRIEND if dice.random() < 0.5 else dice.choice(OTHERS)
        sender = OWN if dice.random() < 0.4 else place
        at_ms = now_ms - (count - 1 - number) * step_ms - dice.randrange(min(step_ms, 60_000) or 1)
        said = Message(dice.randbytes(16).hex(), place, sender, dice.choice(TEXTS), at_ms, verified=False)
        yield export.entry("json", said)


def play(lines: Iterator[str], words: Sequence[str], folder: Path | None) -> int:
    """Put everything up, run ``peer.py`` with these words in front, and take it down; returns its exit code."""
    with Stage(folder, {name: PEOPLE[name] for name in (OWN, FRIEND)}) as stage:
        bob = stage.peer(FRIEND)
        sample = stage.path / "sample.json"
        with sample.open("w", encoding="ascii") as file:
            file.writelines(lines)
        done = stage.run("--name", OWN, "import", str(sample), timeout_s=600)
        if done.returncode:
            sys.stderr.write(done.stderr)
            return done.returncode
        bob.wait_for("ready")
        threading.Thread(target=answer, args=(bob,), daemon=True).start()
        command = [sys.executable, "peer.py", *stage.peer_flags, "--name", OWN, *words]
        child = subprocess.Popen(command, cwd=ROOT, env=stage.environment)
        with contextlib.suppress(KeyboardInterrupt):  # the interface gets it too, and ends by its own rules
            child.wait()
        return child.wait()


def answer(bob: JsonPeer) -> None:
    """Let bob answer what he is told."""
    while not bob.told_everything:
        with contextlib.suppress(queue.Empty):
            heard = bob.wait_for("message", 1.0)
            bob.request("send", to=heard["conversation"], text=f"You wrote: {heard['text'] or heard.get('file')}")


if __name__ == "__main__":
    sys.exit(main())
