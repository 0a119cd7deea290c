"""The directory's requests: device lists, prekeys, bundles.

A request becomes one operation of the store and is answered after its commit. Names and mailboxes that do not exist
cost the same job, the same limits and an answer of the same size as those that do.

Source: protocol.md §6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from sealwire.broker.fetches import Fetches
from sealwire.broker.groups import GroupLogs
from sealwire.broker.logops import AppendEntry, ReadEntries
from sealwire.broker.port import BrokerSettings, FindAccount, Op, Result, StorePrekeys, TakeBundle
from sealwire.crypto.card import Card, SignedCard
from sealwire.crypto.prekeys import Bundle, PrekeysPublic, SignedPrekeys
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import MAILBOX_BYTES, Mailbox
from sealwire.wire.control import (
    BUNDLE_RESPONSE_BYTES,
    LOOKUP_RESPONSE_BYTES,
    Append,
    Entries,
    Fetch,
    Lookup,
    LookupBody,
    Publish,
    Request,
    Response,
    decode_response,
    encode_lookup_body,
    encode_response,
)
from sealwire.wire.frames import Code

if TYPE_CHECKING:
    from sealwire.broker.links import Account, Link

_CODES: Final = {"done": Code.OK, "full": Code.STORAGE, "stale": Code.INVALID}
_SIZES: Final = {FindAccount: LOOKUP_RESPONSE_BYTES, TakeBundle: BUNDLE_RESPONSE_BYTES}


class Asked(Struct, frozen=True):
    """Who waits for an answer."""

    link: Link
    id: int


REFUSALS: Final = (Code.STORAGE, Code.RATE, Code.UNKNOWN, Code.QUOTA, Code.INVALID)
"""Why a request is refused, most of all; each is counted."""


class Directory:
    """Turns requests into operations and their results into answers. It holds nothing but counts of refusals."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._groups = GroupLogs(settings)
        self.refusals = dict.fromkeys(REFUSALS, 0)

    def ask(self, link: Link, request: Request, now: float) -> Op | bytes:
        """Return the operation that answers ``request``, or the answer when that is decided already.

        Args:
            now: seconds on the router's clock.

        Source: protocol.md §6.
        """
        answer = self._ask(link, request, now)
        return self._counted(answer) if isinstance(answer, bytes) else answer

    def _ask(self, link: Link, request: Request, now: float) -> Op | bytes:
        settings, account, asked = self._settings, link.account, Asked(link, request.id)
        if isinstance(request, Append | Entries):
            return self._groups.ask(asked, account, request, now)
        rate = settings.requests_per_min / 60
        if not account.requests.take(1, rate, settings.requests_burst, now):
            return _refusal(request, Code.RATE, account.requests.wait_ms(1, rate))
        match request:
            case Lookup(name=name):
                return FindAccount(asked, name)
            case Fetch(mailbox=mailbox):
                wait_ms = _fetches(account).wait_ms(Mailbox(mailbox), settings, now)
                if wait_ms:
                    return _refusal(request, Code.RATE, wait_ms)
                return TakeBundle(asked, Mailbox(mailbox))
            case Publish():
                return _publish(link, request, asked)

    def answer(self, result: Result) -> bytes:
        """Return the RESPONSE for an operation that has ended.

        Source: protocol.md §6.
        """
        asked = result.op.ref
        assert isinstance(asked, Asked)
        return self._counted(self._answer(asked, result))

    def _counted(self, response: bytes) -> bytes:
        code = Code(decode_response(response).code)
        if code is not Code.OK:
            self.refusals[code] = self.refusals.get(code, 0) + 1
        return response

    def _answer(self, asked: Asked, result: Result) -> bytes:
        if isinstance(result.op, AppendEntry | ReadEntries):
            return self._groups.answer(asked.id, result)
        code, body = _CODES.get(result.outcome, Code.UNKNOWN), b""
        if result.account is not None:
            body = _lookup_body(result)
        elif result.bundle is not None:
            body = _bundle_body(result)
        return encode_response(Response(id=asked.id, code=code, body=body), _SIZES.get(type(result.op), 0))


def _fetches(account: Account) -> Fetches:
    if account.fetches is None:
        account.fetches = Fetches()
    return account.fetches


def _refusal(request: Request, code: Code, retry_after_ms: int = 0) -> bytes:
    sizes = {Lookup: LOOKUP_RESPONSE_BYTES, Fetch: BUNDLE_RESPONSE_BYTES}
    response = Response(id=request.id, code=code, retry_after_ms=min(retry_after_ms, 0xFFFF_FFFF))
    return encode_response(response, sizes.get(type(request), 0))


def _publish(link: Link, request: Publish, asked: Asked) -> Op | bytes:
    ids = [one.id for one in request.one_time]
    try:
        prekeys = PrekeysPublic.decode(request.prekeys)
        if 0 in ids or len(set(ids)) != len(ids):
            raise RemoteProtocolError("one-time prekeys without ids of their own")
        SignedPrekeys(prekeys, request.signature).verify(link.card)
    except (RemoteProtocolError, RefusedError):
        return _refusal(request, Code.INVALID)
    one_time = tuple(sorted((one.id, one.key) for one in request.one_time))
    return StorePrekeys(asked, link.mailbox.id, prekeys.spk_id, request.prekeys, request.signature, one_time)


def _lookup_body(result: Result) -> bytes:
    row = result.account
    assert row is not None
    mailboxes = [row.mailboxes[at : at + MAILBOX_BYTES] for at in range(0, len(row.mailboxes), MAILBOX_BYTES)]
    return encode_lookup_body(LookupBody(devices=row.devices, signature=row.devices_signature, mailboxes=mailboxes))


def _bundle_body(result: Result) -> bytes:
    row = result.bundle
    assert row is not None
    card = SignedCard(Card.decode(row.card), row.card_signature)
    prekeys = SignedPrekeys(PrekeysPublic.decode(row.prekeys), row.signature)
    return Bundle(card, prekeys, row.opk_id, row.opk).encode()
