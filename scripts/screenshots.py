"""Pictures of the window for the README and the guide, of real windows on a screen of their own.

    python -m scripts.screenshots                 all of them, into docs/images
    python -m scripts.screenshots main-dark demo  some

Each picture is taken by a process of its own on one Xvfb: every start is a fresh one, in the language and look of the
picture. Needs the Debian packages xvfb, fonts-noto-core and fonts-noto-color-emoji beside those of the window.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
SCREEN: Final = "2600x1700x24"
SCALE: Final = "1.5"
SETTLE_S: Final = 0.8
WAIT_S: Final = 90.0
ONE: Final = "SEALWIRE_SCREENSHOT"
"""Names the picture that a child process takes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be seen."""

    name: str
    theme: str = "light"
    language: str = "en_150"
    width: int = 1_120
    height: int = 720


PICTURES: Final = (
    Picture("main-light"),
    Picture("main-dark", theme="dark"),
    Picture("main-contrast", theme="contrast", width=900),
    Picture("main-compact", width=900),
    Picture("main-arabic", language="ar"),
    Picture("main-narrow", width=420),
    Picture("group", width=1_240),
    Picture("file-transfer", theme="dark", width=980),
    Picture("verification"),
    Picture("key-change"),
    Picture("settings", theme="dark", width=900),
    Picture("first-run", width=620, height=700),
    Picture("demo", width=1_320, height=800),
)


# --- the parent: a screen, and a process for each picture ----------------------------------------------------


def main() -> int:
    """Take the pictures named, or all."""
    one = os.environ.get(ONE)
    if one:
        return take(next(picture for picture in PICTURES if picture.name == one))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(picture.name for picture in PICTURES))
    chosen = parser.parse_args().names or [picture.name for picture in PICTURES]
    IMAGES.mkdir(parents=True, exist_ok=True)
    failed = []
    with screen() as display:
        for name in chosen:
            done = subprocess.run(
                [sys.executable, "-m", "scripts.screenshots"],
                env=environment(next(picture for picture in PICTURES if picture.name == name), display),
                check=False,
            )
            print(f"{name}: {'taken' if done.returncode == 0 else 'FAILED'}", flush=True)
            failed += [name] if done.returncode else []
    return 1 if failed else 0


def environment(picture: Picture, display: str) -> dict[str, str]:
    """Return the variables of the process that takes a picture."""
    return {
        **os.environ,
        ONE: picture.name,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": SCALE,
        "SEALWIRE_LANG": picture.language,
        "TZ": "UTC",
    }


@contextmanager
def screen() -> Iterator[str]:
    """Run an X server that nobody sees; yields its display."""
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            yield ":" + pipe.readline().strip()
    finally:
        server.terminate()
        server.wait()


# --- the child: one window, one picture ----------------------------------------------------------------------


def take(picture: Picture) -> int:
    """Show what the picture is of, wait until it stands still, and write the file."""
    from PySide6.QtGui import QFont

    from sealwire.ui.desktop import app as desktop
    from sealwire.ui.desktop.preferences import Preferences
    from sealwire.ui.desktop.theme import look

    app = desktop.application()
    app.setFont(QFont("Noto Sans", 10))
    density: Any = "compact" if picture.name == "main-compact" else "bubbles"
    theme: Any = picture.theme
    look().apply(Preferences(theme=theme, density=density, reduced_motion=True))
    scene = Scene(picture)
    try:
        window = scene.window()
        settle(SETTLE_S)
        shot = app.primaryScreen().grabWindow(0, 0, 0, window.width(), window.height())
        path = IMAGES / f"{picture.name}.png"
        return 0 if shot.toImage().convertToFormat(_palette()).save(str(path)) else 1
    finally:
        scene.end()


def _palette() -> Any:
    from PySide6.QtGui import QImage

    return QImage.Format.Format_RGB32


def settle(seconds: float, until: Callable[[], bool] | None = None) -> None:
    """Let the window work; until something holds, or for a time."""
    from PySide6.QtWidgets import QApplication

    ends = time.monotonic() + (WAIT_S if until is not None else seconds)
    while time.monotonic() < ends and not (until is not None and until()):
        QApplication.processEvents()
        time.sleep(0.005)


class Scene:
    """The windows of a picture, and the thread of their clients."""

    def __init__(self, picture: Picture) -> None:
        from sealwire.ui.desktop.bridge import Bridge, LoopThread

        self._picture = picture
        self.thread = LoopThread()
        self.bridge = Bridge(self.thread)
        self._last: Any = None

    def end(self) -> None:
        """Close what is open."""
        self.thread.stop(self._last)

    def window(self) -> QWidget:
        """Return the window, shown."""
        name = self._picture.name
        if name == "demo":
            return self._demo()
        if name == "first-run":
            return self._first_run()
        return self._main()

    def _place(self, window: QWidget) -> QWidget:
        window.resize(self._picture.width, self._picture.height)
        window.move(0, 0)
        window.show()
        window.activateWindow()
        return window

    def _demo(self) -> QWidget:
        from sealwire.cli.demo_desktop import DesktopStage
        from sealwire.ui.desktop.demo import DemoWindow

        window = DemoWindow(DesktopStage(), self.thread)
        self._last = window.end()
        self._place(window)
        window.play()
        settle(0, lambda: "Your turn" in window.story.text.text())
        settle(2)
        window.bob.switch.click()
        settle(0, lambda: window.bob.station is None)
        assert window.alice.pane is not None
        window.alice.pane.composer.set_text("Then this waits for you, and nobody reads it on the way.")
        window.alice.pane.composer.submit()
        settle(0, lambda: window.broker.model.waiting() == 1)
        settle(2)
        return window

    def _first_run(self) -> QWidget:
        from sealwire.testing.stage import StageClient, StageLauncher
        from sealwire.ui.desktop.first_run import FirstRun

        window = FirstRun(StageLauncher(StageClient("alice"), new=True, broker=False), self.bridge)
        self._place(window)
        window.look()
        settle(0, window.broker.isVisible)
        return window

    def _main(self) -> QWidget:
        from sealwire.testing.sample import GARDEN
        from sealwire.ui.desktop.lock import Remembered
        from sealwire.ui.desktop.main_window import MainWindow
        from sealwire.ui.desktop.pictures import Pictures
        from sealwire.ui.desktop.station import Station

        client = arabic_client() if self._picture.language == "ar" else shown_client()
        client.begin()
        station = Station(client, self.bridge)
        self._pictures = Pictures()
        window = MainWindow(station, self._pictures, Remembered(b"x"))
        self._place(window)
        station.begin()
        settle(0, lambda: len(station.desk.chats) > 3)
        place = {"group": GARDEN, "key-change": "dave"}.get(self._picture.name, "bob")
        window.open(place)
        settle(0, lambda: station.place == place)
        settle(SETTLE_S)
        self._more(window)
        return window

    def _more(self, window: Any) -> None:
        name = self._picture.name
        sheet = None
        if name in ("group", "file-transfer"):
            window.toggle_details()
        elif name == "verification":
            sheet = window.errands.verify("bob")
        elif name == "key-change":
            sheet = window.errands.key_change("dave")
        elif name == "settings":
            sheet = window.settings()
            sheet.tabs.setCurrentIndex(1)
        if sheet is not None:
            settle(SETTLE_S)
            sheet.move((window.width() - sheet.width()) // 2, (window.height() - sheet.height()) // 2)
        settle(SETTLE_S)
        window.pane.view.scrollToBottom()


# --- who is in them ------------------------------------------------------------------------------------------


def shown_client() -> Any:
    """The sample of the tests, today, with a picture and files on their way."""
    from sealwire.crypto.safety import digits
    from sealwire.peer.events import Attachment
    from sealwire.testing import sample, stage_rooms

    offset = time.time_ns() // 1_000_000 - sample.NOW_MS
    client = sample.sample_client()
    for rows in client.box.messages.values():
        for at, message in enumerate(rows):
            edited = message.edited_at_ms and message.edited_at_ms + offset
            rows[at] = replace(message, sent_at_ms=message.sent_at_ms + offset, edited_at_ms=edited)
    now = sample.NOW_MS + offset
    photo = garden_photo()
    file = Attachment("beds-in-september.jpg", photo.stat().st_size, "image/jpeg", "done", 0, str(photo), 960, 640)
    client.stored("bob", "The beds this morning", "bob", sent_at_ms=now - 120_000, kind="file", file=file)
    sending = Attachment("seed-catalogue.pdf", 7_340_032, "application/pdf", "sending", 4_613_734)
    client.stored("bob", "", "alice", sent_at_ms=now - 60_000, kind="file", file=sending, state="queued")
    client.stored("bob", "Lovely! The catalogue is on its way.", "alice", sent_at_ms=now - 40_000, state="delivered")
    client.box.set("bob", read_row=client.box.row)
    client.box.know("dave", "changed", now - 3 * 3_600_000)
    client.box.now_ms = lambda: now
    for name, contact in client.box.contacts.items():
        client.box.contacts[name] = replace(contact, fingerprint=hashlib.sha256(name.encode()).hexdigest())
    stage_rooms.DIGITS = digits(hashlib.sha512(b"alice").digest(), hashlib.sha512(b"bob").digest())
    return client


def garden_photo() -> Path:
    """Paint a small landscape: nobody's photograph has to be in the repository."""
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QColor, QImage, QImageWriter, QLinearGradient, QPainter, QPolygonF

    image = QImage(960, 640, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    sky = QLinearGradient(0, 0, 0, 420)
    sky.setColorAt(0, QColor("#f7c59f"))
    sky.setColorAt(1, QColor("#fdf0d5"))
    painter.fillRect(image.rect(), sky)
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(QColor("#f4845f"))
    painter.drawEllipse(QPointF(700, 250), 70, 70)
    for height, colour in ((330, "#84a59d"), (400, "#52796f"), (480, "#354f52")):
        hill = [QPointF(x, height + 40 * ((x // 160 + height) % 3) - 20) for x in range(0, 1_121, 160)]
        painter.setBrush(QColor(colour))
        painter.drawPolygon(QPolygonF([QPointF(0, 640), *hill, QPointF(1_120, 640)]))
    for row in range(4):
        painter.setBrush(QColor("#6b4f3a"))
        painter.drawRect(0, 540 + row * 28, 960, 14)
        painter.setBrush(QColor("#74a57f"))
        for x in range(20 + row * 12, 960, 48):
            painter.drawEllipse(QPointF(x, 540 + row * 28), 11, 9)
    painter.end()
    path = Path(tempfile.mkdtemp(prefix="sealwire-picture-")) / "beds-in-september.jpg"
    QImageWriter(str(path), b"jpeg").write(image)
    return path


def arabic_client() -> Any:
    """A conversation in Arabic, with names and words of both directions in it."""
    from sealwire.peer.events import Attachment, Quote, Reaction
    from sealwire.testing.sample import sample_client

    client = sample_client()
    now = time.time_ns() // 1_000_000
    for rows in client.box.messages.values():
        for at, message in enumerate(rows):
            rows[at] = replace(message, sent_at_ms=now - 3 * 86_400_000 + at)
    client.box.messages["bob"].clear()

    def said(minutes: int, sender: str, text: str, **more: Any) -> Any:
        return client.stored("bob", text, sender, sent_at_ms=now - minutes * 60_000, **more)

    asked = said(55, "bob", "صباح الخير! هل وصلت الملفات؟")
    said(52, "alice", "نعم، وصلت كلها. شكرًا لك", reply_to=Quote(asked.id, "bob", asked.text), state="read")
    said(50, "bob", "ممتاز 👍", reactions=(Reaction("alice", "🎉"),))
    said(31, "alice", "الاجتماع يوم السبت الساعة 10:30 في المكتبة. العنوان على https://example.org/map", state="read")
    plan = Attachment("خطة-الشبكة.pdf", 1_843_200, "application/pdf", "receiving", done_bytes=1_128_000)
    said(12, "bob", "", kind="file", file=plan)
    said(6, "bob", "هذه هي الخطة الجديدة.\n- وسيط على الجهاز الصغير\n- دعوة لكل شخص\n- `python peer.py --name bob`")
    said(2, "alice", "رائع، نلتقي يوم السبت", state="delivered")
    client.box.set("bob", read_row=client.box.row, nickname="سمير")
    return client


if __name__ == "__main__":
    sys.exit(main())
