"""Comparing keys with somebody: one screen, no camera needed. And what to do when a key has changed.

Both people see the same digits. Whoever has the other beside them reads them aloud, scans the code with whatever reads
QR codes, or has its text sent over a way that is already trusted, and pastes it here.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from sealwire.i18n import _
from sealwire.peer.api import ContactInfo
from sealwire.peer.api.people import Match, PersonInfo, Verification
from sealwire.peer.events import TrustState
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import Banner, Problem, button, card, copy_button, field, label, link_names, row
from sealwire.ui.desktop.qr_view import QrView
from sealwire.ui.desktop.station import Station
from sealwire.ui.views import trust as pages


class VerifySheet(Sheet):
    """The digits and the code, and two answers."""

    verified = Signal(str)
    change_wanted = Signal(str)
    """The key of this person has changed: another page decides."""

    def __init__(self, parent: QWidget, station: Station, name: str, shown: str) -> None:
        super().__init__(parent, _("Verify {name}").format(name=views.screen_name(shown)))
        self._station = station
        self._name = name
        self._shown = shown
        self._trust: TrustState = "unverified"
        self._value: Verification | None = None
        self.setMinimumWidth(460)
        self.explanation = label("", "muted")
        self.state = Banner("calm", "seal")
        self.digits = label("", "digits", wrap=False, selectable=True)
        self.digits.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.code = QrView(_("Your code for {name} to scan").format(name=views.screen_name(shown)))
        self._text = ""
        self.copy = copy_button(lambda: self._text, _("Copy my code as text"))
        self.paste = field(_("Code of {name}").format(name=views.screen_name(shown)), _("Paste their code"))
        self.check = button(_("Check"), self._check)
        self.paste.returnPressed.connect(self._check)
        self.answer = Banner("calm", "details")
        self.problem = Problem()
        self.same = button(_("They are the same"), self._same, "primary", "check")
        self.undo = button(_("Take the verification back"), self._undo, "link")
        self.undo.hide()
        words = label(_("Or paste the code that they copied on their side:"), "small")
        link_names(words, self.paste)
        digits = card(self.digits, self.code)
        self.add(self.explanation, self.state, digits, row(1, self.copy, 1), words, row(self.paste, self.check))
        self.add(self.answer, self.problem)
        self.leave = button(_("Not now"), self.reject)
        self.add_buttons(self.undo, self.leave, self.same)
        self._load()

    def _load(self) -> None:
        question = self._station.client.people.verification(self._name)
        self._station.bridge.ask(self, question, self._took, self.problem.show_error)
        self._station.bridge.ask(self, self._station.client.people.person(self._name), self._took_person)

    def _took_person(self, person: PersonInfo) -> None:
        self._set_trust(person.contact.trust)

    def _took(self, value: Verification) -> None:
        self._value = value
        self._show()

    def _set_trust(self, trust: TrustState) -> None:
        self._trust = trust
        self._show()

    def _show(self) -> None:
        if self._value is None:
            return
        page = pages.verify_page(self._value, self._trust, self._shown)
        self.explanation.setText(page.explanation)
        spoken = " ".join(page.digits)
        self.digits.setText("\n".join(page.digits))
        self.digits.setAccessibleName(_("Safety number: {digits}").format(digits=spoken))
        self._text = page.code
        self.code.show_text(page.code)
        self.state.set_kind("alert" if self._trust == "changed" else "calm", "seal" if page.is_verified else "details")
        self.state.say(page.state)
        self.same.setVisible(not page.is_verified)
        self.undo.setVisible(page.is_verified)
        self.leave.setText(_("Close") if page.is_verified else _("Not now"))
        self.leave.setAccessibleName(self.leave.text())
        self._fit()

    def _fit(self) -> None:
        """Grow to what is shown now; wrapped lines know their height only at the width they have."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        width = max(self.width(), layout.totalMinimumSize().width())  # longer words on the buttons need more
        self.resize(width, max(layout.totalHeightForWidth(width), self.sizeHint().height()))

    def _same(self) -> None:
        if self._trust == "changed":
            self.accept()
            self.change_wanted.emit(self._name)
            return
        question = self._station.client.set_verified(self._name, True)
        self._station.bridge.ask(self, question, self._took_contact, self.problem.show_error)

    def _took_contact(self, contact: ContactInfo) -> None:
        self._set_trust(contact.trust)
        if contact.trust == "verified":
            self.verified.emit(self._name)
            self.accept()

    def _undo(self) -> None:
        question = self._station.client.set_verified(self._name, False)
        self._station.bridge.ask(
            self, question, lambda contact: self._set_trust(contact.trust), self.problem.show_error
        )

    def _check(self) -> None:
        code = self.paste.text().strip()
        if code:
            question = self._station.client.people.check_code(self._name, code)
            self._station.bridge.ask(self, question, self._checked, self.problem.show_error)

    def _checked(self, match: Match) -> None:
        self.answer.set_kind("calm" if match == "same" else "alert", "seal" if match == "same" else "warning")
        self.answer.say(pages.match_sentence(match, self._shown))
        self._fit()
        if match == "same":
            self._set_trust("verified")
            self.verified.emit(self._name)


class KeyChangeSheet(Sheet):
    """Who, since when, why it may be, and two buttons."""

    compare_wanted = Signal(str)
    accepted_key = Signal(str)

    def __init__(self, parent: QWidget, station: Station, name: str, shown: str) -> None:
        super().__init__(parent, _("The key of {name} has changed").format(name=views.screen_name(shown)))
        self._station = station
        self._name = name
        self._shown = shown
        self.setMinimumWidth(460)
        self.since = label("", "")
        self.causes = label("", "")
        self.consequence = Banner("alert", "warning")
        self.problem = Problem()
        self.advice = label(
            _("Ask {name} over another way, a call for example, whether they have a new device.").format(
                name=views.screen_name(shown)
            ),
            "muted",
        )
        self.compare = button(_("Compare digits"), self._compare, "primary", "seal")
        self.take = button(_("Accept new key"), self._accept)
        self.add(self.since, card(self.causes), self.consequence, self.advice, self.problem)
        self.add_buttons(self.take, self.compare)
        question = station.client.people.verification(name)
        station.bridge.ask(self, question, self._took, self.problem.show_error)
        self.compare.setFocus()

    def _took(self, value: Verification) -> None:
        page = pages.change_page(value, self._shown, 0, None)
        self.title.setText(page.title)
        when = dates.full(value.changed_ms) if value.changed_ms else ""
        self.since.setText(_("Another key is seen since {time}.").format(time=when) if when else page.since)
        self.causes.setText("\n".join(f"•  {cause}" for cause in page.causes))
        self.consequence.say(page.consequence)
        self.adjustSize()

    def _compare(self) -> None:
        self.accept()
        self.compare_wanted.emit(self._name)

    def _accept(self) -> None:
        question = self._station.client.approve(self._name)
        self._station.bridge.ask(self, question, self._accepted, self.problem.show_error)

    def _accepted(self, _contact: ContactInfo) -> None:
        self.accepted_key.emit(self._name)
        self.accept()
