"""``group ACTION …``: words in final form or a sentence that says what is wrong, and rows that scripts cut."""

from __future__ import annotations

import pytest

from sealwire.cli import peer_groups, peer_options, peer_words
from sealwire.errors import AccountNameError, BrokerUnreachableError, UnknownGroupError, UsageError
from sealwire.peer.api.groups import GroupInfo, Member

INFO = GroupInfo(
    "+" + "0a" * 16, "a\tb", "of this", "member", "admin",
    (Member("alice", "owner", verified=True), Member("bob", "admin"), Member("carol", "member", invited=True)),
    "alice", 3, 60, True, "ff" * 32,
)  # fmt: skip


def words(*given: str) -> tuple[str, ...]:
    options = peer_options.parse(["--name", "alice", "group", *given])
    return peer_words.checked(options).words


@pytest.mark.parametrize(
    ("given", "final"),
    [
        (["list"], ("list",)),
        (["create", "The Group", "Bob", "carol"], ("create", "The Group", "bob", "carol")),
        (["create", "+name"], ("create", "+name")),
        (["invite", "+Küche", "BOB"], ("invite", "+Küche", "bob")),
        (["invite", "+Küche", "bob", "read-only"], ("invite", "+Küche", "bob", "read-only")),
        (["rename", "+a", "two", "words"], ("rename", "+a", "two words")),
        (["topic", "+a"], ("topic", "+a", "")),
        (["timer", "+a", "8h"], ("timer", "+a", "28800")),
        (["timer", "+a", "off"], ("timer", "+a", "0")),
        (["history", "+a", "on"], ("history", "+a", "on")),
    ],
)
def test_words_come_in_final_form(given, final):
    assert words(*given) == final


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ([], "group ACTION"),
        (["invit", "+a", "bob"], "invite"),
        (["list", "all"], "group list"),
        (["+a", "bob"], "group create|list|info|invite|accept|decline|leave|remove|role|rename|topic|timer|history +a"),
        (["invite", "+a"], "group invite +NAME WHO"),
        (["info", "a"], "+a"),
        (["role", "+a", "bob", "king"], "owner, admin, member, read-only"),
        (["timer", "+a", "soon"], "8h"),
        (["timer", "+a", "1000000d"], "8h"),
        (["history", "+a", "maybe"], "on|off"),
    ],
)
def test_what_is_wrong_is_said(given, part):
    with pytest.raises(UsageError) as caught:
        words(*given)
    assert part in str(caught.value) + str(caught.value.params)


def test_a_name_that_breaks_the_rule_is_named():
    with pytest.raises(AccountNameError):
        words("create", "group", "not a name")


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("7d", 604_800), ("4w", 2_419_200)])
def test_times_have_units(text, seconds):
    assert peer_groups.seconds_of(text) == seconds


def test_a_row_has_five_columns_whatever_the_name():
    assert peer_groups.row(INFO) == f"{INFO.id}\ta\\tb\tmember\tadmin\t2"


def test_details_are_lines_of_key_and_value():
    lines = peer_groups.details(INFO)
    assert "timer\t60" in lines
    assert "history\ton" in lines
    assert lines[-3:] == [
        "member\talice\towner\tverified",
        "member\tbob\tadmin\tjoined",
        "member\tcarol\tmember\tinvited",
    ]


class Room:
    """Groups of a peer that has just started: its invitation comes with the third look."""

    def __init__(self, online: bool) -> None:
        self.groups, self.is_online, self.looks = self, online, 0

    async def online(self, _timeout_s: float) -> None:
        if not self.is_online:
            raise BrokerUnreachableError(address="tcp://127.0.0.1:1")

    async def accept(self, name: str) -> GroupInfo:
        self.looks += 1
        if self.looks < 3:
            raise UnknownGroupError(name=name)
        return INFO

    async def settle(self, _timeout_s: float) -> bool:
        return True


async def test_an_invitation_that_is_still_on_its_way_is_waited_for(capsys):
    options = peer_options.parse(["--name", "alice", "group", "accept", "+Garden"])
    assert await peer_groups.group(Room(online=True), options) == 0
    assert capsys.readouterr().out.startswith(INFO.id)
    with pytest.raises(UnknownGroupError):
        await peer_groups.group(Room(online=False), options)


@pytest.mark.parametrize("verb", [["send", "+Küche", "hello"], ["history", "+Küche", "5"]])
def test_a_group_stands_where_a_name_does(verb):
    options = peer_words.checked(peer_options.parse(["--name", "alice", *verb]))
    assert options.words[0] == "+Küche"
