"""A small share of ``scripts.fuzz``: the whole of it is a million frames."""

from __future__ import annotations

import random

from scripts.fuzz import run


def test_mutated_frames_end_links_and_nothing_else(tmp_path):
    _growth_mib, reconnects = run(tmp_path, 6_000, random.Random(7))
    assert reconnects > 100, "the frames were not hostile enough to mean anything"
