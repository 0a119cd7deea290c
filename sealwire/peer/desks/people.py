"""People: requests, blocks, nicknames, and keys compared by code. Implements ``peer.api.people``."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import TYPE_CHECKING, Final

from sealwire.crypto.group_entry import is_plain, is_seen
from sealwire.crypto.safety import SafetyNumber, safety_number_of
from sealwire.errors import UntrustedPeerError, UsageError
from sealwire.i18n import _
from sealwire.ids import is_unicode
from sealwire.peer.api.people import Match, PersonInfo, Verification

if TYPE_CHECKING:
    from sealwire.peer.client import Client
    from sealwire.peer.records import ContactRecord, Now

MAX_NICKNAME_CHARS: Final = 64
"""A nickname is one short line; without a bound it pushes everything else off the screen."""

MAX_COMPARED: Final = 200
"""People whose code a wrong one is looked for among, those we answered first: each costs 10 ms while a person waits."""


class PeopleDesk:
    """``client.people``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def person(self, name: str) -> PersonInfo:
        """One person. Raises UnknownPeerError."""
        contact = await self._client.known(name)
        return await self._client.do(lambda now: self._info(contact, now))

    async def people(self) -> list[PersonInfo]:
        """Everyone, by name."""
        return await self._client.do(lambda now: [self._info(one, now) for one in self._client.engine.contacts()])

    async def accept(self, name: str) -> PersonInfo:
        """Answer a request: receipts that were held go out."""
        contact = await self._client.known(name)
        await self._client.do(lambda now: self._client.engine.mail.accept(contact.name, now))
        return await self.person(name)

    async def decline(self, name: str) -> PersonInfo:
        """Refuse a request: the person is blocked and hears nothing of it."""
        return await self.block(name)

    async def block(self, name: str, blocked: bool = True) -> PersonInfo:
        """Take nothing from this person any more (in groups: folded away), or again."""
        contact = await self._client.known(name)
        await self._client.do(lambda _now: self._client.engine.people.block(contact.name, blocked))
        return await self.person(name)

    async def nickname(self, name: str, nickname: str) -> PersonInfo:
        """Give a name of one's own, seen only here; the empty text takes it away."""
        contact = await self._client.known(name)
        if not is_unicode(nickname):
            raise UsageError(_("{word!a} is not text in UTF-8.").format(word=nickname))
        signs = [sign for sign in unicodedata.normalize("NFC", nickname) if sign.isspace() or is_plain(sign)]
        short = " ".join("".join(signs).split())
        if not is_seen(short):
            short = ""
        if len(short) > MAX_NICKNAME_CHARS:
            raise UsageError(_("A nickname has at most {limit} characters.").format(limit=MAX_NICKNAME_CHARS))
        await self._client.do(lambda _now: self._client.engine.people.call(contact.name, short))
        return await self.person(name)

    async def verification(self, name: str) -> Verification:
        """What to compare with somebody. Raises UnknownPeerError."""
        contact = await self._client.known(name)
        number = self._number(contact)
        causes = _causes() if contact.trust == "changed" else ()
        return Verification(contact.name, number.digits, number.code(), contact.changed_ms, causes)

    async def check_code(self, name: str, code: str) -> Match:
        """Hold a scanned or pasted code of the other side against what is known here; ``same`` verifies.

        The key that is compared is the key that gets verified: a key that changes meanwhile puts the contact into
        the state ``changed``, which refuses.
        """
        contact = await self._client.known(name)
        number = self._number(contact)
        match = number.judge(code)
        if match == "same":
            if contact.trust == "changed":
                raise UntrustedPeerError(name=contact.name)
            await self._client.set_verified(contact.name, True, number.digits)
        elif match == "different" and await self._is_of_another(contact.name, code):
            return "other-person"
        return match

    async def _is_of_another(self, name: str, code: str) -> bool:
        """Whether a code is that of somebody else known here. Names are part of it, so no key can pass for two."""
        others = [one for one in self._client.engine.contacts() if one.name != name]
        others.sort(key=lambda one: not self._client.engine.people.find(one.name).accepted)
        numbers = (self._number(one) for one in others[:MAX_COMPARED])
        return await asyncio.to_thread(lambda: any(number.judge(code) == "same" for number in numbers))

    async def share_presence(self, shared: bool | None = None) -> bool:
        """Whether others see that one is online; set first when given. Off unless switched on."""
        if shared is not None:
            await self._client.do(lambda now: self._client.engine.presence.share(shared, now))
        return self._client.engine.presence.is_shared

    def _number(self, contact: ContactRecord) -> SafetyNumber:
        own = self._client.keys.identity.card.card
        theirs = contact.new_account_key or contact.account_key
        return safety_number_of(own.realm, (own.account, own.n_sign), (contact.name, theirs))

    def _info(self, contact: ContactRecord, now: Now) -> PersonInfo:
        set_here = self._client.engine.people.find(contact.name)
        is_request = not set_here.accepted and self._client.store.received_count(contact.name) > 0
        here, seen_ms = self._client.engine.presence.of(contact.name, now)
        return PersonInfo(
            self._client.contact_info(contact), set_here.nickname, is_request, set_here.blocked, here, seen_ms
        )


def _causes() -> tuple[str, ...]:
    return (
        _("They lost their key file and started again under the same name."),
        _("The operator gave the name to somebody else."),
        _("Somebody stands between the two of you."),
    )
