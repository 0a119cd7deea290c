"""The one async API of a running peer: commands in, one stream of events out.

A single task owns engine, store and link. Each turn is one transaction over everything that waits — frames and
commands alike — and then, in this order: commit, send, publish. A commit that fails throws the engine away and makes
it again from the store, so memory never runs ahead of disk.

Source: protocol.md §5.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from sealwire.crypto.card import account_fingerprint
from sealwire.crypto.safety import safety_number_of
from sealwire.errors import (
    AccountNameError,
    BrokerKeyMissingError,
    BrokerUnreachableError,
    LocalProtocolError,
    NotReachedError,
    RejectedError,
    SealwireError,
    StoreError,
    TextTooLongError,
    UnknownPeerError,
    UntrustedPeerError,
    UsageError,
)
from sealwire.files import PidLock
from sealwire.i18n import _, explain
from sealwire.ids import MessageId, account_name
from sealwire.peer import opening
from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, SessionInfo, Status
from sealwire.peer.connection import Connector, explained
from sealwire.peer.engine import Engine, Turn
from sealwire.peer.events import STATE_RANK, Connection, Event, Message, Warning
from sealwire.peer.keystore import Keys, Progress
from sealwire.peer.login import Credentials
from sealwire.peer.meetings import Meetings
from sealwire.peer.profile import Profile
from sealwire.peer.publisher import Publisher
from sealwire.peer.records import ContactRecord, Now
from sealwire.peer.store import Store
from sealwire.wire.content import MAX_TEXT_BYTES

T = TypeVar("T")
WaitFor = Literal["queued", "sent", "delivered", "read"]

_log = logging.getLogger(__name__)

COMMANDS_PER_TURN: Final = 512
STORE_PAUSE_S: Final = 2.0
"""Before trying again after a failed commit (a full disk)."""
PAUSE_S: Final = 0.02
"""How often a client whose reader lags looks whether it caught up."""
LOOK_S: Final = 0.2
"""Between two looks at something that no event announces."""
ASK_S: Final = 10.0
"""For a link and for the directory's answer about somebody never seen."""
GOODBYE_S: Final = 0.5
SUITE_WORDS: Final = "X25519 + RSA-OAEP-3072 + ML-KEM-768, Double Ratchet, XChaCha20-Poly1305"


@dataclass(slots=True)
class _Command:
    run: Callable[[Now], Any]
    future: asyncio.Future[Any]


def _now() -> Now:
    return Now(time.time_ns() // 1_000_000, time.monotonic())


class Client:
    """A running peer; implements ``peer.api.ClientApi``."""

    def __init__(self, profile: Profile, keys: Keys, store: Store, lock: PidLock) -> None:
        self.name = profile.name
        self.fingerprint = keys.identity.card.card.fingerprint.hex()
        self.profile = profile
        self._keys = keys
        self._store = store
        self._lock = lock
        self._engine = self._make_engine()
        self._connector: Connector | None = None
        self._wake = asyncio.Event()
        self._commands: deque[_Command] = deque()
        self._meetings = Meetings()
        self._publisher = Publisher(self._wake.set)
        self._closed = False
        self._failed: SealwireError | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection = Connection("offline")

    @property
    def registered(self) -> bool:
        """Whether this profile was let in by the broker once and its prekeys are stored there."""
        return self._engine.registered

    # --- opening and closing ---

    @classmethod
    async def open(cls, profile: Profile, passphrase: bytes, progress: Progress) -> Client:
        """Open a profile, or make it on its first start (``progress`` gets a line per step).

        Raises:
            ProfileBusyError, KeyFileError, BrokerKeyMissingError, IntegrityError, StoreError.
        """
        lock = opening.hold(profile)
        try:
            keys, store = await asyncio.to_thread(opening.unlock, profile, passphrase, progress, _now().ms)
            return cls(profile, keys, store, lock)
        except BaseException:
            lock.release()
            raise

    def _make_engine(self) -> Engine:
        profile, keys = self.profile, self._keys
        credentials = Credentials(profile.broker_key or bytes(32), keys.connection_public, profile.invite_token)
        with self._store.transaction():
            return Engine(self._store, keys.vault, keys.identity, credentials, os.urandom)

    async def start(self) -> None:
        """Begin: notice a restored database, then connect in the background.

        Raises:
            BrokerKeyMissingError: there is no key to recognise the broker by.
        """
        profile, keys = self.profile, self._keys
        if profile.broker_key is None:
            raise BrokerKeyMissingError(path=profile.broker_key_source)
        if opening.is_restored(profile, self._store):
            with self._store.transaction():
                self._engine.forget_chains()
                self._engine.settle(_now())
            text = _("This profile was restored from an older copy: conversations continue under fresh keys.")
            self._publisher.publish(Warning("restored", text))
        self._connector = Connector(profile, keys, self._wake.set)
        self._task = asyncio.create_task(self._run(), name=f"peer {self.name}")

    async def close(self) -> None:
        """Say goodbye, release the profile."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connector is not None:
            self._engine.goodbye()
            self._connector.send(self._engine.take().frames)
            await asyncio.to_thread(self._connector.finish, GOODBYE_S)
        for command in self._commands:
            command.future.cancel()
        self._store.close()
        self._lock.release()
        self._publisher.close()

    # --- the loop ---

    async def _run(self) -> None:
        try:
            await self._loop()
        except Exception as error:  # noqa: BLE001 - the top of the loop: whatever it is, those who wait must hear of it
            _log.exception("the peer's loop ended")
            failure = error if isinstance(error, SealwireError) else LocalProtocolError(type(error).__name__)
            self._failed = failure
            for command in self._commands:
                if not command.future.done():
                    command.future.set_exception(failure)
            self._commands.clear()
            self._show(Connection("stopped", *explained(failure)))
            self._publisher.close()

    async def _loop(self) -> None:
        connector = self._connector
        assert connector is not None, "started"
        while not self._closed:
            self._wake.clear()
            now = _now()
            self._show(connector.advance(now, self._engine))
            busy = self._step(connector, now)
            if busy:
                await asyncio.sleep(0)
                continue
            if self._publisher.lags():
                await asyncio.sleep(PAUSE_S)
                continue
            due = min(self._engine.deadline(now), connector.deadline())
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, due - time.monotonic()))

    def _step(self, connector: Connector, now: Now) -> bool:
        """One turn: commit, then send, then publish. True when there was something to do."""
        frames = [] if self._publisher.lags() else connector.take_frames()
        count = min(len(self._commands), COMMANDS_PER_TURN)
        commands = [self._commands.popleft() for _ in range(count)]
        results: list[tuple[_Command, Any, SealwireError | None]] = []
        try:
            with self._store.transaction():
                for frame in frames:
                    self._engine.receive(frame, now)
                for command in commands:
                    results.append((command, *_attempt(command, now)))
                self._engine.settle(now)
        except StoreError as error:
            self._fail_stop(connector, error, commands)
            return False
        turn = self._engine.take()
        if turn.frames and not connector.send(turn.frames):
            turn.hangup = True
        self._publish_turn(turn, connector, now)
        for command, result, failure in results:
            if not command.future.done():
                command.future.set_exception(failure) if failure else command.future.set_result(result)
        return bool(frames or commands)

    def _fail_stop(self, connector: Connector, error: StoreError, commands: list[_Command]) -> None:
        """Nothing of this turn happened: start again from what the disk holds."""
        connector.drop(_now(), STORE_PAUSE_S)
        self._engine = self._make_engine()
        self._engine.take()
        sentence, _hint = explain(error)
        self._publisher.publish(Warning("store", sentence))
        for command in commands:
            if not command.future.done():
                command.future.set_exception(error)

    def _publish_turn(self, turn: Turn, connector: Connector, now: Now) -> None:
        if turn.opened and self._engine.online:
            self._show(Connection("online"))
        for event in turn.events:
            self._publisher.publish(event)
        for resolved in turn.resolved:
            self._publisher.found(resolved.name, resolved.error)
        if turn.hangup or turn.fatal is not None:
            self._engine.disconnected()
            self._show(connector.ended(now, turn.fatal, turn.jitter_s))

    def _show(self, connection: Connection | None) -> None:
        if connection is not None and connection != self._connection:
            self._connection = connection
            self._publisher.publish(connection)
            failure = self._connector.failure() if self._connector is not None else None
            if failure is not None:
                self._publisher.refuse(failure)

    def events(self) -> AsyncIterator[Event]:
        """The one event stream, from the start on; ends when the client is closed."""
        return self._publisher.events()

    async def _do(self, run: Callable[[Now], T]) -> T:
        """Run ``run`` inside the next turn's transaction; its result comes after the commit."""
        return await self._submit(run)

    def _submit(self, run: Callable[[Now], T]) -> asyncio.Future[T]:
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._task is None:  # not started: there are no turns to wait for
            with self._store.transaction():
                future.set_result(run(_now()))
            return future
        self._commands.append(_Command(run, future))
        self._wake.set()
        return future

    # --- sending ---

    async def send_text(self, to: str, text: str, wait: WaitFor = "queued", timeout_s: float = 10) -> Sent:
        """Make a message durable and, with ``wait``, wait for that state. See ``ClientApi``."""
        name = self._recipient(to)
        _check_text(text)
        ends = time.monotonic() + timeout_s
        async with self._meetings.with_(name):
            if self._engine.contact(name) is None and self._engine.online:
                error = await self._resolve(name, timeout_s)
                if error is not None:
                    raise error
            if self._blocked(name):
                raise UntrustedPeerError(name=name)
            queued = self._submit(lambda now: self._engine.send_text(name, text, now))
        message_id = (await queued).hex()
        if wait == "queued":
            return Sent(message_id, "queued")
        return await self._await_state(message_id, name, wait, timeout_s, ends)

    async def _await_state(self, message_id: str, name: str, wait: WaitFor, timeout_s: float, ends: float) -> Sent:
        rank = STATE_RANK[wait]
        reached = self._publisher.reached(message_id, rank)
        try:
            message = await self._do(lambda now: self._store.own_message(MessageId(bytes.fromhex(message_id))))
            if message is not None and message.state and STATE_RANK[message.state] >= rank:
                state, reason = message.state, None  # while we were about to wait
            else:
                delivery = await asyncio.wait_for(reached, max(0.001, ends - time.monotonic()))
                state, reason = delivery.state, delivery.reason
        except TimeoutError:
            raise self._late(name, wait, timeout_s) from None
        finally:
            self._publisher.forget(message_id, reached)
        if state == "failed":
            raise UnknownPeerError(name=name) if self._engine.contact(name) is None else RejectedError(reason=reason)
        return Sent(message_id, state)

    def _late(self, name: str, wait: WaitFor, timeout_s: float) -> SealwireError:
        if self._blocked(name):
            return UntrustedPeerError(name=name)
        if not self._engine.online and self._connector is not None:
            return self._connector.failure() or BrokerUnreachableError(address=self.profile.broker_address)
        return NotReachedError(state=_state_word(wait), seconds=f"{timeout_s:g}")

    async def retry(self) -> int:
        """Try failed messages again; returns how many."""
        return await self._do(self._engine.retry)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is queued; False when time ran out."""
        ends = time.monotonic() + timeout_s
        while (await self._do(lambda _now: len(self._store.outbox_rows()))) > 0:
            if time.monotonic() >= ends:
                return False
            await self._publisher.news(min(LOOK_S, ends - time.monotonic()))
        return True

    async def online(self, timeout_s: float) -> None:
        """Wait for a link (on a first start: until registered). See ``ClientApi``."""
        ends = time.monotonic() + timeout_s
        while not (self._engine.online and self._engine.registered):
            failure = self._connector.failure() if self._connector is not None else None
            if failure is not None:
                raise failure
            left = ends - time.monotonic()
            if left <= 0:
                raise BrokerUnreachableError(address=self.profile.broker_address)
            await self._publisher.news(min(LOOK_S, left))

    # --- reading ---

    async def history(self, conversation: str, limit: int = 50, before_row: int | None = None) -> Sequence[Message]:
        """The last messages of a conversation, oldest first."""
        return await self._do(lambda _now: self._store.history(conversation, limit, before_row))

    async def unread(self, limit: int = 1000) -> Sequence[Message]:
        """Messages of others since the last :meth:`mark_read`, oldest first."""
        return await self._do(lambda _now: self._store.unread(self._engine.mail.read_up_to(), limit))

    async def mark_read(self, up_to_row: int) -> None:
        """Everything up to this row has been written out or seen."""

        await self._do(lambda now: self._engine.mail.mark_read(up_to_row, now, self.profile.read_receipts))

    # --- people ---

    async def contacts(self) -> Sequence[ContactInfo]:
        """All contacts, by name."""
        return await self._do(lambda _now: [self._info(contact) for contact in self._engine.contacts()])

    async def info(self, name: str) -> SessionInfo:
        """Facts about a contact and the session with it."""
        contact = await self._known(name)
        opened_ms, count = await self._do(lambda _now: self._engine.session_age(contact.name))
        return SessionInfo(self._info(contact), SUITE_WORDS, opened_ms, count)

    async def safety_number(self, name: str) -> SafetyNumber:
        """The 60 digits to compare; for a changed key, those of the new one."""
        contact = await self._known(name)
        own = self._keys.identity.card.card
        theirs = contact.new_account_key or contact.account_key
        number = safety_number_of(own.realm, (own.account, own.n_sign), (contact.name, theirs))
        return SafetyNumber(contact.name, number.digits, contact.trust)

    async def set_verified(self, name: str, verified: bool) -> ContactInfo:
        """A person compared the digits (or takes it back)."""
        contact = await self._known(name)
        if contact.trust == "changed":
            raise UntrustedPeerError(name=contact.name)
        await self._do(lambda _now: self._engine.set_verified(contact.name, verified))
        return self._info(contact)

    async def approve(self, name: str) -> ContactInfo:
        """Accept a changed key; what waited goes out to the new key."""
        contact = await self._known(name)
        await self._do(lambda now: self._engine.approve(contact.name, now))
        return self._info(contact)

    async def status(self) -> Status:
        """The peer at a glance."""
        queued = await self._do(lambda _now: len(self._store.outbox_rows()))
        unread = await self._do(lambda _now: self._store.unread_count(self._engine.mail.read_up_to()))
        address = self.profile.broker_address
        return Status(self.name, self.fingerprint, self._connection.state, address, queued, unread)

    def _recipient(self, to: str) -> str:
        name = account_name(to)
        if name is None:
            raise AccountNameError(to)
        if name == self.name:
            raise UsageError(_("That is you: a message needs somebody else to go to."))
        return name

    def _blocked(self, name: str) -> bool:
        contact = self._engine.contact(name)
        return contact is not None and contact.trust == "changed"

    async def _known(self, to: str) -> ContactRecord:
        name = self._recipient(to)
        contact = self._engine.contact(name)
        if contact is None and self._task is not None:
            await self.online(ASK_S)
            error = await self._resolve(name, ASK_S)
            if error is not None:
                raise error
            contact = self._engine.contact(name)
        if contact is None:
            raise UnknownPeerError(name=name)
        return contact

    async def _resolve(self, name: str, timeout_s: float) -> SealwireError | None:
        found = self._publisher.looking_for(name)
        await self._do(lambda _now: self._engine.find(name))
        try:
            return await asyncio.wait_for(found, max(0.001, timeout_s))
        except TimeoutError:
            return None  # not known yet: it is queued, and a failed delivery says so if it proves unknown

    def _info(self, contact: ContactRecord) -> ContactInfo:
        from_key = contact.new_account_key or contact.account_key
        unread = self._store.unread_count(self._engine.mail.read_up_to(), contact.name)
        fingerprint = account_fingerprint(from_key).hex()
        since_ms, changed_ms = contact.first_seen_ms, contact.changed_ms
        return ContactInfo(contact.name, fingerprint, contact.trust, since_ms, changed_ms, unread)


def _check_text(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        size = 0  # half a character, which no UTF-8 text holds
    if size == 0:
        raise UsageError(_("There is nothing to send: the text is empty or not valid Unicode."))
    if size > MAX_TEXT_BYTES:
        raise TextTooLongError(size=size, limit=MAX_TEXT_BYTES)


def _attempt(command: _Command, now: Now) -> tuple[Any, SealwireError | None]:
    try:
        return command.run(now), None
    except StoreError:
        raise  # the whole turn failed
    except SealwireError as error:
        return None, error


def _state_word(state: WaitFor) -> str:
    return {"sent": _("sent"), "delivered": _("delivered"), "read": _("read")}.get(state, state)
