"""Notifications on a session bus of their own, with a service that Qt made: shown, pressed, answered, and let go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealwire.ui.desktop.bus import Bus, BusError
from sealwire.ui.desktop.notices import MAX_KEPT, Notices
from tests.ui.house import ROOT

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="not installed: dbus-daemon"),
]


class Wall:
    """Where notifications hang that no service takes."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    def show(self, title: str, body: str, place: str = "", can_reply: bool = False) -> None:
        self.shown.append((title, body))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    words = ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:path={tmp_path}/bus"]
    daemon = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip()
    daemon.terminate()
    daemon.communicate(timeout=30)


@pytest.fixture
def serve(address: str) -> Iterator[Callable[[str], Any]]:
    begun: list[Any] = []

    def start(can: str) -> Any:
        service = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.desktop.notified", can],
            cwd=ROOT, env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": address},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun.append(service)
        assert service.stdout.readline() == "ready\n"
        return service

    yield start
    for service in begun:
        service.communicate("", timeout=30)


def heard(service: Any) -> dict[str, Any]:
    return json.loads(service.stdout.readline())


def say(service: Any, line: str) -> None:
    service.stdin.write(line + "\n")
    service.stdin.flush()


@pytest.fixture
def notices(qapp: Any) -> Iterator[Notices]:
    made = Notices(Wall())
    yield made
    made.end()


def test_a_notification_is_shown_pressed_and_answered(
    serve: Callable[[str], Any], address: str, notices: Notices, qtbot: Any
) -> None:
    service = serve("body,actions,inline-reply")
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    assert notices.takes_replies
    assert heard(service)["member"] == "GetCapabilities"
    notices.show("bob", "Grüße, <b>you</b>", "bob", can_reply=True)
    told = heard(service)
    assert (told["member"], told["signature"]) == ("Notify", "susssasa{sv}i")
    shown = ["Sealwire", 0, "sealwire", "bob", "Grüße, \u2039b>you\u2039/b>"]
    assert told["texts"] == [*shown, ["default", "Open", "inline-reply", "Reply"], -1]
    qtbot.waitUntil(lambda: bool(notices._shown))
    number = next(iter(notices._shown))
    with qtbot.waitSignal(notices.replied) as replied:
        say(service, f"NotificationReplied {number} In a minute, Søren")
    assert replied.args == ["bob", "In a minute, Søren"]
    with qtbot.waitSignal(notices.pressed) as pressed:
        say(service, f"ActionInvoked {number} default")
    assert pressed.args == ["bob"]
    say(service, f"NotificationClosed {number} 1")
    qtbot.waitUntil(lambda: not notices._shown)


def test_where_nobody_may_answer_there_is_no_field(
    serve: Callable[[str], Any], address: str, notices: Notices, qtbot: Any
) -> None:
    service = serve("inline-reply")
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    heard(service)
    notices.show("Sealwire", "New message", "bob", can_reply=False)
    assert ["default", "Open"] in heard(service)["texts"]


def test_what_others_on_the_bus_say_is_not_taken_for_an_answer(
    serve: Callable[[str], Any], address: str, notices: Notices, qtbot: Any
) -> None:
    service = serve("inline-reply")
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    notices.show("bob", "x", "bob", can_reply=True)
    qtbot.waitUntil(lambda: bool(notices._shown))
    said: list[tuple[str, str]] = []
    notices.replied.connect(lambda place, text: said.append((place, text)))
    number = next(iter(notices._shown))
    words = ["org.freedesktop.Notifications.NotificationReplied", f"uint32:{number}", "string:forged"]
    path = "/org/freedesktop/Notifications"
    subprocess.run(
        [shutil.which("dbus-send") or "dbus-send", f"--bus={address}", "--type=signal", path, *words], check=True
    )
    say(service, f"NotificationReplied {number + 77} of no notification")
    say(service, f"NotificationReplied {number} true")
    qtbot.waitUntil(lambda: bool(said))
    assert said == [("bob", "true")]


@pytest.mark.parametrize("can", ["body", "body,actions"])
def test_a_service_that_takes_no_answers_leaves_it_to_the_tray(
    serve: Callable[[str], Any], address: str, notices: Notices, can: str
) -> None:
    serve(can)
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    assert not notices.takes_replies
    notices.show("bob", "x", "bob", can_reply=True)
    assert notices._otherwise.shown == [("bob", "x")]


@pytest.mark.parametrize("environ", [{}, {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"},
                                     {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=203.0.113.9,port=9"}])  # fmt: skip
def test_without_a_bus_it_is_left_to_the_tray(notices: Notices, environ: dict[str, str]) -> None:
    notices.begin(environ)
    notices.show("bob", "x", "bob", can_reply=True)
    assert notices._otherwise.shown == [("bob", "x")]


def test_a_bus_without_a_service_is_left_to_the_tray(address: str, notices: Notices) -> None:
    bus = Bus(address)
    with pytest.raises(BusError):
        bus.ask("org.example.Nobody", "/", "org.example.Nobody.Call", "")
    bus.close()
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    assert not notices.takes_replies


def test_a_service_that_goes_away_is_not_missed(
    serve: Callable[[str], Any], address: str, notices: Notices, qtbot: Any
) -> None:
    serve("inline-reply")
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    assert notices._bus is not None
    notices._bus.socket.shutdown(2)
    qtbot.waitUntil(lambda: not notices.takes_replies)
    notices.show("bob", "x", "bob", can_reply=True)
    assert notices._otherwise.shown == [("bob", "x")]


def test_what_is_remembered_is_bounded(serve: Callable[[str], Any], address: str, notices: Notices, qtbot: Any) -> None:
    service = serve("inline-reply")
    notices.begin({"DBUS_SESSION_BUS_ADDRESS": address})
    for number in range(MAX_KEPT + 10):
        notices.show("bob", f"{number}", "bob")
    for _each in range(MAX_KEPT + 11):
        heard(service)
    qtbot.waitUntil(lambda: len(notices._shown) == MAX_KEPT)
    assert len(notices._asked) <= MAX_KEPT
