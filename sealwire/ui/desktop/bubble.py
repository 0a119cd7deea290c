"""One message as a bubble: who, what it answers, words, picture or file, time and state, reactions.

A bubble is a column of parts. Each part says how wide and high it would be; then all get the width of the widest, and
their places. Everything is computed as for people who read from the left and mirrored at the end.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF

from sealwire.i18n import _
from sealwire.peer.events import DeliveryState, Message
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.avatar import Face
from sealwire.ui.desktop.canvas import SIDE, SMALL, Canvas, Cell
from sealwire.ui.desktop.carried import carried
from sealwire.ui.desktop.parts import Chips, Meta, Part, Quoted, Row, Words
from sealwire.ui.desktop.pieces import Box, Laid, Spot
from sealwire.ui.desktop.shape import Block, styled
from sealwire.ui.views import sentences, spoken, timeline
from sealwire.ui.views.bounded import Shown, bounded
from sealwire.ui.views.timeline import Entry

PAD: Final = 12.0
PAD_TOP: Final = 8.0
GAP: Final = 4.0
PART: Final = 0.78
"""Of the width, at most: both sides of a conversation stay apart."""
MOST: Final = 560.0
FACE: Final = 30.0
META_GAP: Final = 10.0

STATE_SIGNS: Final[dict[DeliveryState, str]] = {
    "queued": "clock",
    "sent": "check",
    "delivered": "checks",
    "read": "eye",
    "failed": "warning",
}
"""Five shapes; the word stands beside the last of a run, and is always spoken."""

MAX_CHIPS: Final = 12
"""Different reactions drawn under one message; all of them are in its menu and its sentence."""


def lay(cell: Cell, entry: Entry, canvas: Canvas) -> Laid:
    """Lay out one message."""
    return _Bubble(cell, entry, canvas).lay()


class _Bubble:
    def __init__(self, cell: Cell, entry: Entry, canvas: Canvas) -> None:
        self._cell = cell
        self._entry = entry
        self._message = entry.message
        self._canvas = canvas
        self._own = entry.is_own
        colours = canvas.colours
        self._text = colours.own_text if self._own else colours.other_text
        self._muted = colours.own_muted if self._own else colours.other_muted
        self._gutter = FACE + 8 if cell.in_group and not self._own else 0.0
        room = canvas.width - 2 * SIDE - self._gutter
        self._most = max(80.0, min(room * (PART if room > 420 else 0.9), MOST * canvas.look.scale)) - 2 * PAD

    def lay(self) -> Laid:
        parts = self._parts()
        meta = self._meta()
        beside = self._beside(parts, meta)
        width = max(max((part.width for part in parts), default=0.0), meta.width)
        if beside:
            width = max(width, beside + META_GAP + meta.width)
        width = min(width, self._most)
        top = 10.0 if self._entry.is_first else 2.0
        inner = sum(part.height for part in parts) + GAP * max(0, len(parts) - 1)
        if not beside:
            inner += meta.height + (2 if parts else 0)
        rect = self._rect(width + 2 * PAD, top, inner + 2 * PAD_TOP - 1)
        laid = Laid(rect.bottom() + 1, rect)
        self._ground(laid, rect)
        self._place(laid, rect, parts, meta, width)
        self._reactions(laid, rect)
        laid.height += 4.0 if self._cell.closes else 0.0
        return laid.mirrored(self._canvas.width) if self._canvas.mirrored else laid

    def _rect(self, width: float, top: float, height: float) -> QRectF:
        x = self._canvas.width - SIDE - width if self._own else SIDE + self._gutter
        return QRectF(x, top, width, height)

    def _ground(self, laid: Laid, rect: QRectF) -> None:
        colours = self._canvas.colours
        tail = ("end" if self._own else "start") if self._cell.closes else ""
        edge = colours.accent if self._own and colours.outline else colours.bubble_edge
        wide = float(colours.outline or 1)
        fill = colours.own if self._own else colours.other
        laid.put(rect, Box(fill, "" if self._own and not colours.outline else edge, wide, tail=tail))  # type: ignore[arg-type]
        if self._gutter and self._cell.closes:
            face = QRectF(SIDE, rect.bottom() - FACE, FACE, FACE)
            laid.put(face, Face(self._message.sender, self._entry.sender))

    def _place(self, laid: Laid, rect: QRectF, parts: list[Part], meta: Meta, width: float) -> None:
        x, y = rect.x() + PAD, rect.y() + PAD_TOP
        for part in parts:
            part.place(laid, x, y, width)
            y += part.height + GAP
        beside = self._beside(parts, meta)
        at = y - GAP - meta.height if beside else y - (GAP - 2 if parts else 0)
        meta.place(laid, x, at, width)

    def _beside(self, parts: list[Part], meta: Meta) -> float:
        """Return the width of the last line of text when time and state have room beside it, else 0."""
        if not parts or not isinstance(parts[-1], Words):
            return 0.0
        block = parts[-1].block
        if block.last_is_rtl != self._canvas.mirrored:
            return 0.0  # such a line ends where the time would stand
        fits = block.last_width + META_GAP + meta.width <= self._most
        return max(block.last_width, 1.0) if fits else 0.0

    # --- parts -----------------------------------------------------------------------------------------------

    def _parts(self) -> list[Part]:
        if self._entry.is_folded:
            words = _("{name} is blocked. Show this message").format(name=self._entry.sender)
            return [Chips(self._canvas, [(words, Spot(QRectF(), "unfold"))], self._most)]
        parts: list[Part] = []
        if self._entry.is_first and self._cell.in_group and not self._own:
            parts.append(Row(self._entry.sender, self._canvas, self._canvas.colours.accent, SMALL, bold=True))
        if self._message.deleted:
            gone = _("This message was deleted.")
            return [*parts, Row(gone, self._canvas, self._muted, 1.0, italic=True, sign="delete")]
        if self._message.forwarded:
            parts.append(Row(_("Forwarded"), self._canvas, self._muted, SMALL, italic=True, sign="forward"))
        if self._message.reply_to is not None:
            parts.append(self._quoted())
        if self._message.file is not None:
            parts += carried(self._message, self._canvas, self._own, self._most, self._text, self._muted)
        return parts + self._words() + self._offers()

    def _quoted(self) -> Part:
        quote = self._message.reply_to
        assert quote is not None
        if not quote.sender:
            who, text = _("A message that is not here"), ""
        else:
            who = views.screen_name(quote.sender)
            text = spoken.short(quote.text) or _("This message was deleted.")
        return Quoted(who, text, quote.id, self._canvas, self._text, self._muted, self._most)

    def _words(self) -> list[Part]:
        if not self._message.text:
            return []
        shown = bounded(self._message.text)
        relative = 2.2 if _is_jumbo(self._message.text) else 1.0
        lines, spans = styled(shown.lines, self._message.mentions)
        ink = self._canvas.ink(self._own)
        block = Block(lines, self._canvas.font(relative), self._most, ink, spans)
        return [*self._held_back(shown), Words(block, self._text)]

    def _held_back(self, shown: Shown) -> list[Part]:
        said: list[Part] = []
        if shown.is_calmed:
            text = _("Some stacked marks are not shown.")
            said.append(Row(text, self._canvas, self._muted, SMALL, italic=True, sign="details"))
        return said

    def _offers(self) -> list[Part]:
        offers = []
        if bounded(self._message.text).is_cut:
            offers.append((_("Show all of it"), Spot(QRectF(), "all")))
        if self._message.state == "failed":
            offers.append((_("Try again"), Spot(QRectF(), "retry")))
        return [Chips(self._canvas, offers, self._most)] if offers else []

    def _meta(self) -> Meta:
        words = [*timeline.marks(self._message), dates.clock(self._message.sent_at_ms)]
        words = [word for word in words if word != _("forwarded")]
        text = " · ".join(words)
        state = self._message.state
        if state is None:
            return Meta(text, self._canvas, self._muted)
        says = self._cell.closes or state in ("failed", "queued")
        colour = self._canvas.colours.danger if state == "failed" else self._muted
        return Meta(text, self._canvas, colour, STATE_SIGNS[state], sentences.state_word(state) if says else "")

    def _reactions(self, laid: Laid, rect: QRectF) -> None:
        found = list(spoken.by_emoji(self._message.reactions).items())[:MAX_CHIPS]
        if not found or self._entry.is_folded:
            return
        labels = [
            (
                f"{views.screen_text(emoji)} {dates.number(len(people))}",
                Spot(QRectF(), "react", emoji, ", ".join(views.screen_name(one) for one in people)),
            )
            for emoji, people in found
        ]
        chips = Chips(self._canvas, labels, self._most, self._canvas.colours.text, bold=False)
        x = rect.right() - PAD - chips.width if self._own else rect.x() + PAD
        chips.place(laid, max(x, SIDE), rect.bottom() - 7, chips.width)
        laid.height = rect.bottom() - 5 + chips.height


def _is_jumbo(text: str) -> bool:
    """Whether a text is nothing but one to three emoji: those are drawn large."""
    signs = text.strip()
    return 0 < len(signs) <= 6 and all(ord(sign) > 0x2190 and not sign.isalnum() for sign in signs)


def state_sign(message: Message) -> str:
    """Return the sign for how far an own message got, or the empty text."""
    return STATE_SIGNS[message.state] if message.state else ""
