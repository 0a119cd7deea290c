"""What is done with a message or a file when its button or the line of its menu is pressed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace
from PySide6.QtCore import QBuffer, QObject, QPoint, QSize, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QImageWriter
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api import MAX_TEXT_BYTES
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.ask import confirm
from sealwire.ui.desktop.emoji import EmojiPanel
from sealwire.ui.desktop.message_menu import Choice
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.pieces import Spot
from sealwire.ui.desktop.reader import PictureReader, TextReader
from sealwire.ui.desktop.station import Station
from sealwire.ui.views import timeline

MAX_FILES: Final = 20
"""Files of one drop: more is a folder by another name, and rarely meant."""

RUNS: Final = frozenset(
    {".exe", ".bat", ".cmd", ".com", ".msi", ".scr", ".ps1", ".vbs", ".js", ".jar", ".lnk", ".sh", ".desktop", ".app",
     ".command", ".py", ".pl", ".rb", ".apk", ".deb", ".rpm", ".run", ".appimage", ".html", ".htm", ".svg"}
)  # fmt: skip
"""Endings of files that act when they are opened."""


class Deeds(QObject):
    """Acts on messages of the open conversation."""

    def __init__(self, window: QWidget, station: Station, pictures: Pictures) -> None:
        super().__init__(window)
        self._window = window
        self._station = station
        self._pictures = pictures
        self.forward: Callable[[Message], None] = lambda _message: None
        """Asks to whom; the main window sets it."""
        self.open_person: Callable[[str], None] = lambda _name: None

    # --- pressed in a bubble ---------------------------------------------------------------------------------

    def press(self, spot: Spot, message: Message) -> None:
        """Do what a spot asks for."""
        match spot.deed:
            case "react":
                self.react(message, spot.argument)
            case "file":
                self.file(spot.argument, message)
            case "picture":
                self.show_picture(message)
            case "all":
                TextReader(self._window, self._title(message), message.text).open()
            case "link":
                self.follow(spot.argument)
            case "mention":
                self.open_person(spot.argument)
            case "retry":
                self._station.ask(self._station.client.retry())
            case _:
                pass

    def do(self, choice: Choice, message: Message) -> None:
        """Do what a line of the menu asks for."""
        client, place = self._station.client, message.conversation
        match choice.verb:
            case "react":
                self.react(message, choice.argument)
            case "copy":
                QApplication.clipboard().setText(message.text)
            case "all":
                TextReader(self._window, self._title(message), message.text).open()
            case "forward":
                self.forward(message)
            case "pin" | "unpin":
                self._station.change(client.talk.pin(place, message.id, choice.verb == "pin"))
            case "retry":
                self._station.ask(client.retry())
            case "cancel":
                self._station.change(client.talk.cancel(message.id))
            case "file":
                self.file(choice.argument, message)
            case "delete" | "forget":
                self._delete(message, choice.verb == "delete")
            case _:
                pass

    def _title(self, message: Message) -> str:
        return _("Message of {name}, {time}").format(
            name=views.screen_name(message.sender), time=dates.full(message.sent_at_ms)
        )

    def react(self, message: Message, emoji: str) -> None:
        """Set the own reaction, or take it off when it is the same."""
        own = self._station.desk.own
        is_set = any(one.sender == own and one.emoji == emoji for one in message.reactions)
        talk = self._station.client.talk
        self._station.change(talk.react(message.conversation, message.id, "" if is_set else emoji))

    def pick_reaction(self, message: Message, at: QPoint) -> None:
        """Ask which emoji."""
        panel = EmojiPanel(self._window)
        panel.chosen.connect(lambda emoji: self.react(message, emoji))
        panel.popup_at(at)

    def unfold(self) -> None:
        """Show what blocked people say, in this conversation, until another is opened."""
        self._station.put(replace(self._station.desk, unfolded=True))

    def _delete(self, message: Message, for_everyone: bool) -> None:
        if for_everyone:
            question = _("Delete this message for everyone? Its place stays, marked as deleted.")
            word = _("Delete for everyone")
        else:
            question = _("Delete this message on this device only? Others keep it.")
            word = _("Delete here")
        talk = self._station.client.talk
        confirm(
            self._window, question, word,
            lambda: self._station.ask(
                talk.delete(message.conversation, message.id, for_everyone=for_everyone),
                self._station.took if for_everyone else lambda _gone: self._forget(message),
            ),
        )  # fmt: skip

    def _forget(self, message: Message) -> None:
        desk = self._station.desk
        if desk.open is not None:
            desk = replace(desk, open=timeline.without(desk.open, message.id))
        self._station.put(replace(desk, stale=desk.stale | {message.conversation}))

    def follow(self, address: str) -> None:
        """Open an address in the browser, after it was read: this program itself never goes anywhere."""
        text = _("Open this address in your browser?\n\n{address}").format(address=views.screen_text(address))
        confirm(self._window, text, _("Open"), lambda: QDesktopServices.openUrl(QUrl(address)), danger=False)

    # --- files -----------------------------------------------------------------------------------------------

    def file(self, verb: str, message: Message) -> None:
        """Move, open or save a file."""
        files = self._station.client.files
        questions: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "fetch": lambda: files.fetch(message.id),
            "pause": lambda: files.pause(message.id),
            "resume": lambda: files.resume(message.id),
            "cancel": lambda: files.cancel(message.id),
        }
        if verb == "open":
            self._open(message)
        elif verb == "save":
            self._save(message)
        else:
            self._station.ask(questions[verb]())

    def _open(self, message: Message) -> None:
        file = message.file
        if file is None or file.path is None:
            return
        path = Path(file.path)
        url = QUrl.fromLocalFile(file.path)
        if path.suffix.lower() not in RUNS:
            QDesktopServices.openUrl(url)
            return
        question = _(
            "{name} can run as a program when it is opened. Open it only if you know what it is and trust who sent it."
        ).format(name=views.screen_name(file.name))
        confirm(self._window, question, _("Open anyway"), lambda: QDesktopServices.openUrl(url))

    def _save(self, message: Message) -> None:
        assert message.file is not None
        suggested = str(Path.home() / (message.file.name or "file"))
        chosen, _kind = QFileDialog.getSaveFileName(self._window, _("Save a copy"), suggested)
        if chosen:
            self._station.ask(self._station.client.files.save_copy(message.id, Path(chosen)))

    def show_picture(self, message: Message) -> None:
        """Show a picture as large as the window allows."""
        if message.file is None or message.file.state != "done":
            self.file("fetch", message)
            return
        PictureReader(self._window, message, self._pictures, QSize(1_600, 1_200)).open()

    def choose_files(self) -> None:
        """Ask which files to send."""
        chosen, _kind = QFileDialog.getOpenFileNames(self._window, _("Send files"), str(Path.home()))
        if chosen:
            self.send_files([Path(one) for one in chosen])

    def send_files(self, paths: list[Path]) -> None:
        """Send files that were chosen, dropped or pasted; what cannot be sent is said before anything is."""
        problem = cannot_send(paths)
        if problem:
            self._station.failed.emit(SealwireError(detail=problem))
            return
        total = sum(path.stat().st_size for path in paths)
        text = _("Send {name}, {size}?") if len(paths) == 1 else _("Send {count} files, {size} together?")
        said = text.format(
            name=views.screen_name(paths[0].name), count=dates.number(len(paths)), size=dates.size(total)
        )
        confirm(self._window, said, _("Send"), lambda: self._send_all(paths), danger=False)

    def _send_all(self, paths: list[Path]) -> None:
        for path in paths:
            self._station.send_file(path)

    def send_long_text(self, text: str) -> None:
        """Send a text that no message holds as a file."""
        content = text.encode("utf-8", "replace")
        form = _("This text has {size} bytes; one message holds {limit}. Send it as a file?")
        question = form.format(size=dates.number(len(content)), limit=dates.number(MAX_TEXT_BYTES))
        confirm(
            self._window, question, _("Send as a file"), lambda: self._station.send_made(_("text.txt"), content),
            danger=False,
        )  # fmt: skip

    def send_picture(self, image: QImage) -> None:
        """Send a picture from the clipboard: it becomes a PNG without anything else in it."""
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        if not QImageWriter(buffer, b"png").write(image):
            self._station.failed.emit(SealwireError(detail=_("This picture could not be written to a file.")))
            return
        content = bytes(buffer.data().data())
        size = _("{width} × {height} pixels").format(
            width=dates.number(image.width()), height=dates.number(image.height())
        )
        question = _("Send this picture, {size}?").format(size=size)
        confirm(
            self._window, question, _("Send"), lambda: self._station.send_made(_("picture.png"), content), danger=False
        )


def cannot_send(paths: list[Path]) -> str:
    """Return why these cannot be sent, or the empty text. Folders are not walked, however large they are."""
    if len(paths) > MAX_FILES:
        text = _("That are {count} files; at most {limit} go at once. Pack them into one file first.")
        return text.format(count=dates.number(len(paths)), limit=dates.number(MAX_FILES))
    for path in paths:
        name = views.screen_name(path.name)
        if path.is_dir():
            return _("{name} is a folder, and only files can be sent. Pack it into one file first.").format(name=name)
        if not path.is_file():
            return _("{name} is no file that can be read.").format(name=name)
    return ""
