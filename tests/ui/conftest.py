"""One broker with alice and bob for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ui.house import House


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    house.start_broker()
    house.plant("alice", "bob")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: house.peer(name, "status"), ("alice", "bob")))
    yield house
    house.stop_broker()


@pytest.fixture
def house(built: House) -> Iterator[House]:
    """The house, with nobody left running after the test. Mail of earlier tests may still wait."""
    yield built
    built.tidy()
