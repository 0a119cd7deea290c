"""What the running broker answers its operator, and the log of what it was told to do.

Handlers run in the administrators' thread; everything that matters is handed to the relay's loop and answered after its
commit. Each order that changes something leaves one line in ``audit.log``: when, what, about whom, how it ended. It
names accounts, devices and networks, never keys or tokens.
"""

from __future__ import annotations

import heapq
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

from sealwire import localsocket
from sealwire.broker import invites
from sealwire.broker.bans import MAX_LASTING_BANS, reason_of, target_of
from sealwire.broker.operator import PAGE_ROWS
from sealwire.broker.orders import (
    ACTIVE,
    DISABLED,
    AddBan,
    Ban,
    BanKind,
    DeleteMail,
    DropAccount,
    Kick,
    ListBans,
    ListLinks,
    ListOwnLimits,
    ListQueues,
    ListUsers,
    Purge,
    RemoveBan,
    RevokeInvite,
    SetState,
)
from sealwire.broker.port import Command, InviteRow, ListInvites, Result
from sealwire.cli.limits_desk import LimitsDesk, check_stored
from sealwire.errors import SealwireError, StoreError, UnknownPeerError, UsageError
from sealwire.files import open_private
from sealwire.i18n import _

AUDIT_NAME = "audit.log"
INVITE_ID_CHARS = 8
"""Of the hash of an invite's token, in hex: names an invite to its operator without letting anybody in."""
MAX_BAN_DAYS = 3_650

Request = Mapping[str, Any]
Handler = Callable[[Request], dict[str, Any]]
_T = TypeVar("_T")

logger = logging.getLogger("sealwire.broker.office")


class AuditLog:
    """Appends a line for each order. A full disk must not stop the operator who makes room: it is only reported."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def order(self, action: str, **about: object) -> Iterator[dict[str, object]]:
        """Note how an order ends that the user of this process carries out without a broker.

        Yields:
            what the line will say of it, to be added to.
        """
        told = {**about, "by": localsocket.user_name(os.geteuid() if hasattr(os, "geteuid") else None)}
        result = "done"
        try:
            yield told
        except (SealwireError, OSError) as error:
            result = error.code if isinstance(error, SealwireError) else SealwireError.code
            raise
        except KeyboardInterrupt:
            result = "interrupted"
            raise
        finally:
            if self._path.parent.is_dir():  # no broker has been here otherwise, whose log it were
                self.note(action, result, told)

    def note(self, action: str, result: str, about: Mapping[str, object]) -> None:
        """Write one line and sync it."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "action": action, **about}
        data = json.dumps({**line, "result": result}, ensure_ascii=False).encode() + b"\n"
        try:
            number = open_private(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(number, data)
                os.fsync(number)
            finally:
                os.close(number)
        except OSError as error:
            logger.warning("the audit log could not be written: %s", error)


class Office:
    """The operator's verbs.

    Args:
        folder: ``data/broker``.
        submit: hands a command to the relay and waits for its answer.
        reach: how many connections this process can carry, at most the number given.
    """

    def __init__(self, folder: Path, submit: Callable[[Command], Any], reach: Callable[[int], int]) -> None:
        self._folder = folder
        self._submit = submit
        self._limits = LimitsDesk(folder, submit, reach)
        self._audit = AuditLog(folder / AUDIT_NAME)

    def handlers(self) -> dict[str, Handler]:
        """By the request's ``do``."""
        changing: dict[str, Handler] = {
            "user disable": lambda request: self._set_state(request, DISABLED),
            "user enable": lambda request: self._set_state(request, ACTIVE),
            "user delete": lambda request: self._drop(request, bool(request.get("release"))),
            "user reset-key": lambda request: self._drop(request, True),
            "invite revoke": self._revoke,
            "link kick": self._kick,
            "queue purge": self._purge,
            "ban add": self._ban,
            "ban remove": self._unban,
            **self._limits.changing(),
        }
        return {
            "user list": lambda request: _page(self._submit(ListUsers(_after(request))), "name"),
            "link list": lambda request: _page(self._submit(ListLinks(_after(request))), "device"),
            "queue list": lambda request: _page(self._submit(ListQueues(_after(request))), "device"),
            "ban list": lambda request: _part(self._submit(ListBans()), request, _ban_place, _ban_row),
            "invite list": lambda request: _part(self._invites(), request, _invite_place, _invite_row),
            **self._limits.showing(),
            **{name: self.audited(name, handler) for name, handler in changing.items()},
        }

    def audited(self, action: str, handler: Handler) -> Handler:
        """Return the handler with a line in the audit log for each time it is used, however it ends."""

        def handle(request: Request) -> dict[str, Any]:
            about = {key: value for key, value in request.items() if key != "do"}
            try:
                answer = handler(request)
            except SealwireError as error:
                self._audit.note(action, error.code, about)
                raise
            about |= {key: answer[key] for key in ("changed", "count", "id") if key in answer}
            self._audit.note(action, "done", about)
            return answer

        return handle

    # --- what changes something ------------------------------------------------------------------------------

    def _set_state(self, request: Request, state: int) -> dict[str, Any]:
        name = _target(request)
        check_stored(self._submit(SetState(None, name, state)), name, self._folder)
        return {}

    def _drop(self, request: Request, release: bool) -> dict[str, Any]:
        name = _target(request)
        check_stored(self._submit(DropAccount(None, name, release)), name, self._folder)
        return {"released": release}

    def _kick(self, request: Request) -> dict[str, Any]:
        return {"count": self._counted(self._submit(Kick(_target(request))), request)}

    def _purge(self, request: Request) -> dict[str, Any]:
        return {"count": self._counted(self._submit(Purge(_target(request))), request)}

    def _counted(self, answer: object, request: Request) -> int:
        match answer:
            case "unknown":
                raise UnknownPeerError(name=_target(request))
            case Result(op=DeleteMail(total=total)):
                return total
            case _:
                assert isinstance(answer, int)
                return answer

    def _ban(self, request: Request) -> dict[str, Any]:
        kind, target = _ban_target(request)
        days, reason = int(request.get("days", 0)), reason_of(str(request.get("reason", "")))
        if not 0 <= days <= MAX_BAN_DAYS:
            raise UsageError(_("A ban lasts 1 to {most} days, or for good.").format(most=MAX_BAN_DAYS))
        until_ms = invites.expires_at(time.time_ns() // 1_000_000, days) if days else 0
        result = self._submit(AddBan(None, Ban(kind, target, until_ms, reason)))
        if result.outcome != "done":
            limit = _("the ban could not be stored: no room, or {most} bans are in force")
            raise StoreError(path=self._folder, detail=limit.format(most=MAX_LASTING_BANS))
        known = {"is_known": self._submit(ListOwnLimits(target)) != "unknown"} if kind == "account" else {}
        return {**_ban_row(Ban(kind, target, until_ms, reason)), **known}

    def _unban(self, request: Request) -> dict[str, Any]:
        kind, target = _ban_target(request)
        if self._submit(RemoveBan(None, kind, target)).outcome != "done":
            raise UsageError(_("There is no ban on {target}.").format(target=target))
        return {}

    def _revoke(self, request: Request) -> dict[str, Any]:
        wanted = _target(request)
        found = [row for row in self._invites() if _invite_row(row)["id"] == wanted]
        if not found:
            raise UsageError(_("There is no invite {id}.").format(id=wanted), _("broker.py invite list shows them."))
        for row in found:
            check_stored(self._submit(RevokeInvite(None, row.token_hash)), wanted, self._folder)
        return {}

    def _invites(self) -> tuple[InviteRow, ...]:
        result = self._submit(ListInvites())
        assert isinstance(result, Result)
        return result.invites


# --- requests and rows ---------------------------------------------------------------------------------------


def _text(request: Request, key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not value:
        raise ValueError(key)
    return value


def _target(request: Request) -> str:
    """An account or a device: both are spelt in small letters."""
    return _text(request, "target").lower()


def _after(request: Request) -> str:
    return str(request.get("after", ""))


def _page(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return {"rows": rows, "next": rows[-1][key] if len(rows) == PAGE_ROWS else None}


def _part(
    items: Iterable[_T], request: Request, place: Callable[[_T], str], row: Callable[[_T], dict[str, Any]]
) -> dict[str, Any]:
    """A page of what comes as a whole; ``place`` is where an item stands in the order."""
    found = heapq.nsmallest(PAGE_ROWS, (item for item in items if place(item) > _after(request)), key=place)
    return {"rows": [row(item) for item in found], "next": place(found[-1]) if len(found) == PAGE_ROWS else None}


def _ban_place(ban: Ban) -> str:
    return f"{ban.kind} {ban.target}"


def _invite_place(row: InviteRow) -> str:
    return f"{row.expires_ms:020} {row.token_hash.hex()}"


def _ban_target(request: Request) -> tuple[BanKind, str]:
    kind: BanKind = request["kind"]
    if kind not in get_args(BanKind):
        raise ValueError(kind)
    text = _text(request, "target")
    try:
        return kind, target_of(kind, text)
    except ValueError:
        what = {"account": _("an account name"), "device": _("a device (32 hex digits)")}
        wanted = what.get(kind, _("an address or a network such as 203.0.113.0/24"))
        hint = _("Say with --kind what it is: account, device or address.")
        raise UsageError(_("{text!r} is not {wanted}.").format(text=text, wanted=wanted), hint) from None


def _ban_row(ban: Ban) -> dict[str, Any]:
    return {"kind": ban.kind, "target": ban.target, "until_ms": ban.until_ms or None, "reason": ban.reason}


def invite_id(token_hash: bytes) -> str:
    """What names an invite to its operator."""
    return token_hash.hex()[:INVITE_ID_CHARS]


def _invite_row(row: InviteRow) -> dict[str, Any]:
    return {
        "id": invite_id(row.token_hash),
        "uses_left": row.uses_left,
        "expires_ms": row.expires_ms,
    }
