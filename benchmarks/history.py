"""History: a profile with 100,000 messages is opened, searched, paged through and added to.

    python -m benchmarks.history [--messages 100000] [--report docs/performance.md]

Everything goes through the client that interfaces use, over its encrypted database on this disk, without a broker.
*Open* is the client from its files (key file with the cheapest passphrase settings, database, engine), the list of
conversations and the last page of one. Half of all messages are unread, which is the worst case for that list. *Search*
includes what the index still has to catch up. *Append* is one message of somebody, in a transaction of its own, with
fsync. CPU time is this process's; on a machine with other work it is what to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import replaced, table
from sealwire.ids import MessageId
from sealwire.peer.client import Client
from sealwire.peer.profile import Profile
from tests.unit.peer.profile_of_alice import BROKER, opened

PLACES: Final = [f"person{n}" for n in range(30)]
WORDS: Final = 20_000
LENGTHS: Final = (3, 6, 9, 15, 40)
MINUTE_MS: Final = 60_000
START_MS: Final = 1_700_000_000_000
TIMES: Final = 15
ASKED_MS: Final = {"open": 150.0, "search": 50.0, "append": 5.0}


class Took(NamedTuple):
    """Milliseconds on the clock and of CPU, one pair for each time."""

    clock: list[float]
    cpu: list[float]


def vocabulary(dice: random.Random) -> list[str]:
    """Words of two to five syllables, some with accents."""
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "\u00e9", "\u00fc")]
    return ["".join(dice.choices(syllables, k=dice.randrange(2, 6))) for _ in range(WORDS)]


def text(dice: random.Random, words: list[str]) -> str:
    """As people write: a few words often, most words seldom."""
    count = dice.choice(LENGTHS)
    return " ".join(words[min(int(dice.paretovariate(0.6)), WORDS - 1)] for _ in range(count))


async def fill(folder: Path, count: int) -> list[str]:
    """Make the profile; returns the words that were used."""
    dice = random.Random(4)
    words = vocabulary(dice)
    client = await opened(folder)
    for begin in range(0, count, 5_000):
        with client.store.transaction():
            for n in range(begin, min(begin + 5_000, count)):
                place = PLACES[min(int(dice.paretovariate(0.8)) - 1, len(PLACES) - 1)]
                mine = dice.random() < 0.5
                sent_at_ms = START_MS + n * MINUTE_MS
                sender = "alice" if mine else place
                client.store.add_message(MessageId(os.urandom(16)), place, sender, mine, text(dice, words), sent_at_ms)
    await client.past.search(words[5])  # builds the index
    await client.close()
    return words


async def take(times: int, do: Callable[[int], Awaitable[object]]) -> Took:
    """Do something several times; how long each took."""
    took = Took([], [])
    for n in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        await do(n)
        took.cpu.append((time.process_time() - cpu) * 1000)
        took.clock.append((time.perf_counter() - began) * 1000)
    return took


def profile_in(folder: Path) -> Profile:
    return Profile(
        "alice", "tcp://127.0.0.1:1", BROKER, "broker.pub", None, folder / "keys", folder / "data" / "alice", 8, 1
    )


async def measure(folder: Path, words: list[str]) -> list[tuple[str, str, Took]]:
    """(row, what is asked for, how long) of everything."""

    async def open_and_close(_n: int) -> None:
        client = await Client.open(profile_in(folder), b"", lambda _step: None)
        await client.past.conversations()
        await client.past.page(PLACES[0])
        await client.close()

    found = [("open: client, list of conversations, last page", "open", await take(TIMES, open_and_close))]
    client = await Client.open(profile_in(folder), b"", lambda _step: None)
    queries = {
        "a word in every second message": words[1],
        "a seldom word": words[WORDS // 2],
        "the beginning of words": words[1][:2],
        "two words": f"{words[1]} {words[7]}",
        "a word without its accents": "e".join(words[2].split("\u00e9")),
        "nothing": "xyzzyx",
    }
    for name, query in queries.items():
        search = await take(TIMES, lambda _n, query=query: client.past.search(query))
        found.append((f"search: {name}, {len(await client.past.search(query))} shown", "search", search))
    last = (await client.past.page(PLACES[0], 1))[0].row
    pages = await take(TIMES, lambda n: client.past.page(PLACES[0], before_row=last * (n + 1) // TIMES))
    found.append(("a page of 50 from anywhere", "search", pages))

    def add(n: int) -> Awaitable[int | None]:
        message = MessageId(os.urandom(16))
        return client.do(
            lambda _now: client.store.add_message(message, PLACES[0], PLACES[0], False, f"one more {n}", START_MS)
        )

    found.append(("append, with fsync", "append", await take(20 * TIMES, add)))
    await client.close()
    return found


def rows(found: list[tuple[str, str, Took]]) -> list[list[str]]:
    """The table."""
    lines = []
    for name, kind, took in found:
        median = statistics.median(took.clock)
        limit = ASKED_MS[kind]
        cells = [f"{median:.1f}", f"{max(took.clock):.1f}", f"{statistics.median(took.cpu):.1f}", f"{limit:g}"]
        lines.append([name, *cells, f"{median / limit:.2f}"])
    return lines


async def run(count: int) -> str:
    """Everything; returns the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        words = await fill(folder, count)
        found = await measure(folder, words)
        size = (folder / "data" / "alice" / "peer.db").stat().st_size / 2**20
    title = f"{count:,} messages, {size:.0f} MiB on disk, load average of the machine {os.getloadavg()[0]:.1f}"
    return table(title, ["what", "median ms", "worst ms", "median CPU ms", "asked for, ms", "ratio"], rows(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000, help="in the history (default 100,000)")
    parser.add_argument("--report", type=Path, help="document to put the table into")
    options = parser.parse_args()
    found = asyncio.run(run(options.messages))
    print(found)
    if options.report:
        old = options.report.read_text("utf-8") if options.report.exists() else ""
        body = f"Made by `python -m benchmarks.history --messages {options.messages}`.\n{found}"
        options.report.write_text(replaced(old, "benchmarks.history", body, "History"), "utf-8")


if __name__ == "__main__":
    main()
