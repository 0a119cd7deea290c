"""People: who asks to talk, and everything about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from textual.app import ComposeResult
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from sealwire.i18n import _
from sealwire.peer.api import SessionInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo
from sealwire.ui.terminal.screens.base import Page, Row, button, plain
from sealwire.ui.views import chats, sentences
from sealwire.ui.views.safe import screen_name


class Requests(Page[str]):
    """Who asks to talk; gives back the conversation to look at."""

    def __init__(self, asking: Sequence[ConversationInfo], own: str) -> None:
        self._asking, self._own = list(asking), own
        self.title_text = _("Requests")
        self.hint_text = _("Enter: look at it   Esc: back")
        super().__init__()

    def content(self) -> ComposeResult:
        """A row each."""
        if not self._asking:
            yield Static(plain(_("Nobody asks to talk to you.")))
            return
        yield OptionList(*(Option(plain(self._row(info)), id=info.id) for info in self._asking), id="choices")

    def _row(self, info: ConversationInfo) -> str:
        name = screen_name(info.title)
        if info.is_group:
            return _("+{name}: an invitation").format(name=name)
        said = chats.preview(info.last, self._own, {}, False) if info.last else ""
        return f"{name}: {said}"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give it back."""
        self.dismiss(event.option.id)


class Person(Page[str]):
    """Fingerprint, session, nickname; gives back what to do."""

    DEFAULT_CSS = """
    Person .row { height: auto; layout: grid; grid-size: 3; grid-gutter: 0; grid-rows: 1; }
    """

    def __init__(
        self,
        person: PersonInfo,
        session: SessionInfo,
        chat: ConversationInfo | None,
        now_ms: int,
        zone: tzinfo | None,
    ) -> None:
        self._person, self._session, self._chat, self._now_ms, self._zone = person, session, chat, now_ms, zone
        self.title_text = screen_name(person.nickname or person.contact.name)
        self.hint_text = _("Tab: next   Enter: press   Esc: back")
        super().__init__()

    def content(self) -> ComposeResult:
        """What is known, then what can be done."""
        person = self._person
        if person.nickname:
            yield Static(plain(_("Account: {name}").format(name=screen_name(person.contact.name))))
        for line in sentences.session(self._session, self._now_ms, self._zone):
            yield Static(plain(line))
        for line in sentences.presence(person, self._now_ms, self._zone):
            yield Static(plain(line))
        if self._chat is not None:
            yield Static(plain(sentences.timer(self._chat.timer_s)))
        with Row(classes="row"):
            for key, label in self._acts():
                yield button(label, key)

    def _acts(self) -> list[tuple[str, str]]:
        muted = self._chat is not None and chats.muted(self._chat, self._now_ms)
        acts = [
            ("verify", _("Verify")),
            ("nick", _("Nickname")),
            ("unmute", _("Unmute")) if muted else ("mute", _("Mute")),
            ("timer", _("Timer")),
            ("pinned", _("Pinned")),
            ("files", _("Files")),
            ("unblock", _("Unblock")) if self._person.blocked else ("block", _("Block")),
        ]
        if self._person.contact.trust == "changed":
            acts.insert(0, ("key-change", _("The new key")))
        return acts

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Give it back."""
        self.dismiss(event.button.id)
