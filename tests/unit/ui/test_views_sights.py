"""What the demonstration shows of the broker."""

from __future__ import annotations

from datetime import UTC

from sealwire.peer.api.demo import Sight
from sealwire.ui.views import sights

NOW = 1_790_000_000_000


def test_a_frame_is_a_verb_a_mailbox_a_size_and_noise():
    sight = Sight(NOW, "DELIVER", "ab" * 16, bytes(range(40)))
    assert sights.head(sight, {}, UTC) == "14:13 DELIVER, mailbox abababab, 40 bytes"
    assert sights.head(sight, {"ab" * 16: "bob"}, UTC) == "14:13 DELIVER, mailbox of bob, 40 bytes"
    assert sights.noise(sight) == "… " + bytes(range(24, 40)).hex(" ")
    hello = Sight(NOW, "HELLO", "", b"\x01\x02")
    assert sights.head(hello, {}, UTC) == "14:13 HELLO, 2 bytes"
    assert sights.noise(hello) == "01 02"
