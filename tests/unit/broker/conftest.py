"""The broker without sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealwire.broker.port import BrokerSettings
from tests.unit.broker.rig import Rig


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(auto: bool = True, **settings: object) -> Rig:
        rig = Rig(tmp_path / str(len(made)), BrokerSettings(**{"grace_ms": 0.0, **settings}), auto)
        made.append(rig)
        return rig

    yield make
    for rig in made:
        rig.store.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """Jobs commit at once."""
    return make_rig()


@pytest.fixture
def slow(make_rig: Callable[..., Rig]) -> Rig:
    """Jobs commit when the test says so."""
    return make_rig(auto=False)
