"""Development mode: a history made up is one that the program takes in, the same again for the same seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.develop import FRIEND, OWN, TEXTS, history
from sealwire.peer import export
from sealwire.testing.sample import NOW_MS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [0, 1, 2_000])
def test_every_line_of_the_history_is_what_an_export_holds(count: int) -> None:
    first, *rest = history(count, NOW_MS)
    assert export.read_head(first.encode()) == OWN
    found = [export.read_entry(line.encode(), OWN) for line in rest]
    assert len(found) == len({one["id"] for one in found}) == count
    times = [one["sent_at_ms"] for one in found]
    assert times == sorted(times)
    assert all(at <= NOW_MS for at in times)


def test_the_same_seed_is_the_same_past() -> None:
    assert list(history(50, NOW_MS, 7)) == list(history(50, NOW_MS, 7)) != list(history(50, NOW_MS, 8))


def test_there_is_something_of_everything() -> None:
    found = [export.read_entry(line.encode(), OWN) for line in list(history(2_000, NOW_MS))[1:]]
    assert {one["text"] for one in found} == set(TEXTS)
    assert sum(one["conversation"] == FRIEND for one in found) in range(900, 1_100)
    assert sum(one["from"] == OWN for one in found) in range(700, 900)


@pytest.mark.process
def test_words_of_the_peer_are_carried_out_over_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.develop", "--messages", "60", "history", "bob", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == 3
    assert all(line[1] == FRIEND and line[2] in (OWN, FRIEND) for line in lines)
