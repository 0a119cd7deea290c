"""The one async API of a running peer: commands in, one stream of events out.

What is asked here becomes a command of the next turn (``peer.turns``); its answer comes after that turn's commit.

Source: protocol.md §5.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

from sealwire.crypto.card import account_fingerprint
from sealwire.crypto.safety import safety_number_of, typed_digits
from sealwire.errors import (
    AccountNameError,
    BrokerKeyMissingError,
    BrokerUnreachableError,
    ComparedOtherKeyError,
    SealwireError,
    UnknownPeerError,
    UsageError,
)
from sealwire.files import PidLock
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, account_name
from sealwire.peer import opening
from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, SessionInfo, Status, WaitFor
from sealwire.peer.desks.files import FilesDesk
from sealwire.peer.desks.groups import GroupsDesk
from sealwire.peer.desks.past import PastDesk
from sealwire.peer.desks.people import PeopleDesk
from sealwire.peer.desks.talk import LOOK_S, TalkDesk
from sealwire.peer.engine import Engine
from sealwire.peer.events import Event, Message, Warning
from sealwire.peer.keystore import Keys, Progress
from sealwire.peer.patience import link_wait_s
from sealwire.peer.profile import Profile
from sealwire.peer.records import ContactRecord, Now
from sealwire.peer.store import Store
from sealwire.peer.turns import Turns, clock

T = TypeVar("T")

ASK_S: Final = 10.0
"""For a link and for the directory's answer about somebody never seen."""
SUITE_WORDS: Final = "X25519 + RSA-OAEP-3072 + ML-KEM-768, Double Ratchet, XChaCha20-Poly1305"


class Client:
    """A running peer; implements ``peer.api.ClientApi``."""

    def __init__(self, profile: Profile, keys: Keys, store: Store, lock: PidLock) -> None:
        self.name = profile.name
        self.fingerprint = keys.identity.card.card.fingerprint.hex()
        self.profile = profile
        self.keys = keys
        self.store = store
        self._lock = lock
        self.turns = Turns(profile, keys, store)
        self._publisher = self.turns.publisher
        self._closed = False
        self.talk = TalkDesk(self)
        self.people = PeopleDesk(self)
        self.past = PastDesk(self)
        self.groups = GroupsDesk(self)
        self.files = FilesDesk(self)

    @property
    def engine(self) -> Engine:
        """The engine of this moment: made again after a failed commit, so never kept."""
        return self.turns.engine

    @property
    def registered(self) -> bool:
        """Whether this profile was let in by the broker once and its prekeys are stored there."""
        return self.engine.registered

    # --- opening and closing ---

    @classmethod
    async def open(cls, profile: Profile, passphrase: bytes, progress: Progress) -> Client:
        """Open a profile, or make it on its first start (``progress`` gets a line per step).

        Raises:
            ProfileBusyError, KeyFileError, BrokerKeyMissingError, IntegrityError, StoreError.
        """
        return cls.over(profile, *await opening.opened(profile, passphrase, progress))

    @classmethod
    def over(cls, profile: Profile, keys: Keys, store: Store, lock: PidLock) -> Client:
        """Put a client on what :func:`opening.opened` opened, which is released when that fails. Raises StoreError."""
        try:
            return cls(profile, keys, store, lock)
        except BaseException:
            store.close()
            lock.release()
            raise

    async def start(self) -> None:
        """Begin: notice a restored database, then connect in the background.

        Raises:
            BrokerKeyMissingError: there is no key to recognise the broker by.
        """
        profile = self.profile
        if profile.broker_key is None:
            raise BrokerKeyMissingError(path=profile.broker_key_source)
        if opening.is_restored(profile, self.store):
            with self.store.transaction():
                self.engine.forget_chains()
                self.engine.settle(clock())
            text = _("This profile was restored from an older copy: conversations continue under fresh keys.")
            self._publisher.publish(Warning("restored", text))
        self.turns.start()

    async def close(self) -> None:
        """Say goodbye, release the profile."""
        if self._closed:
            return
        self._closed = True
        await self.files.close()
        await self.turns.stop()
        self.store.close()
        self._lock.release()

    def events(self) -> AsyncIterator[Event]:
        """The one event stream, from the start on; ends when the client is closed."""
        return self._publisher.events()

    async def do(self, run: Callable[[Now], T]) -> T:
        """Run ``run`` inside the next turn's transaction; its result comes after the commit."""
        return await self.turns.submit(run)

    # --- sending ---

    async def send_text(self, to: str, text: str, wait: WaitFor = "queued", timeout_s: float = 10) -> Sent:
        """Make a message durable and, with ``wait``, wait for that state. See ``ClientApi``."""
        return await self.talk.send(to, text, wait=wait, timeout_s=timeout_s)

    async def retry(self) -> int:
        """Try failed messages again; returns how many."""
        return await self.do(self.engine.retry)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is queued; False when time ran out."""
        ends = time.monotonic() + timeout_s
        while await self.do(lambda _now: self.store.outbox_rows() or self._sends_files()):
            if time.monotonic() >= ends:
                return False
            await self._publisher.news(min(LOOK_S, ends - time.monotonic()))
        return True

    def _sends_files(self) -> bool:
        return any(file.mine for file in self.store.files_moving())

    async def online(self, timeout_s: float) -> None:
        """Wait for a link (on a first start: until registered). See ``ClientApi``."""
        ends = time.monotonic() + timeout_s
        while not (self.engine.online and self.engine.registered):
            failure = self.turns.failure()
            if failure is not None:
                raise failure
            left = ends - time.monotonic()
            if left <= 0:
                raise BrokerUnreachableError(address=self.profile.broker_address)
            await self._publisher.news(min(LOOK_S, left))

    # --- reading ---

    async def history(self, conversation: str, limit: int = 50, before_row: int | None = None) -> Sequence[Message]:
        """The last messages of a conversation, oldest first."""
        place = self.past.at(conversation)
        return await self.do(lambda _now: self.store.history(place, limit, before_row))

    async def unread(self, limit: int = 1000) -> Sequence[Message]:
        """Messages of others since the last :meth:`mark_read`, oldest first."""
        return await self.do(lambda _now: self.store.unread(limit))

    async def mark_read(self, up_to_row: int) -> None:
        """Everything up to this row has been written out or seen."""

        await self.do(lambda now: self.engine.mail.mark_read(up_to_row, now))

    # --- people ---

    async def contacts(self) -> Sequence[ContactInfo]:
        """All contacts, by name."""
        return await self.do(lambda _now: [self.contact_info(contact) for contact in self.engine.contacts()])

    async def info(self, name: str) -> SessionInfo:
        """Facts about a contact and the session with it."""
        contact = await self.known(name)
        opened_ms, count = await self.do(lambda _now: self.engine.trust.session_age(contact.name))
        return SessionInfo(self.contact_info(contact), SUITE_WORDS, opened_ms, count)

    async def safety_number(self, name: str) -> SafetyNumber:
        """The 60 digits to compare; for a changed key, those of the new one."""
        contact = await self.known(name)
        own = self.keys.identity.card.card
        theirs = contact.new_account_key or contact.account_key
        number = safety_number_of(own.realm, (own.account, own.n_sign), (contact.name, theirs))
        return SafetyNumber(contact.name, number.digits, contact.trust)

    async def set_verified(self, name: str, verified: bool, digits: str | None = None) -> ContactInfo:
        """A person compared the digits (or takes it back)."""
        contact = await self.known(name)
        key = contact.account_key  # the record moves on; what was compared does not
        if digits is not None:
            compared = typed_digits(digits)
            if compared is None:
                raise UsageError(_("A safety number has 60 digits, as verify shows them; this is something else."))
            if compared != (await self.safety_number(name)).digits:
                raise ComparedOtherKeyError(name=contact.name)
        await self.do(lambda now: self.engine.trust.set_verified(contact.name, verified, key, now))
        return self.contact_info(contact)

    async def approve(self, name: str) -> ContactInfo:
        """Accept a changed key; what waited goes out to the new key."""
        contact = await self.known(name)
        await self.do(lambda now: self.engine.trust.approve(contact.name, now))
        return self.contact_info(contact)

    async def status(self) -> Status:
        """The peer at a glance."""
        outbox = await self.do(lambda _now: len(self.store.outbox_rows()))
        queued = await self.do(lambda _now: self.store.queued_count())
        unread = await self.do(lambda _now: self.store.unread_count())
        address = self.profile.broker_address
        return Status(self.name, self.fingerprint, self.turns.connection.state, address, queued, unread, outbox)

    def recipient(self, to: str) -> str:
        """Return a name of somebody else in its final form. Raises AccountNameError, UsageError."""
        name = account_name(to)
        if name is None:
            raise AccountNameError(to)
        if name == self.name:
            raise UsageError(_("That is you: a message needs somebody else to go to."))
        return name

    def place(self, conversation: str) -> str:
        """Return a conversation in its final form: an account, or a group by its id (from ``+`` and its name, too).

        Raises:
            AccountNameError, UsageError, UnknownGroupError, GroupNameError.
        """
        if conversation.startswith(GROUP_MARK):
            return self.groups.find(conversation).conversation
        return self.recipient(conversation)

    def is_in_question(self, name: str) -> bool:
        """Whether somebody's key has changed and a decision is waited for."""
        contact = self.engine.contact(name)
        return contact is not None and contact.trust == "changed"

    async def known(self, to: str) -> ContactRecord:
        """A contact; the directory is asked about a name never seen. Raises UnknownPeerError and what stops a link."""
        name = self.recipient(to)
        contact = self.engine.contact(name)
        if contact is None and self.turns.started:
            await self.online(link_wait_s(ASK_S))
            error = await self.resolve(name, ASK_S)
            if error is not None:
                raise error
            contact = self.engine.contact(name)
            if contact is None:  # nobody said that the name is unknown: the question is still open
                raise BrokerUnreachableError(address=self.profile.broker_address)
        if contact is None:
            raise UnknownPeerError(name=name)
        return contact

    async def resolve(self, name: str, timeout_s: float) -> SealwireError | None:
        """Ask the directory who somebody is; the error that says why not, or None."""
        found = self._publisher.looking_for(name)
        await self.do(lambda _now: self.engine.find(name))
        try:
            return await asyncio.wait_for(found, max(0.001, timeout_s))
        except TimeoutError:
            return None  # not known yet: it is queued, and a failed delivery says so if it proves unknown

    def contact_info(self, contact: ContactRecord) -> ContactInfo:
        """What people see of a contact; inside a turn."""
        from_key = contact.new_account_key or contact.account_key
        unread = self.store.unread_count(contact.name)
        fingerprint = account_fingerprint(from_key).hex()
        since_ms, changed_ms = contact.first_seen_ms, contact.changed_ms
        return ContactInfo(contact.name, fingerprint, contact.trust, since_ms, changed_ms, unread)
