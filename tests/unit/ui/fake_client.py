"""A client that answers from memory, to test what interfaces parse and print; it shows nothing about a real peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from sealwire.errors import SealwireError, UnknownPeerError
from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, SessionInfo, Status
from sealwire.peer.events import Event, Message

NOW = 1_700_000_000_000
FINGERPRINT = "0123abcd" * 8


def message(text: str, row: int, sender: str = "bob") -> Message:
    return Message(f"{row:032x}", "bob", sender, text, NOW, verified=False, row=row)


def contact(name: str = "bob", trust: str = "unverified") -> ContactInfo:
    return ContactInfo(name, FINGERPRINT, trust, NOW, None, 0)  # type: ignore[arg-type]


class FakeTalk:
    """Answers every method with the message it is about and writes down what was asked."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client
        self._drafts: dict[str, str] = {}

    async def send(
        self, conversation: str, text: str, *, reply_to: str | None = None, wait: str = "queued", timeout_s: float = 10
    ) -> Sent:
        sent = await self._client.send_text(conversation, text, wait, timeout_s)
        if reply_to is not None:
            self._client.asked.append(("reply_to", reply_to))
        return sent

    async def edit(self, conversation: str, message_id: str, text: str) -> Message:
        return self._about("edit", conversation, message_id, text)

    async def delete(self, conversation: str, message_id: str, *, for_everyone: bool = True) -> Message:
        return self._about("delete", conversation, message_id, for_everyone)

    async def react(self, conversation: str, message_id: str, emoji: str) -> Message:
        return self._about("react", conversation, message_id, emoji)

    async def pin(self, conversation: str, message_id: str, pinned: bool = True) -> Message:
        return self._about("pin", conversation, message_id, pinned)

    async def forward(self, conversation: str, message_id: str, to: str) -> Sent:
        self._about("forward", conversation, message_id, to)
        return Sent("f" * 32, "queued")

    async def cancel(self, message_id: str) -> Message:
        return self._about("cancel", message_id)

    async def typing(self, conversation: str, active: bool = True) -> None:
        self._about("typing", conversation, active)

    async def set_timer(self, conversation: str, seconds: int) -> None:
        self._about("timer", conversation, seconds)

    async def draft(self, conversation: str) -> str:
        return self._drafts.get(conversation, "")

    async def set_draft(self, conversation: str, text: str) -> None:
        self._drafts[conversation] = text

    def _about(self, *asked: object) -> Message:
        self._client.asked.append(asked)
        if self._client.fail is not None:
            raise self._client.fail
        return message("as it stands", 1, "alice")


class FakeClient:
    """Events and answers are what the test puts in; everything asked is written down in ``asked``."""

    def __init__(self, *stored: Message) -> None:
        self.name = "alice"
        self.fingerprint = FINGERPRINT
        self.talk = FakeTalk(self)
        self.known = {"bob": contact()}
        self.stored = list(stored)
        self.asked: list[tuple[object, ...]] = []
        self.marked = 0
        self.fail: SealwireError | None = None
        self.settles = True
        self.gate: asyncio.Event | None = None
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def happen(self, *events: Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    def end(self) -> None:
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            yield event

    async def send_text(self, to: str, text: str, wait: str = "queued", timeout_s: float = 10) -> Sent:
        self.asked.append(("send", to, text, wait, timeout_s))
        if self.gate is not None:
            await self.gate.wait()
        if self.fail is not None:
            raise self.fail
        count = sum(1 for what in self.asked if what[0] == "send")
        return Sent(f"{count:032x}", wait)  # type: ignore[arg-type]

    async def history(self, conversation: str, limit: int = 50, before_row: int | None = None) -> Sequence[Message]:
        self.asked.append(("history", conversation, limit))
        return [one for one in self.stored if one.conversation == conversation][-limit:]

    async def unread(self, limit: int = 1000) -> Sequence[Message]:
        return [one for one in self.stored if one.row > self.marked][:limit]

    async def mark_read(self, up_to_row: int) -> None:
        self.marked = up_to_row

    async def contacts(self) -> Sequence[ContactInfo]:
        return list(self.known.values())

    async def info(self, name: str) -> SessionInfo:
        return SessionInfo(self._known(name), "X25519 + RSA-OAEP-3072 + ML-KEM-768", NOW, 3)

    async def safety_number(self, name: str) -> SafetyNumber:
        return SafetyNumber(name, "12345" * 12, self._known(name).trust)

    async def set_verified(self, name: str, verified: bool, digits: str | None = None) -> ContactInfo:
        self.known[name] = contact(name, "verified" if verified else "unverified")
        return self.known[name]

    async def approve(self, name: str) -> ContactInfo:
        self.asked.append(("approve", name))
        return self._known(name)

    async def retry(self) -> int:
        return 2

    async def status(self) -> Status:
        return Status(self.name, self.fingerprint, "online", "tcp://127.0.0.1:5555", 1, 0)

    async def settle(self, timeout_s: float) -> bool:
        self.asked.append(("settle", timeout_s))
        return self.settles

    async def online(self, timeout_s: float) -> None:
        if self.fail is not None:
            raise self.fail

    async def close(self) -> None:
        self.end()

    def _known(self, name: str) -> ContactInfo:
        if name not in self.known:
            raise UnknownPeerError(name=name)
        return self.known[name]
