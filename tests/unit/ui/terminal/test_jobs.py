"""Things to do, one after the other."""

from __future__ import annotations

import asyncio

from sealwire.errors import SealwireError, UsageError
from sealwire.ui.terminal.jobs import Jobs


async def test_jobs_keep_their_order_and_an_error_is_said_and_not_the_end():
    said: list[SealwireError] = []
    done: list[str] = []
    jobs = Jobs(said.append)
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()
        done.append("slow")

    async def wrong() -> None:
        raise UsageError("no")

    async def quick() -> None:
        done.append("quick")

    for job in (slow, wrong, quick):
        jobs.add(job)
    running = asyncio.create_task(jobs.run())
    await asyncio.sleep(0)
    assert len(jobs) == 2
    gate.set()
    while len(done) < 2:
        await asyncio.sleep(0)
    running.cancel()
    assert done == ["slow", "quick"]
    assert [error.code for error in said] == ["usage"]
