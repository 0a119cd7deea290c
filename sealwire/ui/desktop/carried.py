"""What a message carries, as parts of its bubble: a picture that is shown, or a file with its progress."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from PySide6.QtCore import QRectF, QSize

from sealwire.i18n import _
from sealwire.peer.events import Attachment, FileState, Message
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.canvas import SMALL, Canvas
from sealwire.ui.desktop.parts import Chips, Part, Row
from sealwire.ui.desktop.pieces import Bar, Box, Laid, Line, Photo, Sign, Spot
from sealwire.ui.views import spoken

PICTURE: Final = 320.0
"""Width and height of a picture in the timeline, at most."""
LEAST: Final = 90.0
DISC: Final = 40.0
NAMED: Final = 320.0
"""Width of a file's part."""

_UNKNOWN: Final = (240.0, 180.0)


def carried(message: Message, canvas: Canvas, own: bool, most: float, text: str, muted: str) -> list[Part]:
    """Return the parts for a message's file."""
    file = message.file
    assert file is not None
    parts: list[Part] = []
    problem = canvas.gallery.problem(message)
    if is_picture(file) and not problem:
        parts.append(Shown(message, canvas, fitted(file, most)))
        if file.state != "done":
            parts.append(Named(file, canvas, most, text, muted))
    else:
        parts.append(Named(file, canvas, most, text, muted))
    if problem:
        parts.append(Row(problem, canvas, muted, SMALL, italic=True, sign="details"))
    offers = [(word, Spot(QRectF(), "file", verb)) for verb, word in verbs(file, own)]
    if offers and not (is_picture(file) and file.state == "done" and not problem):
        parts.append(Chips(canvas, offers, most))
    return parts


def is_picture(file: Attachment) -> bool:
    """Whether there is something of it to look at."""
    return file.media_type.startswith("image/") and (file.thumbnail is not None or _is_here(file))


def _is_here(file: Attachment) -> bool:
    return file.state == "done" and file.path is not None


def verbs(file: Attachment, own: bool) -> list[tuple[str, str]]:
    """Return what can be done with a file now: the verb and the word on its button."""
    by_state: dict[FileState, list[tuple[str, str]]] = {
        "offered": [] if own else [("fetch", _("Download"))],
        "waiting": [("cancel", _("Cancel"))],
        "sending": [("pause", _("Pause")), ("cancel", _("Cancel"))],
        "receiving": [("pause", _("Pause")), ("cancel", _("Cancel"))],
        "paused": [("resume", _("Go on")), ("cancel", _("Cancel"))],
        "done": [("open", _("Open")), ("save", _("Save as…"))] if file.path else [],
        "failed": [("resume", _("Try again"))],
        "cancelled": [] if own else [("fetch", _("Download"))],
    }
    return by_state[file.state]


def fitted(file: Attachment, most: float) -> tuple[float, float]:
    """Return the size of a picture in the timeline; what its sender says about its shape is bounded."""
    most = min(most, PICTURE)
    width, height = float(file.width or 0), float(file.height or 0)
    if width <= 0 or height <= 0:
        width, height = _UNKNOWN
    scale = min(most / width, PICTURE / height, 1.0)
    return min(max(width * scale, LEAST), most), min(max(height * scale, LEAST), PICTURE)


class Shown(Struct):
    """A picture."""

    message: Message
    canvas: Canvas
    size: tuple[float, float]

    @property
    def width(self) -> float:
        """As fitted."""
        return self.size[0]

    @property
    def height(self) -> float:
        """As fitted."""
        return self.size[1]

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down."""
        canvas, message = self.canvas, self.message
        pixels = QSize(round(self.width * canvas.ratio), round(self.height * canvas.ratio))
        rect = QRectF(x, y, self.width, self.height)
        laid.put(rect, Photo(lambda: canvas.gallery.find(message, pixels), canvas.colours.raised))
        laid.spots.append(Spot(rect, "picture", hint=_("Show the picture")))


class Named(Struct):
    """A file's sign, name, size, state and progress."""

    file: Attachment
    canvas: Canvas
    most: float
    colour: str
    muted: str

    @property
    def width(self) -> float:
        """Room for an ordinary name."""
        wide = max(self.canvas.advance(self._name(), 1.0, True), self.canvas.advance(self._state(), SMALL))
        return min(self.most, max(200.0, min(NAMED, wide + DISC + 12)))

    @property
    def height(self) -> float:
        """Two lines, and the bar."""
        return max(DISC, self._lines()) + (10 if self._moves() else 0)

    def _lines(self) -> float:
        return self.canvas.metrics(1.0, True).height() + self.canvas.metrics(SMALL).height() + 2

    def _moves(self) -> bool:
        return self.file.state in ("sending", "receiving", "paused")

    def _name(self) -> str:
        return views.screen_name(self.file.name)

    def _state(self) -> str:
        size = dates.size(self.file.size_bytes)
        if self._moves():
            done = dates.size(self.file.done_bytes)
            form = _("{done} of {size}, {state}")
            return form.format(done=done, size=size, state=spoken.file_word(self.file.state))
        return _("{size}, {state}").format(size=size, state=spoken.file_word(self.file.state))

    def place(self, laid: Laid, x: float, y: float, width: float) -> None:
        """Put it down."""
        colours = self.canvas.colours
        laid.put(QRectF(x, y, DISC, DISC), Box(colours.accent, radius=DISC / 2))
        laid.put(QRectF(x + 9, y + 9, DISC - 18, DISC - 18), Sign("file", colours.accent_text))
        room = width - DISC - 12
        top = self.canvas.metrics(1.0, True).height()
        at = y + max(0.0, (DISC - self._lines()) / 2)
        name = Line(self._name(), self.canvas.font(1.0, True), self.colour)
        laid.put(QRectF(x + DISC + 12, at, room, top), name)
        below = QRectF(x + DISC + 12, at + top + 2, room, self.canvas.metrics(SMALL).height())
        laid.put(below, Line(self._state(), self.canvas.font(SMALL), self.muted))
        if self._moves():
            part = self.file.done_bytes / max(1, self.file.size_bytes)
            bar = QRectF(x, y + max(DISC, self._lines()) + 4, width, 6)
            laid.put(bar, Bar(part, colours.accent, colours.raised))
