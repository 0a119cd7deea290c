"""What a line means."""

from __future__ import annotations

import contextlib
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import UsageError
from sealwire.ui.views import commands, completing, emoji
from sealwire.ui.views.commands import FOREVER_S, Command, Nothing, Order, Say, day_ms, parse, usage


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", Nothing()),
        ("   ", Nothing()),
        ("hello", Say("hello")),
        ("  indented stays", Say("  indented stays")),
        ("//etc/passwd", Say("/etc/passwd")),
        ("@bob hi there", Say("hi there", "bob")),
        ("@BOB  hi ", Say("hi", "bob")),
        ("@bob one\ntwo", Say("one\ntwo", "bob")),
        ("/to Bob", Order("to", who="bob")),
        ("/TO bob", Order("to", who="bob")),
        ("/to +Garden of Eden", Order("to", who="+Garden of Eden")),
        ("/info", Order("info")),
        ("/info bob", Order("info", who="bob")),
        ("/verify", Order("verify")),
        ("/verify bob", Order("verify", who="bob")),
        ("/verify bob yes", Order("verified", who="bob")),
        ("/verify bob NO", Order("unverified", who="bob")),
        ("/verify bob SEALWIRE-1", Order("code", who="bob", text="SEALWIRE-1")),
        ("/approve bob", Order("approve", who="bob")),
        ("/history", Order("history", number=20)),
        ("/history 5", Order("history", number=5)),
        ("/contacts", Order("contacts")),
        ("/quit", Order("quit")),
        ("/help", Order("help")),
        ("/help reply", Order("help", text="reply")),
        ("/reply yes please", Order("reply", text="yes please")),
        ("/reply 7 yes please", Order("reply", number=7, text="yes please")),
        ("/reply #7 two\nlines", Order("reply", number=7, text="two\nlines")),
        ("/edit 3 better", Order("edit", number=3, text="better")),
        ("/delete", Order("delete")),
        ("/delete 3 here", Order("delete", number=3, text="here")),
        ("/react :tada:", Order("react", text=":tada:")),
        ("/react 3 off", Order("react", number=3, text="off")),
        ("/pin 3", Order("pin", number=3)),
        ("/forward 3 carol", Order("forward", number=3, who="carol")),
        ("/forward +Garden", Order("forward", who="+Garden")),
        ("/search two words", Order("search", text="two words")),
        ("/file a.txt", Order("file", path="a.txt")),
        ("/file a.txt see this", Order("file", path="a.txt", text="see this")),
        ("/file 'my file.txt' see", Order("file", path="my file.txt", text="see")),
        ('/file "my file.txt"', Order("file", path="my file.txt")),
        ("/fetch", Order("fetch")),
        ("/fetch 2 here.txt", Order("fetch", number=2, path="here.txt")),
        ("/save 2 there.txt", Order("save", number=2, path="there.txt")),
        ("/nick bob Bobby of the Hill", Order("nick", who="bob", text="Bobby of the Hill")),
        ("/nick bob", Order("nick", who="bob")),
        ("/mute", Order("mute", seconds=FOREVER_S)),
        ("/mute off", Order("unmute")),
        ("/mute 8h", Order("mute", seconds=28_800)),
        ("/timer 1w", Order("timer", seconds=604_800)),
        ("/timer off", Order("timer")),
        ("/keep", Order("keep")),
        ("/keep 30", Order("keep", number=30)),
        ("/presence on", Order("presence", text="on")),
        ("/group new Garden", Order("group new", text="Garden")),
        ("/group +Garden invite bob", Order("group invite", who="+Garden", text="bob")),
        ("/group +Book club invite bob", Order("group invite", who="+Book club", text="bob")),
        ("/group topic", Order("group topic")),
        ("/group leave", Order("group leave")),
        ("/clear yes", Order("clear", text="yes")),
        ("/export my notes.txt", Order("export", path="my notes.txt", text="text")),
        ("/export my notes.JSON", Order("export", path="my notes.JSON", text="json")),
        ("/export notes.html", Order("export", path="notes.html", text="html")),
        ("/export notes.json text", Order("export", path="notes.json", text="text")),
        ("/export notes json", Order("export", path="notes", text="json")),
        ("/backup all.backup", Order("backup", path="all.backup")),
        ("/to\nbob", Say("/to\nbob")),
        ("several\nlines", Say("several\nlines")),
    ],
)
def test_parse(line: str, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/qiut", "Did you mean /quit?"),
        ("/histroy", "Did you mean /history?"),
        ("/replay hi", "Did you mean /reply?"),
        ("/xyzzy", "/help lists them"),
        ("/", "There is no command /"),
        ("/ to", "There is no command /"),
        ("/to", "/to NAME"),
        ("/to bob carol", "carol"),
        ("/to b/b", "not an account name"),
        ("/history zero", "1 to 1000"),
        ("/history 0", "1 to 1000"),
        ("/history 99999999999999", "1 to 1000"),
        ("/history ٣", "1 to 1000"),
        ("/contacts all", "all"),
        ("/verify bob perhaps not", "yes"),
        ("/reply", "/reply [N] TEXT"),
        ("/reply 3", "/reply [N] TEXT"),
        ("/delete 3 now", "/delete [N] [here]"),
        ("/pin 3 4", "4"),
        ("/react", "EMOJI"),
        ("/forward 3", "NAME"),
        ("/save 3", "PATH"),
        ("/file", "PATH"),
        ("/export", "FILE"),
        ("/import", "FILE"),
        ("/search", "WORDS"),
        ("/nick", "NICKNAME"),
        ("/mute tomorrow", "like 8h"),
        ("/timer", "like 8h"),
        ("/keep long", "/keep [30]"),
        ("/presence perhaps", "on|off"),
        ("/group", "one of: new, info"),
        ("/group invit bob", "/group invite"),
        ("/group invite", "needs more words"),
        ("@bob", "@NAME"),
        ("@ hi", "not an account name"),
    ],
)
def test_wrong_lines_say_what_was_meant(line: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert part in str(caught.value)


def test_every_command_is_in_the_help() -> None:
    text = "\n".join(usage())
    assert all(f"/{verb}" in text for verb in commands.verbs())
    assert usage("/reply") == ["/reply [N] TEXT: answer message N, or the last one."]
    with pytest.raises(UsageError):
        usage("replay")


def test_every_row_of_the_table_can_be_read() -> None:
    for spec in commands.table():
        assert spec.form.startswith(f"/{spec.verb}")
        assert spec.takes in commands._READERS
        with contextlib.suppress(UsageError):
            assert isinstance(parse(f"/{spec.verb}"), Order)


@given(st.text(max_size=60) | st.text(max_size=20).map("/".__add__) | st.text(max_size=20).map("@".__add__))
def test_parse_raises_only_documented_errors(line: str) -> None:
    with contextlib.suppress(UsageError):
        parse(line)


@given(st.sampled_from(commands.verbs()), st.text(max_size=30))
def test_no_words_after_a_command_raise_anything_else(verb: str, rest: str) -> None:
    with contextlib.suppress(UsageError):
        parse(f"/{verb} {rest}")


# --- emoji ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("well done :tada:", "well done 🎉"),
        (":+1::+1:", "👍👍"),
        (":hedgehog:", "🦔"),
        ("at 10:30:15", "at 10:30:15"),
        (":nothing_of_the_kind:", ":nothing_of_the_kind:"),
        ("`:tada:` and :tada:", "`:tada:` and 🎉"),
    ],
)
def test_emoji_by_name(text: str, shown: str) -> None:
    assert emoji.replaced(text) == shown


def test_emoji_are_found_by_name_or_given_themselves() -> None:
    assert emoji.lookup("tada") == emoji.lookup(":tada:") == "🎉"
    assert emoji.lookup("👍🏽") == "👍🏽"
    assert emoji.lookup("word") == ""
    assert emoji.lookup("🎉" * 20) == ""
    assert not emoji.is_emoji("ok")


def test_names_are_completed_from_two_letters_on() -> None:
    assert emoji.complete("t") == []
    assert emoji.complete("tad")[0] == ("tada", "🎉")
    assert ("smiling_face_with_sunglasses", "😎") in emoji.complete("sungl")
    assert len(emoji.complete("face")) == 8
    assert emoji.complete("x" * 99) == []


# --- completion ---


def texts(before: str, names: tuple[str, ...] = ("bob", "bertha", "+Garden")) -> list[str]:
    return [one.text for one in completing.complete(before, names)]


def test_commands_names_and_emoji_are_completed() -> None:
    assert texts("/rep") == ["/reply "]
    assert texts("/to b") == ["bertha ", "bob "]
    assert texts("/to +") == ["+Garden "]
    assert texts("/group inv") == ["invite "]
    assert texts("/group invite bo") == ["bob "]
    assert texts("/react tad")[0] == "🎉"
    assert texts("nice :tad")[0] == "🎉"
    assert texts("hi @be") == ["bertha "]
    assert texts("/status x") == []
    assert texts("plain") == []
    assert texts("//rep") == []


def test_a_candidate_takes_the_place_of_what_was_typed() -> None:
    for before in ("/rep", "/to bo", "nice :tad", "hi @be", "/react tad", "/group inv"):
        for one in completing.complete(before, ("bob", "bertha")):
            done = before[: len(before) - one.replaces] + one.text
            assert not done.endswith((":tad", "@be", "inv"))
            assert len(one.shown) > 1


def test_an_emoji_in_the_middle_of_a_time_is_not_completed() -> None:
    assert texts("at 10:30") == []


@pytest.mark.parametrize(
    "paste",
    [
        "/usr/bin/env python\nprint()",
        "/quit\nreally",
        "/clear yes\nand more",
        "/export here\nthere",
        "@app.route('/') # a decorator\ndef page(): ...",
        "@cache\ndef one(): ...",
    ],
)
def test_a_paste_of_several_lines_is_a_message_whatever_it_begins_with(paste):
    assert parse(paste) == Say(paste)


def test_a_long_answer_has_several_lines():
    assert parse("/reply 2 one\ntwo") == Order("reply", number=2, text="one\ntwo")
    assert parse("@bob one\ntwo") == Say("one\ntwo", "bob")


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_any_day_of_the_calendar_can_be_gone_to(hours):
    zone = timezone(timedelta(hours=hours))
    times = [day_ms(day, zone) for day in ("0001-01-01", "1969-12-31", "2026-09-21", "9999-12-31")]
    assert times == sorted(times)
    assert day_ms("9999-12-31", None) > day_ms("2026-09-21", None) > day_ms("0001-01-01", None)
    with pytest.raises(UsageError):
        day_ms("2026-02-30", zone)
