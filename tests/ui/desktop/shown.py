"""The window over the sample of the tests, as a process of its own: ``python -m tests.ui.desktop.shown``.

It prints ``ready`` once bob's conversation is open and has the focus, and ends with its standard input.
"""

from __future__ import annotations

import sys
import threading

from PySide6.QtCore import QTimer

from sealwire.testing.sample import sample_client
from sealwire.ui.desktop import app as desktop
from sealwire.ui.desktop.bridge import Bridge, LoopThread
from sealwire.ui.desktop.lock import Remembered
from sealwire.ui.desktop.main_window import MainWindow
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.station import Station

GIVE_UP_MS = 90_000


def main() -> None:
    app = desktop.application()
    thread = LoopThread()
    bridge = Bridge(thread)
    client = sample_client()
    client.begin()
    station, pictures = Station(client, bridge), Pictures()
    window = MainWindow(station, pictures, Remembered(b"x"))

    def look() -> None:
        if window.pane.composer.editor.hasFocus() and station.place == "bob":
            print("ready", flush=True)

    app.focusChanged.connect(lambda *_both: look())
    window.show()
    window.activateWindow()
    station.begin()
    window.open("bob")
    threading.Thread(target=lambda: (sys.stdin.read(), bridge.call(app.quit)), daemon=True).start()
    QTimer.singleShot(GIVE_UP_MS, app.quit)  # whoever waits for ready must not wait for ever
    app.exec()
    pictures.stop()
    thread.stop(client.close())


if __name__ == "__main__":
    main()
