"""The directory's operations as SQL, each inside the writer's transaction.

Source: protocol.md §6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import apsw

from sealwire.broker.blobjobs import BlobOp, BlobRow, DropBlobs, KeepBlob, SealBlob
from sealwire.broker.groups import PAGE_ENTRIES, judge, page
from sealwire.broker.logops import AppendEntry, ReadEntries
from sealwire.broker.orders import (
    ACTIVE,
    DELETED,
    AddBan,
    Ban,
    DeleteMail,
    DropAccount,
    Expire,
    ExpiredTold,
    KeepClock,
    RemoveBan,
    RevokeInvite,
    SetOwnLimits,
    SetState,
    Stored,
    Upkeep,
)
from sealwire.broker.port import (
    AccountRow,
    AddInvite,
    BundleRow,
    DeviceRow,
    FindAccount,
    InviteRow,
    ListInvites,
    Op,
    Rebind,
    Register,
    Result,
    StorePrekeys,
    TakeBundle,
)
from sealwire.ids import MAILBOX_BYTES, Millis
from sealwire.wire.frames import MAX_ONE_TIME_PREKEYS

_NOBODY = bytes(MAILBOX_BYTES)
_NO_KEY = bytes(32)


def apply(db: apsw.Connection, op: Op) -> Result:
    """Carry out one operation. The caller commits, and answers only after that."""
    match op:
        case Register():
            return _register(db, op)
        case StorePrekeys():
            return _store_prekeys(db, op)
        case FindAccount():
            return _find_account(db, op)
        case TakeBundle():
            return _take_bundle(db, op)
        case Rebind(mailbox=mailbox, curve=curve):
            db.execute("UPDATE device SET curve = ? WHERE mailbox = ?", (curve, mailbox))
            return Result(op, "done")
        case AddInvite(token_hash=token_hash, uses=uses, expires_ms=expires_ms):
            db.execute("INSERT OR REPLACE INTO invite VALUES (?, ?, ?)", (token_hash, uses, expires_ms))
            return Result(op, "done")
        case ListInvites():
            rows = db.execute("SELECT token_hash, uses_left, expires_ms FROM invite ORDER BY expires_ms")
            return Result(op, "done", invites=tuple(InviteRow(*row) for row in rows))
        case AppendEntry():
            return _append_entry(db, op)
        case ReadEntries():
            return _read_entries(db, op)
        case KeepBlob() | SealBlob() | DropBlobs():
            return _blob(db, op)
        case _:
            return _order(db, op)


def _order(db: apsw.Connection, op: Upkeep | Stored) -> Result:
    match op:
        case Expire():
            return _expire(db, op)
        case DropAccount():
            return _drop_account(db, op)
        case DeleteMail(rows=rows):
            return Result(op, "done", freed_bytes=_free(db, rows))
        case AddBan(ban=ban):
            db.execute(
                "INSERT OR REPLACE INTO ban VALUES (?, ?, ?, ?)", (ban.kind, ban.target, ban.until_ms, ban.reason)
            )
            return Result(op, "done")
        case RemoveBan(kind=kind, target=target):
            db.execute("DELETE FROM ban WHERE (kind, target) = (?, ?)", (kind, target))
            return Result(op, "done")  # the broker's own bans are in memory only
        case SetState(account=name, state=state):
            return _changed(db, op, "UPDATE account SET state = ? WHERE name = ? AND state < ?", (state, name, DELETED))
        case SetOwnLimits(account=name, limits=limits):
            return _set_own_limits(db, op, name, limits)
        case RevokeInvite(token_hash=token_hash):
            return _changed(db, op, "DELETE FROM invite WHERE token_hash = ?", (token_hash,))
        case ExpiredTold(mailbox=mailbox, count=count):
            db.execute("UPDATE device SET expired = max(0, expired - ?) WHERE mailbox = ?", (count, mailbox))
            return Result(op, "done")
        case KeepClock(mail_ms=mail_ms):
            db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (mail_ms.to_bytes(8, "big"),))
            return Result(op, "done")


def _changed(db: apsw.Connection, op: Stored, sql: str, values: tuple[Any, ...]) -> Result:
    db.execute(sql, values)
    return Result(op, "done" if db.changes() else "unknown")


def _one(db: apsw.Connection, sql: str, values: tuple[Any, ...]) -> Any:
    return next(iter(fetch(db, sql, values)), None)


def fetch(db: apsw.Connection, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """Run a statement to its end and return its rows; their types are the schema's, which is STRICT."""
    return db.execute(sql, values).fetchall()


def _register(db: apsw.Connection, op: Register) -> Result:
    """All checks come before the first change: whatever is refused leaves no trace, and no invite used."""
    if _one(db, "SELECT 1 FROM device WHERE mailbox = ?", (op.mailbox,)):
        return Result(op, "done")  # asked again because the answer was lost
    account = _one(db, "SELECT n_sign, version FROM account WHERE name = ?", (op.account,))
    if account is not None:
        if account[0] != op.n_sign:  # whoever may not register is not told which names exist
            return Result(op, "taken" if _may_enter(db, op) else "no-invite")
        device = (op.account, op.device)
        if account[1] >= op.devices_version or _one(
            db, "SELECT 1 FROM device WHERE (account, device) = (?, ?)", device
        ):
            return Result(op, "stale")
    elif op.invite_needed and not _redeem(db, op):
        return Result(op, "no-invite")
    db.execute(
        "INSERT INTO account (name, n_sign, version, devices, signature, mailboxes) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET (version, devices, signature, mailboxes)"
        " = (excluded.version, excluded.devices, excluded.signature, excluded.mailboxes)",
        (op.account, op.n_sign, op.devices_version, op.devices, op.devices_signature, _mailboxes(db, op)),
    )
    db.execute(
        "INSERT INTO device (mailbox, account, device, curve, card, card_signature) VALUES (?, ?, ?, ?, ?, ?)",
        (op.mailbox, op.account, op.device, op.curve, op.card, op.card_signature),
    )
    return Result(op, "done")


def _may_enter(db: apsw.Connection, op: Register) -> bool:
    """Whether a new name would be let in; uses no invite up."""
    live = "SELECT 1 FROM invite WHERE token_hash = ? AND uses_left > 0 AND expires_ms > ?"
    return not op.invite_needed or _one(db, live, (op.invite_hash, op.now_ms)) is not None


def _redeem(db: apsw.Connection, op: Register) -> bool:
    if op.invite_hash is None:
        return False
    taken = "UPDATE invite SET uses_left = uses_left - 1 WHERE token_hash = ? AND uses_left > 0 AND expires_ms > ?"
    used = _one(db, taken + " RETURNING uses_left", (op.invite_hash, op.now_ms))
    db.execute("DELETE FROM invite WHERE uses_left <= 0 OR expires_ms <= ?", (op.now_ms,))
    return used is not None


def _mailboxes(db: apsw.Connection, op: Register) -> bytes:
    found = []
    for device in op.listed:
        if device == op.device:
            found.append(bytes(op.mailbox))
        else:
            row = _one(db, "SELECT mailbox FROM device WHERE (account, device) = (?, ?)", (op.account, device))
            found.append(_NOBODY if row is None else row[0])
    return b"".join(found)


def _store_prekeys(db: apsw.Connection, op: StorePrekeys) -> Result:
    """Idempotent: an upload repeated because its answer was lost puts back no key that was handed out meanwhile."""
    device = _one(db, "SELECT spk_id, opk_high FROM device WHERE mailbox = ?", (op.mailbox,))
    if device is None:
        return Result(op, "unknown")
    spk_id, high = device
    if op.spk_id < spk_id:
        return Result(op, "stale")
    fresh = [(op.mailbox, opk_id, key) for opk_id, key in op.one_time if opk_id > high]
    db.executemany("INSERT INTO one_time VALUES (?, ?, ?)", fresh)
    db.execute(
        "UPDATE device SET spk_id = ?, prekeys = ?, signature = ?, opk_high = ? WHERE mailbox = ?",
        (op.spk_id, op.prekeys, op.signature, max((high, *(row[1] for row in fresh))), op.mailbox),
    )
    # Past the limit the oldest go: they are the likeliest to have been forgotten by their device.
    newest = "SELECT id FROM one_time WHERE mailbox = ? ORDER BY id DESC LIMIT ?"
    db.execute(
        f"DELETE FROM one_time WHERE mailbox = ? AND id NOT IN ({newest})",  # noqa: S608 - a constant
        (op.mailbox, op.mailbox, MAX_ONE_TIME_PREKEYS),
    )
    left = _one(db, "SELECT count(*) FROM one_time WHERE mailbox = ?", (op.mailbox,))[0]
    return Result(op, "done", one_time_left=left)


def _find_account(db: apsw.Connection, op: FindAccount) -> Result:
    row = _one(db, "SELECT devices, signature, mailboxes FROM account WHERE name = ? AND state < ?", (op.name, DELETED))
    return Result(op, "unknown") if row is None else Result(op, "done", account=AccountRow(*row))


def _take_bundle(db: apsw.Connection, op: TakeBundle) -> Result:
    """The one-time prekey is gone with the commit that comes before the answer: handed out at most once."""
    row = _one(
        db,
        "SELECT card, card_signature, prekeys, signature FROM device WHERE mailbox = ? AND prekeys IS NOT NULL",
        (op.mailbox,),
    )
    opk = _one(
        db,
        "DELETE FROM one_time WHERE mailbox = ?1 AND id = (SELECT min(id) FROM one_time WHERE mailbox = ?1)"
        " RETURNING id, key",
        (op.mailbox,),
    )
    if row is None:
        return Result(op, "unknown")
    card, card_signature, prekeys, signature = row
    opk_id, key = (0, _NO_KEY) if opk is None else opk
    return Result(op, "done", bundle=BundleRow(card, card_signature, prekeys, signature, opk_id, key))


def devices(db: apsw.Connection) -> list[DeviceRow]:
    """Every registered device."""
    counts = dict(fetch(db, "SELECT mailbox, count(*) FROM one_time GROUP BY mailbox"))
    rows = fetch(db, "SELECT mailbox, account, curve, spk_id, expired FROM device")
    return [
        DeviceRow(mailbox, name, curve, spk_id, counts.get(mailbox, 0), expired)
        for mailbox, name, curve, spk_id, expired in rows
    ]


def _drop_account(db: apsw.Connection, op: DropAccount) -> Result:
    """The mail itself is deleted by jobs of their own; what a crash leaves of it is found at the next start."""
    db.execute("DELETE FROM one_time WHERE mailbox IN (SELECT mailbox FROM device WHERE account = ?)", (op.account,))
    db.execute("DELETE FROM device WHERE account = ?", (op.account,))
    db.execute("DELETE FROM account_limit WHERE account = ?", (op.account,))
    db.execute("DELETE FROM blob WHERE account = ?", (op.account,))
    if op.release:
        return _changed(db, op, "DELETE FROM account WHERE name = ?", (op.account,))
    # An empty key is nobody's: whoever asks for the name is told that it is taken.
    reserve = (
        "UPDATE account SET (n_sign, devices, signature, mailboxes, state) = (x'', x'', x'', x'', ?) WHERE name = ?"
    )
    return _changed(db, op, reserve, (DELETED, op.account))


def states(db: apsw.Connection) -> dict[str, int]:
    """The accounts that are not ACTIVE."""
    return dict(fetch(db, "SELECT name, state FROM account WHERE state <> ?", (ACTIVE,)))


def bans(db: apsw.Connection) -> tuple[Ban, ...]:
    """Every ban."""
    return tuple(Ban(*row) for row in fetch(db, "SELECT kind, target, until_ms, reason FROM ban"))


def _set_own_limits(db: apsw.Connection, op: Stored, name: str, limits: tuple[tuple[str, float], ...]) -> Result:
    if _one(db, "SELECT 1 FROM account WHERE name = ? AND state < ?", (name, DELETED)) is None:
        return Result(op, "unknown")
    db.execute("DELETE FROM account_limit WHERE account = ?", (name,))
    db.executemany("INSERT INTO account_limit VALUES (?, ?, ?)", [(name, limit, value) for limit, value in limits])
    return Result(op, "done")


def own_limits(db: apsw.Connection) -> dict[str, dict[str, float]]:
    """What single accounts have of their own."""
    found: dict[str, dict[str, float]] = {}
    for name, limit, value in fetch(db, "SELECT account, name, value FROM account_limit"):
        found.setdefault(name, {})[limit] = int(value) if value.is_integer() else value
    return found


def kept_clock(db: apsw.Connection) -> Millis:
    """Where the mail clock stood when it was last stored, 0 for never."""
    row = _one(db, "SELECT value FROM meta WHERE key = 'clock'", ())
    return 0 if row is None else int.from_bytes(row[0], "big")


# --- groups --------------------------------------------------------------------------------------------------

_LAST_ENTRY = "SELECT entry FROM group_entry WHERE grp = ? ORDER BY sequence DESC LIMIT 1"


def _append_entry(db: apsw.Connection, op: AppendEntry) -> Result:
    entry = op.entry
    place = (entry.group, entry.sequence)
    last = _one(db, _LAST_ENTRY, (entry.group,))
    there = _one(db, "SELECT entry FROM group_entry WHERE (grp, sequence) = (?, ?)", place)
    outcome = judge(op, last and last[0], there and there[0])
    if outcome == "done" and last is None:
        db.execute("UPDATE account SET groups = groups + 1 WHERE name = ? AND groups < ?", (op.account, op.groups))
        outcome = "done" if db.changes() else "quota"
    if outcome == "done":
        db.execute("INSERT INTO group_entry (grp, sequence, entry) VALUES (?, ?, ?)", (*place, entry.encoded))
    return Result(op, "done" if outcome == "there" else outcome)


def _read_entries(db: apsw.Connection, op: ReadEntries) -> Result:
    last = _one(db, _LAST_ENTRY, (op.group,))
    if last is None:
        return Result(op, "unknown")
    above = "SELECT entry FROM group_entry WHERE grp = ? AND sequence > ? ORDER BY sequence LIMIT ?"
    rows = fetch(db, above, (op.group, op.after, PAGE_ENTRIES))
    return Result(op, "done", log=page(op.group, last[0], [entry for (entry,) in rows]))


# --- blobs ---------------------------------------------------------------------------------------------------


def _blob(db: apsw.Connection, op: BlobOp) -> Result:
    match op:
        case KeepBlob():
            row = (op.blob, op.account, op.size, op.reader, op.at_ms)
            # Or replace: whatever an id collides with, the store must not fail over it.
            db.execute("INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?, 0)", row)
        case SealBlob(blob=blob):
            db.execute("UPDATE blob SET done = 1 WHERE id = ?", (blob,))
        case DropBlobs(blobs=blobs):
            db.executemany("DELETE FROM blob WHERE id = ?", [(blob,) for blob in blobs])
    return Result(op, "done")


def blobs(db: apsw.Connection) -> list[BlobRow]:
    """Every blob, oldest first; what is there of each only its folder knows."""
    rows = fetch(db, "SELECT id, account, size, reader, at_ms, done FROM blob ORDER BY at_ms")
    return [BlobRow(blob, name, size, reader, at, bool(done)) for blob, name, size, reader, at, done in rows]


# --- mail ----------------------------------------------------------------------------------------------------


def _expire(db: apsw.Connection, op: Expire) -> Result:
    freed_bytes = _free(db, op.rows)
    db.execute("UPDATE device SET expired = expired + ? WHERE mailbox = ?", (len(op.rows), op.mailbox))
    return Result(op, "done", freed_bytes=freed_bytes)


def _free(db: apsw.Connection, references: Sequence[int]) -> int:
    """Delete stored mail; returns how many bytes its envelopes had."""
    freed_bytes = sum(_size(db, reference) for reference in references)
    delete_mail(db, references)
    return freed_bytes


def _size(db: apsw.Connection, reference: int) -> int:
    """Return an envelope's length; it stands in the row's head, so that the envelope itself is not read."""
    mail = "SELECT length(envelope) FROM mail WHERE row = ?"
    fan = "SELECT length(envelope) FROM body WHERE id = (SELECT body FROM fan WHERE row = ?)"
    return int(_one(db, fan if reference & 1 else mail, (reference >> 1,))[0])


def delete_mail(db: apsw.Connection, references: Sequence[int]) -> None:
    """Delete stored mail; a body of a FANOUT goes with its last target."""
    references = sorted(references)
    db.executemany(
        "DELETE FROM mail WHERE row BETWEEN ? AND ?",
        _ranges([reference >> 1 for reference in references if not reference & 1]),
    )
    fans = _ranges([reference >> 1 for reference in references if reference & 1])
    if fans:
        _delete_fans(db, fans)


def _delete_fans(db: apsw.Connection, ranges: list[tuple[int, int]]) -> None:
    """Targets are counted for each body and taken off at once: a statement for each would cost more than the rest."""
    gone: Counter[int] = Counter()
    for numbers in ranges:
        gone.update(dict(fetch(db, "SELECT body, count(*) FROM fan WHERE row BETWEEN ? AND ? GROUP BY body", numbers)))
    db.executemany("DELETE FROM fan WHERE row BETWEEN ? AND ?", ranges)
    db.executemany("UPDATE body SET targets = targets - ? WHERE id = ?", [(n, body) for body, n in gone.items()])
    db.executemany("DELETE FROM body WHERE id = ? AND targets <= 0", [(body,) for body in gone])


def _ranges(rows: list[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as (first, last) of each unbroken run: FIFO traffic deletes in a few statements."""
    starts = [0, *(at for at, (left, right) in enumerate(pairwise(rows), 1) if right != left + 1), len(rows)]
    return [(rows[start], rows[end - 1]) for start, end in pairwise(starts) if start < end]
