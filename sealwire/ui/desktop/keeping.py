"""Copies of the history: an export in clear, an import of one, a sealed backup of the profile."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import ExportFormat
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import Banner, Combo, Problem, button, field, label, link_names
from sealwire.ui.desktop.station import Station

ENDINGS: Final[dict[ExportFormat, str]] = {"json": ".json", "text": ".txt", "html": ".html"}


class ExportSheet(Sheet):
    """Which form, where to; then how many."""

    def __init__(self, parent: QWidget, station: Station, conversation: str | None) -> None:
        super().__init__(parent, _("Export messages"))
        self._station = station
        self._conversation = conversation
        self.kind = Combo(_("Form"))
        for key, shown in (
            ("html", _("A page to read (HTML)")),
            ("text", _("Plain text")),
            ("json", _("For programs (JSON)")),
        ):
            self.kind.addItem(shown, key)
        self.problem = Problem()
        self.done_banner = Banner("calm", "check")
        self.go = button(_("Choose the file…"), self._choose, "primary")
        words = label(_("Form"), "muted")
        words.setBuddy(self.kind)
        about = label(_("The file is not encrypted: everyone who has it can read it."), "small")
        self.add(words, self.kind, about, self.problem, self.done_banner)
        self.close_button = button(_("Close"), self.reject)
        self.add_buttons(self.close_button, self.go)

    def _choose(self) -> None:
        kind: ExportFormat = self.kind.currentData()
        name = (self._conversation or self._station.client.name).lstrip("+") + ENDINGS[kind]
        chosen, _filter = QFileDialog.getSaveFileName(self, _("Export messages"), str(Path.home() / name))
        if chosen:
            self.write(Path(chosen), kind)

    def write(self, target: Path, kind: ExportFormat) -> None:
        """Write the file."""
        self.go.setEnabled(False)
        self.problem.say("")
        question = self._station.client.past.export(target, kind, self._conversation)
        self._station.bridge.ask(self, question, self._written, self._failed)

    def _written(self, count: int) -> None:
        self.go.setEnabled(True)
        text = ngettext("{n} message written.", "{n} messages written.", count).format(n=dates.number(count))
        self.done_banner.say(text)

    def _failed(self, error: object) -> None:
        self.go.setEnabled(True)
        self.problem.show_error(error)  # type: ignore[arg-type]


class BackupSheet(Sheet):
    """A passphrase for the copy, and where to."""

    def __init__(self, parent: QWidget, station: Station) -> None:
        super().__init__(parent, _("Back up this profile"))
        self._station = station
        self.first = field(_("Passphrase of the backup"), secret=True)
        self.second = field(_("The same passphrase again"), secret=True)
        self.problem = Problem()
        self.done_banner = Banner("calm", "check")
        about = label(
            _("Keys, history, contacts and settings in one file. Without this passphrase nobody can open it."), "muted"
        )
        self.add(about)
        for control in (self.first, self.second):
            words = label(control.accessibleName(), "small")
            link_names(words, control)
            self.add(words, control)
        self.add(self.problem, self.done_banner)
        self.go = button(_("Choose the file…"), self._choose, "primary")
        self.add_buttons(button(_("Close"), self.reject), self.go)
        self.first.setFocus()

    def _choose(self) -> None:
        if not self._fits():
            return
        name = f"{self._station.client.name}.sealwire-backup"
        chosen, _filter = QFileDialog.getSaveFileName(self, _("Back up this profile"), str(Path.home() / name))
        if chosen:
            self.write(Path(chosen))

    def _fits(self) -> bool:
        if not self.first.text():
            self.problem.say(_("A backup needs a passphrase: the file may end up anywhere."))
        elif self.first.text() != self.second.text():
            self.problem.say(_("These are two different passphrases. Type the same one twice."))
        else:
            self.problem.say("")
            return True
        return False

    def write(self, target: Path) -> None:
        """Write the file."""
        if not self._fits():
            return
        self.go.setEnabled(False)
        question = self._station.client.past.backup(target, self.first.text().encode())
        self._station.bridge.ask(self, question, lambda _none: self._written(), self._failed)

    def _written(self) -> None:
        self.go.setEnabled(True)
        self.done_banner.say(_("The backup is written. Keep the file and its passphrase apart."))

    def _failed(self, error: object) -> None:
        self.go.setEnabled(True)
        self.problem.show_error(error)  # type: ignore[arg-type]


def choose_import(parent: QWidget, station: Station, owner: QObject) -> None:
    """Ask for an export and take it in; what came of it is said by the window."""
    chosen, _filter = QFileDialog.getOpenFileName(parent, _("Import an export"), str(Path.home()), "JSON (*.json)")
    if chosen:
        station.bridge.ask(
            owner, station.client.past.import_(Path(chosen)), lambda _count: station.read_chats(), station.failed.emit
        )
