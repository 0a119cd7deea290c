"""What this device appends to groups' logs: one entry at a time, made anew when another one was faster.

Source: protocol.md §16.2.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sealwire.crypto.group_entry import Body, Kind, SignedBody, encode_create
from sealwire.crypto.group_log import Head, LogEntry, start_of
from sealwire.crypto.identity import Identity
from sealwire.crypto.log_keys import LogKey, seal_entry
from sealwire.crypto.membership import apply
from sealwire.crypto.primitives import KEY_BYTES, Rng, ed25519_public
from sealwire.errors import GroupRightError, RefusedError, RemoteProtocolError, SealwireError
from sealwire.ids import GROUP_ID_BYTES, GroupId, Millis
from sealwire.peer.groups.group import Act, Group

MAX_TRIES: Final = 50
"""How often an entry is made anew because the log had moved on; a person is told then."""
TRY_AGAIN_S: Final = 0.05
"""The longest pause before the second try; it grows with each further one, so that a crowd does not stay in step."""


class Answer(NamedTuple):
    """Something that a person waits for has happened, or cannot."""

    ticket: int
    error: SealwireError | None


class Scribe:
    """Writes entries as this device."""

    def __init__(self, identity: Identity, rng: Rng) -> None:
        self._identity = identity
        self._name = identity.card.card.account
        self._rng = rng

    def begin(self, name: str, now_ms: Millis) -> tuple[Group, Act]:
        """Make a group that nobody knows yet, and the act that begins its log."""
        group_id = GroupId(self._rng(GROUP_ID_BYTES))
        key, seed = LogKey(group_id, self._rng(KEY_BYTES)), self._rng(KEY_BYTES)
        group = Group(group_id, "knocking", self._name, Head(group_id), keys={key.writer: key}, keeper_seed=seed)
        act = Act(Kind.CREATE, value=encode_create(name, self._identity.card))
        start = start_of(group.head, ed25519_public(seed), key.writer, b"")
        signed = self._sign(act, 1, start, now_ms)
        act.entry = seal_entry(start, key, signed.encode(), seed, self._rng)
        return group, act

    def write(self, group: Group, act: Act, now_ms: Millis) -> LogEntry:
        """Make the entry for an act behind the head of now.

        Raises:
            GroupRightError: it would not count.

        Source: protocol.md §16.2.
        """
        state, head = group.membership, group.head
        assert state is not None, "only groups whose log was read are written to"
        if not state.may(self._name, act.kind, act.subject):
            raise GroupRightError(name=state.name)
        key, writer, link = group.keys[head.writer], head.writer, b""
        act.key = None
        if state.changes_writer(self._name, act.kind):
            act.key = LogKey(group.id, self._rng(KEY_BYTES))
            writer, link = act.key.writer, act.key.link(key, head.sequence + 1, self._rng)
        start = start_of(head, head.keeper, writer, link)
        signed = self._sign(act, state.epoch_after(act.kind, act.subject), start, now_ms)
        try:
            apply(state, signed, start, head.sequence + 1, act.key is not None)
        except (RefusedError, RemoteProtocolError):
            # Everybody would skip it, and whoever waits for it would hear that it was done.
            raise GroupRightError(name=state.name) from None
        seed = group.keeper_seed if act.key is not None else None
        return seal_entry(start, key, signed.encode(), seed, self._rng)

    def can_write(self, group: Group, act: Act) -> bool:
        """Whether everything is here that the act needs: the log key, and the keeper's seed when that changes."""
        state = group.membership
        if state is None or not group.has_log_key:
            return False
        return group.keeper_seed is not None or not state.changes_writer(self._name, act.kind)

    def pause_s(self, act: Act) -> float:
        """How long to wait before an act is tried again."""
        return act.tries * TRY_AGAIN_S * int.from_bytes(self._rng(2), "big") / 0x1_0000

    def _sign(self, act: Act, epoch: int, start: bytes, now_ms: Millis) -> SignedBody:
        card = self._identity.card.card
        body = Body(epoch, self._name, card.hash, act.kind, act.subject, act.value, now_ms)
        return SignedBody.sign(body, start, self._identity.device.sk)
