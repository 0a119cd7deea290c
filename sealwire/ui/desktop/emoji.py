"""A panel of emoji, found by looking or by their names."""

from __future__ import annotations

import unicodedata
from typing import Final

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QListWidget, QListWidgetItem, QWidget

from sealwire.i18n import _
from sealwire.ui.desktop.bits import column, field, is_enter
from sealwire.ui.desktop.theme import look

QUICK: Final = ("👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👀")
"""Offered first, as reactions."""

SIGNS: Final = (
    "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚😙😋😛😜🤪😝🤑🤗🤭🤫🤔🤐🤨😐😑😶😏😒🙄😬😌😔😪🤤😴😷🤒🤕🤢🤮🤧🥵🥶🥴😵🤯🤠🥳😎🤓🧐😕😟🙁"
    "😮😯😲😳🥺😦😧😨😰😥😢😭😱😖😣😞😓😩😫🥱😤😡😠🤬😈💀💩🤡👻👽🤖😺😸😹😻😼😽🙀😿😾🙈🙉🙊💋💌💘💝💖💗💓💞💕💔❤🧡💛💚💙💜🤎🖤🤍💯💢💥💫💦💨"
    "👋🤚🖐✋🖖👌🤏✌🤞🤟🤘🤙👈👉👆👇☝👍👎✊👊🤛🤜👏🙌👐🤲🤝🙏✍💅🤳💪👀👁👂👃🧠🦷👅👄👶🧒👦👧🧑👨👩🧓👴👵🙋🙆🙅🤷🤦🙇💁🏃🚶💃🕺👯🧘"
    "🐶🐱🐭🐹🐰🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🦆🦉🐺🐗🐴🦄🐝🐛🦋🐌🐞🐢🐍🐙🦀🐟🐬🐳🦈🐘🦒🐎🐑🐐🐕🐈🦭🌵🎄🌲🌳🌴🌱🌿🍀🍁🍂🌷🌹🌻🌸🌍🌙⭐🌟⚡🔥🌈☀⛅☁🌧❄⛄"
    "🍏🍎🍐🍊🍋🍌🍉🍇🍓🍒🍑🥝🍅🥑🥦🌽🥕🍞🥐🧀🍳🥞🥓🍔🍟🍕🌭🥪🌮🌯🥗🍝🍜🍲🍣🍱🍚🍪🎂🍰🧁🍫🍬🍯🥛☕🍵🍺🍻🥂🍷🍸⚽🏀🏈⚾🎾🏐🎱🏓🥅⛳🎣🎽🎿🏆🥇🎮🎲🎯🎸🎹🎺🎻🎤🎧🎬🎨"
    "🚗🚕🚌🚲🛵🚂✈🚀⛵🚢🏠🏢🏥🏫⛺🏖🏔📱💻🖥🖨📷🎥📞📺📻⏰⌛💡🔦🕯💰💳💎🔧🔨🔩🔑🔒🔓🗝🚪🛏🛁🧹🧺🎁🎈🎉🎊📅📌📎✂📝📖📚✉📦🗑🔔🔕📣🔍✅❌❗❓⚠🚫♻🆗🆘➕➖"
)

COLUMNS: Final = 8
_CELL: Final = 38


def name_of(sign: str) -> str:
    """Return an emoji's name in words."""
    return ", ".join(unicodedata.name(part, "").lower() for part in sign if part != "\ufe0f")


class EmojiPanel(QDialog):
    """Closes with a choice, with Escape, or when something else is pressed."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setWindowTitle(_("Emoji"))
        self.setAccessibleName(_("Emoji"))
        self._search = field(_("Find an emoji by its name"), _("Find an emoji"))
        self._list = QListWidget()
        self._list.setAccessibleName(_("Emoji"))
        self._list.setViewMode(QListWidget.ViewMode.IconMode)
        self._list.setMovement(QListWidget.Movement.Static)
        self._list.setResizeMode(QListWidget.ResizeMode.Adjust)
        self._list.setGridSize(QSize(_CELL, _CELL))
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFixedSize(COLUMNS * _CELL + 26, 6 * _CELL)
        self._list.setStyleSheet("QListWidget::item { padding: 0; }")
        self.setLayout(column(self._search, self._list, margin=10))
        self._fill()
        self._search.textChanged.connect(self._filter)
        self._list.itemClicked.connect(self._take)
        self._list.itemActivated.connect(self._take)

    def open_at(self, widget: QWidget) -> None:
        """Open above a widget, within the screen."""
        self.adjustSize()
        self.popup_at(widget.mapToGlobal(QPoint(0, -self.height() - 4)))

    def popup_at(self, at: QPoint) -> None:
        """Open at a place, moved into the screen."""
        screen = QApplication.screenAt(at) or QApplication.primaryScreen()
        room = screen.availableGeometry()
        x = max(room.left(), min(at.x(), room.right() - self.width()))
        y = max(room.top(), min(at.y(), room.bottom() - self.height()))
        self.move(x, y)
        self.show()
        self._search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter takes the first that is left; Down goes to the panel."""
        if is_enter(event) and self._search.hasFocus():
            self._take_first()
        elif event.key() == Qt.Key.Key_Down and self._search.hasFocus():
            self._list.setFocus()
        else:
            super().keyPressEvent(event)

    def _fill(self) -> None:
        font = look().font(1.5)
        for sign in dict.fromkeys((*QUICK, *SIGNS)):
            item = QListWidgetItem(sign)
            item.setFont(font)
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            item.setData(int(Qt.ItemDataRole.AccessibleTextRole), name_of(sign))
            item.setToolTip(name_of(sign))
            item.setSizeHint(QSize(_CELL, _CELL))
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for at in range(self._list.count()):
            item = self._list.item(at)
            item.setHidden(not all(word in name_of(item.text()) for word in words))

    def _take_first(self) -> None:
        shown = (self._list.item(at) for at in range(self._list.count()))
        first = next((item for item in shown if not item.isHidden()), None)
        if first is not None:
            self._take(first)

    def _take(self, item: QListWidgetItem) -> None:
        self.close()
        self.chosen.emit(item.text())
