"""Pictures: what is shown of a file, decoded within bounds and not by this process.

A few hundred bytes can claim to be a picture of four thousand million pixels, and decoders are where bugs live. A file
is decoded by a confined program (:mod:`sealwire.decoder`), and its pixels come back. A thumbnail was made again by
that program before it was kept, so it is one of ours: a small JPEG, and nothing else is taken for one.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRunnable, QSize, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

from sealwire.decoder import PictureError, decode
from sealwire.i18n import _
from sealwire.peer.events import Attachment, Message
from sealwire.ui.desktop import dates

MAX_THUMBNAIL_BYTES: Final = 64 * 1024
MAX_THUMBNAIL_SIDE: Final = 512
"""Ours are a fraction of both; whatever is larger did not come from us."""

KEPT: Final = 64
"""Decoded pictures in memory, each at most as large as it is shown."""


class RefusedPictureError(Exception):
    """A picture that is not shown, and the sentence why."""


def decoded(source: str | bytes, size: QSize) -> QImage:
    """Return a picture; one of a file is no larger than needed to cover ``size``. Blocks for as long as that takes.

    Args:
        source: a path, or the bytes of a thumbnail.
        size: in device pixels.

    Raises:
        RefusedPictureError: it is none, of a kind that is not shown, or larger than is safe to open.
    """
    if isinstance(source, bytes):
        return _thumbnail(source)
    try:
        found = decode(Path(source), size.width(), size.height())
    except PictureError as error:
        raise RefusedPictureError(_sentence(error)) from error
    image = QImage(found.rgba, found.width, found.height, 4 * found.width, QImage.Format.Format_RGBA8888)
    return image.copy()  # the first one reads memory that Python takes back


def _sentence(error: PictureError) -> str:
    match error.reason:
        case "kind":
            return _("Pictures of this kind are not shown. It can be saved as a file.")
        case "bytes":
            return _("This picture is too large to show. It can be saved as a file.")
        case "pixels":
            said = _("This picture says it has {width} × {height} pixels, too many to open safely. It can be saved.")
            return said.format(width=dates.number(error.width), height=dates.number(error.height))
        case "damaged":
            return _("This picture is damaged and cannot be shown. It can be saved as a file.")


def _thumbnail(content: bytes) -> QImage:
    buffer = QBuffer()
    buffer.setData(QByteArray(content[: MAX_THUMBNAIL_BYTES + 1]))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, b"jpeg")
    reader.setDecideFormatFromContent(False)
    claimed = reader.size()
    fits = 0 < claimed.width() <= MAX_THUMBNAIL_SIDE and 0 < claimed.height() <= MAX_THUMBNAIL_SIDE
    image = reader.read() if fits and len(content) <= MAX_THUMBNAIL_BYTES else QImage()
    if image.isNull():
        raise RefusedPictureError(_("This picture is damaged and cannot be shown. It can be saved as a file."))
    return image


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
