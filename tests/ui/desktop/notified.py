"""A notification service made of Qt's own D-Bus, so that our bytes are read by somebody else's code.

Run as a program on a bus: prints each call as a line of JSON; a line ``MEMBER NUMBER TEXT`` on its input becomes a
signal. Its argument is what it can do, joined by commas.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from PySide6.QtCore import QCoreApplication, QSocketNotifier
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusVirtualObject

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"


class Service(QDBusVirtualObject):
    """Answers every call on its path."""

    def __init__(self, parent: QCoreApplication, can: list[str]) -> None:
        super().__init__(parent)
        self._can = can
        self._number = 0

    def introspect(self, path: str) -> str:
        return ""

    def handleMessage(self, message: Any, connection: Any) -> bool:
        if message.member() == "GetCapabilities":
            answer: Any = self._can
        else:
            self._number += 1
            answer = self._number
        told = {"member": message.member(), "signature": message.signature(), "texts": texts(message.arguments())}
        connection.send(message.createReply(answer))
        print(json.dumps(told), flush=True)
        return True


def texts(arguments: list[Any]) -> list[Any]:
    return [one for one in arguments if isinstance(one, str | int | list)]


def main() -> None:
    app = QCoreApplication([])
    bus = QDBusConnection.sessionBus()
    service = Service(app, sys.argv[1].split(","))
    assert bus.registerVirtualObject(PATH, service)
    assert bus.registerService(NAME)

    def heard() -> None:
        came = os.read(0, 65_536).decode()  # whole lines: each is written at once
        if not came:
            app.quit()
        for line in came.splitlines():
            member, number, text = line.split(" ", 2)
            signal = QDBusMessage.createSignal(PATH, NAME, member)
            signal.setArguments([int(number), text])
            bus.send(signal)

    watch = QSocketNotifier(0, QSocketNotifier.Type.Read, app)
    watch.activated.connect(lambda *_any: heard())
    print("ready", flush=True)
    app.exec()


if __name__ == "__main__":
    main()
