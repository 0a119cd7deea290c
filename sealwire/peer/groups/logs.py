"""Keeping up with the broker: entries are asked for, ours are appended, and what does not fit is refused aloud.

Source: protocol.md §16.3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from sealwire.crypto.group_entry import Kind
from sealwire.crypto.membership import Change
from sealwire.errors import (
    GroupBusyError,
    GroupRightError,
    RefusedError,
    RejectedError,
    RemoteProtocolError,
    SealwireError,
)
from sealwire.i18n import _
from sealwire.peer.events import Event, Warning
from sealwire.peer.groups.acts import MAX_TRIES, Answer, Scribe
from sealwire.peer.groups.chain import Chain, TwoHeadsError
from sealwire.peer.groups.group import Act, Claim, Group, GroupBook
from sealwire.peer.groups.records import GroupRecords
from sealwire.peer.records import Now
from sealwire.peer.requests import Requests
from sealwire.peer.waits import heeded_s
from sealwire.wire.control import EntriesBody, Response, decode_entries_body
from sealwire.wire.frames import Code

FRESH_S: Final = 300.0
"""So long a log counts as read: whoever speaks later asks first whether it has grown."""
RETRY_S: Final = 5.0
"""After an answer that could not be used, and while the broker lacks what a member has shown."""
HINT_EVERY_S: Final = 0.5
"""For questions that somebody outside the log gives a reason for; without it they use up our requests."""
PATIENCE_S: Final = 60.0
"""When the broker has not handed out for so long what a member has shown, people are told."""


class Listener(Protocol):
    """Who hears what logs say."""

    def changed(self, group: Group, change: Change | None, sequence: int, now: Now) -> None:
        """An entry was read; None: it breaks a rule and was skipped."""

    def stopped(self, group: Group, error: TwoHeadsError, now: Now) -> None:
        """There are two histories of a group."""

    def unknown(self, group: Group, now: Now) -> None:
        """The broker has no log of a group whose log we have never seen."""


class Logs:
    """The logs of all groups, at the broker and here."""

    def __init__(
        self,
        book: GroupBook,
        records: GroupRecords,
        scribe: Scribe,
        requests: Requests,
        listener: Listener,
        events: list[Event],
    ) -> None:
        self._book = book
        self._records = records
        self.chain = Chain(records)
        self._scribe = scribe
        self._requests = requests
        self._listener = listener
        self._events = events
        self._healing: dict[bytes, int] = {}
        self.answers: list[Answer] = []
        self.renewed: Callable[[Group], None] = lambda _group: None
        """Hears that an epoch which we began is in the log."""

    # --- the link ---

    def opened(self) -> None:
        """A link session begins: every log may have grown."""
        for group in self._book:
            group.fetched_s, group.asked, group.not_before_s = None, False, 0.0

    def link_lost(self) -> None:
        """What was asked is asked again by the next link; nothing counts as read any more."""
        for group in self._book:
            group.fetched_s, group.asked = None, False
        self._healing.clear()

    def due(self, now: Now) -> None:
        """Ask what is to be asked, append what is to be appended."""
        for group in self._book:
            if not _is_followed(group) or group.asked or group.not_before_s > now.mono_s:
                continue
            group.not_before_s = 0.0  # a time that has passed would stay a deadline: a turn after the other for ever
            if self._has_to_ask(group, now):
                group.asked, group.hinted = True, False
                self._requests.entries(group.id, group.head.sequence)
            else:
                while self._append(group, now):
                    pass
            self._tell_withheld(group, now)

    def deadline(self) -> float | None:
        """Monotonic time of the next thing to do without input."""
        idle = [group for group in self._book if _is_followed(group) and not group.asked]
        waiting = [g.not_before_s for g in idle if g.claims or g.acts or g.fetched_s is None]
        hinted = [max(g.not_before_s, (g.fetched_s or 0.0) + HINT_EVERY_S) for g in idle if g.hinted]
        return min((at_s for at_s in waiting + hinted if at_s > 0), default=None)

    @staticmethod
    def _hint_is_due(group: Group, now: Now) -> bool:
        return group.hinted and (group.fetched_s is None or now.mono_s - group.fetched_s >= HINT_EVERY_S)

    @staticmethod
    def _is_new(group: Group) -> bool:
        """Whether it is ours and nobody has heard of it yet."""
        return group.head.sequence == 0 and bool(group.acts)

    def _has_to_ask(self, group: Group, now: Now) -> bool:
        if self._is_new(group):
            return False
        if group.fetched_s is None or self._hint_is_due(group, now):
            return True
        return bool(group.claims) and not self._may_pass(group, now)

    def _may_pass(self, group: Group, now: Now) -> bool:
        """Whether an entry of ours is to be tried although members have shown a head that the broker does not have.

        It compares, so nothing is lost; and whoever shows a head that does not exist could not be put out otherwise.
        """
        if not group.acts or group.state == "stopped" or group.id in self._healing:
            return False
        is_ready = group.acts[0].entry is None and self._scribe.can_write(group, group.acts[0])
        return is_ready and all(now.mono_s - claim.at_s >= RETRY_S for claim in group.claims)

    def _is_read(self, group: Group, now: Now) -> bool:
        """Whether the log was read lately, as far as the broker hands it out; if not, it is asked for."""
        if group.fetched_s is not None and now.mono_s - group.fetched_s > FRESH_S:
            group.fetched_s = None
        return group.fetched_s is not None and group.applied == group.head.sequence

    def is_fresh(self, group: Group, now: Now) -> bool:
        """Whether the log was read lately and as far as anybody has shown."""
        return self._is_read(group, now) and not group.claims

    @staticmethod
    def hint(group: Group, sequence: int) -> None:
        """Somebody outside the log, as far as it was read, shows a head: perhaps they have just joined."""
        group.hinted = group.hinted or sequence > group.head.sequence

    def show(self, group: Group, sequence: int, head: bytes, by: str, now: Now) -> bool:
        """A member's device has shown a head.

        Returns:
            whether it lies beyond ours.

        Raises:
            TwoHeadsError: another entry stands there.
        """
        if self.chain.compare(group, sequence, head, by):
            return False
        group.claim(Claim(sequence, head, by, now.mono_s))
        return True

    def _tell_withheld(self, group: Group, now: Now) -> None:
        if not group.claims or "withheld" in group.warned or now.mono_s - group.claims[0].at_s < PATIENCE_S:
            return
        group.warned.add("withheld")
        text = _(
            "{name} has seen changes of the group {group} that the broker does not hand out here. Nothing is sent to "
            "the group until it does."
        )
        text = text.format(name=group.claims[0].by, group=group.name)
        self._events.append(Warning("group-withheld", text, group.conversation))

    # --- entries ---

    def entries_came(self, group: Group, response: Response, now: Now) -> None:
        """The broker answered a question for entries."""
        group.asked = False
        if response.code == Code.UNKNOWN and group.head.sequence:
            self._shorter(group, 0, now)
        elif response.code == Code.UNKNOWN:
            group.not_before_s = now.mono_s + PATIENCE_S
            self._listener.unknown(group, now)
        elif response.code != Code.OK:
            group.not_before_s = now.mono_s + max(heeded_s(response.retry_after_ms), RETRY_S)
        else:
            self._take(group, response, now)

    def _take(self, group: Group, response: Response, now: Now) -> None:
        try:
            body = decode_entries_body(response.body)
            self.chain.extend(group, body.entries)
            self.read(group, now)
            self.chain.settle_claims(group)
            self._reconcile(group, body, now)
        except TwoHeadsError as error:
            self._listener.stopped(group, error, now)
        except (RefusedError, RemoteProtocolError):
            self._refuse(group, now)

    def _reconcile(self, group: Group, body: EntriesBody, now: Now) -> None:
        """Hold the head the broker names against ours."""
        if body.sequence > group.head.sequence:
            if not body.entries:
                raise RemoteProtocolError("entries are missing")
            return  # the next page follows
        self.chain.compare(group, body.sequence, body.head)
        if body.sequence < group.head.sequence:
            self._shorter(group, body.sequence, now)
            return
        group.fetched_s = now.mono_s
        group.not_before_s = now.mono_s + RETRY_S if group.claims else 0.0
        if not group.claims:
            group.warned.discard("withheld")

    def _refuse(self, group: Group, now: Now) -> None:
        group.not_before_s = now.mono_s + PATIENCE_S
        if "refused" not in group.warned:
            group.warned.add("refused")
            text = _("The broker hands out entries of the group {group} that do not hold together; they are refused.")
            self._events.append(Warning("group-log", text.format(group=group.name), group.conversation))

    def _shorter(self, group: Group, sequence: int, now: Now) -> None:
        """The broker's log ends before ours: an older state is never taken; what it lacks it is given again."""
        group.fetched_s = now.mono_s
        if "shorter" not in group.warned:
            group.warned.add("shorter")
            text = _("The broker's log of the group {group} is shorter than what was seen of it before; it is refused.")
            self._events.append(Warning("group-rollback", text.format(group=group.name), group.conversation))
        self._heal(group, sequence + 1)

    def _heal(self, group: Group, sequence: int) -> None:
        if group.acts and group.acts[0].entry is not None:
            return  # an entry of ours is under way; the next answer shows what is still missing
        entry = self._records.group_entry(group.id, sequence)
        if entry is not None and self._healing.get(group.id) != sequence:
            self._healing[group.id] = sequence
            self._requests.append(group.id, entry)

    def read(self, group: Group, now: Now) -> None:
        """Read what can be read, and tell what it changed."""
        for change, sequence in self.chain.read(group):
            self._listener.changed(group, change, sequence, now)

    # --- ours ---

    def act(self, group: Group, act: Act) -> None:
        """Append something when the log was read up to its end."""
        group.acts.append(act)

    def _append(self, group: Group, now: Now) -> bool:
        """Hand the next entry of ours to the broker.

        Returns:
            whether it was given up instead: the one behind it is tried at once, for nothing else would wake us.
        """
        if not group.acts or group.id in self._healing or group.state == "stopped":
            return False
        act = group.acts[0]
        if act.entry is not None and group.head.sequence:
            return False  # under way
        if act.entry is None and act.until_s < now.mono_s:
            self._done(group, GroupBusyError(name=group.name), is_final=False)
            return True
        if act.entry is None:
            if not self._may_pass(group, now) or not self._is_read(group, now):
                return False
            try:
                act.entry = self._scribe.write(group, act, now.ms)
            except GroupRightError as error:
                self._done(group, error)
                return True
            if act.key is not None:  # on disk before the entry leaves: without it nobody could go on
                group.keys[act.key.writer] = act.key
                group.is_dirty = True
        self._requests.append(group.id, act.entry.encoded)
        return False

    def append_came(self, group: Group, response: Response, now: Now) -> None:
        """The broker answered an entry of ours, or one that it was given again."""
        healed = self._healing.pop(group.id, None)
        if healed is not None:
            if response.code == Code.OK and healed < group.head.sequence:
                self._heal(group, healed + 1)
            group.fetched_s = None
            return
        act = group.acts[0] if group.acts else None
        if act is None or act.entry is None:
            return
        if response.code == Code.OK:
            self._landed(group, act, now)
            return
        if group.head.sequence:
            if act.key is not None:
                group.keys.pop(act.key.writer, None)
            act.entry = act.key = None
        if response.code == Code.STALE and group.head.sequence:
            act.tries += 1
            group.fetched_s = None
            group.not_before_s = now.mono_s + self._scribe.pause_s(act)
            if act.tries >= MAX_TRIES:
                self._done(group, GroupBusyError(name=group.name))
        elif response.code in (Code.QUOTA, Code.INVALID, Code.STALE):
            self._done(group, RejectedError(reason=_refusals()[response.code]))
            if not group.head.sequence:
                self._listener.unknown(group, now)
        else:
            group.not_before_s = now.mono_s + max(heeded_s(response.retry_after_ms), RETRY_S)

    def _landed(self, group: Group, act: Act, now: Now) -> None:
        assert act.entry is not None, "looked at by the caller"
        try:
            self.chain.extend(group, [act.entry.encoded])
        except TwoHeadsError as error:
            self._listener.stopped(group, error, now)
            return
        except RefusedError:  # it stands behind entries that we have not seen: they come with the next question
            group.fetched_s = None
        if act.kind is Kind.REKEY:
            self.renewed(group)
        self._done(group, None)
        self.read(group, now)

    def _done(self, group: Group, error: SealwireError | None, is_final: bool = True) -> None:
        act = group.acts.popleft()
        if act.ticket:
            self.answers.append(Answer(act.ticket, error))
        elif error is not None and is_final:
            group.warned.add(act.kind.name)  # nobody waits: it is not tried again in this run

    def withdraw(self, ticket: int) -> None:
        """Nobody waits for an entry any more: it is not begun. One that is under way may still land."""
        for group in self._book:
            group.acts = deque(act for act in group.acts if act.ticket != ticket or act.entry is not None)

    def give_up(self, group: Group, error: SealwireError) -> None:
        """Nothing more is appended to this log by us."""
        acts, group.acts = group.acts, deque()
        self.answers += [Answer(act.ticket, error) for act in acts if act.ticket]


def _is_followed(group: Group) -> bool:
    return group.state not in ("left", "removed")


def _refusals() -> dict[int, str]:
    return {
        Code.QUOTA: _("the log of the group is full, or you have begun as many groups as you may"),
        Code.INVALID: _("it finds the entry malformed"),
        Code.STALE: _("a group of that id exists"),
    }
