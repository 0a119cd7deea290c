"""Two days of talk, for screens, their tests and the pictures of the guide: every kind of message once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from sealwire.peer.api.groups import GroupInfo, Member
from sealwire.peer.events import Attachment, Message, Quote, Reaction
from sealwire.testing.stage import StageClient

NOW_MS: Final = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""
GARDEN: Final = "+" + "6a" * 16
MINUTE: Final = 60_000


def sample_client(now_ms: Callable[[], int] = lambda: NOW_MS) -> StageClient:
    """Alice, who knows bob (verified), carol, dave (key changed), erin (asks to talk) and a group."""
    client = StageClient("alice", now_ms)
    client.box.know("bob", "verified")
    client.box.know("carol")
    client.box.know("dave", "changed", NOW_MS - 3 * 60 * MINUTE)
    client.box.know("erin")
    client.box.set("erin", request=True)
    client.box.set("carol", nickname="Carol Marsh")
    client.box.groups[GARDEN] = garden()
    _carol(client)
    _dave(client)
    _garden(client)
    _bob(client)
    client.stored("erin", "Hi Alice, we met at the library. May I write to you?", sent_at_ms=NOW_MS - 9 * MINUTE)
    return client


def garden() -> GroupInfo:
    """The group of the sample: alice is an admin, dave is asked and has not answered."""
    members = (
        Member("carol", "owner"),
        Member("alice", "admin"),
        Member("bob", "member", verified=True),
        Member("dave", "member", invited=True),
    )
    return GroupInfo(
        GARDEN, "Garden", "Beds, seeds and who waters when", "member", "admin", members, "carol", 3, 0,
        shares_history=True, head="5e" * 32,
    )  # fmt: skip


def long_client(messages: int, now_ms: Callable[[], int] = lambda: NOW_MS) -> StageClient:
    """Alice and bob with a long history, a minute between two messages."""
    client = StageClient("alice", now_ms)
    client.box.know("bob")
    for number in range(messages):
        sender = "alice" if number % 3 == 0 else "bob"
        text = f"Message number {number} of a long history." + " It goes on for a line or two." * (number % 4)
        client.stored("bob", text, sender, sent_at_ms=NOW_MS - (messages - number) * MINUTE)
    client.box.set("bob", read_row=client.box.row)
    return client


def _said(
    client: StageClient, conversation: str, minutes_ago: float, sender: str, text: str, **more: object
) -> Message:
    return client.stored(conversation, text, sender, sent_at_ms=NOW_MS - round(minutes_ago * MINUTE), **more)


def _bob(client: StageClient) -> None:
    def said(minutes_ago: float, sender: str, text: str, **more: object) -> Message:
        return _said(client, "bob", minutes_ago, sender, text, **more)

    said(1_520, "bob", "Are you in town tomorrow?")
    asked = said(1_515, "alice", "Yes, all day. Shall we compare safety numbers over coffee?")
    said(
        1_514, "bob", "Good idea.", reply_to=Quote(asked.id, "alice", asked.text), reactions=(Reaction("alice", "👍"),)
    )
    said(1_440, "bob", "Done that. From now on my key is *verified* at yours.", kind="text")
    said(
        42,
        "alice",
        "Here is the plan:\n- broker on the small machine\n- one invite each\n- `python peer.py --name bob`",
    )
    plan = Attachment("network-plan.pdf", 1_843_200, "application/pdf", "receiving", done_bytes=1_128_000)
    said(30, "bob", "", kind="file", file=plan)
    said(29, "bob", "That is the old one, the new one follows.", edited_at_ms=NOW_MS - 28 * MINUTE)
    said(27, "bob", "", deleted=True)
    said(12, "alice", "No hurry. Is Saturday good?", state="delivered")
    client.box.set("bob", read_row=client.box.row)
    said(4, "bob", "Saturday is good 🎉", reactions=())
    said(3, "bob", "I bring the cables. More at https://example.org/cables")


def _carol(client: StageClient) -> None:
    _said(client, "carol", 2_950, "carol", "The meeting moves to Thursday.")
    failed = _said(client, "carol", 2_900, "alice", "Then I can be there.")
    client.box.put(replace(failed, state="failed"))
    client.box.set("carol", read_row=client.box.row, draft="By the way, who brings")


def _dave(client: StageClient) -> None:
    _said(client, "dave", 3_000, "dave", "See you on Monday.")
    waiting = _said(client, "dave", 100, "alice", "Did you get a new phone?")
    client.box.put(replace(waiting, state="queued"))
    client.box.set("dave", read_row=client.box.row)


def _garden(client: StageClient) -> None:
    _said(client, GARDEN, 2_000, "carol", "carol added bob.", kind="notice")
    _said(client, GARDEN, 1_990, "carol", "Welcome, Bob.", pinned=True)
    _said(client, GARDEN, 300, "bob", "The beans need water every day now.", reactions=(Reaction("carol", "🌱"),))
    client.box.set(GARDEN, read_row=client.box.row)
    _said(client, GARDEN, 20, "carol", "@alice can you water them on Friday?", mentions=("alice",))
