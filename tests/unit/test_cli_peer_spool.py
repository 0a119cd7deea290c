"""Standard input kept as a file, private and whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sealwire.cli.peer_options import parse
from sealwire.cli.peer_spool import spooled
from sealwire.errors import DiskError


class Piped:
    def __init__(self, buffer: io.RawIOBase | io.BytesIO) -> None:
        self.buffer = buffer


class Broken(io.RawIOBase):
    def read(self, _size: int = -1, /) -> bytes:
        raise OSError(28, "No space left on device")


OPTIONS = parse(["--name", "alice", "send", "bob", "--stdin", "--as-file", "log.txt"])


def test_it_is_private_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(io.BytesIO(b"line\n" * 1_000)))
    found = spooled(OPTIONS, tmp_path / "alice")
    assert found.file is not None
    assert not found.stdin
    assert found.file.read_bytes() == b"line\n" * 1_000
    assert found.file.stat().st_mode & 0o777 == 0o600
    assert found.file.parent == tmp_path / "alice" / "files" / "out"
    assert found.file.parent.stat().st_mode & 0o777 == 0o700


def test_half_of_it_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(Broken()))
    with pytest.raises(DiskError, match="No space"):
        spooled(OPTIONS, tmp_path)
    assert list((tmp_path / "files" / "out").iterdir()) == []
