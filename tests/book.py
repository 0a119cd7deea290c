"""A group's log as tests write it: any entry by anybody, right or wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from sealwire.crypto.group_entry import (
    Body,
    Invited,
    Kind,
    Role,
    SignedBody,
    encode_create,
    encode_text,
)
from sealwire.crypto.group_log import Head, LogEntry, follow, start_of
from sealwire.crypto.identity import Identity
from sealwire.crypto.log_keys import LogKey, seal_entry
from sealwire.crypto.membership import MAX_INVITED_MS, Change, Membership, apply
from sealwire.crypto.primitives import Rng, ed25519_public
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import GroupId
from tests.vectors.people import NOW_MS


@dataclass
class Book:
    """The log of one group, and everything that only its members know."""

    owner: Identity
    name: str = "the group"
    rng: Rng = os.urandom
    state: Membership | None = None
    entries: list[LogEntry] = field(default_factory=list)
    keys: list[LogKey] = field(default_factory=list)
    time_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.group = GroupId(self.rng(16))
        self.keeper = self.rng(32)
        self.keys.append(LogKey(self.group, self.rng(32)))
        self.head = Head(self.group)
        self.write(self.owner, Kind.CREATE, value=encode_create(self.name, self.owner.card))

    @property
    def key(self) -> LogKey:
        return self.keys[-1]

    def entry(
        self,
        author: Identity,
        kind: Kind,
        subject: str = "",
        value: bytes = b"",
        *,
        epoch: int | None = None,
        rotate: bool | None = None,
        keeper: bytes | None = None,
        key: LogKey | None = None,
        head: Head | None = None,
        card_hash: bytes | None = None,
        account: str | None = None,
        after: LogKey | None = None,
    ) -> LogEntry:
        """An entry behind the head, with everything that can be wrong as a parameter."""
        head, key = head or self.head, key or self.key
        name = account or author.card.card.account
        if rotate is None:
            rotate = self.state is not None and self.state.changes_writer(name, kind)
        if rotate:
            self.fresh = after or LogKey(self.group, self.rng(32))
        writer = self.fresh if rotate else key
        link = writer.link(key, head.sequence + 1, self.rng) if rotate else b""
        start = start_of(head, ed25519_public(self.keeper), writer.writer, link)
        if epoch is None:
            epoch = self.state.epoch_after(kind, subject) if self.state is not None else 1
        self.time_ms += 1
        body = Body(epoch, name, card_hash or author.card.card.hash, kind, subject, value, self.time_ms)
        signed = SignedBody.sign(body, start, author.device.sk)
        signs = keeper or self.keeper if rotate or head.sequence == 0 else keeper
        return seal_entry(start, key, signed.encode(), signs, self.rng)

    def write(self, author: Identity, kind: Kind, subject: str = "", value: bytes = b"", **more) -> Change | None:
        """Append an entry; what it changed, or None when it breaks a rule of what entries may say."""
        return self.take(self.entry(author, kind, subject, value, **more))

    def take(self, entry: LogEntry) -> Change | None:
        """Append a ready entry as a client does that follows the log."""
        changed = bool(entry.link)
        key = self.key
        self.head = follow(self.head, entry)
        self.entries.append(entry)
        if changed:
            self.keys.append(self.fresh)
        try:
            signed = SignedBody.decode(key.open(entry))
            self.state, change = apply(self.state, signed, entry.start, entry.sequence, changed)
        except (RefusedError, RemoteProtocolError):
            return None
        return change

    # --- what members do ---

    def invite(self, author: Identity, guest: Identity, role: Role = Role.MEMBER, days: float = 7) -> Change | None:
        card = guest.card.card
        until_ms = self.time_ms + int(days * 24 * 3600 * 1000)
        assert until_ms - self.time_ms <= MAX_INVITED_MS or days > 30
        return self.write(author, Kind.INVITE, card.account, Invited(card.fingerprint, role, until_ms).encode())

    def accept(self, guest: Identity) -> Change | None:
        return self.write(guest, Kind.ACCEPT, value=guest.card.encode())

    def join(self, author: Identity, guest: Identity, role: Role = Role.MEMBER) -> None:
        assert self.invite(author, guest, role) is not None
        assert self.accept(guest) is not None

    def rename(self, author: Identity, name: str) -> Change | None:
        return self.write(author, Kind.RENAME, value=encode_text(name))
