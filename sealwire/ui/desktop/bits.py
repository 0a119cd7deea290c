"""Small parts that every screen is made of. Each control gets a name here, and no text is ever taken for markup.

Qt guesses whether a text is HTML. Other people's words reach labels, tool tips and buttons, so nothing here lets it
guess: labels are plain, tool tips are escaped, and an ampersand is no shortcut.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Final, Literal, TypeVar

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sealwire.errors import SealwireError
from sealwire.i18n import _, explain
from sealwire.ui import views
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.theme import look

Kind = Literal["plain", "primary", "danger", "link"]
Action = Callable[[], object]
L = TypeVar("L", QVBoxLayout, QHBoxLayout)

ICON_PX: Final = 20
FOCUS_LINE_PX: Final = 2
COPIED_MS: Final = 2_000


def label(text: str, role: str = "", *, wrap: bool = True, selectable: bool = False) -> QLabel:
    """Return a text. Roles: title, heading, muted, small, error, good, digits, mono."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        made.setAccessibleName(text)
    return made


def button(text: str, action: Action | None = None, kind: Kind = "plain", icon: str | None = None) -> QPushButton:
    """Return a button that says what it does."""
    made = Strong() if kind in ("primary", "danger") else QPushButton()
    made.setText(text.replace("&", "&&"))
    made.setAccessibleName(text)
    made.setProperty("kind", kind)
    made.setAutoDefault(kind == "primary")
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon is not None:
        made.setIconSize(QSize(ICON_PX, ICON_PX))
        role = "accent_text" if kind == "primary" else "accent" if kind == "link" else "text"
        icons.dress(made, icon, look().colours, role)
    if action is not None:
        made.clicked.connect(lambda _checked=False: action())
    return made


def icon_button(name: str, icon: str, action: Action | None = None, size: int = ICON_PX) -> QToolButton:
    """Return a button that shows a sign; its name is read out and shown under the pointer."""
    made = QToolButton()
    made.setAccessibleName(name)
    tip(made, name)
    made.setIconSize(QSize(size, size))
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    icons.dress(made, icon, look().colours)
    if action is not None:
        made.clicked.connect(lambda _checked=False: action())
    return made


def field(name: str, hint: str = "", *, secret: bool = False) -> QLineEdit:
    """Return a line to type into."""
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(hint)
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


def tip(widget: QWidget, text: str) -> None:
    """Say ``text`` under the pointer, as plain text whatever it holds."""
    widget.setToolTip(f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>" if text else "")
    widget.setAccessibleDescription(text)  # else Qt gives a screen reader the tool tip, with its marks


def column(*parts: QWidget | QLayout | int, margin: int = 0, spacing: int = 8) -> QVBoxLayout:
    """Stack parts; a number is room that stretches by it."""
    return _fill(QVBoxLayout(), parts, margin, spacing)


def row(*parts: QWidget | QLayout | int, margin: int = 0, spacing: int = 8) -> QHBoxLayout:
    """Put parts side by side, mirrored where people read from the right; a number is room that stretches by it."""
    return _fill(QHBoxLayout(), parts, margin, spacing)


def _fill(layout: L, parts: tuple[object, ...], margin: int, spacing: int) -> L:
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        elif isinstance(part, QLayout):
            layout.addLayout(part)
        elif isinstance(part, int):
            layout.addStretch(part)
    return layout


def card(*parts: QWidget | QLayout | int, spacing: int = 8, margin: int = 18) -> QFrame:
    """Return a framed area around parts."""
    frame = QFrame()
    frame.setObjectName("card")
    frame.setLayout(column(*parts, margin=margin, spacing=spacing))
    return frame


def page(*parts: QWidget | QLayout | int, margin: int = 24, spacing: int = 12) -> QWidget:
    """Return an area in the window's colour."""
    widget = QWidget()
    widget.setObjectName("page")
    widget.setLayout(column(*parts, margin=margin, spacing=spacing))
    return widget


def link_names(names: QLabel, control: QWidget) -> None:
    """Make a label the name of the control beside it, for eyes, keys and screen readers alike."""
    names.setBuddy(control)
    if not control.accessibleName():
        control.setAccessibleName(names.text())


def copy_button(text: Callable[[], str], said: str | None = None) -> QPushButton:
    """Return a button that copies a text and says that it did."""
    rest = said or _("Copy")
    made = button(rest, icon="copy")

    def copy() -> None:
        QApplication.clipboard().setText(text())
        made.setText(_("Copied"))
        QTimer.singleShot(COPIED_MS, made, lambda: made.setText(rest))

    made.clicked.connect(copy)
    return made


class Strong(QPushButton):
    """A button in a strong colour, from which the frame that marks the focus is hard to tell.

    So there is a second frame, within and in the colour of the button's words.
    """

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the button, then the mark of the focus."""
        super().paintEvent(event)
        if not self.hasFocus():
            return
        colours = look().colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = colours.danger_text if self.property("kind") == "danger" else colours.accent_text
        painter.setPen(QPen(QColor(ink), FOCUS_LINE_PX))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 4, -4, -4), 5, 5)
        painter.end()


class Combo(QComboBox):
    """A choice out of a few; the style sheet's frame has no arrow of its own, so it is drawn here."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.view().setAccessibleName(name)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the frame, then the arrow at its end."""
        super().paintEvent(event)
        painter = QPainter(self)
        size = 16
        x = 8 if self.layoutDirection() == Qt.LayoutDirection.RightToLeft else self.width() - size - 8
        icons.paint(painter, "down", look().colours.text, QRectF(x, (self.height() - size) / 2, size, size))
        painter.end()


class Spin(QWidget):
    """A number between two buttons that can be hit."""

    changed = Signal(int)

    def __init__(self, name: str, least: int, most: int, step: int, unit: str) -> None:
        super().__init__()
        self.box = QSpinBox()
        self.box.setAccessibleName(name)
        self.box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.box.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.box.setRange(least, most)
        self.box.setSingleStep(step)
        self.box.setSuffix(unit)
        self.box.setMinimumWidth(96)
        self.less = icon_button(_("Less: {name}").format(name=name), "minus", self.box.stepDown, 16)
        self.more = icon_button(_("More: {name}").format(name=name), "add", self.box.stepUp, 16)
        self.box.valueChanged.connect(self.changed)
        self.setLayout(row(self.less, Boxed(self.box), self.more, spacing=4))


class Boxed(QFrame):
    """A number or a time in a frame that can be seen in every look and shows the focus; the style draws neither."""

    def __init__(self, control: QAbstractSpinBox) -> None:
        super().__init__()
        self.setObjectName("boxed")
        control.setFrame(False)
        self.setLayout(row(control, margin=4))
        control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the focus of the control."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setProperty("reached", event.type() == QEvent.Type.FocusIn)
            self.style().polish(self)
        return super().eventFilter(watched, event)


class Banner(QFrame):
    """A sentence across a part of the window, with what can be done about it. Hidden while there is nothing to say."""

    def __init__(self, kind: Literal["alert", "calm"] = "calm", icon: str = "details") -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("kind", kind)
        self._kind = kind
        self._icon = icon
        self._sign = QLabel()
        self.text = label("", wrap=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.buttons = row(spacing=6)
        self.setLayout(row(self._sign, self.text, self.buttons, margin=9, spacing=10))
        self._draw()
        look().changed.connect(self._draw)
        self.hide()

    def say(self, text: str) -> None:
        """Show a sentence; the empty one hides the banner."""
        if text != self.text.text():
            self.text.setText(text)
            self.setAccessibleName(text)
        self.setVisible(bool(text))

    def add(self, *buttons: QWidget) -> Banner:
        """Put buttons at its end."""
        for one in buttons:
            self.buttons.addWidget(one)
        return self

    def set_kind(self, kind: Literal["alert", "calm"], icon: str) -> None:
        """Change what it looks like."""
        self._kind, self._icon = kind, icon
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
        self._draw()

    def _draw(self) -> None:
        colour = look().colours.alert_text if self._kind == "alert" else look().colours.calm_text
        self._sign.setPixmap(icons.pixmap(self._icon, colour, ICON_PX, self.devicePixelRatioF()))


class Problem(Banner):
    """What went wrong, and what to do next."""

    def __init__(self) -> None:
        super().__init__("alert", "warning")

    def show_error(self, error: SealwireError) -> None:
        """Say an error in two sentences; a screen reader hears it at once."""
        self.say(problem(error))


def problem(error: SealwireError) -> str:
    """Return what an error says to people, harmless and in one piece."""
    return "\n".join(views.screen_text(part) for part in explain(error) if part)


class Elided(QLabel):
    """One line that ends in an ellipsis where it is too narrow; the whole text is under the pointer and read out."""

    def __init__(self, text: str = "", role: str = "", *, centred: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._whole = ""
        self._is_centred = centred
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.put(text)

    def put(self, text: str) -> None:
        """Show another text."""
        self._whole = text
        self.setAccessibleName(text)
        tip(self, text)
        self._fit()

    def whole(self) -> str:
        """Return the text as it was given."""
        return self._whole

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Fit the text again."""
        self._fit()

    def _fit(self) -> None:
        width = max(self.width(), 10)
        side = Qt.AlignmentFlag.AlignRight if self.isRightToLeft() else Qt.AlignmentFlag.AlignLeft
        side = Qt.AlignmentFlag.AlignHCenter if self._is_centred else side
        # Qt goes by the words: a Latin name in a mirrored window would stand on the far side.
        self.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, width))


def is_enter(event: QEvent) -> bool:
    """Whether an event is a press of Enter, on whichever part of the keyboard."""
    return isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def emptied(layout: QLayout) -> None:
    """Take everything out of a layout."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            return
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            emptied(inner)
