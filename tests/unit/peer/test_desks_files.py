"""Fetching on a client of its own: what the thread that moves files says is told, however soon it says it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from sealwire.errors import FileUnreadableError, MessageIdError, TargetExistsError
from sealwire.peer.parcels import Identity
from tests.unit.peer.profile_of_alice import opened


async def test_a_path_that_is_taken_is_told_although_that_is_found_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await opened(tmp_path)
    file = SimpleNamespace(row=1, state="failed", mine=False)

    def fetch(_message: str, target: str) -> SimpleNamespace:
        alice.files._errors[file.row] = TargetExistsError(target)
        return file

    monkeypatch.setattr(alice.engine.files.book, "named", lambda _message: file)
    monkeypatch.setattr(alice.engine.files, "fetch", fetch)
    with pytest.raises(TargetExistsError):
        await alice.files.fetch("00" * 16, tmp_path / "taken")
    await alice.close()


async def test_a_file_that_holds_more_than_its_size_says_is_not_sent_as_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, source = await opened(tmp_path), tmp_path / "made while it is read"
    source.write_text("not nothing")
    monkeypatch.setattr("sealwire.peer.desks.files.identity_of", lambda _path: Identity(0, 1))
    with pytest.raises(FileUnreadableError):
        await alice.files.send("bob", source)
    await alice.close()


@pytest.mark.parametrize("text", ["zz", "", "00" * 15, "+" + "00" * 16, "z" * 5_000])
async def test_what_is_no_id_is_called_that_in_one_line(tmp_path: Path, text: str) -> None:
    alice = await opened(tmp_path)
    with pytest.raises(MessageIdError) as refused:
        await alice.files.pause(text)
    assert len(str(refused.value)) < 200
    with pytest.raises(MessageIdError):
        await alice.talk.react("bob", text, "x")
    await alice.close()
