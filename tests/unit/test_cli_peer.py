"""The command line of a peer: what is accepted, what is said about the rest, which broker is meant."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealwire import invite
from sealwire.cli import peer, peer_profile, peer_verbs, peer_words
from sealwire.cli.demo import Demo
from sealwire.cli.demo_cast import BrokerActor
from sealwire.cli.demo_stage import Place, Stage, prefixed, row, wrapped
from sealwire.cli.peer_options import Options, parse, verbs
from sealwire.cli.streams import CALLER
from sealwire.errors import (
    AccountNameError,
    ConfigError,
    InviteError,
    PassphraseNeededError,
    SealwireError,
    TextTooLongError,
    UsageError,
)
from sealwire.peer.events import Message

KEY = bytes(range(32))
OTHER = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
LINE = invite.encode(invite.Invite("broker.example", 5555, KEY, bytes(16)))


def options(*words: str) -> Options:
    return parse(["--name", "alice", *words])


# --- words and flags -----------------------------------------------------------------------------------------


def test_flags_stand_before_or_after_the_verb() -> None:
    before = parse(["--timeout", "3", "--wait", "delivered", "--name", "Alice", "send", "bob", "hi"])
    after = parse(["send", "bob", "hi", "--name", "alice", "--wait", "delivered", "--timeout=3"])
    between = parse(["send", "--name", "alice", "bob", "--wait", "delivered", "hi", "--timeout", "3"])
    for found in (before, after, between):
        assert (found.name, found.verb, found.words) == ("alice", "send", ("bob", "hi"))
        assert (found.wait, found.timeout_s) == ("delivered", 3.0)


def test_defaults() -> None:
    found = options("send", "bob", "hi")
    assert (found.wait, found.timeout_s, found.json, found.join) == ("sent", 10.0, False, None)
    assert options().verb is None


@pytest.mark.parametrize("verb", ["export", "import", "backup"])
def test_a_home_that_nobody_has_is_said_and_no_mistake_of_ours(verb: str) -> None:
    with pytest.raises(UsageError, match="is no path here"):
        peer_words.checked(options(verb, "~nobody-has-this-name/x.txt"))


@pytest.mark.parametrize("verb", ["timer", "mute"])
def test_a_time_that_is_none_is_said_by_the_verb_that_was_typed(verb: str) -> None:
    with pytest.raises(UsageError, match=f"^{verb} takes a time"):
        peer_words.checked(options(verb, "bob", "soon"))


def test_text_that_looks_like_a_flag_goes_after_two_dashes() -> None:
    assert options("send", "bob", "--", "--yes").words == ("bob", "--yes")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sned", "bob", "hi"], "send"),
        (["histroy", "bob"], "history"),
        (["group"], "group ACTION"),
        (["send", "bob"], "send NAME TEXT"),
        (["recv", "bob"], "recv"),
        (["history", "bob", "1", "2"], "history [NAME [N]]"),
        (["recv", "--wait", "sent"], "--wait does not go with recv"),
        (["send", "bob", "hi", "--follow"], "--follow does not go with send"),
        (["--yes"], "--yes does not go with"),
        (["edit", "bob", "ab"], "edit NAME ID TEXT"),
        (["cancel"], "cancel ID"),
        (["send", "bob", "hi", "--file", "x"], "--caption"),
        (["send", "bob", "hi", "--caption", "x"], "--file PATH"),
        (["send", "bob", "--stdin"], "--as-file NAME"),
        (["send", "bob", "--stdin", "--as-file", "x", "--file", "y"], "choose one"),
        (["recv", "--file", "x"], "--file does not go with recv"),
        (["fetch"], "fetch ID"),
        (["recv", "--reply-to", "ab"], "--reply-to does not go with recv"),
        (["--plain", "--json"], "choose one"),
        (["send", "bob", "hi", "--wait", "deliverd"], "delivered"),
        (["send", "bob", "hi", "--timeout", "soon"], "seconds from 0 to 86400"),
        (["send", "bob", "hi", "--timeout", "nan"], "seconds from 0 to 86400"),
        (["recv", "--folow"], "--follow"),
        (["--gui", "--json"], "choose one"),
        (["send", "bob", "hi", "--gui"], "--gui does not go with send"),
        (["--demo"], "--name does not go with --demo"),
    ],
)
def test_what_does_not_exist_is_answered_with_the_nearest(words: list[str], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(*words)
    assert part in str(caught.value) + str(caught.value.params)
    assert caught.value.exit == 2


def test_a_name_is_needed_and_has_a_rule() -> None:
    with pytest.raises(UsageError, match="--name"):
        parse(["send", "bob", "hi"])
    for name in ("", "broker", "a b", "-x", "x" * 33):
        with pytest.raises(AccountNameError):
            parse([f"--name={name}"])
    assert parse(["--demo"]).demo
    assert parse(["--gui"]).name == ""
    assert parse(["--demo", "--gui"]).gui


@pytest.mark.parametrize("words", [["--json"], ["--keys", "k"], ["--join", LINE], ["--timeout", "3"], ["recv"]])
def test_what_a_demonstration_would_ignore_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="does not go with --demo" if words[0] != "recv" else "one word too many"):
        parse(["--demo", *words])
    assert parse(["--demo", "--plain"]).plain


def test_help_and_version_are_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert peer.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(verb.form in out for verb in verbs().values())
    assert "--gui" in out
    assert peer.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sealwire ")


def test_errors_go_to_stderr_with_their_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert peer.main(["--name", "alice", "sned"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "send" in streams.err


def test_every_verb_has_its_answer() -> None:
    assert {*peer_verbs.ANSWERS, "daemon", "restore"} == set(verbs())


def checked(*words: str) -> tuple[str, ...]:
    return peer_words.checked(options(*words)).words


def test_words_are_put_into_final_form(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked("send", "BOB", "two", "words") == ("bob", "two words")
    assert checked("history", "Bob", "5") == ("bob", "5")
    assert checked("status") == ()
    assert checked("edit", "BOB", "ab", "two", "words") == ("bob", "ab", "two words")
    assert checked("delete", "bob", "ab", "here") == ("bob", "ab", "here")
    assert checked("react", "+" + "ab" * 16, "cd", "👍") == ("+" + "ab" * 16, "cd", "👍")
    assert checked("forward", "bob", "ab", "Carol") == ("bob", "ab", "carol")
    assert checked("cancel", "ab") == ("ab",)
    spans = {"off": "0", "45": "45", "30s": "30", "5m": "300", "8h": "28800", "7d": "604800"}
    assert {word: checked("timer", "bob", word)[1] for word in spans} == spans
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("grüße\n\n".encode())))
    assert checked("send", "bob", "-") == ("bob", "grüße\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["search", "\udcff"], UsageError),
        (["send", "bob", "\udcff"], UsageError),
        (["nickname", "bob", "\udcff"], UsageError),
        (["react", "bob", "ab", "\udcff"], UsageError),
        (["group", "create", "\udcff"], UsageError),
        (["group", "topic", "+club", "\udcff"], UsageError),
        (["send", "bob", "--file", "x", "--caption", "\udcff"], UsageError),
        (["fetch", "\udcff"], UsageError),
        (["send", "b b", "hi"], AccountNameError),
        (["send", "bob", ""], UsageError),
        (["send", "bob", "x" * 15_001], TextTooLongError),
        (["send", "bob", "é" * 7_501], TextTooLongError),
        (["send", "bob", "half \udcff"], UsageError),
        (["history", "bob", "0"], UsageError),
        (["history", "bob", "-1"], UsageError),
        (["edit", "b b", "ab", "hi"], AccountNameError),
        (["edit", "bob", "ab", "x" * 15_001], TextTooLongError),
        (["delete", "bob", "ab", "everywhere"], UsageError),
        (["pin", "bob", "ab", "on"], UsageError),
        (["forward", "bob", "ab", "c c"], AccountNameError),
        (["timer", "bob", "soon"], UsageError),
        (["timer", "bob", "5w"], UsageError),
        (["timer", "bob", "-5"], UsageError),
    ],
)
def test_words_that_cannot_work_are_refused_before_anything_is_opened(
    words: list[str], error: type[SealwireError]
) -> None:
    with pytest.raises(error):
        checked(*words)


# --- which broker --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SEALWIRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "config.yaml").write_text("peer:\n  broker: tcp://from.config:1\n")
    return tmp_path


def remembered(folder: Path) -> Path:
    path = folder / "data" / "alice" / peer_profile.JOINED_FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"broker": "tcp://remembered:2", "broker_key": bytes(32).hex()}))
    return path


def test_the_settings_file_comes_last(folder: Path) -> None:
    profile = peer_profile.build(options(), {})
    assert profile.broker_address == "tcp://from.config:1"
    assert profile.broker_key is None
    assert profile.broker_key_source == str(folder / "keys" / "broker.pub")
    assert profile.data_dir == folder / "data" / "alice"
    assert profile.invite_token is None


def test_a_remembered_join_comes_before_the_settings_file(folder: Path) -> None:
    path = remembered(folder)
    profile = peer_profile.build(options(), {})
    assert (profile.broker_address, profile.broker_key) == ("tcp://remembered:2", bytes(32))
    assert profile.broker_key_source == str(path)


def test_join_comes_before_what_is_remembered_and_brings_a_token(folder: Path) -> None:
    remembered(folder)
    profile = peer_profile.build(options("--join", LINE), {})
    assert (profile.broker_address, profile.broker_key) == ("tcp://broker.example:5555", KEY)
    assert profile.invite_token == bytes(16)
    assert bytes(16).hex() not in repr(profile)


def test_the_environment_comes_before_join_and_flags_before_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALWIRE_PEER__BROKER", "tcp://from.environment:3")
    profile = peer_profile.build(options("--join", LINE), os.environ)
    assert (profile.broker_address, profile.broker_key) == ("tcp://from.environment:3", KEY)
    flags = options("--join", LINE, "--broker", "tcp://from.flag:4", "--broker-key", OTHER)
    profile = peer_profile.build(flags, os.environ)
    assert profile.broker_address == "tcp://from.flag:4"
    assert profile.broker_key not in (None, KEY)


def test_a_join_that_worked_is_remembered_without_its_token(folder: Path) -> None:
    (folder / "data" / "alice").mkdir(parents=True)
    joined = options("--join", LINE)
    peer_profile.remember(joined, peer_profile.build(joined, {}))
    path = folder / "data" / "alice" / peer_profile.JOINED_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(path.read_text())) == {"broker", "broker_key", "open"}
    later = peer_profile.build(options(), {})
    assert (later.broker_address, later.broker_key) == ("tcp://broker.example:5555", KEY)
    assert later.invite_token is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"broker": 5, "broker_key": ""}', '{"broker":"x","broker_key":"00"}'])
def test_a_damaged_record_is_named(folder: Path, text: str) -> None:
    remembered(folder).write_text(text)
    with pytest.raises(ConfigError) as caught:
        peer_profile.build(options(), {})
    assert peer_profile.JOINED_FILE in caught.value.problems[0]


def test_what_is_no_invite_is_refused(folder: Path) -> None:
    with pytest.raises(InviteError):
        peer_profile.build(options("--join", "sealwire:host:1"), {})


# --- the passphrase ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [(b"", b""), (b"\n", b""), (b"secret\n", b"secret"), (b"secret\r\n", b"secret"), (b" two\n\n", b" two\n")],
)
def test_one_line_end_of_a_passphrase_file_does_not_count(tmp_path: Path, content: bytes, passphrase: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    given = options("--passphrase-file", str(path))
    assert peer_profile.passphrase(given, tmp_path / "alice.key", first=False) == passphrase


def test_an_empty_passphrase_is_said_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"")
    peer_profile.passphrase(options("--passphrase-file", str(path)), tmp_path / "alice.key", first=True)
    assert "The passphrase is empty" in capsys.readouterr().err


def test_a_passphrase_file_that_is_none_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * 5_000)
    for path in (big, tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError):
            peer_profile.passphrase(options("--passphrase-file", str(path)), tmp_path / "alice.key", first=False)


def test_nobody_to_ask_names_the_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(PassphraseNeededError):
        peer_profile.passphrase(options(), tmp_path / "alice.key", first=False)


# --- the demo's columns --------------------------------------------------------------------------------------


def test_columns_keep_their_width() -> None:
    assert row("broker", "a" * 25 + " and more", 66) == [
        " " * 20 + " │ " + "a" * 20 + " │",
        " " * 20 + " │ aaaaa and more" + " " * 6 + " │",
    ]


def test_prefixed_lines_and_wrapping() -> None:
    assert prefixed("bob", "one\ntwo") == ["bob │ one", "bob │ two"]
    assert wrapped("", 10) == [""]
    assert wrapped("one\n\ntwo", 10) == ["one", "", "two"]


def test_a_narrow_terminal_gets_the_prefixed_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for width in (None, 40):
        stage = Stage(width)
        stage.open()
        stage.show("alice", "hi")
        stage.tell("bob", "step")
        assert capsys.readouterr().out == "alice │ hi\nbob │ * step\n"
    wide = Stage(100)
    wide.open()
    wide.show("alice", "hi")
    wide.tell("bob", "step")
    assert "─┼─" in capsys.readouterr().out


class Unread(Stage):
    """A stage in a pipe whose reader has left."""

    def show(self, place: Place, text: str) -> None:
        raise BrokenPipeError


class Waiting(Demo):
    """Scenes that wait for what never comes, while the broker says something."""

    async def _start_broker(self) -> BrokerActor:
        asyncio.get_running_loop().call_soon(self._relayed, ["12:00", "SEND", "-", "1", "00"])
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_demonstration_that_nobody_reads_ends_wherever_it_waits(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        async with asyncio.timeout(10):
            await Waiting(Unread(None), tmp_path).play()


class Busy:
    """A client whose first message takes longer than ``recv`` waits, and comes some turns of the loop later."""

    name = "bob"

    async def unread(self, _count: int) -> list[Message]:
        return []

    async def online(self, _timeout_s: float) -> None:
        pass

    async def mark_read(self, _row: int) -> None:
        pass

    async def events(self) -> AsyncIterator[Message]:
        await asyncio.sleep(0)
        time.sleep(3 * peer_verbs._QUIET_S)
        for _hand in range(5):
            await asyncio.sleep(0)
        yield Message("00", "alice", "alice", "the first", 0, False, row=1)
        await asyncio.Event().wait()


async def test_recv_takes_its_own_work_for_no_silence(monkeypatch):
    monkeypatch.setattr(peer_verbs, "_QUIET_S", 0.05)
    monkeypatch.setattr(peer_verbs, "_NAP_S", 0.005)
    written: list[str] = []

    class Out:
        def err(self, line: str) -> None:
            written.append(line)

        async def line(self, line: str) -> None:
            written.append(line)

    CALLER.set(Out())
    assert await peer_verbs.recv(Busy(), parse(["--name", "bob", "recv"])) == 0
    assert [line.split("\t")[1:] for line in written] == [["alice", "alice", "the first"]]
