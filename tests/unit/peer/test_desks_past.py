"""Conversations, pages, search and copies, through the client of a profile that nobody connects."""

from __future__ import annotations

import errno
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sealwire.errors import BackupError, ExportError, SealwireError, UnknownGroupError
from sealwire.ids import MessageId
from sealwire.peer.api.past import Retention
from sealwire.peer.client import Client
from sealwire.peer.records import OutboxRow
from tests.unit.peer.profile_of_alice import say


async def test_conversations_are_listed_latest_first_with_what_is_unread(alice: Client) -> None:
    await say(alice, "bob", "one")
    last = await say(alice, "carol", "two")
    await say(alice, "bob", "three")
    listed = await alice.past.conversations()
    assert [(one.id, one.unread, one.last.text if one.last else "", one.request) for one in listed] == [
        ("bob", 2, "three", True),
        ("carol", 1, "two", True),
    ]
    await alice.past.mark_read("carol", last)
    await alice.people.nickname("carol", " Caro  from work ")
    await alice.past.mute("carol", 5_000)
    carol = await alice.past.conversation("carol")
    assert (carol.unread, carol.title, carol.muted_until_ms, carol.read_row) == (0, "Caro from work", 5_000, last)
    assert (await alice.past.conversation("bob")).unread == 2, "each conversation has a marker of its own"
    await alice.mark_read(last + 1)
    assert (await alice.past.conversation("bob")).unread == 0, "and one marker moves them all"


async def test_pages_go_both_ways_and_to_a_date(alice: Client) -> None:
    rows = [await say(alice, "bob", f"m{n}", mine=n % 2 == 0, at_ms=n * 1_000) for n in range(10)]
    await say(alice, "carol", "elsewhere")

    async def texts(**how: int) -> list[str]:
        return [message.text for message in await alice.past.page("bob", 3, **how)]

    assert await texts() == ["m7", "m8", "m9"]
    assert await texts(before_row=rows[7]) == ["m4", "m5", "m6"]
    assert await texts(after_row=rows[3]) == ["m4", "m5", "m6"]
    assert [message.text for message in await alice.past.around("bob", rows[5], 4)] == ["m3", "m4", "m5", "m6"]
    for row, limit, expected in (
        (5, 1, ["m5"]),
        (5, 3, ["m4", "m5", "m6"]),
        (0, 4, ["m0", "m1", "m2", "m3"]),
        (1, 4, ["m0", "m1", "m2", "m3"]),
        (len(rows) - 1, 3, [f"m{n}" for n in range(len(rows) - 3, len(rows))]),
    ):
        assert [message.text for message in await alice.past.around("bob", rows[row], limit)] == expected
    assert await alice.past.row_at("bob", 4_500) == rows[5]
    assert await alice.past.row_at("bob", 99_000) is None
    found = (await alice.past.page("bob", 1))[0]
    assert await alice.past.message("bob", found.id) == found
    assert await alice.past.message("carol", found.id) is None
    assert await alice.past.message("bob", "nonsense") is None


async def test_what_names_no_conversation_is_an_error_and_no_empty_answer(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "hello")
    assert [message.text for message in await alice.past.page("Bob")] == ["hello"], "as everywhere a name is typed"
    for nobody, error in (("+nothing", UnknownGroupError), ("+" + "0" * 32, UnknownGroupError), ("zoe", SealwireError)):
        with pytest.raises(error):
            await alice.past.export(tmp_path / "out.json", "json", nobody)
        with pytest.raises(error):
            await alice.past.clear(nobody)
        with pytest.raises(error):
            await alice.past.retention(nobody, Retention(days=5))
        with pytest.raises(error):
            await alice.past.mute(nobody, 5_000)
    for look in (alice.past.page, alice.past.pinned):
        with pytest.raises(UnknownGroupError):
            await look("+nothing")
    with pytest.raises(UnknownGroupError):
        await alice.past.search("hello", "+nothing")
    assert list(tmp_path.glob("out*")) == []


async def test_search_finds_what_came_a_moment_ago_and_says_where(alice: Client) -> None:
    for number in range(1_200):
        await say(alice, "bob", f"word {number}")
    await say(alice, "carol", "the Überraschung of today")
    found = await alice.past.search("uberr")
    assert [(one.message.text, one.marks) for one in found] == [("the Überraschung of today", ((4, 9),))]
    assert await alice.past.search("uberr", "bob") == []
    assert len(await alice.past.search("word", limit=10)) == 10
    assert await alice.past.search("  ") == []


async def test_exports_hold_everything_and_obey_nobody(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "<script>alert(1)</script> & \x1b[31mred\nsecond line")
    await say(alice, "bob", "answer", mine=True)
    assert await alice.past.export(tmp_path / "out.json", "json") == 2
    lines = [json.loads(line) for line in (tmp_path / "out.json").read_text("utf-8").splitlines()]
    assert lines[0] | {"exported_at": ""} == {
        "format": "sealwire history", "version": 1, "name": "alice", "exported_at": "",
    }  # fmt: skip
    assert [(one["conversation"], one["from"], one["text"][:9]) for one in lines[1:]] == [
        ("bob", "bob", "<script>a"),
        ("bob", "alice", "answer"),
    ]
    await alice.past.export(tmp_path / "out.txt", "text", "bob")
    text = (tmp_path / "out.txt").read_text("utf-8")
    assert "\x1b" not in text
    assert "\n    second line" in text, "no text can look like the line of somebody else"
    await alice.past.export(tmp_path / "out.html", "html", "bob")
    seen = _Tags()
    seen.feed((tmp_path / "out.html").read_text("utf-8"))
    assert "script" not in seen.tags
    assert (tmp_path / "out.html").stat().st_mode & 0o777 == 0o600


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


async def test_nothing_is_overwritten_and_nothing_is_left_half_done(alice: Client, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("mine")
    with pytest.raises(ExportError, match="not overwritten"):
        await alice.past.export(target, "text")
    with pytest.raises(BackupError, match="not overwritten"):
        await alice.past.backup(target, b"x")
    with pytest.raises(ExportError):
        await alice.past.export(tmp_path / "nowhere" / "out", "text")
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "keys", "there"]


@pytest.mark.parametrize("name", ["", "/", "..", "a" * 300, "é" * 200, "a" * 253])
async def test_a_path_that_can_be_no_new_file_is_refused_in_words(alice: Client, tmp_path: Path, name: str) -> None:
    target = Path(name) if name in {"", "/"} else tmp_path / name
    with pytest.raises(ExportError):
        await alice.past.export(target, "json")
    with pytest.raises(BackupError):
        await alice.past.backup(target, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "keys"]


@pytest.mark.parametrize("ending", ["part", "copy"])
async def test_what_others_called_as_we_call_what_is_not_whole_yet_is_never_deleted(
    alice: Client, tmp_path: Path, ending: str
) -> None:
    mine = tmp_path / f"out.{ending}"
    mine.write_text("mine")
    with pytest.raises(BackupError, match=rf"out\.{ending} .*not overwritten"):
        await alice.past.backup(tmp_path / "out", b"x")
    if ending == "part":
        with pytest.raises(ExportError, match=r"out\.part .*not overwritten"):
            await alice.past.export(tmp_path / "out", "json")
    assert mine.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "keys", mine.name]


async def test_a_stick_without_hard_links_takes_exports_and_backups(
    alice: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_args: object, **_more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    await say(alice, "bob", "kept")
    assert await alice.past.export(tmp_path / "out.json", "json") == 1
    await alice.past.backup(tmp_path / "out.backup", b"x")
    assert (tmp_path / "out.json").read_text().count("kept") == 1
    assert (tmp_path / "out.backup").stat().st_size > 10_000
    with pytest.raises(ExportError, match="not overwritten"):
        await alice.past.export(tmp_path / "out.json", "json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "keys", "out.backup", "out.json"]


async def test_an_import_of_what_is_no_file_is_refused_at_once(alice: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ExportError, match="it is not a file"):
            await alice.past.import_(source)


async def test_a_backup_of_a_client_that_runs_is_whole(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "kept")
    await alice.past.backup(tmp_path / "alice.backup", b"other")
    await say(alice, "bob", "after")
    assert [message.text for message in await alice.past.page("bob")] == ["kept", "after"], "the client goes on"
    assert (tmp_path / "alice.backup").stat().st_size > 10_000


async def test_a_status_counts_messages_apart_from_all_that_has_to_go(alice: Client) -> None:
    await say(alice, "bob", "waits", mine=True)
    (waiting,) = await alice.past.page("bob")
    with alice.store.transaction():
        ids = (MessageId(bytes.fromhex(waiting.id)), MessageId(bytes(16)))
        alice.store.add_outbox(OutboxRow(row, "bob", None, id, b"", 1) for row, id in enumerate(ids, 1))
    status = await alice.status()
    assert (status.queued, status.outbox) == (1, 2)


async def test_an_export_comes_back_once_before_what_is_here(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "old one")
    await say(alice, "bob", "old two", mine=True)
    out = tmp_path / "out.json"
    await alice.past.export(out, "json")
    assert await alice.past.import_(out) == 0, "all of it is here"
    assert await alice.past.clear("bob") == 1, "what is still queued stays"
    with alice.store.transaction():
        alice.store._sql("UPDATE message SET state = 1")
    assert await alice.past.clear("bob") == 1
    await say(alice, "bob", "new")
    assert await alice.past.import_(out) == 2
    assert await alice.past.import_(out) == 0
    texts = [(message.text, message.sender) for message in await alice.past.page("bob")]
    assert texts == [("old one", "bob"), ("old two", "alice"), ("new", "bob")]
    assert [one.message.text for one in await alice.past.search("old")] == ["old two", "old one"]
    assert (await alice.past.conversation("bob")).unread == 1, "what was imported was read long ago"


async def test_what_disappears_does_not_come_back_by_an_import(alice: Client, tmp_path: Path) -> None:
    await say(alice, "bob", "stays")
    await say(alice, "bob", "disappears")
    with alice.store.transaction():
        alice.store._sql("UPDATE message SET expires_at_ms = 9000000000000 WHERE text = 'disappears'")
    await alice.past.export(tmp_path / "out.json", "json")
    await alice.past.clear("bob")
    assert await alice.past.import_(tmp_path / "out.json") == 1
    assert [message.text for message in await alice.past.page("bob")] == ["stays"]


async def test_what_was_said_with_somebody_unknown_here_can_be_opened(alice: Client) -> None:
    """As after an import: the past is here, the person is not."""
    await say(alice, "zoe", "long ago")
    found = await alice.past.conversation("zoe")
    assert (found.id, found.last and found.last.text) == ("zoe", "long ago")


async def test_what_was_said_in_a_group_unknown_here_can_be_read(alice: Client) -> None:
    group = "+" + "0b" * 16
    await say(alice, group, "said before this device was")
    assert [message.text for message in await alice.history(group.upper())] == ["said before this device was"]
    assert [message.text for message in await alice.past.page(group)] == ["said before this device was"]
    assert await alice.files.of(group) == []


@pytest.mark.parametrize("damage", ["another", "line", "head", "missing"])
async def test_what_is_no_export_of_ours_is_refused_with_its_line(alice: Client, tmp_path: Path, damage: str) -> None:
    await say(alice, "bob", "one")
    out = tmp_path / "out.json"
    await alice.past.export(out, "json")
    content = out.read_text("utf-8")
    changed = {
        "another": content.replace('"name":"alice"', '"name":"eve"'),
        "line": content + '{"id":"x"}\n',
        "head": "hello\n" + content,
    }
    if damage in changed:
        out.write_text(changed[damage], "utf-8")
    else:
        out.unlink()
    expected = {"another": "somebody else", "line": "line 3", "head": "line 1", "missing": "No such file"}[damage]
    with pytest.raises(ExportError, match=expected):
        await alice.past.import_(out)


async def test_pins_drafts_and_mentions_show_in_the_list(alice: Client) -> None:
    row = await say(alice, "bob", "pin me")
    with alice.store.transaction():
        alice.store.put_pin(row, True, 1, "bob", 5)
        alice.store.put_draft("carol", "half a thought")
        alice.store.correct(row, "@alice pin me", ("alice",), True)
    assert [message.text for message in await alice.past.pinned("bob")] == ["@alice pin me"]
    listed = {one.id: one for one in await alice.past.conversations()}
    assert listed["carol"].draft == "half a thought"
    assert listed["carol"].last is None
    assert listed["bob"].mentions == 1
