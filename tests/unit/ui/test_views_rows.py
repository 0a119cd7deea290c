"""Columns, JSON objects and groups of digits."""

from __future__ import annotations

from datetime import UTC

import pytest

from sealwire.peer.api import ContactInfo, SafetyNumber, Sent, Status
from sealwire.peer.events import Message
from sealwire.ui import views

NOON = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC
HELLO = Message("ab" * 16, "bob", "bob", "tab\there\nline", NOON, verified=True, row=7)


def test_message_row_has_four_columns_and_no_other_tab_or_line_end() -> None:
    assert views.message_row(HELLO) == "2023-11-14T22:13:20.000Z\tbob\tbob\ttab\\there\\nline"


def test_contact_row_names_state_fingerprint_and_time() -> None:
    row = views.contact_row(ContactInfo("bob", "cd" * 32, "unverified", NOON, None, 3))
    assert row.split("\t") == ["bob", "unverified", "cd" * 32, "2023-11-14T22:13:20.000Z", "3"]


def test_message_json_is_the_event_without_its_envelope() -> None:
    assert views.message_json(HELLO) == {
        "id": "ab" * 16,
        "conversation": "bob",
        "from": "bob",
        "text": "tab\there\nline",
        "sent_at": "2023-11-14T22:13:20.000Z",
        "verified": True,
    }


def test_contact_json_tells_a_change_only_when_there_was_one() -> None:
    calm = views.contact_json(ContactInfo("bob", "cd" * 32, "verified", NOON, None, 0))
    changed = views.contact_json(ContactInfo("bob", "cd" * 32, "changed", NOON, NOON, 0))
    assert "changed" not in calm
    assert changed["changed"] == "2023-11-14T22:13:20.000Z"
    assert changed["state"] == "changed"


def test_small_answers() -> None:
    assert views.sent_json(Sent("00" * 16, "sent")) == {"id": "00" * 16, "state": "sent"}
    assert views.safety_json(SafetyNumber("bob", "1" * 60, "verified"))["digits"] == "1" * 60
    assert views.status_json(Status("alice", "ab", "online", "tcp://x:1", 2, 3, 7)) == {
        "name": "alice",
        "fingerprint": "ab",
        "connection": "online",
        "broker": "tcp://x:1",
        "queued": 2,
        "unread": 3,
        "outbox": 7,
    }


def test_safety_number_is_read_in_three_lines_of_four_groups() -> None:
    digits = "".join(f"{n:05d}" for n in range(12))
    assert views.safety_lines(digits) == [
        "00000 00001 00002 00003",
        "00004 00005 00006 00007",
        "00008 00009 00010 00011",
    ]


def test_fingerprint_is_cut_into_groups() -> None:
    assert views.fingerprint("0123456789abcdef") == "01234567 89abcdef"


@pytest.mark.parametrize(
    ("sent", "now", "shown"),
    [
        (NOON, NOON + 60_000, "22:13"),
        (NOON, NOON + 86_400_000, "2023-11-14 22:13"),
        (0, NOON, "1970-01-01 00:00"),
        (-5, NOON, "1970-01-01 00:00"),
        (2**63, NOON, "9999-01-01 00:00"),
    ],
)
def test_clock_shows_the_date_when_it_is_not_today_and_survives_any_clock(sent: int, now: int, shown: str) -> None:
    assert views.clock(sent, now, UTC) == shown
