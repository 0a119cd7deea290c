"""Pictures, decoded beside the window's thread and within bounds.

A few hundred bytes can claim to be a picture of four thousand million pixels. What a file says about its size is read
first, refused past a bound, and the decoder itself may not take more memory than a bound of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

from sealwire.i18n import _
from sealwire.peer.events import Attachment, Message
from sealwire.ui.desktop import dates

MAX_PIXELS: Final = 64_000_000
"""An 8,000 × 8,000 picture; at four bytes each the decoder's own limit below."""

ALLOCATION_MIB: Final = 256
FORMATS: Final = frozenset({b"jpeg", b"png", b"gif", b"webp", b"bmp"})
"""What cameras and browsers make. SVG is left out: it is a program that draws, and can name other files."""

KEPT: Final = 64
"""Decoded pictures in memory, each at most as large as it is shown."""

MAX_FILE_BYTES: Final = 200 * 1024 * 1024


class RefusedPictureError(Exception):
    """A picture that is not shown, and the sentence why."""


def decoded(source: str | bytes, size: QSize) -> QImage:
    """Return a picture, no larger than ``size``.

    Args:
        source: a path, or the bytes themselves.
        size: in device pixels.

    Raises:
        RefusedPictureError: it is none, of a kind that is not shown, or larger than is safe to open.
    """
    QImageReader.setAllocationLimit(ALLOCATION_MIB)
    reader = QImageReader()
    buffer = QBuffer()
    if isinstance(source, bytes):
        buffer.setData(QByteArray(source))
        buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        reader.setDevice(buffer)
    else:
        reader.setFileName(source)
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    claimed = _checked(reader)
    reader.setScaledSize(_within(claimed, size))
    image = reader.read()
    if image.isNull():
        raise RefusedPictureError(_("This picture is damaged and cannot be shown. It can be saved as a file."))
    return image


def _checked(reader: QImageReader) -> QSize:
    if reader.format().data() not in FORMATS:
        raise RefusedPictureError(_("Pictures of this kind are not shown. It can be saved as a file."))
    device = reader.device()
    if device is not None and device.size() > MAX_FILE_BYTES:
        raise RefusedPictureError(_("This picture is too large to show. It can be saved as a file."))
    claimed = reader.size()
    if not claimed.isValid():
        raise RefusedPictureError(_("This picture is damaged and cannot be shown. It can be saved as a file."))
    if claimed.width() * claimed.height() > MAX_PIXELS:
        raise RefusedPictureError(
            _("This picture says it has {width} × {height} pixels, too many to open safely. It can be saved.").format(
                width=dates.number(claimed.width()), height=dates.number(claimed.height())
            )
        )
    return claimed


def _within(claimed: QSize, size: QSize) -> QSize:
    """Return the size to decode at: covers ``size`` where the picture is larger, never larger than it is."""
    if claimed.width() <= size.width() or claimed.height() <= size.height():
        longest = max(claimed.width(), claimed.height())
        bound = 4 * max(size.width(), size.height(), 1)
        return claimed if longest <= bound else claimed.scaled(bound, bound, Qt.AspectRatioMode.KeepAspectRatio)
    covering = claimed.scaled(size, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
    bound = 4 * max(size.width(), size.height(), 1)
    if max(covering.width(), covering.height()) > bound:
        return claimed.scaled(bound, bound, Qt.AspectRatioMode.KeepAspectRatio)
    return covering


class Pictures(QObject):
    """Decoded pictures by message; the gallery of the timelines."""

    arrived = Signal(str)
    """The id of a message whose picture, or whose refusal, is there now."""

    _decoded = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)  # one bomb at a time
        self._kept: OrderedDict[str, QPixmap] = OrderedDict()
        self._problems: dict[str, str] = {}
        self._asked: set[str] = set()
        self._decoded.connect(self._take)

    def find(self, message: Message, size: QSize) -> QPixmap | None:
        """Return a message's picture, or start to decode it."""
        key = _key(message, size)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        source = message.file and _source(message.file)
        if source and key not in self._asked and key not in self._problems:
            self._asked.add(key)
            self._pool.start(_Job(key, source, size, self))
        return None

    def problem(self, message: Message) -> str:
        """Return why a message's picture is not shown, or the empty text."""
        return self._problems.get(message.id, "")

    def stop(self) -> None:
        """Wait for what is being decoded."""
        self._pool.clear()
        self._pool.waitForDone()

    def _take(self, key: str, result: object) -> None:
        self._asked.discard(key)
        message_id = key.partition(" ")[0]
        if isinstance(result, QImage):
            self._kept[key] = QPixmap.fromImage(result)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._problems[message_id] = self._problems[key] = str(result)
        self.arrived.emit(message_id)


class _Job(QRunnable):
    def __init__(self, key: str, source: str | bytes, size: QSize, owner: Pictures) -> None:
        super().__init__()
        self._key = key
        self._source = source
        self._size = size
        self._owner = owner

    def run(self) -> None:
        try:
            result: object = decoded(self._source, self._size)
        except RefusedPictureError as refusal:
            result = str(refusal)
        try:
            self._owner._decoded.emit(self._key, result)
        except RuntimeError:
            return  # the window is gone


def _key(message: Message, size: QSize) -> str:
    file = message.file
    whole = file is not None and file.state == "done" and file.path is not None
    return f"{message.id} {size.width()}x{size.height()} {'whole' if whole else 'small'}"


def _source(file: Attachment) -> str | bytes | None:
    return file.path if file.state == "done" and file.path else file.thumbnail
