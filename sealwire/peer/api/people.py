"""Who one talks to: requests, blocks, nicknames, verification by code, presence."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from sealwire.peer.api.base import ContactInfo

Match = Literal["same", "different", "other-person", "not-a-code"]


class Verification(Struct, frozen=True):
    """Everything one screen needs to compare keys with somebody."""

    name: str
    digits: str
    """60 digits, the same on both sides."""
    code: str
    """What the own QR shows: text for ``check_code`` on the other side."""
    changed_ms: int | None
    """Since when another key is seen, when it changed."""
    causes: tuple[str, ...] = ()
    """Likely causes of a change, in sentences."""


class PersonInfo(Struct, frozen=True):
    """A contact with what is set about it here."""

    contact: ContactInfo
    nickname: str = ""
    request: bool = False
    blocked: bool = False
    online: bool | None = None
    """None: they do not tell."""
    last_seen_ms: int | None = None


class PeopleApi(Protocol):
    """``client.people``."""

    async def person(self, name: str) -> PersonInfo:
        """One person. Raises UnknownPeerError."""

    async def people(self) -> list[PersonInfo]:
        """Everyone, by name."""

    async def accept(self, name: str) -> PersonInfo:
        """Answer a request: receipts that were held go out."""

    async def decline(self, name: str) -> PersonInfo:
        """Refuse a request: the person is blocked and hears nothing of it."""

    async def block(self, name: str, blocked: bool = True) -> PersonInfo:
        """Take nothing from this person any more (in groups: folded away), or again."""

    async def nickname(self, name: str, nickname: str) -> PersonInfo:
        """Give a name of one's own, seen only here; the empty text takes it away."""

    async def verification(self, name: str) -> Verification:
        """What to compare with somebody. Raises UnknownPeerError."""

    async def check_code(self, name: str, code: str) -> Match:
        """Hold a scanned or pasted code of the other side against what is known here; ``same`` verifies."""

    async def share_presence(self, shared: bool | None = None) -> bool:
        """Whether others see that one is online; set first when given. Off unless switched on."""
