"""What is known about drafts before the list is read again."""

from __future__ import annotations

from typing import Any

from sealwire.testing.stage import StageClient
from sealwire.ui.desktop.drafts import Drafts
from sealwire.ui.desktop.station import Station


def test_a_draft_is_kept_once_and_a_text_that_comes_back_stands_before_it(
    station: Station, client: StageClient, qtbot: Any
) -> None:
    drafts = Drafts(station)
    assert drafts.read("bob", "known")
    assert not drafts.read("bob", "known")
    drafts.keep("bob", "known")
    drafts.keep("", "of no conversation")
    drafts.keep("bob", "newer")
    drafts.give_back("bob", "could not be sent")
    qtbot.waitUntil(lambda: client.box.of("bob").draft == "could not be sent\nnewer")
    kept = [call[2] for call in client.box.asked if call[0] == "set_draft"]
    assert kept == ["newer", "could not be sent\nnewer"]
    assert drafts.read("bob", "written in a terminal")
