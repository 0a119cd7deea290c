"""First meetings: order is kept however many write at once."""

from __future__ import annotations

import asyncio

from sealwire.peer.meetings import Meetings


async def test_nobody_overtakes_even_when_the_first_one_waits_long():
    meetings, order, known = Meetings(), [], asyncio.Event()

    async def write(number: int) -> None:
        async with meetings.with_("bob"):
            if number == 0:
                await known.wait()
            order.append(number)

    tasks = [asyncio.create_task(write(n)) for n in range(5)]
    await asyncio.sleep(0)
    known.set()
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(write(5)))
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4, 5]
    assert not meetings._lines


async def test_names_do_not_wait_for_each_other():
    meetings = Meetings()
    async with meetings.with_("bob"), meetings.with_("carol"):
        assert len(meetings._lines) == 2
    assert not meetings._lines


async def test_one_who_gives_up_leaves_the_line():
    meetings = Meetings()
    async with meetings.with_("bob"):
        waiting = asyncio.create_task(_enter(meetings))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with meetings.with_("bob"):
        pass
    assert not meetings._lines


async def _enter(meetings: Meetings) -> None:
    async with meetings.with_("bob"):
        pass
