"""Following a group's log: what is taken from the broker, what is refused, what each entry changes.

The broker is believed as far as entries follow the pinned head, members as far as their heads agree with it.

Source: protocol.md §16.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from sealwire.crypto.group_entry import SignedBody
from sealwire.crypto.group_log import ForkError, Head, LogEntry, follow
from sealwire.crypto.log_keys import LogKey
from sealwire.crypto.membership import Change, apply
from sealwire.crypto.primitives import H
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from sealwire.peer.groups.group import Claim, Group, is_keeper
from sealwire.peer.groups.records import GroupRecords


class TwoHeadsError(Exception):
    """Two histories of one group exist. Never leaves the cores of groups."""

    def __init__(self, sequence: int, by: str = "") -> None:
        super().__init__(sequence, by)
        self.sequence = sequence
        self.by = by


class Chain:
    """The logs of all groups here."""

    def __init__(self, records: GroupRecords) -> None:
        self._records = records

    def extend(self, group: Group, entries: Sequence[bytes]) -> None:
        """Take entries that follow the pinned head, one after the other.

        Raises:
            TwoHeadsError: one stands on another head than ours, or in the place of another one.
            RefusedError, RemoteProtocolError: it is no entry that may stand there. Those before it were taken.

        Source: protocol.md §16.3.
        """
        for encoded in entries:
            entry = LogEntry.decode(encoded)
            if entry.group == group.id and entry.sequence <= group.head.sequence:
                self.compare(group, entry.sequence, H("group-head", encoded))  # ours, which was taken meanwhile
                continue
            try:
                head = follow(group.head, entry)
            except ForkError:
                if entry.group == group.id and entry.sequence == group.head.sequence + 1:
                    raise TwoHeadsError(group.head.sequence) from None
                raise
            self._records.add_group_entry(group.id, entry.sequence, encoded)
            group.head = head
            group.is_dirty = True
            if head.sequence == 1 and not is_keeper(group.keeper_seed or b"", head.keeper):
                group.keeper_seed = None  # it was given before anybody could look whose it is
            for key in [key for key in group.candidates if key.writer == head.writer]:
                group.keys[key.writer] = key
                group.candidates.remove(key)

    @staticmethod
    def nothing(group: GroupId) -> Head:
        """Where a log stands of which nothing was seen."""
        return Head(group)

    def hash_at(self, group: Group, sequence: int) -> bytes | None:
        """The head that the log had here with this entry, if it is that long."""
        if sequence == group.head.sequence:
            return group.head.hash
        entry = self._records.group_entry(group.id, sequence)
        return None if entry is None else H("group-head", entry)

    def compare(self, group: Group, sequence: int, head: bytes, by: str = "") -> bool:
        """Hold a head from elsewhere against ours; False when it lies beyond it.

        Raises:
            TwoHeadsError: another entry stands there.

        Source: protocol.md §16.3.
        """
        known = self.hash_at(group, sequence)
        if known is None:
            return False
        if known != head:
            raise TwoHeadsError(sequence, by)
        return True

    def settle_claims(self, group: Group) -> None:
        """Hold what members showed against a log that has grown.

        Raises:
            TwoHeadsError: the broker handed us another entry than it handed them.
        """
        beyond: list[Claim] = []
        for claim in group.claims:
            if not self.compare(group, claim.sequence, claim.hash, claim.by):
                beyond.append(claim)
        group.claims = beyond

    def learn(self, group: Group, secret: bytes) -> bool:
        """Take a log key that a member gave us, once the log names it; True when it opens something new.

        Source: protocol.md §16.4.
        """
        key = LogKey(group.id, secret)
        writer = key.writer
        if writer in group.keys:
            return False
        if writer != group.head.writer:
            if key not in group.candidates:
                group.candidates.append(key)
            return False
        group.keys[writer] = key
        group.is_dirty = True
        return True

    def read(self, group: Group) -> list[tuple[Change | None, int]]:
        """Read what has not been read, as far as its key is known.

        Returns:
            what each entry changed and its sequence; None for one that breaks a rule and is skipped.

        Source: protocol.md §16.2.
        """
        if group.applied == group.head.sequence:
            return []
        changes: list[tuple[Change | None, int]] = []
        entries = [LogEntry.decode(entry) for entry in self._records.group_entries(group.id, group.applied)]
        writer = self._writer_before(group, entries[0])
        self._unlock(group, entries, writer)
        for entry in entries:
            key = group.keys.get(writer)
            if key is None:
                break
            changes.append((self._apply(group, entry, key, entry.writer != writer), entry.sequence))
            group.applied = entry.sequence
            group.is_dirty = True
            writer = entry.writer
        return changes

    def _writer_before(self, group: Group, entry: LogEntry) -> bytes:
        if entry.sequence == 1:
            return entry.writer
        before = self._records.group_entry(group.id, entry.sequence - 1)
        assert before is not None, "entries are kept without a gap"
        return LogEntry.decode(before).writer

    def _unlock(self, group: Group, entries: list[LogEntry], writer: bytes) -> None:
        """Find older log keys through the links of newer ones: whoever joins has the newest only."""
        before = [writer, *(entry.writer for entry in entries)]
        for entry, older in reversed(list(zip(entries, before))):
            if not entry.link or older in group.keys or entry.writer not in group.keys:
                continue
            key = group.keys[entry.writer].before(entry)
            if key is not None and key.writer == older:
                group.keys[older] = key

    @staticmethod
    def _apply(group: Group, entry: LogEntry, key: LogKey, writer_changed: bool) -> Change | None:
        changed = writer_changed and entry.sequence > 1
        try:
            signed = SignedBody.decode(key.open(entry))
            group.membership, change = apply(group.membership, signed, entry.start, entry.sequence, changed)
        except (RefusedError, RemoteProtocolError):
            return None
        return change
