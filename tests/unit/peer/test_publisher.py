"""The event stream: the first reader is waited for, the others are not waited for, nobody misses ``ready``."""

from __future__ import annotations

import asyncio

from sealwire.peer import publisher
from sealwire.peer.events import Event, Ready, Warning
from sealwire.peer.publisher import Publisher

READY = Ready("alice", "0" * 64)


def said(number: int) -> Event:
    return Warning(f"w{number}", "")


async def everything(stream: Publisher) -> list[str]:
    return [event.name async for event in stream.events() if isinstance(event, Ready | Warning)]


async def test_the_first_reader_hears_everything_the_second_what_follows() -> None:
    stream = Publisher(lambda: None)
    stream.publish(READY)
    stream.publish(said(1))
    first = asyncio.create_task(everything(stream))
    await asyncio.sleep(0)
    second = asyncio.create_task(everything(stream))
    await asyncio.sleep(0)
    stream.publish(said(2))
    stream.close()
    assert await first == ["alice", "w1", "w2"]
    assert await second == ["alice", "w2"]


async def test_a_slow_second_reader_is_cut_off_and_a_slow_first_one_is_waited_for() -> None:
    woken: list[None] = []
    stream = Publisher(lambda: woken.append(None))
    first, second = stream.events(), stream.events()
    stream.publish(READY)
    await anext(first)
    stream.publish(said(0))
    waiting = asyncio.ensure_future(anext(second))
    await waiting
    for number in range(publisher.MAX_BACKLOG + 1):
        stream.publish(said(number))
    assert stream.lags(), "nothing more is taken in until the first has caught up"
    while stream.lags():
        await anext(first)
    assert woken
    heard = [event async for event in second]
    assert len(heard) <= publisher.MAX_BACKLOG + 1, "it ended by itself"
    await first.aclose()
    assert not stream.lags()


async def test_when_the_first_reader_leaves_the_next_takes_its_place() -> None:
    stream = Publisher(lambda: None)
    first = stream.events()
    stream.publish(READY)
    await anext(first)
    await first.aclose()
    stream.publish(said(1))
    stream.close()
    assert await everything(stream) == ["w1"]


async def test_who_waits_for_news_can_be_cancelled_at_the_very_moment_it_comes() -> None:
    stream = Publisher(lambda: None)

    async def wait_for_ever() -> None:
        while True:
            await stream.news(60)

    waiting = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stream.publish(said(1))
    await asyncio.sleep(0)
    waiting.cancel()
    done, _pending = await asyncio.wait({waiting}, timeout=5)
    assert done, "the cancellation was swallowed"
