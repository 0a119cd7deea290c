"""All that a screen shows: what each event does to it."""

from __future__ import annotations

from datetime import UTC

from msgspec.structs import replace

from sealwire.peer.api import ContactInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo
from sealwire.peer.events import (
    Attachment,
    Connection,
    Contact,
    Delivery,
    Event,
    File,
    Group,
    Message,
    Ready,
    Typing,
    Warning,
)
from sealwire.ui.views import banner, desk
from sealwire.ui.views.desk import Desk
from sealwire.ui.views.timeline import Entry

NOW = 1_790_000_000_000
BOB = ConversationInfo("bob", "bob", False, None, 0, 0, 0, trust="verified")


def message(row: int, sender: str = "bob", **more: object) -> Message:
    return Message(f"{row:032x}", "bob", sender, f"text {row}", NOW, verified=True, row=row, **more)  # type: ignore[arg-type]


def opened(*page: Message) -> Desk:
    return desk.opening(Desk("alice", zone=UTC), BOB, page)


def after(view: Desk, *events: Event, now_ms: int = NOW) -> Desk:
    for event in events:
        view, _lines = desk.reduce(view, event, now_ms)
    return view


def test_the_start_and_the_link():
    view = after(Desk(""), Ready("alice", "ab"), Connection("offline", "Gone."))
    assert (view.own, view.fingerprint, view.link.reason) == ("alice", "ab", "Gone.")


def test_a_message_stands_in_the_open_conversation_and_its_row_is_read_again():
    view = after(opened(message(1)), message(2))
    assert [item.message.row for item in desk.items(view, NOW) if isinstance(item, Entry)] == [1, 2]
    assert view.stale == {"bob"}
    view = desk.with_chat(view, "bob", replace(BOB, unread=1))
    assert (view.stale, view.chats["bob"].unread) == (frozenset(), 1)
    assert desk.with_chat(view, "bob", None).chats == {}


def test_a_message_elsewhere_leaves_the_open_conversation_alone():
    view = after(opened(message(1)), replace(message(2), conversation="carol"))
    assert view.open == opened(message(1)).open
    assert view.stale == {"carol"}


def test_a_disappeared_message_is_gone():
    view = after(opened(message(1), message(2)), replace(message(1), change="expired"))
    assert view.open is not None
    assert [one.row for one in view.open.messages] == [2]


def test_states_and_files_reach_the_open_conversation():
    own = message(1, "alice", state="queued", file=Attachment("a", 9, "x/y", "sending"))
    view = after(
        opened(own),
        Delivery(own.id, "sent", "bob"),
        File(own.id, "bob", "a", "sending", 5, 9),
    )
    assert view.open is not None
    shown = view.open.messages[0]
    assert shown.file is not None
    assert (shown.state, shown.file.done_bytes) == ("sent", 5)
    assert after(Desk("alice"), Delivery("1", "sent", "bob"), File("1", "bob", "a", "done", 1, 1)).open is None


def test_who_writes_is_believed_for_a_while_and_until_their_message_comes():
    view = after(opened(), Typing("bob", "bob", True), Typing("bob", "alice", True))
    assert desk.writing(view) == "bob is writing."
    assert desk.quiet_writers(view, NOW + 1) is view
    assert desk.writing(desk.quiet_writers(view, NOW + desk.TYPING_MS)) == ""
    assert desk.writing(after(view, Typing("bob", "bob", False))) == ""
    assert desk.writing(after(view, message(1))) == ""
    assert desk.writing(Desk("alice")) == ""


def test_warnings_stand_in_their_conversation_or_are_said():
    view, lines = desk.reduce(opened(message(1)), Warning("gap", "", "bob", 2), NOW)
    assert lines == []
    assert view.open is not None
    assert view.open.locals[-1].text == "bob: 2 messages missing."
    _view, lines = desk.reduce(opened(), Warning("gap", "", "carol", 1), NOW)
    assert [line.text for line in lines] == ["carol: 1 message missing."]
    view, lines = desk.reduce(opened(), Warning("key-changed", "x", "bob"), NOW)
    assert (lines, view.stale) == ([], {"bob"})


def test_a_changed_key_is_said_and_a_known_contact_is_not():
    _view, lines = desk.reduce(Desk("alice"), Contact("bob", "ab", "changed"), NOW)
    assert lines[0].voice == "alert"
    view, lines = desk.reduce(Desk("alice"), Contact("bob", "ab", "verified"), NOW)
    assert (lines, view.stale) == ([], {"bob"})


def test_a_group_that_changed_is_read_again():
    assert after(Desk("alice"), Group("+1", "Garden", "renamed")).stale == {"+1"}


def test_the_whole_list_and_the_people_come_in():
    contact = ContactInfo("bob", "ab", "verified", 0, None, 0)
    view = desk.with_people(Desk("alice"), [PersonInfo(contact, nickname="Bobby", blocked=True)])
    view = desk.with_chats(replace(view, stale=frozenset({"x"})), [replace(BOB, unread=3)])
    assert (view.names, view.blocked, view.stale) == ({"bob": "Bobby"}, {"bob"}, frozenset())
    assert desk.unread(view, NOW) == 3
    view = desk.opening(view, BOB, [message(1)])
    entry = desk.items(view, NOW)[-1]
    assert isinstance(entry, Entry)
    assert entry.is_folded
    assert entry.sender == "Bobby"
    assert desk.reader(replace(view, unfolded=True), NOW).blocked == frozenset()
    assert desk.open_chat(view) == BOB
    assert desk.closing(view).open is None


def test_the_rows_know_what_is_open():
    rows = desk.chat_rows(after(opened(message(1)), Typing("bob", "bob", True)), NOW)
    assert (rows[0].is_open, rows[0].preview) == (True, "bob is writing.")


# --- banners ---


def test_the_link_is_a_banner_until_it_is_there():
    assert banner.link(Connection("online"), 3) is None
    found = banner.link(Connection("offline"), 2)
    assert found is not None
    assert found.tone == "warning"
    assert found.text.endswith("2 messages wait here.")
    stopped = banner.link(Connection("stopped", "Taken over."), 0)
    assert stopped == banner.Banner("error", "Taken over.")


def test_what_stands_in_the_way_of_writing():
    def action(**changes: object) -> str | None:
        found = banner.chat(replace(BOB, **changes))  # type: ignore[arg-type]
        return found.action if found else None

    assert action() is None
    assert action(trust="changed", can_write=False) == "key-change"
    assert action(blocked=True, can_write=False) == "unblock"
    assert action(request=True) == "accept"
    assert action(request=True, is_group=True) == "accept"
    assert action(can_write=False, is_group=True) == "group"
    assert action(can_write=False) == ""
