"""A disk that fails on purpose, below the cipher, under the databases as they are.

While a :class:`Disk` is mounted, every database opened goes through it. It writes down what SQLite asks of the disk,
and can fail a read, a write or a sync, or not answer it. :class:`Platter` replays such a record up to any point and
says what a power cut there may leave behind: what was synced, and of the rest whatever chance kept, sector by sector.

    disk = Disk()
    with mounted(disk):
        ...                                   # stores open, commit; what is still open at the end is closed
    platter = Platter(disk.ops)
    platter.forward(1234)
    files = platter.after_power_cut(dice)     # path to content
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event
from typing import Final, Literal

import apsw
from msgspec import Struct, field

SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all; SQLite assumes no more."""

_NAME: Final = "sealwire-faults"
_CIPHER: Final = f"multipleciphers-{_NAME}"  # the cipher makes this layer by itself when it is asked for the name
_BASE: Final = "unix"
_JOURNALS: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


# --- what is written down ------------------------------------------------------------------------------------


class Create(Struct, frozen=True):
    """A name came to be. ``content`` is that of a file that was there before, name and bytes already durable."""

    path: str
    file: int
    content: bytes | None


class Delete(Struct, frozen=True):
    """A name went; ``synced`` when the folder was synced with it."""

    path: str
    synced: bool


class Write(Struct, frozen=True):
    """Bytes at an offset."""

    file: int
    offset: int
    data: bytes


class Truncate(Struct, frozen=True):
    """A new length."""

    file: int
    size: int


class Sync(Struct, frozen=True):
    """A sync of a file; ``folder`` when its folder was synced with it, ``kept`` False when the device failed.

    After a failure the pages count as clean and are never written: what was pending is lost at the next power cut.
    """

    path: str
    file: int
    folder: bool
    kept: bool


Op = Create | Delete | Write | Truncate | Sync
Call = Literal["read", "write", "sync"]
Error = Literal["io", "full", "hang"]
"""``hang``: no answer until :meth:`Disk.heal`, then a good one."""


class _Fault(Struct):
    call: Call
    error: Error
    suffix: str
    skip: int
    left: int


# --- the disk ------------------------------------------------------------------------------------------------


class Disk(Struct):
    """What databases did to the disk while it was mounted, and what goes wrong next."""

    ops: list[Op] = field(default_factory=list)
    lies: bool = False
    """Syncs succeed and do nothing."""
    failed: int = 0
    """Calls that were failed."""
    _files: dict[str, int] = field(default_factory=dict)
    _made: int = 0
    _faults: list[_Fault] = field(default_factory=list)
    _answers: Event = field(default_factory=Event)

    def fail(self, call: Call, error: Error, *, suffix: str = "", after: int = 0, times: int = 1_000_000) -> None:
        """Fail calls from now on.

        A call that hangs is inside its database's thread, which must have ended before the disk is unmounted.

        Args:
            suffix: of the files concerned, for example ``-wal``.
            after: how many of these calls succeed first.
            times: how many fail.
        """
        self._faults.append(_Fault(call, error, suffix, after, times))

    def heal(self) -> None:
        """Nothing fails any more."""
        self._faults.clear()
        self._answers.set()
        self._answers = Event()

    def fault(self, call: Call, path: str) -> apsw.Error | None:
        """Return the error of this call, if it is to fail."""
        for fault in self._faults:
            if fault.call == call and path.endswith(fault.suffix) and fault.left:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.left -= 1
                self.failed += 1
                if fault.error == "hang":
                    self._answers.wait()
                    return None
                return apsw.FullError("fault") if fault.error == "full" else apsw.IOError("fault")
        return None

    def opened(self, path: str, existed: bool) -> tuple[int, bool]:
        """Return the number of a file and whether it is new to this record."""
        if existed and path in self._files:
            return self._files[path], False
        # An empty file was touched just now: its name is no more durable than that of one SQLite made.
        content = (Path(path).read_bytes() if existed else b"") or None
        return self._create(path, content), content is None

    def adopt(self, folder: Path) -> None:
        """Take the files that lie in a folder as they are; without it one that is opened late is missing till then."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._create(str(path), path.read_bytes())

    def _create(self, path: str, content: bytes | None) -> int:
        self._made += 1
        self._files[path] = self._made
        self.ops.append(Create(path, self._made, content))
        return self._made

    def deleted(self, path: str, synced: bool) -> None:
        """A name went."""
        self._files.pop(path, None)
        self.ops.append(Delete(path, synced))


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._path = str(name.filename() if isinstance(name, apsw.URIFilename) else name)
        existed = os.path.exists(self._path)
        super().__init__(_BASE, name, flags)
        self._disk = disk
        self._file, is_new = disk.opened(self._path, existed)
        self._owes_folder = is_new and bool(flags[0] & _JOURNALS)  # as SQLite's own layer for Unix does it

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        error = self._disk.fault("read", self._path)
        if error is not None:
            raise error
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        error = self._disk.fault("write", self._path)
        if error is not None:
            raise error
        self._disk.ops.append(Write(self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.ops.append(Truncate(self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - nothing goes to a real disk: this power fails on paper only
        error = self._disk.fault("sync", self._path)
        if not self._disk.lies:
            self._disk.ops.append(Sync(self._path, self._file, self._owes_folder, error is None))
        if error is not None:
            raise error
        self._owes_folder = False


class _Vfs(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(_NAME, _BASE)
        self.disk = Disk()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.disk.deleted(filename, syncdir)


_vfs: _Vfs | None = None


@contextmanager
def mounted(disk: Disk) -> Iterator[Disk]:
    """Databases opened inside lie on ``disk``; those that are open at the end are closed, whatever ended it.

    SQLite keeps a pointer to this layer for as long as one of its files is open, and Python takes the layer down
    before the last databases when the process ends: one left open would be closed through nothing.

    Raises:
        apsw.ThreadingViolationError: a thread still works on a database; whoever started it must end it first.
    """
    global _vfs  # noqa: PLW0603 - one for the whole process: the cipher's layer over it cannot be taken back
    if _vfs is None:
        _vfs = _Vfs()
        apsw.Connection(":memory:", vfs=_CIPHER).close()  # makes the cipher's layer over ours
    default, before = apsw.vfs_names()[0], _vfs.disk
    already = left_open()
    _vfs.disk = disk
    apsw.set_default_vfs(_CIPHER)
    try:
        yield disk
    finally:
        for database in left_open():
            if database not in already:
                database.close(True)
        _vfs.disk = before
        apsw.set_default_vfs(default)


def left_open() -> list[apsw.Connection]:
    """Return the databases that are open on any recorded disk."""
    return [database for database in apsw.connections() if database.open_vfs == _CIPHER]


# --- what a power cut leaves -----------------------------------------------------------------------------------

Damage = Literal["kept", "lost", "prefix", "sectors", "garbage"]
"""What became of writes that were not synced: all there (the process died, the power did not) · none there · the
first ones there, the last of them torn · each sector there or not by chance, whatever their order · the same, and a
sector that is not there holds noise."""

CUTS: Final[tuple[Damage, ...]] = ("lost", "prefix", "sectors", "garbage")


class _Bytes(Struct):
    durable: bytearray
    pending: list[Write | Truncate] = field(default_factory=list)


class Platter:
    """The disk at a point of a record; it only goes forward."""

    def __init__(self, ops: Sequence[Op]) -> None:
        self._ops = ops
        self._at = 0
        self._files: dict[int, _Bytes] = {}
        self._names: dict[str, int] = {}
        self._pending_names: dict[str, list[Create | Delete]] = defaultdict(list)

    def forward(self, to: int) -> None:
        """Carry out the operations before number ``to``."""
        for op in self._ops[self._at : to]:
            self._step(op)
        self._at = max(self._at, to)

    def _step(self, op: Op) -> None:
        match op:
            case Create(path, file, content):
                self._files[file] = _Bytes(bytearray(content or b""))
                if content is None:
                    self._pending_names[_folder(path)].append(op)
                else:
                    self._names[path] = file
            case Delete(path, synced):
                self._pending_names[_folder(path)].append(op)
                if synced:
                    self._sync_folder(_folder(path))
            case Sync(path, file, folder, kept):
                at = self._files[file]
                if kept:
                    at.durable = _apply(at.durable, at.pending, _whole)
                at.pending.clear()
                if kept and folder:
                    self._sync_folder(_folder(path))
            case Write(file) | Truncate(file):
                self._files[file].pending.append(op)

    def _sync_folder(self, folder: str) -> None:
        _rename(self._names, self._pending_names.pop(folder, []))

    def after_power_cut(self, damage: Callable[[str], Damage], dice: Random) -> dict[str, bytes]:
        """Return what the files hold after a power cut here.

        Args:
            damage: what becomes of a path's unsynced writes.
        """
        names = dict(self._names)
        for folder, changes in self._pending_names.items():
            kind = damage(folder)
            # File systems journal names: a later change is never there without the earlier one.
            kept = {"kept": len(changes), "lost": 0}.get(kind, dice.randint(0, len(changes)))
            _rename(names, changes[:kept])
        return {path: bytes(self._content(self._files[file], damage(path), dice)) for path, file in names.items()}

    def _content(self, file: _Bytes, damage: Damage, dice: Random) -> bytearray:
        pending = list(file.pending)
        match damage:
            case "kept":
                return _apply(file.durable, pending, _whole)
            case "lost":
                return bytearray(file.durable)
            case "prefix":
                return _apply(file.durable, _torn_prefix(pending, dice), _whole)
            case "sectors" | "garbage":
                return _apply(file.durable, pending, lambda op: _chance(op, dice, damage == "garbage"))


def _folder(path: str) -> str:
    return os.path.dirname(path)


def _rename(names: dict[str, int], changes: Sequence[Create | Delete]) -> None:
    for change in changes:
        if isinstance(change, Create):
            names[change.path] = change.file
        else:
            names.pop(change.path, None)


Choice = Callable[[Write | Truncate], list[Write | Truncate]]


def _whole(op: Write | Truncate) -> list[Write | Truncate]:
    return [op]


def _apply(durable: bytearray, pending: Sequence[Write | Truncate], choose: Choice) -> bytearray:
    content = bytearray(durable)
    for op in pending:
        for part in choose(op):
            if isinstance(part, Truncate):
                del content[part.size :]
                content.extend(bytes(max(0, part.size - len(content))))
            else:
                content.extend(bytes(max(0, part.offset - len(content))))
                content[part.offset : part.offset + len(part.data)] = part.data
    return content


def _sectors(op: Write) -> list[Write]:
    """A write cut at the borders of the disk's sectors."""
    parts, at, end = [], op.offset, op.offset + len(op.data)
    while at < end:
        border = min(end, (at // SECTOR_BYTES + 1) * SECTOR_BYTES)
        parts.append(Write(op.file, at, op.data[at - op.offset : border - op.offset]))
        at = border
    return parts


def _torn_prefix(pending: list[Write | Truncate], dice: Random) -> list[Write | Truncate]:
    if not pending:
        return []
    kept = dice.randrange(len(pending))
    last = pending[kept]
    torn = _sectors(last) if isinstance(last, Write) else []
    return [*pending[:kept], *torn[: dice.randint(0, len(torn))]]


def _chance(op: Write | Truncate, dice: Random, noise: bool) -> list[Write | Truncate]:
    if isinstance(op, Truncate):
        return [op] if dice.random() < 0.5 else []
    kept: list[Write | Truncate] = []
    for part in _sectors(op):
        if dice.random() < 0.5:
            kept.append(part)
        elif noise and dice.random() < 0.5:
            kept.append(Write(part.file, part.offset, dice.randbytes(len(part.data))))
    return kept
