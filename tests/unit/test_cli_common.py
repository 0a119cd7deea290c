"""What both programs share: errors as sentences, exit codes, flags, the pinned key."""

from __future__ import annotations

import argparse
import ast
import errno
import inspect
import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from zmq.utils import z85

from sealwire import config
from sealwire.broker.admin import AdminRefusedError
from sealwire.cli import argparse_words, broker, common, streams
from sealwire.errors import ConfigError, MissingPackageError, UnknownPeerError, UsageError


def failing(error: BaseException) -> Callable[[Sequence[str]], int]:
    def program(_arguments: Sequence[str]) -> int:
        raise error

    return program


def test_a_program_that_ends_well_returns_its_own_code() -> None:
    assert common.run(lambda words: len(words), ["a", "b"]) == 2


def test_an_error_is_a_sentence_a_hint_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert common.run(failing(UnknownPeerError(name="bob")), []) == 5
    sentence, hint = capsys.readouterr().err.splitlines()
    assert sentence == "Nobody is registered here under the name bob."
    assert hint == "Check the spelling, or send them an invite."


def test_words_from_elsewhere_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    common.run(failing(UnknownPeerError(name="\x1b[2Jbob\r\u202e")), [])
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b[2Jbob\\r" in said


class Full(io.StringIO):
    """A log on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_words_that_find_no_room_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    assert common.run(failing(UnknownPeerError(name="bob")), []) == 5


def test_direction_marks_of_a_sentence_stay(capsys: pytest.CaptureFixture[str]) -> None:
    streams.say("\u200f--demo\u200e \u2067")
    assert capsys.readouterr().err == "\u200f--demo\u200e \\u2067\n"


def test_several_problems_are_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert common.run(failing(ConfigError(["a.yaml:1:1: x", "a.yaml:2:1: y"])), []) == 3
    assert capsys.readouterr().err.splitlines()[:2] == ["a.yaml:1:1: x", "a.yaml:2:1: y"]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (
            PermissionError(13, "Permission denied", "/keys"),
            1,
            "The system does not let this user at /keys: Permission denied.\nRun this as the user it belongs to",
        ),
        (OSError(28, "No space left on device", "/data"), 1, "/data: No space left on device\nMake room on the disk"),
        (OSError(5, "Input/output error", "/data"), 1, "/data: Input/output error\n"),
        (ModuleNotFoundError("no", name="zmq.utils"), 1, "Sealwire needs the Python package pyzmq"),
    ],
)
def test_the_rest_is_short_too(error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert common.run(failing(error), []) == code
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (UnknownPeerError(name="bob"), "unknown-peer"),
        (AdminRefusedError({"ok": False, "name": "store", "exit": 1, "message": "full", "hint": "wait"}), "store"),
        (PermissionError(13, "Permission denied", "/keys"), "not-permitted"),
        (OSError(28, "No space left on device", "/data"), "error"),
        (ModuleNotFoundError("no", name="nacl.bindings"), "missing-package"),
        (ZeroDivisionError("x"), "internal"),
    ],
)
def test_a_failure_has_a_code_for_whoever_asks_in_json(
    error: Exception, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = common.run(failing(error), ["status", "--json"], answers_json=True)
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["ok"], answer["name"], answer["exit"]) == (False, name, code)
    assert answer["message"]
    assert err
    common.run(failing(error), ["status"], answers_json=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("status", "no-broker-here"),
        ("user lost", "usage"),
        ("doctor --nothing", "usage"),
        ("invite --uses 0", "usage"),
        ("limits set a", "usage"),
        (f"ban add bob --reason {'x' * 70_000}", "usage"),
        ("backup x", "no-broker-yet"),
        ("verify x", "no-broker-yet"),
        ("restore x", "no-broker-yet"),
        ("restore x --dry-run", "no-broker-yet"),
        ("compact", "no-broker-yet"),
        ("doctor --salvage x", "store"),
    ],
)
def test_every_verb_of_the_operator_fails_in_json_and_leaves_nothing(
    words: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = broker.main([*words.split(), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["exit"]) == (name, code)
    assert not any(tmp_path.iterdir())


def test_a_folder_deleted_under_a_program_is_named_with_a_way_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert broker.main(["status"]) == 1
    assert capsys.readouterr().err.startswith("The folder in which this was started is gone.\nChange to one")


def test_a_mistake_of_our_own_names_its_place_and_shows_the_rest_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEALWIRE_LOG__LEVEL", raising=False)
    assert common.run(failing(ZeroDivisionError("x")), []) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError in test_cli_common.py" in said
    assert "Traceback" not in said
    monkeypatch.setenv("SEALWIRE_LOG__LEVEL", "debug")
    common.run(failing(ZeroDivisionError("x")), [])
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert common.run(failing(ModuleNotFoundError("no", name="nacl.bindings")), []) == MissingPackageError.exit
    said = capsys.readouterr().err
    assert "PyNaCl" in said
    assert "pip install -r" in said


def test_a_flag_before_the_verb_is_kept_by_its_absence_after() -> None:
    parser = common.Parser(parents=[common.common_flags()])
    verbs = parser.add_subparsers(dest="verb", parser_class=common.Parser)
    verbs.add_parser("status", parents=[common.common_flags(add_default=False)])
    assert parser.parse_args(["--data", "x", "status"]).data == "x"
    assert parser.parse_args(["status", "--data", "x"]).data == "x"
    assert parser.parse_args(["status"]).data is None
    with pytest.raises(UsageError, match="nearest is --data"):
        parser.parse_args(["--dta", "x", "status"])


@pytest.mark.parametrize(
    "line",
    [
        "ban add bob --kind device --days -1",
        "ban add --kind device bob --days=-1",
        "ban --kind=device --days -1 add bob",
        "ban --kind device --days -1 -- add bob",
        "ban --days -1 add --kind device -- bob",
    ],
)
def test_flags_of_a_verb_stand_anywhere_among_its_words(line: str) -> None:
    chosen = broker.parser().parse_args(line.split())
    assert (chosen.action, chosen.target, chosen.kind, chosen.days) == ("add", "bob", "device", -1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("elise", "There is no 'elise' here."),
        ("user lsit", "There is no 'lsit' here. The nearest is list."),
        ("ban alice", "There is no 'alice' here. The form is: ban list | ban add alice | ban remove alice"),
        ("link elise", "There is no 'elise' here. The form is: link list | link kick elise"),
        ("queue --json {x}", "There is no '{x}' here. The form is: queue list | queue purge {x}"),
        ("user alice", "| user reset-key alice | user limits alice"),
        ("invite a1b2", "The form is: invite create | invite list | invite revoke a1b2"),
        ("limits quota_days 5", "The form is: limits show | limits set quota_days VALUE | limits reset quota_days"),
        ("ban add ::1 --kind ip", "The form is: --kind account | --kind device | --kind address"),
    ],
)
def test_a_name_in_the_place_of_an_action_is_shown_in_its_own_place(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        broker.parser().parse_args(line.split())
    assert said in str(caught.value)


def test_a_flag_without_its_value_takes_no_word_instead() -> None:
    with pytest.raises(UsageError) as caught:
        broker.parser().parse_args(["ban", "add", "bob", "--days"])
    assert "expected one argument" in caught.value.params["detail"]


def settings(folder: Path, **environ: str) -> config.Settings:
    return config.load(environ, folder)


KEY = b"\x07" * 32
TEXT = z85.encode(KEY).decode()


def test_the_pinned_key_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "broker.pub").write_text(f"# words\n{TEXT}\n")
    assert common.pinned_broker_key(settings(tmp_path)) == (KEY, str(tmp_path / "keys" / "broker.pub"))


def test_the_pinned_key_may_be_given_itself(tmp_path: Path) -> None:
    assert common.pinned_broker_key(settings(tmp_path, SEALWIRE_PEER__BROKER_KEY=TEXT)) == (KEY, "peer.broker_key")


def test_a_missing_key_file_is_no_key_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "broker.pub"
    assert common.pinned_broker_key(settings(tmp_path)) == (None, str(path))
    path.parent.mkdir()
    path.write_text("# nothing else\n")
    with pytest.raises(ConfigError, match="holds no broker key"):
        common.pinned_broker_key(settings(tmp_path))


# --- the parser's own sentences ------------------------------------------------------------------------------


def test_the_sentences_of_argparse_are_those_it_says() -> None:
    said = {ast.literal_eval(text) for text in re.findall(r"""_\(('[^'\n]*'|"[^"\n]*")""", inspect.getsource(argparse))}
    assert set(argparse_words.sentences()) - said == {"expected %s arguments"}


def test_argparse_speaks_the_language_in_force(capsys, speak) -> None:
    speak("en_XA")
    parser = common.Parser(prog="peer.py")
    parser.add_argument("--count", type=int)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    shown = capsys.readouterr().out
    assert "ûšáĝé" in shown
    assert "ôþţîôñš" in shown
    assert "show this" not in shown
    with pytest.raises(UsageError) as caught:
        parser.parse_args(["--count", "many"])
    assert "îñṽáļîđ" in caught.value.params["detail"]
