"""The demonstration: alice, the broker and bob side by side in one window, and all of it real.

It plays a few lines by itself, so that there is something to see, and then it is the visitor's: write on either side,
let one of them go offline, look at what lies at the broker meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QStackedWidget, QWidget

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.peer.api.demo import DemoStage, Sight
from sealwire.ui import views
from sealwire.ui.desktop.avatar import Avatar
from sealwire.ui.desktop.bits import Banner, Problem, button, column, label, row
from sealwire.ui.desktop.bridge import Bridge, LoopThread
from sealwire.ui.desktop.broker_view import BrokerView
from sealwire.ui.desktop.chat import ChatPane
from sealwire.ui.desktop.pictures import Pictures
from sealwire.ui.desktop.station import Station
from sealwire.ui.views import banner

Name = Literal["alice", "bob"]
NAMES: Final[tuple[Name, Name]] = ("alice", "bob")
OTHER: Final[dict[Name, Name]] = {"alice": "bob", "bob": "alice"}
WAIT_S: Final = 30.0
NARROW: Final = 1_060
"""Below this width the columns are shown one at a time."""


class Side(QWidget):
    """One person: a head with their link, and the conversation with the other."""

    arrived = Signal()
    failed = Signal(object)

    def __init__(self, name: Name, stage: DemoStage, thread: LoopThread, pictures: Pictures) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.name = name
        self._stage = stage
        self._thread = thread
        self._pictures = pictures
        self.station: Station | None = None
        self.pane: ChatPane | None = None
        face = Avatar(40)
        face.show_face(name, name)
        self._link = label("", "small")
        self.switch = button(_("Go offline"), self._toggle)
        self.switch.setEnabled(False)
        self._offline = Banner("calm", "away")
        self._steps = QListWidget()
        self._steps.setAccessibleName(_("What {name} does").format(name=name))
        self.places = QStackedWidget()
        self.places.addWidget(self._steps)
        head = row(face, column(label(name, "heading", wrap=False), self._link, spacing=0), 1, self.switch, spacing=10)
        head.setContentsMargins(14, 10, 14, 10)
        layout = column(spacing=0)
        layout.addLayout(head)
        layout.addWidget(self._offline)
        layout.addWidget(self.places, 1)
        self.setLayout(layout)

    @property
    def client(self) -> FullClient:
        """The running peer."""
        assert self.station is not None
        return self.station.client

    async def start(self, bridge: Bridge) -> FullClient:
        """Open the profile; called on the client's loop."""
        return await self._stage.peer(self.name, lambda line: bridge.call(lambda: self.tell(line)))

    def tell(self, line: str) -> None:
        """Show a step of making keys."""
        self._steps.addItem(views.screen_text(line))
        self._steps.scrollToBottom()

    def take(self, client: FullClient) -> None:
        """The peer runs: show its conversation."""
        bridge = Bridge(self._thread, self)
        self.station = Station(client, bridge, self)
        self.pane = ChatPane(self.station, self._pictures, rooms=False)
        self.places.addWidget(self.pane)
        self.places.setCurrentWidget(self.pane)
        self.station.changed.connect(self._show_link)
        self.station.begin()
        self._offline.say("")
        self.switch.setText(_("Go offline"))
        self.switch.setAccessibleName(_("Let {name} go offline").format(name=self.name))
        self.switch.setEnabled(True)

    def open(self) -> None:
        """Open the conversation with the other."""
        assert self.station is not None
        self.station.open(OTHER[self.name], self.arrived.emit)

    def _show_link(self) -> None:
        if self.station is None:
            return
        found = banner.link(self.station.desk.link, self.station.desk.queued)
        self._link.setText(found.text if found is not None else _("online"))

    def _toggle(self) -> None:
        self.switch.setEnabled(False)
        if self.station is not None:
            self._leave(self.station)
        else:
            bridge = Bridge(self._thread, self)
            bridge.ask(self, self.start(bridge), self._returned, self._failed)

    def _leave(self, station: Station) -> None:
        station.bridge.ask(self, station.client.close(), lambda _none: self._left(), self._failed)

    def _left(self) -> None:
        self.station = None
        if self.pane is not None:
            self.pane.composer.allow(False, _("{name} is offline").format(name=self.name))
        self._link.setText(_("offline"))
        text = _("{name}'s program has ended. What {other} writes now waits at the broker.")
        self._offline.say(text.format(name=self.name, other=OTHER[self.name]))
        self.switch.setText(_("Come back"))
        self.switch.setAccessibleName(_("Let {name} come back").format(name=self.name))
        self.switch.setEnabled(True)

    def _returned(self, client: FullClient) -> None:
        old, self.pane = self.pane, None
        self.take(client)
        if old is not None:
            self.places.removeWidget(old)
            old.deleteLater()
        self.open()

    def _failed(self, error: SealwireError) -> None:
        self.switch.setEnabled(True)
        self.failed.emit(error)


class DemoWindow(QWidget):
    """Three columns and a line that tells the story."""

    closed = Signal()
    told = Signal(str)
    """Each step of the story, for whoever waits for one."""

    def __init__(self, stage: DemoStage, thread: LoopThread) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setWindowTitle(_("Sealwire: a demonstration"))
        self._stage = stage
        self._bridge = Bridge(thread, self)
        self._boxes: dict[str, Name] = {}
        self.pictures = Pictures(self)
        self.alice, self.bob = Side("alice", stage, thread, self.pictures), Side("bob", stage, thread, self.pictures)
        self.broker = BrokerView(self._who)
        self.story = Banner("calm", "seal")
        self.problem = Problem()
        self._columns: QHBoxLayout = row(self.alice, self.broker, self.bob, spacing=1)
        for at, part in enumerate((10, 11, 10)):
            self._columns.setStretch(at, part)
        self._chooser = row(spacing=6)
        self._choose_buttons = [
            button(text, partial(self._show_column, at)) for at, text in enumerate(("alice", _("The broker"), "bob"))
        ]
        for one in self._choose_buttons:
            one.setCheckable(True)
            self._chooser.addWidget(one)
        top = column(self.story, self.problem, spacing=6)
        top.addLayout(self._chooser)
        top.setContentsMargins(10, 10, 10, 8)
        layout = column(spacing=0)
        layout.addLayout(top)
        layout.addLayout(self._columns, 1)
        self.setLayout(layout)
        self.resize(1_320, 820)
        self._shown = 1
        for side in (self.alice, self.bob):
            side.failed.connect(self.problem.show_error)

    # --- columns ---------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """One column at a time where three have no room."""
        super().resizeEvent(event)
        self._show_column(self._shown)

    def _show_column(self, at: int) -> None:
        self._shown = at
        narrow = self.width() < NARROW
        for number, widget in enumerate((self.alice, self.broker, self.bob)):
            widget.setVisible(not narrow or number == at)
            self._choose_buttons[number].setVisible(narrow)
            self._choose_buttons[number].setChecked(number == at)

    def _who(self, mailbox: str) -> str:
        return self._boxes.get(mailbox, _("its owner"))

    # --- the story -------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Begin."""
        self._tell(
            _("Alice and bob each make their keys: an RSA-3072 key to sign, another to decrypt, and X25519, Ed25519 "
              "and ML-KEM-768 keys. The broker gets public keys only.")
        )  # fmt: skip
        self._do(self._stage.begin(), lambda _none: self._begun())

    def _begun(self) -> None:
        self._bridge.happened.connect(self._saw)
        self._bridge.follow(self._stage.sights())
        self._do(self.alice.start(self._bridge), self._alice_runs)

    def _alice_runs(self, client: FullClient) -> None:
        self.alice.take(client)
        self._do(self._bob_follows(), self._bob_runs)

    async def _bob_follows(self) -> FullClient:
        await self.alice.client.online(WAIT_S)  # who is welcomed first is alice: see _meet
        return await self.bob.start(self._bridge)

    def _bob_runs(self, client: FullClient) -> None:
        self.bob.take(client)
        self._do(self._compared(), self._verified)

    async def _compared(self) -> bool:
        digits = set()
        for side in (self.alice, self.bob):
            await side.client.online(WAIT_S)
        for side in (self.alice, self.bob):
            digits.add((await side.client.safety_number(OTHER[side.name])).digits)
        for side in (self.alice, self.bob):
            await side.client.set_verified(OTHER[side.name], len(digits) == 1)
        return len(digits) == 1

    def _verified(self, same: bool) -> None:
        if not same:
            self.problem.show_error(SealwireError(detail=_("alice and bob see different safety numbers.")))
            return
        self._tell(
            _("Their 60-digit safety numbers are the same: nobody swapped a key. Now alice writes. The first envelope "
              "carries a 384-byte RSA-OAEP block that only bob's key opens.")
        )  # fmt: skip
        self.alice.arrived.connect(self._both_open, Qt.ConnectionType.SingleShotConnection)
        self.bob.open()
        self.alice.open()

    def _both_open(self) -> None:
        self._do(self._first_words(), lambda _none: self._yours())

    async def _first_words(self) -> None:
        await self.alice.client.send_text("bob", _("Hello Bob! Can the broker read this?"), "delivered", WAIT_S)
        await self.bob.client.send_text(
            "alice", _("No. A mailbox, a time and bytes like noise are all it has."), "delivered", WAIT_S
        )

    def _yours(self) -> None:
        for side in (self.alice, self.bob):
            side.open()
        self._tell(
            _("Your turn: write on either side. Let bob go offline and write to him: the message waits in the middle, "
              "and nothing there says from whom it is or what it says.")
        )  # fmt: skip
        assert self.alice.pane is not None
        self.alice.pane.composer.editor.setFocus()

    def _saw(self, sight: Sight) -> None:
        if sight.verb == "WELCOME" and sight.mailbox:
            self._meet(sight.mailbox)
        self.broker.take(sight)

    def _meet(self, mailbox: str) -> None:
        """The first mailbox to be welcomed is alice's: bob starts when she is online."""
        if mailbox not in self._boxes and len(self._boxes) < len(NAMES):
            self._boxes[mailbox] = NAMES[len(self._boxes)]

    def _tell(self, text: str) -> None:
        self.story.say(text)
        self.told.emit(text)

    def _do(self, question: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        self._bridge.ask(self, question, done, self.problem.show_error)

    async def end(self) -> None:
        """Close both peers and the stage; called on the client's loop."""
        for side in (self.alice, self.bob):
            if side.station is not None:
                await side.station.client.close()
        await self._stage.close()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """The end of it."""
        super().closeEvent(event)
        self.pictures.stop()
        self.closed.emit()
