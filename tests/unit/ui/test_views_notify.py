"""Whether to notify, and with which words."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Attachment, Contact, Message
from sealwire.ui.views import notify
from sealwire.ui.views.notify import BURST_MS, Attention, Notice, Notifier, Rules

NOW = 1_790_000_000_000  # 14:13 UTC
BOB = ConversationInfo("bob", "Bobby", False, None, 1, 0, 0)
GROUP = ConversationInfo("+1", "Garden", True, None, 1, 0, 0)
AWAY = Attention("alice", focused=False)
USUAL = Rules()


def message(text: str = "the secret plan", **more: object) -> Message:
    return Message("1", "bob", "bob", text, NOW, verified=True, row=1, **more)  # type: ignore[arg-type]


def decide(
    what: Message, info: ConversationInfo | None = BOB, attention: Attention = AWAY, rules: Rules = USUAL
) -> Notice | None:
    return notify.heard(Notifier(), what, info, attention, rules, NOW, UTC)[1]


@pytest.mark.parametrize(
    ("content", "notice"),
    [
        ("full", Notice("bob", "Bobby", "the secret plan")),
        ("name", Notice("bob", "Bobby", "New message")),
        ("none", Notice("bob", "Sealwire", "New message")),
    ],
)
def test_three_levels_of_content(content, notice):
    assert decide(message(), rules=Rules(content=content)) == notice


def test_by_default_no_text_is_told():
    found = decide(message())
    assert found is not None
    assert "secret" not in found.title + found.body


def test_groups_name_who_spoke_only_at_the_full_level():
    said = replace(message(), conversation="+1")
    assert decide(said, GROUP, rules=Rules(content="full")) == Notice("+1", "bob in Garden", "the secret plan")
    assert decide(said, GROUP) == Notice("+1", "Garden", "New message")


@pytest.mark.parametrize(
    ("what", "info"),
    [
        (replace(message(), sender="alice"), BOB),
        (message(change="edited"), BOB),
        (message(kind="notice"), BOB),
        (message(deleted=True), BOB),
        (message(), replace(BOB, blocked=True)),
        (message(), replace(BOB, muted_until_ms=NOW + 1)),
    ],
)
def test_what_never_notifies(what, info):
    assert decide(what, info) is None


def test_a_mute_ends():
    assert decide(message(), replace(BOB, muted_until_ms=NOW)) is not None


def test_nothing_about_what_the_reader_sees():
    assert decide(message(), attention=Attention("alice", True, "bob")) is None
    assert decide(message(), attention=Attention("alice", True, "carol")) is not None
    assert decide(message(), attention=Attention("alice", False, "bob")) is not None


@pytest.mark.parametrize(
    ("quiet", "is_quiet"),
    [
        (None, False),
        ((14 * 60, 15 * 60), True),
        ((15 * 60, 8 * 60), False),
        ((22 * 60, 15 * 60), True),
        ((0, 0), False),
    ],
)
def test_hours_of_rest(quiet, is_quiet):
    assert notify.is_quiet(Rules(quiet=quiet), NOW, UTC) is is_quiet
    assert (decide(message(), rules=Rules(quiet=quiet)) is None) is is_quiet


def test_switched_off_is_off():
    assert decide(message(), rules=Rules(is_on=False)) is None
    assert notify.key_changed(Contact("bob", "ab", "changed"), Rules(is_on=False)) is None


def test_a_strangers_words_are_never_shown():
    found = decide(message(request=True), None, rules=Rules(content="full"))
    assert found == Notice("bob", "bob", "Wants to talk to you.")
    known = decide(message(), replace(BOB, request=True), rules=Rules(content="full"))
    assert known is not None
    assert known.body == "Wants to talk to you."


def test_files_and_control_characters():
    file = Attachment("plan\x1b.pdf", 1, "x/y", "offered")
    found = decide(message("", file=file), rules=Rules(content="full"))
    assert found is not None
    assert found.body == "File: plan\\x1b.pdf"
    found = decide(message("a\x1b]777;\x07b"), rules=Rules(content="full"))
    assert found is not None
    assert "\x1b" not in found.body


def test_markup_stays_out_of_a_notification():
    found = decide(message("**now** `run`"), rules=Rules(content="full"))
    assert found is not None
    assert found.body == "now run"


def test_a_burst_is_one_notice_and_then_one_more():
    notifier, told = Notifier(), []
    for step in range(10):
        notifier, notice = notify.heard(notifier, message(), BOB, AWAY, Rules(), NOW + step, UTC)
        told += [notice] if notice else []
    assert told == [Notice("bob", "Bobby", "New message")]
    assert notify.next_due_ms(notifier) == NOW + BURST_MS
    notifier, late = notify.due(notifier, Rules(), NOW + BURST_MS)
    assert late == [Notice("bob", "Bobby", "9 more new messages", 9)]
    notifier, late = notify.due(notifier, Rules(), NOW + 2 * BURST_MS)
    assert late == []
    assert notify.next_due_ms(notifier) is None


def test_a_burst_of_two_tells_the_second_by_its_words():
    notifier, _first = notify.heard(Notifier(), message(), BOB, AWAY, Rules(content="full"), NOW, UTC)
    notifier, _held = notify.heard(notifier, message("second"), BOB, AWAY, Rules(content="full"), NOW + 1, UTC)
    assert notify.due(notifier, Rules(content="full"), NOW + BURST_MS)[1] == [Notice("bob", "Bobby", "second")]


def test_bursts_of_two_conversations_are_two():
    notifier, _one = notify.heard(Notifier(), message(), BOB, AWAY, Rules(), NOW, UTC)
    _notifier, other = notify.heard(notifier, replace(message(), conversation="+1"), GROUP, AWAY, Rules(), NOW, UTC)
    assert other is not None


def test_after_the_pause_the_next_message_notifies_at_once():
    notifier, _first = notify.heard(Notifier(), message(), BOB, AWAY, Rules(), NOW, UTC)
    _notifier, second = notify.heard(notifier, message(), BOB, AWAY, Rules(), NOW + BURST_MS, UTC)
    assert second is not None


def test_looking_ends_what_waits():
    notifier, _first = notify.heard(Notifier(), message(), BOB, AWAY, Rules(), NOW, UTC)
    notifier, _held = notify.heard(notifier, message(), BOB, AWAY, Rules(), NOW + 1, UTC)
    assert notify.due(notify.looked(notifier, "bob"), Rules(), NOW + BURST_MS)[1] == []


def test_a_changed_key_is_told_with_the_words_the_level_allows():
    changed = Contact("bob", "ab", "changed")
    found = notify.key_changed(changed, Rules(quiet=(0, 1_440)))
    assert found is not None
    assert "bob" in found.body
    hidden = notify.key_changed(changed, Rules(content="none"))
    assert hidden is not None
    assert "bob" not in hidden.title + hidden.body
    assert notify.key_changed(Contact("bob", "ab", "verified"), Rules()) is None
