"""A program that runs until it is told to stop closes everything in order."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from sealwire.cli.loops import until_told


def test_the_result_comes_back() -> None:
    async def body() -> int:
        return 7

    assert until_told(body()) == 7


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_cancels_and_what_is_open_is_closed(name: str) -> None:
    closed: list[bool] = []

    async def body() -> None:
        try:
            os.kill(os.getpid(), getattr(signal, name))
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        until_told(body())
    assert closed == [True]
