"""What devices tell each other about groups inside their own sessions: keys, invitations, heads, what was said before.

Source: protocol.md §16.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from sealwire.crypto.group_entry import Role
from sealwire.crypto.membership import Change
from sealwire.crypto.primitives import H
from sealwire.ids import MESSAGE_ID_BYTES, GroupId, Mailbox, MessageId, account_name
from sealwire.peer.changes import Said
from sealwire.peer.groups.chain import Chain
from sealwire.peer.groups.group import Before, Call, Group, GroupBook, is_keeper
from sealwire.peer.groups.keys import HeardKeys, KeyRefusedError
from sealwire.peer.groups.talk import NOT_A_MEMBER, Ear
from sealwire.peer.inbox import Arrival, UnreadError
from sealwire.peer.mail import Mail
from sealwire.peer.records import Now, Records
from sealwire.peer.roster import Roster
from sealwire.peer.words import Words
from sealwire.wire.content import Text
from sealwire.wire.group_content import (
    MAX_SHARED,
    Ask,
    Invitation,
    Notice,
    SenderKeyGiven,
    Shared,
    SharedMessage,
)
from sealwire.wire.word_content import MAX_TEXT_BYTES

MAX_INVITATIONS: Final = 100
"""Invitations that wait for an answer; without it whoever registers names in bulk fills the list."""
MAX_INVITATIONS_BY_ONE: Final = 10
ANSWER_EVERY_S: Final = 60.0
"""A device that asks for our head is answered this often."""
MAX_ASKED: Final = 4
"""Devices asked for a key at once: one answer is enough."""
SHARED_BYTES: Final = 14_000
"""Of earlier messages in one content: it has to fit the largest plaintext."""

Heads = Callable[[Group, int, bytes, str, Mailbox, Now], None]
"""Hears of a head that a device has shown."""


class News:
    """Takes and sends what is not said in a group but about it."""

    def __init__(
        self,
        name: str,
        own_mailbox: Mailbox,
        book: GroupBook,
        chain: Chain,
        heard: HeardKeys,
        ear: Ear,
        records: Records,
        roster: Roster,
        mail: Mail,
        words: Words,
        show: Heads,
    ) -> None:
        self._name = name
        self._own_mailbox = own_mailbox
        self._book = book
        self._chain = chain
        self._heard = heard
        self._ear = ear
        self._records = records
        self._roster = roster
        self._mail = mail
        self._words = words
        self._show = show
        self._answered: dict[tuple[GroupId, Mailbox], float] = {}

    # --- taken ---

    def on_key(self, arrival: Arrival, given: SenderKeyGiven) -> None:
        """A device gives us its sender key."""
        group = self._book.get(given.group)
        if group is None or group.state not in ("member", "invited", "stopped"):
            return  # it does not know yet that we are not in it
        card_hash, mailbox = arrival.pair.card.hash, arrival.pair.mailbox
        state = group.membership
        is_read = state is not None and group.is_current and given.sequence <= group.applied
        if is_read and state is not None and state.device(arrival.author, card_hash) is None:
            raise UnreadError(NOT_A_MEMBER)
        try:
            is_new = self._heard.take(group, mailbox, arrival.author, card_hash, given)
        except KeyRefusedError:
            raise UnreadError("old-key") from None
        if is_new and given.ended is not None:
            read = self._heard.read_of(group, mailbox, given.ended.epoch)
            if read is not None and given.ended.count > read:
                self._ear.say_gap(group, arrival.author, given.ended.count - read)
        self._chain.learn(group, given.log_key)
        self._show(group, given.sequence, given.head, arrival.author, mailbox, arrival.now)

    def on_invitation(self, arrival: Arrival, invitation: Invitation) -> None:
        """Somebody invites us; the log says whether it holds."""
        group = self._book.get(invitation.group)
        if group is None or group.state not in ("member", "stopped"):
            group = self._heed(group, arrival.author, invitation)
        elif not self._keep(group, arrival.author, invitation):
            return
        if group is not None:
            head = invitation.sequence, invitation.head
            self._show(group, *head, arrival.author, arrival.pair.mailbox, arrival.now)

    def _keep(self, group: Group, author: str, invitation: Invitation) -> bool:
        """Whether we may have been put out and asked in again: what says so is in the log, and comes later."""
        state = group.membership
        if state is None or author not in state.joined() or invitation.sequence <= group.applied:
            return False
        if group.call is None or invitation.sequence > group.call.invitation.sequence:
            group.call, group.is_dirty = Call(author, invitation), True
            self._chain.learn(group, invitation.log_key)
        return True

    def put_out(self, group: Group, sequence: int) -> None:
        """The log says that we were put out with this entry: an invitation behind it holds from now on."""
        call, group.call = group.call, None
        if call is not None and call.invitation.sequence > sequence:
            self._heed(group, call.by, call.invitation)
            group.hinted = True  # what follows may have been read already, without its key

    def _heed(self, group: Group | None, author: str, invitation: Invitation) -> Group | None:
        """Look at the log of a group that somebody invites us to; None when too many wait for an answer."""
        waiting = [known for known in self._book if known.state in ("knocking", "invited") and known is not group]
        by_one = sum(known.inviter == author for known in waiting)
        if len(waiting) >= MAX_INVITATIONS or by_one >= MAX_INVITATIONS_BY_ONE:
            return None
        if group is None:
            head = self._chain.nothing(GroupId(invitation.group))
            group = Group(head.group, "knocking", author, head)
            self._book.add(group)
        elif group.state != "knocking":
            group.was = Before(group.state, group.inviter)
        if author != group.inviter:
            group.claims = []  # of somebody whose invitation may have been made up
        group.state, group.inviter, group.is_dirty, group.fetched_s = "knocking", author, True, None
        self._chain.learn(group, invitation.log_key)
        self._take_keeper(group, invitation.keeper)
        return group

    def on_notice(self, arrival: Arrival, notice: Notice) -> None:
        """A member's device shows where its log stands, perhaps with keys."""
        group = self._book.get(notice.group)
        if group is None or group.state in ("left", "removed") or not self._knows(group, arrival):
            return
        if notice.log_key:
            self._chain.learn(group, notice.log_key)
        self._take_keeper(group, notice.keeper)
        self._show(group, notice.sequence, notice.head, arrival.author, arrival.pair.mailbox, arrival.now)

    def _knows(self, group: Group, arrival: Arrival) -> bool:
        """Whether whoever says this can know something of the group."""
        state = group.membership
        if state is None or group.state in ("knocking", "invited"):
            return arrival.author == group.inviter
        member = state.members.get(arrival.author)  # joined, or invited: whoever just joined shows the entry
        return (member is not None and member.fingerprint == arrival.pair.card.fingerprint) or not group.is_current

    @staticmethod
    def _take_keeper(group: Group, seed: bytes) -> None:
        known = (
            group.head.keeper
        )  # before the log was read the latest one stands; the log then says whether it is right
        if seed and (not known or (group.keeper_seed is None and is_keeper(seed, known))):
            group.keeper_seed = seed
            group.is_dirty = True

    def on_ask(self, arrival: Arrival, ask: Ask) -> None:
        """Somebody lacks what a member may know: the head, the newest log key, the keeper's seed."""
        group = self._book.get(ask.group)
        state = group.membership if group is not None else None
        if group is None or state is None or group.state not in ("member", "stopped"):
            return
        member = state.members.get(arrival.author)
        is_theirs = member is not None and arrival.pair.card.fingerprint == member.fingerprint
        last_s = self._answered.get((group.id, arrival.pair.mailbox), float("-inf"))
        if not is_theirs or arrival.now.mono_s - last_s < ANSWER_EVERY_S:
            return
        self._answered[group.id, arrival.pair.mailbox] = arrival.now.mono_s
        self.notify(group, [(arrival.pair.mailbox, arrival.author)], arrival.now, with_key=True)

    def on_shared(self, arrival: Arrival, shared: Shared) -> None:
        """Whoever invited us tells what was said before: as words of theirs, nobody can prove whose they were."""
        group = self._book.get(shared.group)
        state = group.membership if group is not None else None
        if group is None or state is None or group.state != "member":
            return
        own = state.members[self._name]
        device = state.device(arrival.author, arrival.pair.card.hash)
        if device is None or arrival.author != own.by or not own.sees_past:
            raise UnreadError("not-for-us")
        for said in shared.messages[: max(0, MAX_SHARED - group.shared)]:
            group.shared += 1
            group.is_dirty = True
            self._keep_shared(group, arrival, said)

    def _keep_shared(self, group: Group, arrival: Arrival, said: SharedMessage) -> None:
        message_id = MessageId(H("group-shared", said.id)[:MESSAGE_ID_BYTES])
        content = Text(f"{said.author}: {said.text}", forwarded=True)
        if account_name(said.author) != said.author or len(content.text.encode()) > MAX_TEXT_BYTES:
            return  # a name with lines in it would speak for others, a longer text could not be passed on
        place = (group.conversation, arrival.author, message_id, said.sent_at_ms, arrival.now)
        self._words.take(Said(*place), content)

    # --- sent ---

    def notify(self, group: Group, devices: Iterable[tuple[Mailbox, str]], now: Now, *, with_key: bool) -> None:
        """Show devices where the log stands here; whoever leads is given the keeper's seed with the log key."""
        key = group.keys.get(group.head.writer) if with_key else None
        state = group.membership
        for mailbox, account in devices:
            leads = state is not None and state.leads(account)
            keeper = group.keeper_seed if key is not None and leads else None
            secret = key.secret if key is not None else b""
            notice = Notice(group.id, group.head.sequence, group.head.hash, secret, keeper or b"")
            self._mail.post(mailbox, notice, now, account)

    def show_other(self, group: Group, sequence: int, mailbox: Mailbox, account: str, now: Now) -> None:
        """A device has another entry where ours stands: show it ours, so that it notices, too.

        Once: both sides would answer each other for ever.
        """
        head, once = self._chain.hash_at(group, sequence), f"shown {mailbox.hex()}"
        if head is not None and once not in group.warned:
            group.warned.add(once)
            self._mail.post(mailbox, Notice(group.id, sequence, head, b"", b""), now, account)

    def ask(self, group: Group, now: Now) -> None:
        """Ask for what we lack: those who lead have it, and where nobody else does, any member."""
        members = group.membership.joined() if group.membership is not None else {}
        for mailbox, account in (self.leads(group, group.inviter) or self.leads(group, *members))[:MAX_ASKED]:
            self._mail.post(mailbox, Ask(group.id), now, account)

    def invite(self, group: Group, name: str, sequence: int, now: Now) -> None:
        """Tell somebody's devices that the log invites them."""
        head, state = self._chain.hash_at(group, sequence), group.membership
        assert head is not None, "the entry was just read"
        member = state.members.get(name) if state is not None else None
        may_keep = member is not None and member.role in (Role.OWNER, Role.ADMIN)
        keeper = group.keeper_seed if may_keep else None
        log_key = group.keys[group.head.writer].secret
        for mailbox in self._roster.mailboxes(name):
            self._mail.post(mailbox, Invitation(group.id, sequence, head, log_key, keeper or b""), now, name)

    def leads(self, group: Group, *more: str) -> list[tuple[Mailbox, str]]:
        """The devices of those who lead a group, and of others in it."""
        state = group.membership
        members = state.joined() if state is not None else {}
        names = [name for name, member in members.items() if member.role <= Role.ADMIN or name in more]
        devices = [(Mailbox(device.mailbox), name) for name in names for device in members[name].devices]
        return [(mailbox, name) for mailbox, name in devices if mailbox != self._own_mailbox]

    def removed(self, change: Change) -> list[tuple[Mailbox, str]]:
        """The devices of somebody we have put out: they are told where to read it."""
        member = change.before.members.get(change.subject) if change.before is not None else None
        if member is None:
            return []
        boxes = [Mailbox(device.mailbox) for device in member.devices] or self._roster.mailboxes(change.subject)
        return [(mailbox, change.subject) for mailbox in boxes]

    def share(self, group: Group, name: str, now: Now) -> None:
        """The log lets a newcomer of ours see what was said before: the last of it."""
        state = group.membership
        member = state.members.get(name) if state is not None else None
        told = self._records.history(group.conversation, MAX_SHARED, None)
        said = [m for m in told if m.text and m.kind != "notice" and not m.deleted]
        contents: list[list[SharedMessage]] = [[]]
        room = SHARED_BYTES
        for message in said:
            size = len(message.text.encode()) + 64
            if size > SHARED_BYTES:
                continue
            if size > room:
                contents.append([])
                room = SHARED_BYTES
            room -= size
            one = SharedMessage(bytes.fromhex(message.id), message.sender, message.sent_at_ms, message.text)
            contents[-1].append(one)
        for device in member.devices if member is not None else ():
            for messages in contents if said else ():
                self._mail.post(Mailbox(device.mailbox), Shared(group.id, messages), now, name)
