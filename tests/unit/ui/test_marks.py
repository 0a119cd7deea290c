"""What was written out is remembered, in few commits."""

from __future__ import annotations

import asyncio

from sealwire.ui.marks import ReadMarker
from tests.unit.ui.fake_client import FakeClient, message


async def test_a_burst_is_marked_once_and_nothing_twice() -> None:
    client = FakeClient()
    marker = ReadMarker(client)
    marking = asyncio.create_task(marker.run())
    for row in range(1, 6):
        assert marker.is_new(message("x", row))
        marker.wrote(message("x", row))
    assert not marker.is_new(message("x", 5))
    async with asyncio.timeout(5):
        while client.marked != 5:
            await asyncio.sleep(0.01)
    marking.cancel()
    await asyncio.gather(marking, return_exceptions=True)


async def test_flush_marks_at_once_and_only_forward() -> None:
    client = FakeClient()
    marker = ReadMarker(client)
    await marker.flush()
    assert client.marked == 0
    marker.wrote(message("x", 9))
    marker.wrote(message("x", 4))
    await marker.flush()
    assert client.marked == 9
