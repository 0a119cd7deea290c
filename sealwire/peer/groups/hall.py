"""Groups of this device as the engine sees them: what was heard, what is to be said, what a person wants.

Source: protocol.md §16.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sealwire.crypto.group_entry import Kind
from sealwire.crypto.identity import Identity
from sealwire.crypto.membership import Change, Membership, addresses
from sealwire.crypto.primitives import Rng
from sealwire.crypto.vault import Vault
from sealwire.errors import GroupRightError
from sealwire.i18n import _
from sealwire.ids import MESSAGE_ID_BYTES, GroupId, Mailbox, MessageId
from sealwire.peer.directory import Directory
from sealwire.peer.events import Event, Warning
from sealwire.peer.groups.acts import Answer, Scribe
from sealwire.peer.groups.audience import Audiences
from sealwire.peer.groups.chain import TwoHeadsError
from sealwire.peer.groups.group import Act, Group, GroupBook
from sealwire.peer.groups.keys import HeardKeys, OwnKeys
from sealwire.peer.groups.logs import Logs
from sealwire.peer.groups.news import News
from sealwire.peer.groups.seats import Seats
from sealwire.peer.groups.states import Deliveries
from sealwire.peer.groups.talk import Ear, Voice
from sealwire.peer.groups.tidings import Tidings
from sealwire.peer.inbox import BEHIND, Inbox
from sealwire.peer.mail import Mail
from sealwire.peer.pairs import Pairs
from sealwire.peer.people import People
from sealwire.peer.records import Now, OutboxRow, Records
from sealwire.peer.requests import Requests
from sealwire.peer.roster import Roster
from sealwire.peer.timers import Timers
from sealwire.peer.words import Words
from sealwire.wire.content import Content, Nothing, encode_content
from sealwire.wire.control import Response
from sealwire.wire.group_content import Ask, GroupNews, Invitation, Notice, SenderKeyGiven, Shared

ACT_S: Final = 60.0
"""So long an entry of ours may wait for its turn."""
ASK_EVERY_S: Final = 60.0
"""For a key that a log needs and nobody has sent us."""


class Hall:
    """All groups; the one door between them and the engine."""

    def __init__(
        self,
        records: Records,
        vault: Vault,
        identity: Identity,
        pairs: Pairs,
        roster: Roster,
        directory: Directory,
        requests: Requests,
        people: People,
        inbox: Inbox,
        mail: Mail,
        words: Words,
        timers: Timers,
        rng: Rng,
        events: list[Event],
    ) -> None:
        card = identity.card.card
        self._name, self._card, self._rng, self._events = card.account, card, rng, events
        self._roster, self._mail, self._inbox = roster, mail, inbox
        self.book = GroupBook(records, vault, rng)
        self.seats = Seats(card.account, self.book)
        self._own = OwnKeys(records, vault, card.hash, rng)
        self._heard = HeardKeys(records, vault, rng)
        self._states = Deliveries(records, records, events)
        self._scribe = Scribe(identity, rng)
        self._voice = Voice(card.hash, self._own, self._states, mail, rng)
        self._ear = Ear(self.book, self._heard, records, pairs, roster, people, inbox, events)
        self.logs = Logs(self.book, records, self._scribe, requests, self, events)
        chain, self.logs.renewed = self.logs.chain, self._own.renewed
        places = (self.book, chain, self._heard, self._ear, records, roster, mail, words)
        self._news = News(card.account, card.mailbox, *places, self._heard_of)
        self._tidings = Tidings(card.account, words, events)
        self._audiences = Audiences(card.account, roster, directory, self._tidings)
        self._timers = timers
        self._asked_s: dict[GroupId, float] = {}
        self._tickets = 0
        self._has_grown = False
        inbox.open_group, inbox.group_receipt = self._ear.open, self._states.receipt
        inbox.is_of_group = self._states.follows
        mail.to_group, mail.is_in_group_with = self._queue, self.book.is_shared_with
        mail.unread_groups = self.book.unread
        words.group_members, words.check_group = self.seats.members, self.seats.check_speech
        inbox.on(SenderKeyGiven, self._news.on_key, from_blocked=True)  # whose words alone are not shown
        inbox.on(Invitation, self._news.on_invitation)
        inbox.on(Notice, self._news.on_notice, from_blocked=True)
        inbox.on(Ask, self._news.on_ask)
        inbox.on(Shared, self._news.on_shared)

    # --- the link ---

    def answered(self, kind: str, group_id: bytes, response: Response, now: Now) -> None:
        """The broker answered something about a log."""
        group = self.book.get(group_id)
        if group is not None:
            (self.logs.entries_came if kind == "entries" else self.logs.append_came)(group, response, now)

    def lost(self, mailbox: Mailbox) -> None:
        """A device asks for a fresh session: it may have lost our keys, too."""
        for group in self.book:
            if group.state == "member" and group.membership is not None:
                self._own.forget_given(group, mailbox)

    def forget_chains(self) -> None:
        """The database is older than the last one used: no sender key of it may speak again."""
        for group in self.book:
            self._own.burn(group)

    # --- what a person wants ---

    def begin(self, name: str, now: Now) -> tuple[GroupId, int]:
        """Make a group; returns it and what :attr:`answers` will call this."""
        group, act = self._scribe.begin(name, now.ms)
        self.book.add(group)
        return group.id, self._file(group, act, now)

    def act(self, group: Group, kind: Kind, now: Now, subject: str = "", value: bytes = b"") -> int:
        """Append something to a log; returns what :attr:`answers` will call it."""
        return self._file(group, Act(kind, subject, value), now)

    def _file(self, group: Group, act: Act, now: Now) -> int:
        self._tickets += 1
        act.ticket, act.until_s = self._tickets, now.mono_s + ACT_S
        self.logs.act(group, act)
        return act.ticket

    def resume(self, group: Group) -> None:
        """A person looked at the two histories and goes on with the one here."""
        group.state, group.claims, group.fetched_s, group.is_dirty = "member", [], None, True
        group.not_before_s = 0.0  # the pause was for the alarm: a person has looked
        group.warned.clear()

    def take_answers(self) -> list[Answer]:
        """What became of things that people wait for, once."""
        answers, self.logs.answers = self.logs.answers, []
        return answers

    def _queue(self, conversation: str, message: MessageId, content: Content, now: Now) -> None:
        self._mail.outbox.add(conversation, None, message, encode_content(content), now.ms)
        if self.seats.is_out(conversation):  # a file was on its way when we left, or a person tries again
            self._fail_unsealed(conversation, _("you are no longer in the group"))

    def _fail_unsealed(self, conversation: str, why: str) -> None:
        for row in self._mail.outbox.unsealed(conversation):
            self._mail.fail(row, why)

    # --- heads ---

    def _heard_of(self, group: Group, sequence: int, head: bytes, by: str, mailbox: Mailbox, now: Now) -> None:
        try:
            self.logs.read(group, now)
            if not self._may_show(group, by, mailbox):
                self.logs.hint(group, sequence)
            elif self.logs.show(group, sequence, head, by, now):
                group.not_before_s = min(group.not_before_s, now.mono_s)
        except TwoHeadsError as error:
            self.stopped(group, error, now)
            if group.state == "stopped":  # whoever only invites us learns nothing from us before an answer
                self._news.show_other(group, sequence, mailbox, by, now)

    def _may_show(self, group: Group, by: str, mailbox: Mailbox) -> bool:
        """Whether a head of this device counts: whoever is not in the log could stop the group with a false one."""
        if group.was is not None:
            return False  # to judge another invitation to a group that is known, the broker's log is enough
        if group.state in ("knocking", "invited") and by == group.inviter:
            return True
        return group.membership is not None and group.membership.has(by, mailbox)

    def stopped(self, group: Group, error: TwoHeadsError, now: Now) -> None:
        """There are two histories of a group: nothing is said in it until a person looks."""
        group.not_before_s = now.mono_s + ASK_EVERY_S
        if group.state != "member":
            return  # of a group that was not joined the pinned head stays; after a yes its members show theirs
        group.state, group.is_dirty = "stopped", True
        by = error.by or _("The broker")
        text = _(
            "{name} shows another history of the group {group}, from entry {sequence} on. Somebody plays two sides; "
            "nothing is sent to this group until you decide."
        )
        text = text.format(name=by, group=group.name, sequence=error.sequence)
        self._events.append(Warning("group-forked", text, group.conversation))
        self._tidings.tell(group, "forked", error.by or None, None, text)

    def unknown(self, group: Group, now: Now) -> None:
        """The broker has no such log: ours was refused, or an invitation was made up."""
        if group.state == "knocking" and (group.inviter == self._name or "unknown" in group.warned):
            self.book.drop(group)
        group.warned.add("unknown")

    # --- entries ---

    def changed(self, group: Group, change: Change | None, sequence: int, now: Now) -> None:
        """An entry of a log was read."""
        self._has_grown = True
        state = group.membership
        if change is None or state is None:
            self._tidings.skipped(group)
            return
        if group.state == "knocking":
            if change.kind is Kind.CREATE and group.inviter == self._name:
                group.state = "member"
            else:
                return  # a log that we are only invited to: what led to it is no news
        if group.state == "invited":
            self._answered_invitation(group, change, sequence, now)
            return
        self._tidings.changed(group, change, sequence, now)
        if group.state not in ("member", "stopped"):
            return
        self._timers.follow(group.conversation, state.timer_s)
        self._others(group, change, sequence, now)
        if change.by == self._name:
            self._spread(group, change, sequence, now)
        elif change.kind is Kind.ACCEPT and state.members[change.by].by == self._name:
            self._welcome(group, change.by, now)
        me = state.members.get(self._name)
        if me is None or not me.joined:
            self._out(group, change, sequence)

    def _answered_invitation(self, group: Group, change: Change, sequence: int, now: Now) -> None:
        """Only what becomes of our own invitation is news to us."""
        assert group.membership is not None, "an entry was read"
        me = group.membership.members.get(self._name)
        if me is not None and not me.joined:
            return
        self._tidings.changed(group, change, sequence, now)
        if me is None:
            group.state = "left" if change.kind is Kind.DECLINE else "removed"
            self.logs.give_up(group, GroupRightError(name=group.name))  # a yes that waits is none to another invitation
        else:
            group.state, group.was = "member", None
            self._timers.follow(group.conversation, group.membership.timer_s)
        self._news.notify(group, self._news.leads(group, group.inviter), now, with_key=False)

    def _others(self, group: Group, change: Change, sequence: int, now: Now) -> None:
        """Those who are no longer in it are no longer waited for, and what they say under old keys is refused.

        Of those who left, what was under way by then is still read: for a day.
        """
        assert group.membership is not None, "an entry was read"
        before = addresses(change.before) if change.before is not None else {}
        gone = before.keys() - addresses(group.membership).keys()
        names = change.before.members.keys() - group.membership.members.keys() if change.before is not None else ()
        self._withhold(group, names, gone)
        if not gone:
            return
        group.claims = [claim for claim in group.claims if claim.by in group.membership.joined()]
        if change.kind is Kind.LEAVE:
            self._heard.left(group, gone, sequence, now.ms)
        else:
            self._heard.removed(group, gone)
        self._states.without(group.id, gone)
        self._mail.drop_devices(gone, _("they are no longer in the group"), group.conversation)

    def _withhold(self, group: Group, names: Collection[str], mailboxes: Collection[Mailbox]) -> None:
        """Keys and news of the group that wait for whoever is out of it stay here."""
        if names or mailboxes:
            self._mail.withdraw_where(
                lambda account, mailbox: account in names or mailbox in mailboxes,
                lambda content: isinstance(content, GroupNews) and content.group == group.id,
            )

    def _spread(self, group: Group, change: Change, sequence: int, now: Now) -> None:
        """What follows from an entry of ours."""
        state = group.membership
        assert state is not None, "an entry was read"
        if change.kind is not Kind.LEAVE and not group.has_log_key:
            return  # of before this database was put back: what followed was done then
        match change.kind:
            case Kind.INVITE:
                self._news.invite(group, change.subject, sequence, now)
            case Kind.REMOVE | Kind.REKEY if state.leads(self._name):
                self._give_keys(group, now)
                self._news.notify(group, self._news.removed(change), now, with_key=False)
                return
            case Kind.LEAVE:
                self._news.notify(group, self._news.leads(group), now, with_key=False)
                return
            case Kind.ROLE if state.leads(change.subject):
                devices = [(m, name) for m, name in self._news.leads(group) if name == change.subject]
                self._news.notify(group, devices, now, with_key=True)
            case _:
                pass
        group.nudge(now.mono_s)

    def _welcome(self, group: Group, name: str, now: Now) -> None:
        """Somebody we invited has joined: the others learn it from us."""
        assert group.membership is not None, "an entry was read"
        group.nudge(now.mono_s)
        if group.membership.members[name].sees_past:
            self._news.share(group, name, now)

    def _give_keys(self, group: Group, now: Now) -> None:
        """The log key changed: members get the new one with our sender key, or by itself as those invited do."""
        assert group.membership is not None, "an entry was read"
        kept, key = self._own.ready(group, now.ms)
        hear = self._audiences.of(group, now)
        without = set(hear)
        for mailbox, account, content in self._own.give(group, kept, key, hear):
            self._mail.post(mailbox, content, now, account)
            without.remove(mailbox)
        guests = [name for name, member in group.membership.members.items() if not member.joined]
        devices = [(mailbox, name) for name in guests for mailbox in self._roster.mailboxes(name)]
        devices += [(mailbox, hear[mailbox]) for mailbox in sorted(without)]
        self._news.notify(group, devices, now, with_key=True)

    def _out(self, group: Group, change: Change, sequence: int) -> None:
        """We are no longer in it: nothing of ours goes there any more, and its keys are destroyed."""
        group.state = "left" if change.kind is Kind.LEAVE else "removed"
        error = GroupRightError(name=group.name)
        self.logs.give_up(group, error)
        self._heard.forget(group)
        self._own.forget(group)
        why = _("you are no longer in the group")
        self._fail_unsealed(group.conversation, why)
        if group.state == "removed":  # of whoever left, words of before are taken; of whoever was put out, none
            self._mail.drop_devices(None, why, group.conversation)
        group.claims, group.nudge_s = [], None
        self._news.put_out(group, sequence)

    def has_news(self) -> bool:
        """Whether entries of ours are under way, or members are still to be shown our head."""
        return any(group.acts or group.nudge_s is not None for group in self.book if group.state == "member")

    # --- a turn ---

    def deadline(self) -> float | None:
        """Monotonic time of the next thing to do without input."""
        if self._has_grown or self._ear.shown:  # told after the groups had their part of the turn
            return 0.0
        nudges = [group.nudge_s for group in self.book if group.nudge_s is not None and _may_nudge(group)]
        logs = self.logs.deadline()
        return min(nudges + ([logs] if logs is not None else []), default=None)

    def settle(self, now: Now, online: bool) -> None:
        """Do what follows from this turn; what is written is in its transaction."""
        self._digest(now)
        for group in self.book:
            self._judge_invitation(group, now)
            if group.state == "member":
                self._care(group, now, online)
        if online:
            self.logs.due(now)
        self.book.flush()

    def _digest(self, now: Now) -> None:
        """Try again what our log was too short for, then hold the heads that messages showed against it."""
        while self._has_grown or self._ear.shown:
            if self._has_grown:
                self._has_grown = False
                self._inbox.retry(None, now, BEHIND)
            for group_id, sequence, head, by, mailbox in self._ear.take_shown():
                group = self.book.get(group_id)
                if group is not None and group.state not in ("left", "removed"):
                    self._heard_of(group, sequence, head, by, mailbox, now)

    def _judge_invitation(self, group: Group, now: Now) -> None:
        """Whether the log says what whoever invited us said."""
        is_read = bool(group.head.sequence) and group.is_current and group.fetched_s is not None
        if group.state != "knocking" or group.inviter == self._name or not is_read:
            return
        state = group.membership
        me = state.members.get(self._name) if state is not None else None
        right = state is not None and state.realm == self._card.realm
        if me is not None and right and me.by == group.inviter and me.fingerprint == self._card.fingerprint:
            group.state, group.was, group.is_dirty = ("member" if me.joined else "invited"), None, True
            self._tidings.tell(group, "invited", me.by, self._name, None)
            return
        text = _("An invitation of {name} to a group does not hold: the group's own log does not say so.")
        self._events.append(Warning("group-invite", text.format(name=group.inviter), group.inviter))
        if group.was is not None:
            (group.state, group.inviter), group.was, group.is_dirty = group.was, None, True
        else:
            self.book.drop(group)

    def _care(self, group: Group, now: Now, online: bool) -> None:
        state = group.membership
        if state is None:
            return
        is_blind = group.applied < group.head.sequence or not group.has_log_key
        if is_blind or (group.acts and not self._scribe.can_write(group, group.acts[0])):
            self._ask(group, now)
        if online and state.is_known_outside and state.leads(self._name) and group.keeper_seed is not None:
            self._rekey(group, now)
        if online and self._own.is_burnt(group) and state.speaks(self._name):
            self._rekey(group, now)  # at once: with it everybody gives their keys again, which this copy may lack
        rows = self._mail.outbox.unsealed(group.conversation)
        if group.nudge_s is not None and group.nudge_s <= now.mono_s and self.logs.is_fresh(group, now):
            group.nudge_s = None
            if state.speaks(self._name) and not rows:
                self._queue(group.conversation, MessageId(self._rng(MESSAGE_ID_BYTES)), Nothing(), now)
                rows = self._mail.outbox.unsealed(group.conversation)
        if rows and online:
            self._speak(group, state, rows, now)

    def _speak(self, group: Group, state: Membership, rows: list[OutboxRow], now: Now) -> None:
        if not state.speaks(self._name):
            self._fail_unsealed(group.conversation, _("you may only read in this group"))
            return
        burnt = self._own.is_burnt(group)
        if burnt or self._own.is_due(group, now.ms):
            self._rekey(group, now)
        if not burnt and group.has_log_key and not group.acts and self.logs.is_fresh(group, now):
            self._voice.say(group, rows, self._audiences.of(group, now), now)

    def _rekey(self, group: Group, now: Now) -> None:
        """Begin a new epoch, unless that is under way or was refused."""
        if Kind.REKEY.name not in group.warned and all(act.kind is not Kind.REKEY for act in group.acts):
            self.logs.act(group, Act(Kind.REKEY, until_s=now.mono_s + ACT_S))

    def _ask(self, group: Group, now: Now) -> None:
        if now.mono_s - self._asked_s.get(group.id, float("-inf")) >= ASK_EVERY_S:
            self._asked_s[group.id] = now.mono_s
            self._news.ask(group, now)


def _may_nudge(group: Group) -> bool:
    """Whether time alone is missing: what else a nudge waits for wakes the peer when it comes."""
    is_read = group.fetched_s is not None and not group.asked and group.is_current
    return group.state == "member" and is_read
