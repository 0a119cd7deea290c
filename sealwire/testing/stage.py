"""A client that answers from memory, for screens, their tests and pictures; it shows nothing about a real peer.

client = StageClient("alice")
client.box.know("bob")
client.hears("bob", "hello")          # stored, and told as an event
await client.talk.send("bob", "hi")   # stored and queued; client.box.asked has the call
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sealwire.errors import ComparedOtherKeyError, InviteError, KeyFileError, SealwireError
from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, SessionInfo, Status, WaitFor
from sealwire.peer.api.launcher import RunningBroker
from sealwire.peer.events import STATE_RANK, Connection, Delivery, DeliveryState, Event, Message, Ready
from sealwire.testing.stage_box import Box
from sealwire.testing.stage_rooms import DIGITS, FilesRoom, GroupsRoom, PastRoom, PeopleRoom, TalkRoom

ADDRESS = "tcp://127.0.0.1:5555"
INVITE = "sealwire:127.0.0.1:5555#QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY"


class StageClient:
    """Implements ``FullClient``. Events are what a test puts in; what is asked is written down in ``box.asked``."""

    def __init__(self, name: str = "alice", now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.name = name
        self.fingerprint = (name.encode().hex() + "0" * 64)[:64]
        self.box = Box(name, now_ms)
        self.talk = TalkRoom(self.box)
        self.past = PastRoom(self.box)
        self.people = PeopleRoom(self.box)
        self.groups = GroupsRoom(self.box)
        self.files = FilesRoom(self.box)
        self.connection: Connection = Connection("online")
        self.queued = 0
        self.is_closed = False

    # --- what a test makes happen ---

    def happen(self, *events: Event) -> None:
        """Tell events."""
        for event in events:
            if isinstance(event, Connection):
                self.connection = event
            self.box.events.put_nowait(event)

    def begin(self) -> None:
        """What a real client tells first."""
        self.happen(Ready(self.name, self.fingerprint), Connection("online"))

    def stored(self, conversation: str, text: str, sender: str | None = None, **more: Any) -> Message:
        """Store a message without telling it: history."""
        sender = sender or (conversation if not conversation.startswith("+") else self.name)
        state: DeliveryState | None = "read" if sender == self.name else None
        fields = {"sent_at_ms": self.box.now_ms(), "verified": True, "state": state, **more}
        return self.box.add(Message(self.box.new_id(), conversation, sender, text, **fields))

    def hears(self, conversation: str, text: str, sender: str | None = None, **more: Any) -> Message:
        """Somebody else's message comes in."""
        message = self.stored(conversation, text, sender, **more)
        self.happen(message)
        return message

    def rises(self, message_id: str, state: DeliveryState, reason: str | None = None) -> None:
        """An own message gets further."""
        message = self.box.find(message_id)
        if message.state is None or STATE_RANK[state] > STATE_RANK[message.state]:
            self.box.put(replace(message, state=state))
        self.happen(Delivery(message_id, state, message.conversation, reason))

    # --- ClientApi ---

    async def events(self) -> AsyncIterator[Event]:
        """Everything told, until the end."""
        while (event := await self.box.events.get()) is not None:
            yield event

    async def send_text(self, to: str, text: str, wait: WaitFor = "queued", timeout_s: float = 10) -> Sent:
        """Like ``talk.send``."""
        return await self.talk.send(to, text, wait=wait, timeout_s=timeout_s)

    async def history(self, conversation: str, limit: int = 50, before_row: int | None = None) -> Sequence[Message]:
        """Like ``past.page``."""
        return await self.past.page(conversation, limit, before_row=before_row)

    async def unread(self, limit: int = 1000) -> Sequence[Message]:
        """Over all conversations, oldest first."""
        found = [one for conversation in self.box.messages for one in self.box.unread(conversation)]
        return sorted(found, key=lambda one: one.row)[:limit]

    async def mark_read(self, up_to_row: int) -> None:
        """Everywhere."""
        for conversation in self.box.messages:
            await self.past.mark_read(conversation, up_to_row)

    async def contacts(self) -> Sequence[ContactInfo]:
        """By name."""
        return [self.box.contact(name) for name in sorted(self.box.contacts)]

    async def info(self, name: str) -> SessionInfo:
        """The usual suite."""
        return SessionInfo(self.box.contact(name), "X25519 + RSA-OAEP-3072 + ML-KEM-768", self.box.now_ms(), 3)

    async def safety_number(self, name: str) -> SafetyNumber:
        """The same digits for everyone."""
        return SafetyNumber(name, DIGITS, self.box.contact(name).trust)

    async def set_verified(self, name: str, verified: bool, digits: str | None = None) -> ContactInfo:
        """A person compared; all digits of the stage are the same."""
        if digits is not None and "".join(digits.split()) != DIGITS:
            raise ComparedOtherKeyError(name=name)
        self.box.contact(name)
        self.box.note("set_verified", name, verified)
        return self.box.know(name, "verified" if verified else "unverified")

    async def approve(self, name: str) -> ContactInfo:
        """Accept a changed key."""
        self.box.contact(name)
        self.box.note("approve", name)
        return self.box.know(name)

    async def retry(self) -> int:
        """Failed ones are queued again."""
        self.box.note("retry")
        failed = [one for rows in self.box.messages.values() for one in rows if one.state == "failed"]
        for message in failed:
            self.box.put(replace(message, state="queued"))
            self.happen(Delivery(message.id, "queued", message.conversation))
        return len(failed)

    async def status(self) -> Status:
        """At a glance."""
        unread = len(await self.unread())
        return Status(self.name, self.fingerprint, self.connection.state, ADDRESS, self.queued, unread)

    async def settle(self, timeout_s: float) -> bool:
        """Nothing is ever on its way."""
        return self.queued == 0

    async def online(self, timeout_s: float) -> None:
        """At once, unless a failure waits."""
        if self.box.failure is not None:
            failure, self.box.failure = self.box.failure, None
            raise failure

    async def close(self) -> None:
        """End the stream."""
        if not self.is_closed:
            self.is_closed = True
            self.box.events.put_nowait(None)


class StageLauncher:
    """Implements ``Launcher``: what it opens is the client it was given."""

    def __init__(self, client: StageClient, *, new: bool = False, broker: bool = True) -> None:
        self.name = client.name
        self.client = client
        self.new = new
        self.broker = broker
        self.passphrase = b""
        self.started = 0
        self.reachable: bool | None = None
        self.invites: list[str | None] = []
        self.finished = 0
        self.failure: SealwireError | None = None
        """The next call that can fail raises this once."""

    def profiles(self) -> Sequence[str]:
        """One, once it was made."""
        return [] if self.new else [self.name]

    def is_new(self, name: str) -> bool:
        """Whether the first start is still to come."""
        return self.new or name != self.name

    async def broker_answers(self) -> bool:
        """As the test says."""
        return self.broker

    async def start_broker(self, *, reachable: bool = False) -> RunningBroker:
        """It answers from now on."""
        self._fail()
        self.reachable = reachable
        self.started += 1
        self.broker = True
        return RunningBroker(ADDRESS, INVITE)

    async def invite_line(self) -> str:
        """The same line always."""
        self._fail()
        return INVITE

    def check_invite(self, line: str) -> str:
        """Only its beginning is looked at. Raises InviteError."""
        if not line.startswith("sealwire:"):
            raise InviteError("it does not begin with sealwire:")
        return "tcp://" + line.removeprefix("sealwire:").partition("#")[0]

    async def open(
        self, name: str, passphrase: bytes, progress: Callable[[str], None], invite: str | None = None
    ) -> StageClient:
        """The client of this stage. Raises KeyFileError when the passphrase is another one than at first."""
        self._fail()
        self.invites.append(invite)
        if self.new:
            self.passphrase, self.new = passphrase, False
            progress("Making keys.")
        elif passphrase != self.passphrase:
            raise KeyFileError(path=f"keys/{name}.key")
        return self.client

    async def finish(self) -> None:
        """Nothing was left."""
        self.finished += 1

    def _fail(self) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


if TYPE_CHECKING:  # the contract, held by the type checker
    from sealwire.peer.api import FullClient
    from sealwire.peer.api.launcher import Launcher

    _CLIENT: FullClient = StageClient()
    _LAUNCHER: Launcher = StageLauncher(StageClient())
