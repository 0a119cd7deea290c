"""What a bot calls, with which words, and what a mistake of a handler does."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from sealwire.bots import Bot, Context, Incoming, Peer
from sealwire.errors import UnknownPeerError
from sealwire.peer.events import Message, Ready
from sealwire.peer.publisher import Publisher


@dataclass
class Ear:
    """What a bot does to its peer, written down."""

    said: list[str] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)

    @property
    def client(self) -> Any:
        return self

    past = client

    async def mark_read(self, _conversation: str, row: int) -> None:
        self.acked.append(row)

    async def send(self, _to: str, text: str, **_how: object) -> None:
        self.said.append(text)


async def tell(bot: Bot, text: str, sender: str = "bob", row: int = 1) -> Ear:
    ear = Ear()
    message = Message("0" * 32, sender, sender, text, 0, False, row)
    await bot.handle(ear, Incoming(message, ear))  # type: ignore[arg-type]
    return ear


@pytest.fixture
def bot() -> Bot:
    made = Bot("echo")

    @made.command()
    async def add(context: Context, one: str, other: str) -> None:
        """Add two numbers."""
        await context.reply(str(int(one) + int(other)))

    @made.command("say")
    async def anything(context: Context, *words: str) -> None:
        await context.reply("|".join(words))

    @made.on_message
    async def rest(context: Context) -> None:
        await context.reply(f"heard {context.text} from {context.sender}")

    return made


async def test_words_reach_the_command_that_was_named(bot: Bot) -> None:
    assert (await tell(bot, "/add 2 3")).said == ["5"]
    assert (await tell(bot, '/SAY one "two words"')).said == ["one|two words"]
    assert (await tell(bot, '/say it"s')).said == ['it"s'], "half a quotation is words like others"
    assert (await tell(bot, "hello")).said == ["heard hello from bob"]


async def test_a_wrong_command_gets_the_nearest_and_wrong_words_the_help(bot: Bot) -> None:
    assert "Did you mean /add?" in (await tell(bot, "/ad 1 2")).said[0]
    assert (await tell(bot, "/add 1")).said == ["/add: Add two numbers."]
    assert (await tell(bot, "/")).said[0].endswith("Did you mean /help?")
    assert "/add  Add two numbers." in (await tell(bot, "/help")).said[0]


async def test_a_handlers_mistake_is_logged_and_the_message_is_done_with(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert (await tell(bot, "/add one two", row=7)).acked == [7]
    assert "a handler failed" in caplog.text

    @bot.on_message
    async def unlucky(_context: Context) -> None:
        raise UnknownPeerError(name="carol")

    assert (await tell(bot, "hello", row=8)).acked == [8]
    assert "carol" in caplog.text


async def test_who_is_not_allowed_is_acknowledged_and_not_answered() -> None:
    bot = Bot("shy", allowed={"alice"})

    @bot.on_message
    async def answer(context: Context) -> None:
        await context.reply("yes")

    assert (await tell(bot, "hello", "alice")).said == ["yes"]
    ear = await tell(bot, "hello", "mallory", 3)
    assert (ear.said, ear.acked) == ([], [3])


class Newcomer:
    """A client whose history is empty, and to whom somebody writes just after that was looked at."""

    name = "bot"

    def __init__(self) -> None:
        self.stream = Publisher(lambda: None)
        self.events = self.stream.events
        self.stream.publish(Ready("bot", "0" * 64))

    @property
    def past(self) -> Newcomer:
        return self

    async def conversations(self) -> list[Any]:
        other = self.stream.events()
        await anext(other)  # somebody who reads along does not take the messages away
        self.stream.publish(Message("0" * 32, "bob", "bob", "just now", 0, False, 1))
        self.stream.close()
        return []


async def test_a_message_that_comes_while_the_history_is_read_is_not_missed() -> None:
    peer = Peer(Newcomer())  # type: ignore[arg-type]
    assert [incoming.text async for incoming in peer.messages()] == ["just now"]
