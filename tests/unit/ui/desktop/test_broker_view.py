"""The broker's column: every byte, and where each message is."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from sealwire.peer.api.demo import Sight
from sealwire.ui.desktop import broker_view
from sealwire.ui.desktop.broker_view import MOST, BrokerView, hex_lines

BOX = "ab" * 16


def send(content: bytes, box: str = BOX) -> Sight:
    return Sight(1_790_000_000_000, "SEND", box, content)


@pytest.fixture
def view(shown: Any) -> BrokerView:
    made = BrokerView(lambda box: {"ab" * 16: "bob"}.get(box, "somebody"))
    made.resize(420, 700)
    shown(made)
    return made


def spoken(view: BrokerView, row: int) -> str:
    return str(view.model.data(view.model.index(row), int(Qt.ItemDataRole.AccessibleTextRole)))


def test_bytes_are_shown_in_hex_and_as_letters() -> None:
    lines = hex_lines(b"Hello\x00\xff" + bytes(range(20)))
    assert lines[0].startswith("00000  48 65 6c 6c 6f 00 ff 00 01")
    assert lines[0].endswith("Hello···········")
    assert lines[1].startswith("00010  09 0a")
    assert len(hex_lines(bytes(1_000))) == 63
    assert len(hex_lines(bytes(1_000), 48)) == 3


def test_a_message_waits_until_its_very_bytes_are_handed_over(view: BrokerView) -> None:
    view.take(send(b"one"))
    view.take(send(b"two"))
    assert view.model.waiting() == 2
    assert spoken(view, 0).endswith("3 bytes, stored, waits for bob")
    view.take(Sight(0, "DELIVER", BOX, b"other"))
    view.take(Sight(0, "DELIVER", "cd" * 16, b"one"))
    assert view.model.waiting() == 2
    view.take(Sight(0, "DELIVER", BOX, b"one"))
    assert view.model.waiting() == 1
    assert spoken(view, 0).endswith("handed to bob, deleted here")


def test_the_chosen_message_is_shown_byte_for_byte(view: BrokerView) -> None:
    content = bytes(range(256)) * 13
    view.take(send(content))
    shown = [line[7:54] for line in view.bytes.toPlainText().splitlines()]
    assert bytes.fromhex("".join(shown)) == content


def test_what_is_no_message_is_no_row(view: BrokerView) -> None:
    for verb in ("HELLO", "LOGIN", "WELCOME", "REQUEST", "RESPONSE"):
        view.take(Sight(0, verb, "", b"x"))
    assert view.model.rowCount() == 0


def test_a_long_day_does_not_grow(view: BrokerView, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST <= 1_000
    monkeypatch.setattr(broker_view, "MOST", 40)
    for number in range(60):
        view.take(send(number.to_bytes(4, "big")))
    assert view.model.rowCount() == 40
    assert view.model.rows[-1].sight.content == (59).to_bytes(4, "big")
    view.grab()
