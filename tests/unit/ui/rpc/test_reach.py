"""Whatever a client can do is reachable from a script and from the command line: as a verb or in the line interface."""

from __future__ import annotations

from typing import Any

import pytest

from sealwire.cli.peer_groups import _DO as ACTIONS
from sealwire.cli.peer_options import verbs
from sealwire.peer.api import ClientApi, FullClient
from sealwire.peer.api.files import FilesApi
from sealwire.peer.api.groups import GroupsApi
from sealwire.peer.api.past import PastApi
from sealwire.peer.api.people import PeopleApi
from sealwire.peer.api.talk import TalkApi
from sealwire.ui.jsonrpc import Server
from sealwire.ui.views.commands import GROUP_VERBS
from sealwire.ui.views.commands import verbs as line_commands
from tests.unit.ui.fake_client import FakeClient

INSIDE = {
    "events": "every form tells them",
    "close": "the end of every form",
    "online": "a step of every form",
    "settle": "a step of every form",
    "unread": "what the first events are made of",
    "spool": "how `send --stdin` keeps its input",
}
"""What no person asks for by itself."""

ROOMS: dict[type, dict[str, tuple[str, str]]] = {
    ClientApi: {
        "send_text": ("send", "send"),
        "history": ("history", "history"),
        "mark_read": ("read", "recv"),
        "contacts": ("contacts", "contacts"),
        "info": ("info", "info"),
        "safety_number": ("verify", "verify"),
        "set_verified": ("verify", "verify"),
        "approve": ("approve", "approve"),
        "retry": ("retry", "retry"),
        "status": ("status", "status"),
    },
    TalkApi: {
        "send": ("send", "send"),
        "edit": ("edit", "edit"),
        "delete": ("delete", "delete"),
        "react": ("react", "react"),
        "pin": ("pin", "pin"),
        "forward": ("forward", "forward"),
        "cancel": ("cancel", "cancel"),
        "typing": ("typing", "/to"),
        "set_timer": ("timer", "timer"),
        "draft": ("draft", "/to"),
        "set_draft": ("draft", "/to"),
    },
    GroupsApi: {
        "create": ("group.create", "group create"),
        "all": ("group.list", "group list"),
        "info": ("group.info", "group info"),
        "invite": ("group.invite", "group invite"),
        "accept": ("group.accept", "group accept"),
        "decline": ("group.decline", "group decline"),
        "leave": ("group.leave", "group leave"),
        "remove": ("group.remove", "group remove"),
        "set_role": ("group.role", "group role"),
        "rename": ("group.rename", "group rename"),
        "set_topic": ("group.topic", "group topic"),
        "set_timer": ("group.timer", "group timer"),
        "share_history": ("group.history", "group history"),
    },
    FilesApi: {
        "send": ("file.send", "send"),
        "fetch": ("file.fetch", "fetch"),
        "pause": ("file.pause", "pause"),
        "resume": ("file.resume", "resume"),
        "cancel": ("file.cancel", "stop"),
        "save_copy": ("file.save", "/save"),
        "of": ("file.list", "files"),
    },
    PastApi: {
        "conversations": ("conversations", "conversations"),
        "conversation": ("conversations", "conversations"),
        "page": ("page", "/history"),
        "message": ("page", "/who"),
        "around": ("at_date", "/date"),
        "row_at": ("at_date", "/date"),
        "pinned": ("pinned", "pinned"),
        "search": ("search", "search"),
        "mark_read": ("read", "recv"),
        "mute": ("mute", "mute"),
        "clear": ("clear", "clear"),
        "retention": ("retention", "keep"),
        "export": ("export", "export"),
        "import_": ("import", "import"),
        "backup": ("backup", "backup"),
    },
    PeopleApi: {
        "person": ("person", "info"),
        "people": ("people", "requests"),
        "accept": ("accept", "accept"),
        "decline": ("decline", "decline"),
        "block": ("block", "block"),
        "nickname": ("nickname", "nickname"),
        "verification": ("code", "verify"),
        "check_code": ("check_code", "verify"),
        "share_presence": ("presence", "presence"),
    },
}
"""Method of the client: (method of JSON-RPC, verb of the command line or /command of the line interface).

A draft is what stands in the line that is being written, and writing it shows that one does."""


class Everything(FakeClient):
    """A client with every room; nothing is asked of them."""

    files = groups = past = people = None


def methods(protocol: type) -> set[str]:
    return {name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}


@pytest.mark.parametrize("protocol", ROOMS, ids=lambda protocol: protocol.__name__)
def test_whatever_a_client_can_do_has_its_ways_in(protocol: type) -> None:
    assert methods(protocol) - INSIDE.keys() == ROOMS[protocol].keys()


def test_no_room_is_forgotten() -> None:
    rooms = {str(value.fget.__annotations__["return"]) for value in _properties(FullClient)}
    assert rooms == {protocol.__name__ for protocol in ROOMS} - {"ClientApi"}


def _properties(protocol: type) -> list[Any]:
    return [value for part in protocol.__mro__ for value in vars(part).values() if isinstance(value, property)]


async def nothing(_line: str) -> None:
    """No line is written here."""


def test_every_way_in_is_there() -> None:
    client: Any = Everything()
    known = Server(client, nothing, 10.0)._methods
    lines = {f"/{verb}" for verb in line_commands()}
    groups = {f"group {action}" for action in [*ACTIONS, "list"]} | {f"/group {verb}" for verb in GROUP_VERBS}
    for ways in ROOMS.values():
        for method, word in ways.values():
            assert method in known, method
            assert word in verbs().keys() | lines | groups, word
