"""The demonstration in its window: a real broker process, two real peers, and the bytes between them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sealwire.broker import admin
from sealwire.broker.keyfiles import load_or_create, read_public
from sealwire.broker.store import SqliteStore
from sealwire.cli.demo_desktop import DesktopStage, parsed
from sealwire.crypto.identity import realm_of
from sealwire.ids import DeviceId
from sealwire.peer import keystore
from sealwire.peer.api.demo import Sight
from sealwire.peer.client import Client
from sealwire.peer.profile import Profile
from sealwire.testing.network import reissue
from sealwire.ui.desktop.bridge import LoopThread
from sealwire.ui.desktop.broker_view import BrokerView, Stored
from sealwire.ui.desktop.demo import DemoWindow, Side
from tests.conftest import PEOPLE

pytestmark = pytest.mark.process
WAIT_MS = 60_000
SECRET = "Meet me at the old mill at nine."


class QuickStage(DesktopStage):
    """Alice and bob with keys that were made before: RSA keys take seconds."""

    async def begin(self) -> None:
        await super().begin()
        broker_key = read_public(self.folder / "keys" / "broker.pub")
        for name in ("alice", "bob"):
            data = self.folder / "data" / name
            profile = Profile(name, self.address, broker_key, "", None, self.folder / "keys", data, 8, 1)
            device = DeviceId(os.urandom(16))
            keys = reissue(PEOPLE[name], realm_of(broker_key), name, device, time.time_ns() // 1_000_000)
            keystore.seal(profile, self._passphrase, keys, os.urandom)


@pytest.fixture
def window(qtbot: Any, thread: LoopThread) -> Any:
    stage = QuickStage()
    made = DemoWindow(stage, thread)
    qtbot.addWidget(made)
    made.show()
    made.play()
    yield made
    thread.stop(made.end())
    assert not stage.folder.exists()


def shown(side: Side) -> list[tuple[str, str, str | None]]:
    assert side.pane is not None
    model = side.pane.view.timeline
    found = (model.message_at(row) for row in range(model.rowCount()))
    return [(entry.message.sender, entry.message.text, entry.message.state) for entry in found if entry]


def texts(side: Side) -> list[str]:
    return [text for _sender, text, _state in shown(side)]


def for_bob(broker: BrokerView) -> list[Stored]:
    return [row for row in broker.model.rows if broker.model.state(row) == "stored, waits for bob"]


def gone(window: DemoWindow, qtbot: Any) -> None:
    """Wait until bob's peer has ended and the broker knows: till then it hands over what comes for him."""
    folder = window._stage.folder / "data" / "broker"  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: window.bob.station is None and window.bob.switch.isEnabled(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: admin.ask(folder, {"do": "status"})["status"]["link_sessions"] == 1, timeout=WAIT_MS)


def test_a_name_stands_beside_its_own_mailbox_however_late_alice_logs_in(
    thread: LoopThread, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Client.start
    late: list[asyncio.Task[None]] = []

    async def starts(client: Client) -> None:
        if client.name == "alice":
            loop = asyncio.get_running_loop()
            loop.call_later(1.0, lambda: late.append(loop.create_task(start(client))))
        else:
            await start(client)

    monkeypatch.setattr(Client, "start", starts)
    made = DemoWindow(QuickStage(), thread)
    qtbot.addWidget(made)
    made.play()
    try:
        qtbot.waitUntil(lambda: "Your turn" in made.story.text.text(), timeout=WAIT_MS)
        boxes = {side.client.keys.identity.card.card.mailbox.hex(): side.name for side in (made.alice, made.bob)}
        assert made._boxes == boxes
    finally:
        thread.stop(made.end())


def test_the_story_then_bob_goes_and_comes_back(window: DemoWindow, qtbot: Any) -> None:
    alice, bob, broker = window.alice, window.bob, window.broker
    qtbot.waitUntil(lambda: "Your turn" in window.story.text.text(), timeout=WAIT_MS)
    assert window.problem.text.text() == ""
    qtbot.waitUntil(lambda: len(texts(alice)) == len(texts(bob)) == 2, timeout=WAIT_MS)
    assert shown(alice)[0][:2] == ("alice", "Hello Bob! Can the broker read this?")

    bob.switch.click()
    gone(window, qtbot)
    assert alice.pane is not None
    before = broker.model.rowCount()
    alice.pane.composer.set_text(SECRET)
    alice.pane.composer.submit()
    qtbot.waitUntil(lambda: shown(alice)[-1][1:] == (SECRET, "sent"), timeout=WAIT_MS)
    # Receipts may wait beside it: bob's last one for alice, for a moment, and hers for him.
    qtbot.waitUntil(lambda: any(row in broker.model.rows[before:] for row in for_bob(broker)), timeout=WAIT_MS)
    assert all(SECRET.encode() not in row.sight.content for row in broker.model.rows)

    bob.switch.click()
    qtbot.waitUntil(lambda: bob.pane is not None and SECRET in texts(bob), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: broker.model.waiting() == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: shown(alice)[-1][2] in ("delivered", "read"), timeout=WAIT_MS)


def test_what_the_window_shows_is_what_lies_on_the_brokers_disk(window: DemoWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: "Your turn" in window.story.text.text(), timeout=WAIT_MS)
    window.bob.switch.click()
    gone(window, qtbot)
    assert window.alice.pane is not None
    window.alice.pane.composer.set_text(SECRET)
    window.alice.pane.composer.submit()
    qtbot.waitUntil(lambda: shown(window.alice)[-1][1:] == (SECRET, "sent"), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(for_bob(window.broker)) > 0, timeout=WAIT_MS)
    stage: QuickStage = window._stage  # type: ignore[assignment]
    ended: list[bool] = []
    window._bridge.ask(window, stage._broker.end(), lambda _none: ended.append(True))  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT_MS)
    on_disk = stored(stage.folder)
    assert on_disk
    qtbot.waitUntil(lambda: on_disk == [(row.sight.mailbox, row.sight.content) for row in for_bob(window.broker)])


def stored(folder: Path) -> list[tuple[str, bytes]]:
    store = SqliteStore(folder / "data" / "broker", load_or_create(folder / "keys").db_key, 0)
    try:
        rows = store._db.execute("SELECT mailbox, envelope FROM mail").fetchall()
        return [(mailbox.hex(), envelope) for mailbox, envelope in rows]
    finally:
        store.close()


def test_lines_of_the_brokers_process_become_sights() -> None:
    line = ["2026-01-01T00:00:00.123Z", "SEND", "ab" * 16, "3", "010203"]
    assert parsed(line) == Sight(1_767_225_600_123, "SEND", "ab" * 16, b"\1\2\3")
    assert parsed([*line[:2], "-", "1", "01" + "00" * 15]) == Sight(1_767_225_600_123, "SEND", "", b"\1")
    for broken in ([], line[:4], [*line[:4], "xyz"], ["now", *line[1:]], [*line[:3], "three", "00"]):
        assert parsed(broken) is None
