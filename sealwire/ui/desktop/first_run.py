"""The first minutes: which broker, which name, a passphrase, and then the line that brings a friend.

Nothing has to be read before. Each page asks one thing, says what happens while it happens, and of every error what to
do next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QListWidget,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QWidget,
)

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import Launcher, RunningBroker
from sealwire.ui import views
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.bits import (
    Problem,
    button,
    card,
    column,
    copy_button,
    field,
    label,
    link_names,
    page,
    row,
)
from sealwire.ui.desktop.bridge import Bridge
from sealwire.ui.desktop.qr_view import QrView
from sealwire.ui.desktop.theme import look

WIDTH: Final = 520
MAX_STEPS: Final = 50
"""Lines of progress kept on the screen."""

_PASSPHRASE_HINT: Final = 12
"""Characters from which a passphrase is not called short."""


class Step(QWidget):
    """One page: a title, what it is about, a problem if there is one, the rest."""

    def __init__(self, title: str, about: str, sign: str = "seal") -> None:
        super().__init__()
        self.sign = QLabel()
        self._sign = sign
        self.title = label(title, "title")
        self.about = label(about, "muted")
        self.problem = Problem()
        self.body = column(spacing=12)
        inner = page(self.sign, self.title, self.about, self.problem, margin=28, spacing=14)
        inner.setMaximumWidth(WIDTH + 56)
        inner.layout().addLayout(self.body)  # type: ignore[union-attr]
        inner.layout().addStretch(1)  # type: ignore[union-attr]
        self.setLayout(row(1, inner, 1))
        self.layout().setStretch(1, 100)  # type: ignore[union-attr]
        look().changed.connect(self._draw)
        self._draw()

    def add(self, *parts: QWidget | int) -> None:
        """Put parts below each other, from the top."""
        for part in parts:
            if isinstance(part, int):
                self.body.addStretch(part)
            else:
                self.body.addWidget(part)

    def _draw(self) -> None:
        self.sign.setPixmap(icons.pixmap(self._sign, look().colours.accent, 44, self.devicePixelRatioF()))


class BrokerStep(Step):
    """Where messages go through: a broker of one's own, or that of an invite."""

    start = Signal(bool)
    """Whether other computers shall reach it."""
    join = Signal(str)
    again = Signal()

    def __init__(self) -> None:
        super().__init__(
            _("Welcome to Sealwire"),
            _("Messages pass through a broker that cannot read them. None answers yet. How would you like to begin?"),
        )
        self.reachable = QCheckBox(_("Let other computers reach it, with an invite"))
        self.reachable.setAccessibleName(self.reachable.text())
        self.own = button(_("Start a broker here"), self._begin, "primary", "broker")
        self.invite = field(_("Invite"), _("sealwire:… paste the line you were sent"))
        self.connect_button = button(_("Join"), self._join, "primary")
        self.invite.returnPressed.connect(self._join)
        self.again_button = button(_("Try again"), self.again.emit, "link", "retry")
        words = label(_("Join with an invite"), "heading")
        link_names(words, self.invite)
        about = label(_("This computer relays for you and the people you invite."), "muted")
        self.add(card(label(_("Begin your own"), "heading"), about, self.reachable, row(1, self.own)))
        sent = label(_("Somebody who has a broker sends you one line."), "muted")
        self.add(card(words, sent, row(self.invite, self.connect_button)), self.again_button)

    def _begin(self) -> None:
        self.start.emit(self.reachable.isChecked())

    def _join(self) -> None:
        self.join.emit(self.invite.text().strip())

    def busy(self, busy: bool) -> None:
        """Whether something is under way."""
        for control in (self.own, self.reachable, self.invite, self.connect_button, self.again_button):
            control.setEnabled(not busy)


class NameStep(Step):
    """A name, and the passphrase of its key file."""

    done = Signal(str, str)
    back = Signal()

    def __init__(self, name: str) -> None:
        super().__init__(
            _("Who are you here?"),
            _("Your name is what others write to. Your keys stay on this computer, locked with a passphrase."),
            "person",
        )
        self.name = field(_("Your name"), _("for example alice"))
        self.name.setText(name)
        self.first = field(_("Passphrase"), secret=True)
        self.second = field(_("The same passphrase again"), secret=True)
        for control, text in (
            (self.name, _("Your name")), (self.first, _("Passphrase")), (self.second, _("The same again")),
        ):  # fmt: skip
            words = label(text, wrap=False)
            link_names(words, control)
            self.add(words, control)
            control.returnPressed.connect(self._go)
            control.textChanged.connect(self._judge)
        self.judgement = label("", "small")
        self.go = button(_("Make my keys"), self._go, "primary")
        explain = label(
            _("Whoever has the key file and its passphrase can write as you. Nobody can reset it."), "small"
        )
        self.add(self.judgement, explain)
        self.body.addLayout(row(button(_("Back"), self.back.emit), 1, self.go))
        self._judge()

    def focus(self) -> None:
        """Begin where something is missing."""
        (self.first if self.name.text() else self.name).setFocus()

    def _judge(self) -> None:
        said = ""
        if self.name.text() and account_name(self.name.text()) is None:
            said = _("A name has 1 to 32 of a–z, 0–9, _ and -, and begins with a letter or digit.")
        elif not self.first.text():
            said = _("An empty passphrase is allowed: then whoever can read the file is you.")
        elif len(self.first.text()) < _PASSPHRASE_HINT:
            said = _("That is short. Four or five ordinary words are easy to remember and hard to guess.")
        elif self.second.text() and self.first.text() != self.second.text():
            said = _("These are two different passphrases.")
        self.judgement.setText(said)

    def _go(self) -> None:
        name = account_name(self.name.text())
        if name is None:
            self.problem.say(_("Choose a name of 1 to 32 of a–z, 0–9, _ and -."))
            self.name.setFocus()
        elif self.first.text() != self.second.text():
            self.problem.say(_("These are two different passphrases. Type the same one twice."))
            self.second.setFocus()
        else:
            self.problem.say("")
            self.done.emit(name, self.first.text())


class ProgressStep(Step):
    """What is being done, line by line."""

    def __init__(self) -> None:
        super().__init__(_("Making your keys"), _("This takes a few seconds, once."), "key")
        self.bar = QProgressBar()
        self.bar.setAccessibleName(_("Progress"))
        self.bar.setTextVisible(False)
        self.steps = QListWidget()
        self.steps.setAccessibleName(_("What has been done"))
        self.steps.setMinimumHeight(200)
        self.add(self.bar, self.steps)

    def begin(self, title: str, about: str) -> None:
        """Start anew. Without motion the bar stands still; the lines below tell the same."""
        self.title.setText(title)
        self.about.setText(about)
        self.steps.clear()
        self.bar.setRange(0, 1 if look().reduced_motion else 0)

    def tell(self, text: str) -> None:
        """Add a line."""
        self.steps.addItem(views.screen_text(text))
        while self.steps.count() > MAX_STEPS:
            self.steps.takeItem(0)
        self.steps.setCurrentRow(self.steps.count() - 1)


class FriendStep(Step):
    """The line that brings a friend."""

    begin = Signal()

    def __init__(self) -> None:
        super().__init__(
            _("You are ready"),
            _("To write with somebody, send them this line by any way you trust. They paste it at their first start."),
            "invite",
        )
        self.line = field(_("Your invite line"))
        self.line.setReadOnly(True)
        self.line.setCursorPosition(0)
        self.code = QrView(_("The invite as a code to scan"))
        self.copy = copy_button(self.line.text, _("Copy the line"))
        self.go = button(_("Start writing"), self.begin.emit, "primary")
        self.add(self.line, self.code)
        self.body.addLayout(row(self.copy, 1, self.go))

    def show_line(self, line: str) -> None:
        """Show an invite; without one, only the way on."""
        for widget in (self.line, self.code, self.copy):
            widget.setVisible(bool(line))
        if line:
            self.line.setText(line)
            self.code.show_text(line)


class FirstRun(QWidget):
    """The pages in their order."""

    ready = Signal(object)
    """The client: the profile is open."""
    closed = Signal()

    def __init__(self, launcher: Launcher, bridge: Bridge) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setWindowTitle(_("Sealwire, first start"))
        self._launcher = launcher
        self._bridge = bridge
        self._invite: str | None = None
        self._line = ""
        self._client: FullClient | None = None
        self.pages = QStackedWidget()
        self.looking = ProgressStep()
        self.broker = BrokerStep()
        self.name = NameStep(launcher.name)
        self.progress = ProgressStep()
        self.friend = FriendStep()
        for step in (self.looking, self.broker, self.name, self.progress, self.friend):
            self.pages.addWidget(_scrolling(step))
        self.setLayout(column(self.pages))
        self.resize(620, 700)
        self._connect()

    def _connect(self) -> None:
        self.broker.start.connect(self._start_broker)
        self.broker.join.connect(self._join)
        self.broker.again.connect(self.look)
        self.name.done.connect(self._make)
        self.name.back.connect(lambda: self._show(self.broker))
        self.friend.begin.connect(self._finish)

    def look(self) -> None:
        """See whether a broker answers."""
        self.looking.begin(_("Looking for your broker"), _("One moment."))
        self._show(self.looking)
        self._bridge.ask(self, self._launcher.broker_answers(), self._looked, self._no_broker)

    def _looked(self, answers: bool) -> None:
        if answers:
            self._show(self.name)
            self.name.focus()
        else:
            self.broker.busy(False)
            self._show(self.broker)
            self.broker.own.setFocus()

    def _no_broker(self, error: SealwireError) -> None:
        self._looked(False)
        self.broker.problem.show_error(error)

    def _start_broker(self, reachable: bool) -> None:
        self.broker.busy(True)
        self.broker.problem.say("")
        self._bridge.ask(self, self._launcher.start_broker(reachable=reachable), self._started, self._not_started)

    def _started(self, running: RunningBroker) -> None:
        self._line = running.invite
        self.name.about.setText(
            _("Your broker runs at {address}. Now choose a name; your keys stay on this computer.").format(
                address=views.screen_text(running.address)
            )
        )
        self._looked(True)

    def _not_started(self, error: SealwireError) -> None:
        self.broker.busy(False)
        self.broker.problem.show_error(error)

    def _join(self, line: str) -> None:
        try:
            address = self._launcher.check_invite(line)
        except SealwireError as error:
            self.broker.problem.show_error(error)
            self.broker.invite.setFocus()
            return
        self._invite = line
        self.broker.problem.say("")
        text = _("You join the broker at {address}. Now choose a name; your keys stay on this computer.")
        self.name.about.setText(text.format(address=views.screen_text(address)))
        self._looked(True)

    def _make(self, name: str, passphrase: str) -> None:
        self.progress.begin(_("Making your keys"), _("This takes a few seconds, once."))
        self._show(self.progress)
        tell: Callable[[str], None] = lambda line: self._bridge.call(lambda: self.progress.tell(line))  # noqa: E731
        self._bridge.ask(self, self._open(name, passphrase.encode(), tell), self._made, self._not_made)

    async def _open(self, name: str, passphrase: bytes, tell: Callable[[str], None]) -> tuple[FullClient, str]:
        client = await self._launcher.open(name, passphrase, tell, self._invite)
        line = self._line
        if not line:
            try:
                line = await self._launcher.invite_line()
            except SealwireError:
                line = ""  # only the broker's operator can make one; the next page does without
        return client, line

    def _made(self, made: tuple[FullClient, str]) -> None:
        self._client, line = made
        self.friend.show_line(line)
        self._show(self.friend)
        self.friend.go.setFocus()

    def _not_made(self, error: SealwireError) -> None:
        self._show(self.name)
        self.name.problem.show_error(error)
        self.name.focus()

    def _finish(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self.ready.emit(client)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Somebody who closes the window means to end."""
        super().closeEvent(event)
        if self._client is not None:
            self._bridge.ask(self, self._client.close())
        self.closed.emit()

    def _show(self, step: Step) -> None:
        for at in range(self.pages.count()):
            area = self.pages.widget(at)
            if isinstance(area, QScrollArea) and area.widget() is step:
                self.pages.setCurrentIndex(at)
        QApplication.processEvents()


def _scrolling(step: Step) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(step)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    return area
