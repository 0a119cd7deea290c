"""The numbers by which messages are called."""

from __future__ import annotations

import pytest

from sealwire.errors import UsageError
from sealwire.peer.events import Attachment, Message
from sealwire.ui.line import shelf as module
from sealwire.ui.line.shelf import Shelf


def message(name: str, sender: str = "bob", **more: object) -> Message:
    return Message(name, "bob", sender, "text", 0, verified=True, **more)  # type: ignore[arg-type]


def test_a_message_keeps_its_number_and_is_found_by_it() -> None:
    shelf = Shelf("alice")
    assert [shelf.number(message(name)) for name in ("a", "b", "a")] == [1, 2, 1]
    assert shelf.find(2, None, None, False) == ("bob", "b")
    assert shelf.known("b") == 2
    assert shelf.known("z") is None


def test_without_a_number_the_last_that_fits_is_meant() -> None:
    shelf = Shelf("alice")
    shelf.number(message("theirs"))
    shelf.number(message("mine", "alice"))
    shelf.number_of("elsewhere", "carol", is_own=True)
    assert shelf.find(None, "bob", True, False)[1] == "mine"
    assert shelf.find(None, "bob", False, False)[1] == "theirs"
    assert shelf.find(None, "bob", None, False)[1] == "mine"
    shelf.number(message("theirs"))  # said again, so it is the last one
    assert shelf.find(None, "bob", None, False)[1] == "theirs"


def test_a_notice_is_never_the_last_that_fits() -> None:
    shelf = Shelf("alice")
    for given in (message("theirs"), message("joined", kind="notice"), message("timer", "alice", kind="notice")):
        shelf.number(given)
    assert [shelf.find(None, "bob", own, False)[1] for own in (None, False)] == ["theirs", "theirs"]
    with pytest.raises(UsageError, match="which message"):
        shelf.find(None, "bob", True, False)


def test_what_does_not_fit_is_said() -> None:
    shelf = Shelf("alice")
    shelf.number(message("theirs"))
    for arguments, part in (
        ((9, "bob", None, False), "no message #9"),
        ((1, "bob", True, False), "not yours"),
        ((1, "bob", None, True), "no file"),
        ((None, "carol", None, False), "which message"),
    ):
        with pytest.raises(UsageError, match=part):
            shelf.find(*arguments)
    file = Attachment("a", 1, "x/y", "offered")
    shelf.number(message("theirs", file=file))
    assert shelf.find(1, "bob", None, True) == ("bob", "theirs")


def test_the_shelf_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SHELVED", 3)
    shelf = Shelf("alice")
    for name in "abcde":
        shelf.number(message(name))
    assert shelf.known("a") is None
    assert shelf.find(5, None, None, False)[1] == "e"
    with pytest.raises(UsageError):
        shelf.find(1, None, None, False)


def test_in_columns_only_own_messages_have_numbers() -> None:
    shelf = Shelf("alice", numbers_all=False)
    assert [shelf.number(message(name, who)) for name, who in (("a", "bob"), ("b", "alice"), ("c", "bob"))] == [0, 1, 0]
    assert shelf.find(None, "bob", False, False)[1] == "c"
    assert shelf.find(1, "bob", True, False)[1] == "b"
