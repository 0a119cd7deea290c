"""A broker for the tests of a bot: a real one, on a free port, in a folder of its own.

@pytest.fixture
def broker():
    with local_broker() as running:
        yield running

async def test_it_answers(broker):
    async with connect("alice", **broker.options) as alice: ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from sealwire.crypto.identity import Identity
from sealwire.testing.processes import Stage


class LocalBroker(Struct, frozen=True):
    """A running broker and where its peers may keep their files."""

    address: str
    folder: Path
    stage: Stage

    @property
    def options(self) -> dict[str, Any]:
        """What :func:`sealwire.connect` and ``Bot`` need to use it."""
        return {
            "broker": self.address,
            "broker_key": str(self.folder / "keys" / "broker.pub"),
            "keys": str(self.folder / "keys"),
            "data": str(self.folder / "data"),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same for child processes."""
        return {
            **self.stage.environment,
            "SEALWIRE_PEER__BROKER": self.address,
            "SEALWIRE_PATHS__KEYS": str(self.folder / "keys"),
            "SEALWIRE_PATHS__DATA": str(self.folder / "data"),
        }


@contextmanager
def local_broker(people: Mapping[str, Identity] | None = None, **settings: str) -> Iterator[LocalBroker]:
    """Start a broker and stop it at the end; its folder goes with it.

    Args:
        people: ready-made keys by name; a peer of another name makes its own, which takes seconds.
        settings: environment for the broker, such as ``SEALWIRE_BROKER__REGISTRATION="invite"``.
    """
    with Stage(None, people, **settings) as stage:
        yield LocalBroker(stage.address, stage.path, stage)
