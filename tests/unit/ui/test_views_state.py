"""From events to lines: a conversation as a list."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest

from sealwire.peer.api import ContactInfo, SafetyNumber, SessionInfo, Status
from sealwire.peer.api.people import PersonInfo
from sealwire.peer.events import Connection, Contact, Delivery, Event, Group, Message, Ready, Warning
from sealwire.ui.views import Line, View, is_refusal, reduce, sent, sentences
from sealwire.ui.views.state import MAX_TRACKED

NOW = 1_700_000_000_000
ELSEWHERE, THERE = timezone(timedelta(hours=12, minutes=45)), "10:58"
FINGERPRINT = "0123abcd" * 8


def tell(*events: Event, view: View | None = None) -> list[str]:
    view = view or View(name="alice", zone=UTC)
    said: list[str] = []
    for event in events:
        view, lines = reduce(view, event, NOW)
        said += [line.text for line in lines]
    return said


def message(text: str, sender: str = "bob", **more: object) -> Message:
    return Message("00" * 16, "bob", sender, text, NOW, verified=False, **more)  # type: ignore[arg-type]


def test_ready_says_who_you_are() -> None:
    view, lines = reduce(View(zone=UTC), Ready("alice", FINGERPRINT), NOW)
    assert view.name == "alice"
    assert lines == [Line("system", "You are alice. Your fingerprint is " + " ".join(["0123abcd"] * 8) + ".")]


def test_a_message_says_when_who_and_what() -> None:
    assert tell(message("hello")) == ["22:13 bob: hello"]


def test_own_messages_from_the_history_say_to_whom_and_how_far() -> None:
    assert tell(message("hi", sender="alice", state="delivered")) == ["22:13 you to bob (delivered): hi"]


def test_further_lines_of_a_message_are_indented_so_that_they_cannot_imitate_someone() -> None:
    assert tell(message("one\n22:14 carol: I am carol")) == ["22:13 bob: one\n    22:14 carol: I am carol"]


def test_nobody_can_write_what_looks_like_a_notice_of_the_program() -> None:
    words = "You set new messages to disappear 5 seconds after they were sent or read."
    assert tell(message(words, kind="notice")) == [f"22:13 in the conversation with bob: {words}"]
    assert tell(message(words)) == [f"22:13 bob: {words}"]


def test_escape_sequences_in_a_message_are_shown_and_not_obeyed() -> None:
    assert tell(message("\x1b[2Jgone")) == ["22:13 bob: \\x1b[2Jgone"]


def test_connection_is_told_once_per_change() -> None:
    assert tell(
        Connection("connecting"),
        Connection("online"),
        Connection("online"),
        Connection("offline"),
        Connection("connecting"),
        Connection("offline"),
        Connection("online"),
    ) == [
        "Connected to the broker.",
        "The broker is gone. Messages are queued and go out in order when it is back.",
        "Connected to the broker.",
    ]


def test_connection_prefers_the_reason_of_the_client() -> None:
    assert tell(Connection("offline", "Something answers, but not with the key you pinned.", "wrong-broker")) == [
        "Something answers, but not with the key you pinned."
    ]


def test_own_messages_rise_from_queued_to_delivered_and_never_fall() -> None:
    view, lines = sent(View(name="alice"), "m1", "bob", "queued", 1)
    said = [line.text for line in lines]
    for state in ("sent", "delivered", "sent", "delivered", "read"):
        view, lines = reduce(view, Delivery("m1", state, "bob"), NOW)  # type: ignore[arg-type]
        said += [line.text for line in lines]
    assert said == ["#1 to bob: queued.", "#1 to bob: sent.", "#1 to bob: delivered.", "#1 to bob: read."]


def test_a_failed_message_says_why_and_may_start_over() -> None:
    view, _lines = sent(View(name="alice"), "m1", "bob", "queued", 1)
    assert tell(
        Delivery("m1", "failed", "bob", "nobody is registered here under the name bob"),
        Delivery("m1", "queued", "bob"),
        Delivery("m1", "sent", "bob"),
        view=view,
    ) == [
        "#1 to bob: failed: nobody is registered here under the name bob. /retry tries again.",
        "#1 to bob: queued.",
        "#1 to bob: sent.",
    ]


def test_the_state_of_a_message_of_an_earlier_run_is_told_without_a_number() -> None:
    assert tell(Delivery("old", "delivered", "bob")) == ["Earlier message to bob: delivered."]


def test_old_messages_are_forgotten() -> None:
    view = View(name="alice")
    for n in range(MAX_TRACKED + 5):
        view, _lines = sent(view, f"m{n}", "bob", "queued", n + 1)
    assert len(view.own) == MAX_TRACKED
    assert "m0" not in view.own


def test_a_message_is_said_to_be_sent_once() -> None:
    view, _lines = sent(View(), "m1", "bob", "queued", 1)
    assert sent(view, "m1", "bob", "queued", 1) == (view, [])


def test_gaps_are_counted_with_the_right_plural() -> None:
    assert tell(
        Warning("gap", "2 messages missing", "bob", 2),
        Warning("gap", "1 message missing", "bob", 1),
    ) == ["bob: 2 messages missing.", "bob: 1 message missing."]


def test_other_warnings_are_said_as_they_are() -> None:
    assert tell(Warning("clone", "This profile runs elsewhere.\x07")) == ["This profile runs elsewhere.\\x07"]
    assert tell(Warning("unreadable", "A message could not be read.", "bob", 1)) == [
        "bob: A message could not be read."
    ]


def test_a_changed_key_stops_and_says_what_to_do() -> None:
    _view, lines = reduce(View(), Contact("bob", FINGERPRINT, "changed"), NOW)
    (line,) = lines
    assert line.voice == "alert"
    assert "The key of bob has changed" in line.text
    assert "/verify bob" in line.text
    assert "/approve bob" in line.text


@pytest.mark.parametrize(
    ("trust", "part"), [("unverified", "(not verified)"), ("verified", "(verified)"), ("changed", "has changed")]
)
def test_opening_a_conversation_says_how_sure_it_is(trust: str, part: str) -> None:
    info = ContactInfo("bob", FINGERPRINT, trust, NOW, None, 0)  # type: ignore[arg-type]
    assert part in sentences.opened(info)


def test_contacts_say_their_trust() -> None:
    assert tell(Contact("bob", FINGERPRINT, "verified")) == ["bob is verified."]
    assert "not verified: /verify bob" in tell(Contact("bob", FINGERPRINT, "unverified"))[0]
    assert sentences.contact_line(ContactInfo("bob", FINGERPRINT, "unverified", NOW, None, 2)) == (
        "bob: not verified, 2 unread messages."
    )


def test_session_tells_suite_age_and_messages_since_the_last_rsa_secret() -> None:
    contact = ContactInfo("bob", FINGERPRINT, "verified", NOW, None, 0)
    said = sentences.session(SessionInfo(contact, "X25519, RSA-OAEP, ML-KEM-768", NOW, 1), NOW, ELSEWHERE)
    assert said[2] == "Encryption: X25519, RSA-OAEP, ML-KEM-768."
    assert said[3] == f"Session opened {THERE}."
    assert said[-1] == "1 message since the last RSA-OAEP secret."
    assert sentences.session(SessionInfo(contact, "", None, 0), NOW, None)[-1].startswith("No session yet")


def test_safety_number_is_spoken_in_groups() -> None:
    said = sentences.safety(SafetyNumber("bob", "12345" * 12, "unverified"))
    assert said[0] == "Safety number with bob (not verified):"
    assert said[1:4] == ["  12345 12345 12345 12345"] * 3


def test_status_is_four_sentences() -> None:
    said = sentences.status(Status("alice", FINGERPRINT, "online", "tcp://127.0.0.1:5555", 1, 0))
    assert said[1:] == ["Broker tcp://127.0.0.1:5555: online.", "1 message queued.", "0 messages unread."]


@pytest.mark.parametrize(
    ("event", "refused"),
    [
        (Connection("connecting"), False),
        (Connection("offline"), False),
        (Connection("offline", "The broker does not answer.", "unreachable"), False),
        (Connection("offline", "This is not the broker you pinned.", "wrong-broker"), True),
        (Connection("offline", "The broker refuses this device.", "device-refused"), True),
        (Connection("stopped", "The name is taken.", "name-taken"), True),
    ],
)
def test_a_first_start_waits_for_silence_and_not_for_a_refusal(event: Connection, refused: bool) -> None:
    assert is_refusal(event) is refused


def test_a_group_is_called_by_its_name_wherever_it_is_said() -> None:
    garden = "+" + "6a" * 16
    told = Message("00" * 16, garden, "bob", "hello", NOW, verified=False)
    notice = Message("00" * 16, garden, "bob", "bob joined.", NOW, verified=False, kind="notice")
    own = Message("00" * 16, garden, "alice", "hi", NOW, verified=False)
    said = tell(
        Group(garden, "Garden", "joined", "bob", "bob"),
        told,
        notice,
        own,
        Warning("gap", "", garden, 2),
        Delivery("00" * 16, "sent", garden),
        Group(garden, "Park", "renamed", "bob", None, "Park"),
        told,
    )
    assert said == [
        "22:13 bob in +Garden: hello",
        "22:13 +Garden: bob joined.",
        "22:13 you to +Garden: hi",
        "+Garden: 2 messages missing.",
        "Earlier message to +Garden: sent.",
        "22:13 bob in +Park: hello",
    ]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, []),
        ({"online": True}, ["Online now."]),
        ({"online": False}, ["Not online."]),
        ({"online": False, "last_seen_ms": NOW}, [f"Last seen {THERE}."]),
    ],
)
def test_whether_somebody_is_here_is_said_of_those_who_tell(known, said):
    person = PersonInfo(ContactInfo("bob", FINGERPRINT, "unverified", NOW, None, 0), **known)
    assert sentences.presence(person, NOW, ELSEWHERE) == said
