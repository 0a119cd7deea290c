"""The operator's orders, as events of the router, in line with frames.

What an order changes on disk is changed there first; a deleted account alone leaves memory at once, so that nothing
new is taken in for it, and its operation is repeated until the disk takes it.

Source: protocol.md §5.8.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sealwire.broker.admission import shown_address
from sealwire.broker.bans import MAX_LASTING_BANS, MAX_OWN_BANS, Bans
from sealwire.broker.blobs import Blobs
from sealwire.broker.bulk import BulkLink, Bulks
from sealwire.broker.directory import Directory
from sealwire.broker.ephemeral import Ephemerals
from sealwire.broker.expiry import Expiry
from sealwire.broker.limits import Limits
from sealwire.broker.links import Account, Link
from sealwire.broker.lobby import Lobby
from sealwire.broker.mailbox import AWAY, BACKLOG, Mailbox
from sealwire.broker.orders import (
    DISABLED,
    AddBan,
    Ban,
    DeleteMail,
    DropAccount,
    Kick,
    ListBans,
    ListLimits,
    ListLinks,
    ListOwnLimits,
    ListQueues,
    ListUsers,
    Order,
    Purge,
    RemoveBan,
    ResetLimits,
    SetLimits,
    SetOwnLimits,
    SetState,
)
from sealwire.broker.port import AddInvite, ListInvites, Result
from sealwire.broker.relay import Relay
from sealwire.errors import LocalProtocolError
from sealwire.i18n import _
from sealwire.ids import Millis
from sealwire.wire.frames import Reset

PURGE_ROWS: Final = 1_000
"""Rows of one operation: a purge of any size is deleted in pieces."""
PAGE_ROWS: Final = 200
"""Rows of one answer to a list: the next page is another turn, so that 100,000 accounts are no pause of the loop."""

Row = dict[str, str | int]
_T = TypeVar("_T")


class House(Struct, frozen=True):
    """What the router holds beside the relay."""

    accounts: dict[str, Account]
    deleted: set[str]
    """Names that stay reserved."""
    bans: Bans
    blobs: Blobs
    bulks: Bulks
    lobby: Lobby
    typing: Ephemerals
    expiry: Expiry
    limits: Limits
    directory: Directory


class Operator:
    """Answers what can be answered from memory, and applies what the store has taken.

    Args:
        forget: told the CURVE keys of deleted devices.
    """

    def __init__(self, relay: Relay, house: House, forget: Callable[[bytes], None]) -> None:
        self._relay = relay
        self._accounts = house.accounts
        self._deleted = house.deleted
        self._bans = house.bans
        self._blobs = house.blobs
        self._bulks = house.bulks
        self._limits = house.limits
        self._house = house
        self._forget = forget

    # --- orders ----------------------------------------------------------------------------------------------

    def order(self, ref: object, order: Order | AddInvite | ListInvites) -> object | None:
        """Carry out one order; None when the store has to be asked first."""
        match order:
            case ListUsers(after=after):
                return [self._user(name) for name in _page(self._names(), after, str)]
            case ListLinks(after=after):
                links = _page(self._relay.links.values(), after, lambda link: link.mailbox.id.hex())
                return [self._link(link) for link in links]
            case ListQueues(after=after):
                waiting = (box for box in self._relay.mailboxes.values() if box.messages)
                return [_queue(box) for box in _page(waiting, after, lambda box: box.id.hex())]
            case ListBans():
                return list(self._bans)
            case ListLimits() | ListOwnLimits() | SetLimits() | ResetLimits():
                return self._limit(order)
            case Kick(target=target) | Purge(target=target) if not self._boxes(target):
                return "unknown"
            case Kick(target=target):
                return self._end(lambda link: target in (link.account.name, link.mailbox.id.hex()), Reset.KICKED)
            case Purge(target=target):
                return self._purge(ref, target)
            case AddBan(ban=ban) if not self._bans.holds(ban.kind, ban.target) and len(self._bans) >= MAX_LASTING_BANS:
                return Result(order, "full")
            case RemoveBan(kind=kind, target=target) if not self._bans.holds(kind, target):
                return Result(order, "unknown")
            case DropAccount(account=name):
                if name not in self._accounts and name not in self._deleted:
                    return Result(order, "unknown")
                self._drop(name)
        if ref is None:
            raise LocalProtocolError("a command without a reference")
        self._relay.ledger.ops.append(replace(order, ref=ref))
        return None

    def learn(self, result: Result) -> None:
        """The store has carried out an order: memory follows."""
        match result.op:
            case AddBan(ban=ban):
                self._bans.add(ban)
                self._end(self.is_barred, Reset.BANNED)
            case RemoveBan(kind=kind, target=target):
                self._bans.remove(kind, target)
            case SetState(account=name, state=state) if name in self._accounts:
                self._accounts[name].disabled = state == DISABLED
                self._end(self.is_barred, Reset.BANNED)
            case DropAccount(account=name, release=release):
                self._drop(name)  # again: a device may have been registered between order and commit
                (self._deleted.discard if release else self._deleted.add)(name)
                self._blobs.left(name)
                self._limits.forget(name)
            case SetOwnLimits(account=name, limits=limits) if name in self._accounts:
                self._limits.stored(name, dict(limits))
            case DeleteMail(mailbox=mailbox_id) if (mailbox := self._relay.mailboxes.get(mailbox_id)) is not None:
                mailbox.bytes -= result.freed_bytes
            case _:
                pass

    def keep_out(self, mailbox: Mailbox, until_ms: Millis) -> None:
        """Ban a device by the broker's own decision; a restart forgets it. With too many bans it is only cut off."""
        if len(self._bans) < MAX_OWN_BANS:
            self._bans.add(Ban("device", mailbox.id.hex(), until_ms, _("sent a message of several parts")))

    def is_barred(self, link: Link | BulkLink) -> bool:
        """Whether this link session must not be."""
        return link.account.disabled or self._bans.bars(link.account.name, link.mailbox.id, link.connection.address)

    def tick(self, wall_ms: int) -> None:
        """Lift the bans whose time is over."""
        for ban in self._bans.ended(wall_ms):
            self._bans.remove(ban.kind, ban.target)
            self._relay.ledger.ops.append(RemoveBan(None, ban.kind, ban.target))

    def _limit(self, order: ListLimits | ListOwnLimits | SetLimits | ResetLimits) -> object:
        match order:
            case ListLimits():
                return self._limits.shown()
            case ListOwnLimits(account=name):
                return self._limits.own(name) if name in self._accounts else "unknown"
            case SetLimits(values=values):
                return self._limits.set(dict(values))
            case ResetLimits(names=names):
                return self._limits.reset(names)

    # --- what they do ----------------------------------------------------------------------------------------

    def _end(self, chosen: Callable[[Link | BulkLink], bool], reason: Reset) -> int:
        ended = [link for link in self._relay.links.values() if chosen(link)]
        for link in ended:
            self._relay.end(link, reason)
        return len(ended) + self._bulks.end_where(chosen, reason)

    def _drop(self, name: str) -> None:
        account = self._accounts.pop(name, None)
        self._bulks.end_where(lambda link: link.account_name == name, Reset.DELETED)
        self._blobs.leave(name)
        for mailbox in () if account is None else account.mailboxes:
            self._forget(mailbox.curve)
            self._relay.remove(mailbox)

    def _purge(self, ref: object, target: str) -> int | None:
        """Delete what is stored for an account's devices, or for one device; the last piece's commit is the answer.

        Bytes are counted until they are deleted, as when mail expires: both may be under way for one mailbox.
        """
        pieces: list[DeleteMail] = []
        total = 0
        for mailbox in self._boxes(target):
            if mailbox.link is not None:
                self._relay.end(mailbox.link, Reset.KICKED)  # AWAY: no ACK can come for what goes now
            rows = mailbox.rows.take(len(mailbox.rows))
            mailbox.messages -= len(rows)
            total += len(rows)
            for at in range(0, len(rows), PURGE_ROWS):
                pieces.append(DeleteMail(None, mailbox.id, tuple(rows[at : at + PURGE_ROWS]), 0))
        if not pieces:
            return 0
        self._relay.ledger.ops += [*pieces[:-1], replace(pieces[-1], ref=ref, total=total)]
        return None

    def _boxes(self, target: str) -> list[Mailbox]:
        account = self._accounts.get(target)
        if account is not None:
            return account.mailboxes
        return [box for box in self._relay.mailboxes.values() if box.id.hex() == target]

    # --- what they show --------------------------------------------------------------------------------------

    def status(self) -> dict[str, int | str]:
        """What the broker holds, in numbers. No names, no ids."""
        relay, house = self._relay, self._house
        links, boxes = relay.links.values(), relay.mailboxes.values()
        return {
            "accounts": len(self._accounts),
            "devices": len(relay.mailboxes),
            "link_sessions": len(links),
            "connections_before_login": len(house.lobby.greeted),
            "logins": house.lobby.logins,
            "logins_refused": house.lobby.refused_logins,
            "kicked": house.lobby.kicked,
            "waiting_messages": sum(box.messages for box in boxes),
            "waiting_bytes": sum(box.bytes for box in boxes),
            "unstored_bytes": relay.ledger.unstored_bytes,
            "sends": relay.past_sends + sum(link.rx for link in links),
            "delivers": relay.past_delivers + sum(link.tx for link in links),
            "rejected": relay.refusals.total,
            **{f"rejected_{code.name.lower()}": count for code, count in relay.refusals.by_code.items()},
            **{f"ended_{'bye' if why is None else why.name.lower()}": count for why, count in relay.ends.items()},
            **{f"request_rejected_{code.name.lower()}": n for code, n in house.directory.refusals.items()},
            "ephemerals_dropped": house.typing.dropped,
            "expired": house.expiry.expired,
            "bans": len(self._bans),
            "accounts_disabled": sum(account.disabled for account in self._accounts.values()),
            "limits_changed": sum(now != configured for now, configured in self._limits.shown().values()),
            "wrong_tokens": relay.wrong_tokens,
            **(self._bulks.status() | self._blobs.status()),
        }

    def _names(self) -> Iterator[str]:
        yield from self._accounts
        yield from self._deleted

    def _user(self, name: str) -> Row:
        account = self._accounts.get(name)
        if account is None:
            nothing = {"devices": 0, "online": 0, "messages": 0, "bytes": 0, "files": 0, "file_bytes": 0}
            return {"name": name, "state": "deleted", **nothing}
        boxes = account.mailboxes
        files, file_bytes = self._blobs.held_by(name)
        return {
            "name": name,
            "state": "disabled" if account.disabled else "active",
            "devices": len(boxes),
            "online": sum(box.link is not None for box in boxes),
            "messages": sum(box.messages for box in boxes),
            "bytes": sum(box.bytes for box in boxes),
            "files": files,
            "file_bytes": file_bytes,
        }

    def _link(self, link: Link) -> Row:
        return {
            "account": link.account.name,
            "device": link.mailbox.id.hex(),
            "address": shown_address(link.connection.address),
            "age_s": int(self._relay.now - link.since),
            "unanswered": len(link.unanswered),
            "in_flight": len(link.inflight),
        }


def _queue(mailbox: Mailbox) -> Row:
    mode = {AWAY: "away", BACKLOG: "backlog"}.get(mailbox.mode, "live")
    return {
        "account": mailbox.account.name,
        "device": mailbox.id.hex(),
        "mode": mode,
        "messages": mailbox.messages,
        "bytes": mailbox.bytes,
    }


def _page(items: Iterable[_T], after: str, key: Callable[[_T], str]) -> list[_T]:
    return heapq.nsmallest(PAGE_ROWS, (item for item in items if key(item) > after), key=key)
