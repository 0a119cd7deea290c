"""The other lines of the timeline: days, what is new, what the program says; and messages as plain lines."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QDate, QRectF

from sealwire.i18n import _
from sealwire.ui import views
from sealwire.ui.desktop import bubble, dates
from sealwire.ui.desktop.canvas import SIDE, SMALL, Canvas, Cell
from sealwire.ui.desktop.carried import carried
from sealwire.ui.desktop.parts import Chips, Part, Row, Words
from sealwire.ui.desktop.pieces import Box, Laid, Line, Sign, Spot, Text
from sealwire.ui.desktop.shape import Block, Ink, styled
from sealwire.ui.views import sentences, spoken, timeline
from sealwire.ui.views.bounded import bounded
from sealwire.ui.views.timeline import DayLine, Entry, NoticeLine, UnreadLine

PILL: Final = 12.0
NOTICE_PART: Final = 0.8
STRIPE: Final = 3.0
"""Beside own lines in the compact form, in addition to the name."""


def lay(cell: Cell, canvas: Canvas, at_ms: int) -> Laid:
    """Lay out one line of the timeline; ``at_ms``: when what stands below a day line was said."""
    match cell.item:
        case DayLine(text):
            laid = _day(dates.day(at_ms, QDate.currentDate()) if at_ms else text, canvas)
        case UnreadLine(text):
            laid = _unread(text, canvas)
        case NoticeLine():
            laid = _notice(cell.item, canvas)
        case Entry() if canvas.look.compact:
            laid = _compact(cell, cell.item, canvas)
        case Entry():
            return bubble.lay(cell, cell.item, canvas)
    return laid.mirrored(canvas.width) if canvas.mirrored else laid


def _day(text: str, canvas: Canvas) -> Laid:
    colours = canvas.colours
    wide, high = canvas.advance(text, SMALL, True) + 2 * PILL, canvas.metrics(SMALL, True).height() + 8
    rect = QRectF((canvas.width - wide) / 2, 12, wide, high)
    laid = Laid(rect.bottom() + 6, rect)
    laid.put(rect, Box(colours.raised, colours.line, 1.0, radius=high / 2))
    laid.put(rect, Line(text, canvas.font(SMALL, True), colours.muted, centred=True))
    return laid


def _unread(text: str, canvas: Canvas) -> Laid:
    colours = canvas.colours
    wide, high = canvas.advance(text, SMALL, True) + 2 * PILL, canvas.metrics(SMALL, True).height() + 6
    rect = QRectF((canvas.width - wide) / 2, 10, wide, high)
    laid = Laid(rect.bottom() + 6, rect)
    middle = rect.center().y()
    laid.put(QRectF(SIDE, middle, rect.left() - SIDE, 1), Box(colours.accent, radius=0))
    laid.put(QRectF(rect.right(), middle, canvas.width - SIDE - rect.right(), 1), Box(colours.accent, radius=0))
    laid.put(rect, Line(text, canvas.font(SMALL, True), colours.accent, centred=True))
    return laid


def _notice(item: NoticeLine, canvas: Canvas) -> Laid:
    """What the program says stands in the middle, slanted, behind a sign: nobody's voice."""
    colours = canvas.colours
    text, ground = (colours.alert_text, colours.alert) if item.is_alert else (colours.muted, colours.chat)
    shown = bounded(item.text)
    font = canvas.font(SMALL, italic=True)
    sign = canvas.metrics(SMALL).height()
    ink = Ink(text, text, colours.mark, colours.mark_text, colours.raised)
    block = Block(shown.lines, font, (canvas.width - 2 * SIDE) * NOTICE_PART - sign - 2 * PILL, ink)
    wide = block.width + sign + 6 + 2 * PILL
    rect = QRectF((canvas.width - wide) / 2, 6, wide, block.height + 10)
    laid = Laid(rect.bottom() + 4, rect)
    if item.is_alert:
        laid.put(rect, Box(ground, colours.line, 1.0, radius=10))
    laid.put(QRectF(rect.x() + PILL, rect.y() + 5, sign, sign), Sign("warning" if item.is_alert else "details", text))
    laid.put(QRectF(rect.x() + PILL + sign + 6, rect.y() + 5, block.width, block.height), Text(block, text))
    return laid


def _compact(cell: Cell, entry: Entry, canvas: Canvas) -> Laid:
    """A message as a line: time, name, words. Own ones are named, and have a stripe beside them."""
    message, colours = entry.message, canvas.colours
    time = dates.clock(message.sent_at_ms)
    clock = canvas.advance(time, SMALL) + 12
    x = SIDE + clock
    width = canvas.width - x - SIDE
    y = 8.0 if entry.is_first else 2.0
    laid = Laid(0, QRectF())
    if entry.is_own:
        laid.put(QRectF(SIDE - 8, y, STRIPE, 0), Box(colours.accent, radius=1))
    font = canvas.font(SMALL)
    laid.put(QRectF(SIDE, y, clock, canvas.metrics().height()), Line(time, font, colours.muted))
    if entry.is_first:
        high = canvas.metrics(1.0, True).height()
        laid.put(QRectF(x, y, width, high), Line(entry.sender, canvas.font(1.0, True), colours.accent))
        y += high
    for part in _parts(cell, entry, canvas, width):
        part.place(laid, x, y, width)
        y += part.height + 2
    laid.height = y + 2
    laid.outline = QRectF(SIDE - 10, 1, canvas.width - 2 * SIDE + 20, y)
    return _striped(laid, y) if entry.is_own else laid


def _striped(laid: Laid, bottom: float) -> Laid:
    rect, piece = laid.pieces[0]
    laid.pieces[0] = (QRectF(rect.x(), rect.y(), rect.width(), bottom - rect.y() - 2), piece)
    return laid


def _parts(cell: Cell, entry: Entry, canvas: Canvas, width: float) -> list[Part]:
    message, colours = entry.message, canvas.colours
    if entry.is_folded:
        text = _("{name} is blocked. Show this message").format(name=entry.sender)
        return [Chips(canvas, [(text, Spot(QRectF(), "unfold"))], width)]
    if message.deleted:
        gone = _("This message was deleted.")
        return [Row(gone, canvas, colours.muted, 1.0, italic=True, sign="delete")]
    parts: list[Part] = []
    if message.reply_to is not None:
        quoted = timeline.quote_line(message, "", {})
        parts.append(Row(quoted, canvas, colours.muted, SMALL, italic=True, sign="reply"))
    if message.file is not None:
        parts += carried(message, canvas, entry.is_own, width, colours.text, colours.muted)
    return parts + _words(entry, canvas, width) + _under(cell, entry, canvas, width)


def _words(entry: Entry, canvas: Canvas, width: float) -> list[Part]:
    if not entry.message.text:
        return []
    colours = canvas.colours
    shown = bounded(entry.message.text)
    lines, spans = styled(shown.lines, entry.message.mentions)
    ink = Ink(colours.text, colours.accent, colours.mark, colours.mark_text, colours.raised)
    words: list[Part] = [Words(Block(lines, canvas.font(), width, ink, spans), colours.text)]
    if shown.is_calmed:
        text = _("Some stacked marks are not shown.")
        words.append(Row(text, canvas, colours.muted, SMALL, italic=True, sign="details"))
    if shown.is_cut:
        words.append(Chips(canvas, [(_("Show all of it"), Spot(QRectF(), "all"))], width))
    return words


def _under(cell: Cell, entry: Entry, canvas: Canvas, width: float) -> list[Part]:
    message, colours = entry.message, canvas.colours
    said = timeline.marks(message)
    if message.state is not None and (cell.closes or message.state in ("failed", "queued")):
        said.append(sentences.state_word(message.state))
    parts: list[Part] = []
    if said:
        colour = colours.danger if message.state == "failed" else colours.muted
        sign = bubble.state_sign(message) or "details"
        parts.append(Row(" · ".join(said), canvas, colour, SMALL, sign=sign))
    if message.state == "failed":
        parts.append(Chips(canvas, [(_("Try again"), Spot(QRectF(), "retry"))], width))
    chips = [
        (f"{views.screen_text(emoji)} {dates.number(len(people))}", Spot(QRectF(), "react", emoji, ", ".join(people)))
        for emoji, people in list(spoken.by_emoji(message.reactions).items())[: bubble.MAX_CHIPS]
    ]
    return [*parts, Chips(canvas, chips, width)] if chips else parts
