"""The demonstration for the window: a broker as a process of its own, alice and bob as peers of this one.

The broker is told to write every message to its disk at once, so that what the window shows is what is stored; and its
process prints each of them whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from sealwire.cli.demo_cast import Actor, BrokerActor
from sealwire.peer.api import FullClient
from sealwire.peer.api.demo import Sight

if TYPE_CHECKING:
    from sealwire.peer.api.demo import DemoStage

START_S: Final = 30.0
MAX_WAITING: Final = 1_000
"""Sights that the window has not taken yet; a window that hangs must not fill the memory."""

_SETTINGS: Final = """\
limits:
  grace_ms: 0
paths:
  keys: keys
  data: data
"""
_KDF_MIB: Final = 8
_KDF_PASSES: Final = 1
"""A random passphrase that nobody keeps needs no slow derivation."""


class DesktopStage:
    """Implements ``peer.api.demo.DemoStage``."""

    def __init__(self) -> None:
        self.address = ""
        self.folder = Path(tempfile.mkdtemp(prefix="sealwire-demo-"))
        self._passphrase = secrets.token_hex(16).encode()
        self._broker: BrokerActor | None = None
        self._sights: asyncio.Queue[Sight | None] | None = None

    async def begin(self) -> None:
        """Start the broker. Raises DemoError when it does not."""
        self._sights = asyncio.Queue(MAX_WAITING)
        (self.folder / "config.yaml").write_text(_SETTINGS, "utf-8")
        config = ["--config", str(self.folder / "config.yaml")]
        process = await Actor.launch("broker", [*config, "--bind", "tcp://127.0.0.1:0", "--watch", "--whole"])
        self._broker = BrokerActor(process, self._saw)
        self.address = await self._broker.address(START_S)

    async def sights(self) -> AsyncIterator[Sight]:
        """What the broker's process prints, until it ends."""
        assert self._sights is not None
        while (sight := await self._sights.get()) is not None:
            yield sight

    async def peer(self, name: str, progress: Callable[[str], None]) -> FullClient:
        """Open this profile and start its client."""
        from sealwire.broker import keyfiles
        from sealwire.peer.client import Client
        from sealwire.peer.profile import Profile

        key_file = self.folder / "keys" / "broker.pub"
        profile = Profile(
            name,
            self.address,
            keyfiles.read_public(key_file),
            str(key_file),
            None,
            self.folder / "keys",
            self.folder / "data" / name,
            _KDF_MIB,
            _KDF_PASSES,
        )
        client = await Client.open(profile, self._passphrase, progress)
        await client.start()
        return cast(FullClient, client)

    async def close(self) -> None:
        """End the broker, delete everything."""
        if self._broker is not None:
            await self._broker.end()
        if self._sights is not None:
            with contextlib.suppress(asyncio.QueueFull):
                self._sights.put_nowait(None)
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    def _saw(self, fields: list[str]) -> None:
        sight = parsed(fields)
        if sight is not None and self._sights is not None:
            with contextlib.suppress(asyncio.QueueFull):
                self._sights.put_nowait(sight)


def parsed(fields: list[str]) -> Sight | None:
    """Return what a line of ``--watch --whole`` says, None when it is none."""
    if len(fields) != 5:
        return None
    time, verb, mailbox, size, content = fields
    try:
        at_ms = round(datetime.fromisoformat(time).timestamp() * 1000)
        return Sight(at_ms, verb, "" if mailbox == "-" else mailbox, bytes.fromhex(content)[: int(size)])
    except ValueError:
        return None


if TYPE_CHECKING:
    _STAGE: DemoStage = DesktopStage()
