"""Who hears a group: every device in its log that its account still names.

Source: protocol.md §16.3.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sealwire.crypto.membership import Membership
from sealwire.ids import GroupId, Mailbox
from sealwire.peer.directory import Directory
from sealwire.peer.groups.group import Group
from sealwire.peer.groups.tidings import Tidings
from sealwire.peer.records import Now
from sealwire.peer.roster import Roster

AUDIENCE_S: Final = 60.0
"""So long who hears a group is taken for known, unless log or contacts change: finding out costs 3 µs a member."""


class _Audience(NamedTuple):
    """Where messages to a group go, and what that follows from."""

    state: Membership
    edition: int
    """Of the roster."""
    until_s: float
    devices: dict[Mailbox, str]


class Audiences:
    """Those of all groups."""

    def __init__(self, name: str, roster: Roster, directory: Directory, tidings: Tidings) -> None:
        self._name = name
        self._roster = roster
        self._directory = directory
        self._tidings = tidings
        self._known: dict[GroupId, _Audience] = {}

    def of(self, group: Group, now: Now) -> dict[Mailbox, str]:
        """Where a message to the group goes, and whose devices these are.

        Source: protocol.md §16.3.
        """
        state, edition = group.membership, self._roster.edition
        assert state is not None, "nobody speaks in a group whose log was not read"
        known = self._known.get(group.id)
        if known is None or known.state is not state or known.edition != edition or known.until_s < now.mono_s:
            known = _Audience(state, edition, now.mono_s + AUDIENCE_S, self._find(group, state, now))
            self._known[group.id] = known
        return known.devices

    def _find(self, group: Group, state: Membership, now: Now) -> dict[Mailbox, str]:
        found: dict[Mailbox, str] = {}
        for name, member in state.joined().items():
            if name == self._name:
                continue  # another device of ours is not served by this version
            if self._roster.stale(name, now.ms):
                self._directory.find(name)
            if self._roster.contradicts(name, member.fingerprint):
                self._tidings.contradicted(group, name)
                continue
            for device in member.devices:
                if self._roster.may_list(name, device.card_hash):
                    found[Mailbox(device.mailbox)] = name
        return found
