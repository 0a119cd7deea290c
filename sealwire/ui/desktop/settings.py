"""Everything a person can set about the window, on one sheet; it holds at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt, QTime, Signal
from PySide6.QtWidgets import QCheckBox, QScrollArea, QSpinBox, QTabWidget, QTimeEdit, QWidget

from sealwire import __version__
from sealwire.i18n import LANGUAGES, _
from sealwire.peer.api.past import Retention
from sealwire.ui import views
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import Boxed, Combo, Spin, button, column, label, row
from sealwire.ui.desktop.preferences import AS_SYSTEM, MAX_LOCK_MINUTES, TEXT_SIZES, Preferences
from sealwire.ui.desktop.station import Station

KEEP_DAYS: Final = (0, 30, 90, 365)
TEXT_STEP: Final = 10


class SettingsSheet(Sheet):
    """Tells each change at once; the window applies and saves it."""

    changed = Signal(object)
    """The new ``Preferences``."""
    export_wanted = Signal()
    import_wanted = Signal()
    backup_wanted = Signal()

    def __init__(
        self, parent: QWidget, station: Station, preferences: Preferences, *, has_tray: bool, can_lock: bool
    ) -> None:
        super().__init__(parent, _("Settings"))
        self.preferences = preferences
        self._station = station
        self.resize(560, 560)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(_("Settings"))
        self.tabs.tabBar().setAccessibleName(_("Pages of the settings"))
        for name, page in (
            (_("Look"), self._look()),
            (_("Notifications"), self._notifications(has_tray)),
            (_("Privacy"), self._privacy(can_lock)),
            (_("History"), self._history()),
            (_("About"), self._about()),
        ):
            self.tabs.addTab(_scrolling(page), name)
        self.add(self.tabs)
        self.add_buttons(button(_("Done"), self.accept, "primary"))

    def _set(self, **change: object) -> None:
        self.preferences = replace(self.preferences, **change)  # type: ignore[arg-type]
        self.changed.emit(self.preferences)

    # --- controls that follow one preference -----------------------------------------------------------------

    def _switch(self, name: str, text: str, about: str = "") -> QWidget:
        box = QCheckBox(text.replace("&", "&&"))
        box.setAccessibleName(text)
        box.setAccessibleDescription(about)
        box.setChecked(bool(getattr(self.preferences, name)))
        box.toggled.connect(lambda on: self._set(**{name: bool(on)}))
        box.setObjectName(name)
        if not about:
            return box
        hint = label(about, "small")
        hint.setContentsMargins(29, 0, 0, 0)
        both = QWidget()
        both.setLayout(column(box, hint, spacing=0))
        return both

    def _choice(self, name: str, text: str, choices: list[tuple[str, str]]) -> QWidget:
        combo = Combo(text)
        combo.setObjectName(name)
        for key, shown in choices:
            combo.addItem(shown, key)
        keys = [key for key, _shown in choices]
        combo.setCurrentIndex(keys.index(str(getattr(self.preferences, name))))
        combo.activated.connect(lambda at: self._set(**{name: keys[at]}))
        return _named(text, combo)

    def _number(self, name: str, text: str, least: int, most: int, step: int, unit: str) -> QWidget:
        spin = Spin(text, least, most, step, unit)
        spin.box.setObjectName(name)
        spin.box.setValue(int(getattr(self.preferences, name)))
        spin.changed.connect(lambda value: self._set(**{name: int(value)}))
        return _named(text, spin)

    def _time(self, name: str, text: str) -> QTimeEdit:
        edit = QTimeEdit()
        edit.setAccessibleName(text)
        edit.setObjectName(name)
        edit.setButtonSymbols(QTimeEdit.ButtonSymbols.NoButtons)
        edit.setTime(QTime(0, 0).addSecs(60 * int(getattr(self.preferences, name))))
        edit.timeChanged.connect(lambda time: self._set(**{name: QTime(0, 0).secsTo(time) // 60}))
        return edit

    # --- pages -----------------------------------------------------------------------------------------------

    def _look(self) -> QWidget:
        themes = [
            ("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark")),
            ("contrast", _("High contrast")),
        ]  # fmt: skip
        densities = [("bubbles", _("Bubbles")), ("compact", _("Compact lines"))]
        sends = _("Otherwise Enter begins a line and Ctrl+Enter sends.")
        return column_of(
            self._choice("theme", _("Colours"), themes),
            self._choice("language", _("Language"), [(AS_SYSTEM, _("As the system")), *LANGUAGES.items()]),
            label(_("Used from the next start on."), "small"),
            self._choice("density", _("Messages"), densities),
            self._number("text_size", _("Text size"), *TEXT_SIZES, TEXT_STEP, " %"),
            self._switch("reduced_motion", _("Nothing moves"), _("Also when the system asks for it.")),
            self._switch("enter_sends", _("Enter sends a message"), sends),
            1,
        )

    def _notifications(self, has_tray: bool) -> QWidget:
        levels = [
            ("full", _("Name and text")), ("name", _("Name only")), ("none", _("Only that there is a message")),
        ]  # fmt: skip
        hours = row(
            Boxed(self._time("quiet_from", _("Quiet from"))),
            label(_("to"), wrap=False),
            Boxed(self._time("quiet_to", _("Quiet to"))),
            1,
        )
        tray = self._switch(
            "close_to_tray", _("Closing the window leaves Sealwire in the tray"),
            "" if has_tray else _("This desktop shows no tray, so the window stays in the task bar."),
        )  # fmt: skip
        for box in [tray, *tray.findChildren(QCheckBox)]:
            if isinstance(box, QCheckBox):
                box.setEnabled(has_tray)
        parts: list[QWidget | int] = [
            self._switch("notifications", _("Show notifications")),
            self._choice("notify", _("They show"), levels),
            self._switch(
                "do_not_disturb", _("Do not disturb"), _("Until you switch it off. A changed key is told all the same.")
            ),
            self._switch("quiet_hours", _("Quiet hours every day")),
        ]
        page = column_of(*parts)
        page.layout().addLayout(hours)  # type: ignore[union-attr]
        for part in (tray, self._switch("start_minimised", _("Start minimised"))):
            page.layout().addWidget(part)  # type: ignore[union-attr]
        page.layout().addStretch(1)  # type: ignore[union-attr]
        return page

    def _privacy(self, can_lock: bool) -> QWidget:
        lock = self._number("lock_minutes", _("Ask for the passphrase after"), 0, MAX_LOCK_MINUTES, 1, _(" minutes"))
        spin = lock.findChild(QSpinBox)
        if spin is not None:
            spin.setSpecialValueText(_("never"))
        lock.setEnabled(can_lock)
        about = (
            _("It hides the window from whoever passes by; the keys stay in this computer's memory meanwhile.")
            if can_lock
            else _("Your passphrase is empty, so there is nothing to ask for.")
        )
        self.presence = QCheckBox(_("Others may see that I am online"))
        self.presence.setAccessibleName(self.presence.text())
        self._station.bridge.ask(
            self, self._station.client.people.share_presence(), self._presence_is, lambda _error: None
        )
        receipts = _("Read receipts and typing notices are set in the settings file: peer.read_receipts, peer.typing.")
        return column_of(lock, label(about, "small"), self.presence, label(receipts, "small"), 1)

    def _presence_is(self, shared: bool) -> None:
        self.presence.setChecked(shared)
        share: Callable[[bool], None] = lambda on: self._station.ask(  # noqa: E731 - a slot of one line
            self._station.client.people.share_presence(bool(on))
        )
        self.presence.toggled.connect(share)

    def _history(self) -> QWidget:
        self.keep = Combo(_("Keep messages on this device"))
        for days in KEEP_DAYS:
            self.keep.addItem(_("for {n} days").format(n=days) if days else _("until I delete them"), days)
        self._station.bridge.ask(
            self, self._station.client.past.retention(None), self._retention_is, lambda _error: None
        )
        export = button(_("Export messages…"), self.export_wanted.emit, icon="save")
        take = button(_("Import an export…"), self.import_wanted.emit, icon="download")
        backup = button(_("Back up this profile…"), self.backup_wanted.emit, icon="lock")
        about = label(
            _("An export is readable by everyone who has the file. A backup is sealed with a passphrase."), "small"
        )
        return column_of(_named(self.keep.accessibleName(), self.keep), export, take, backup, about, 1)

    def _retention_is(self, rule: Retention) -> None:
        self.keep.setCurrentIndex(KEEP_DAYS.index(rule.days) if rule.days in KEEP_DAYS else 0)
        self.keep.activated.connect(lambda at: self._keep(rule, KEEP_DAYS[at]))

    def _keep(self, rule: Retention, days: int) -> None:
        self._station.ask(self._station.client.past.retention(None, Retention(days, rule.messages)))

    def _about(self) -> QWidget:
        client = self._station.client
        fingerprint = label(views.fingerprint(client.fingerprint), "mono", selectable=True)
        fingerprint.setAccessibleName(_("Your fingerprint {digits}").format(digits=client.fingerprint))
        return column_of(
            label(_("Sealwire {version}").format(version=__version__), "heading"),
            label(_("You are {name}. Your fingerprint:").format(name=views.screen_name(client.name))),
            fingerprint,
            label(_("This program speaks with your broker and with nobody else."), "muted"),
            1,
        )


def column_of(*parts: QWidget | int) -> QWidget:
    """Return parts below each other as one widget."""
    made = QWidget()
    made.setObjectName("page")
    made.setLayout(column(*parts, spacing=10, margin=4))
    return made


def _named(text: str, control: QWidget) -> QWidget:
    words = label(text)
    words.setBuddy(control)
    made = QWidget()
    made.setLayout(row(words, 1, control))
    return made


def _scrolling(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    return area
