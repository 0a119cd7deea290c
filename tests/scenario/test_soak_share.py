"""A small share of ``scripts.soak``: faults on real processes, one judge; the whole of it is half an hour."""

from __future__ import annotations

import random

import pytest

from scripts import soak

pytestmark = pytest.mark.process


def test_a_minute_of_faults_in_ten_seconds_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "FAULT_EVERY_S", (0.2, 1.0))
    monkeypatch.setattr(soak, "STOPPED_S", (0.5, 3.0))
    monkeypatch.setattr(soak, "AWAY_S", (0.0, 2.0))
    monkeypatch.setattr(soak, "SLOW_S", 3.0)
    outcome = soak.run(tmp_path, 10.0, random.Random(4))
    assert outcome.verdict.clean, outcome.verdict
    assert outcome.verdict.shown > 300
    assert outcome.faults.total() > 1
    assert outcome.after[2:] == outcome.before[2:], "descriptors or threads stayed behind"


def test_memory_that_grows_is_seen():
    watch = soak.Watch.__new__(soak.Watch)
    watch.rows = [(float(second), 40 + second / 300, 60, 7) for second in range(0, 1800, 5)]
    assert watch.growth_mib() == pytest.approx(2.0)
    watch.rows = [(second, 40.0 if second >= soak.SETTLED_S else second / 10, 60, 7) for second in range(0, 1800, 5)]
    assert watch.growth_mib() == pytest.approx(0.0, abs=1e-6)
