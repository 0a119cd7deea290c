"""The client on a stage keeps the contract's promises that screens rely on."""

from __future__ import annotations

import inspect

import pytest

from sealwire.errors import InviteError, KeyFileError, RejectedError, UnknownPeerError
from sealwire.peer.api import ClientApi
from sealwire.peer.api.files import FilesApi
from sealwire.peer.api.groups import GroupsApi
from sealwire.peer.api.past import PastApi
from sealwire.peer.api.people import PeopleApi
from sealwire.peer.api.talk import TalkApi
from sealwire.peer.events import Delivery, Message
from sealwire.testing import stage_rooms
from sealwire.testing.sample import GARDEN, long_client, sample_client
from sealwire.testing.stage import StageClient, StageLauncher
from sealwire.testing.stage_box import Box

ROOMS = {"talk": TalkApi, "past": PastApi, "people": PeopleApi, "groups": GroupsApi, "files": FilesApi}


@pytest.mark.parametrize(("name", "protocol"), [*ROOMS.items(), ("", ClientApi)])
def test_every_call_of_the_contract_has_the_same_form_here(name, protocol):
    client = StageClient()
    room = getattr(client, name) if name else client
    for method, declared in inspect.getmembers(protocol, inspect.isfunction):
        if method.startswith("_"):
            continue
        there = inspect.signature(getattr(room, method)).parameters
        wanted = list(inspect.signature(declared).parameters.values())[1:]
        assert [(p.name, p.kind, p.default) for p in there.values()] == [(p.name, p.kind, p.default) for p in wanted]


async def test_pages_follow_each_other_without_a_gap():
    client = long_client(120)
    last = list(await client.past.page("bob", 50))
    before = list(await client.past.page("bob", 50, before_row=last[0].row))
    first = list(await client.past.page("bob", 50, before_row=before[0].row))
    assert [one.row for one in first + before + last] == list(range(1, 121))
    assert [one.row for one in await client.past.page("bob", 3, after_row=7)] == [8, 9, 10]
    assert [one.row for one in await client.past.around("bob", 60, 4)] == [58, 59, 60, 61]


async def test_own_words_are_queued_and_rise_by_events_only():
    client = StageClient()
    client.box.know("bob")
    sent = await client.talk.send("bob", "hi")
    assert (await client.past.message("bob", sent.id)).state == "queued"
    client.rises(sent.id, "delivered")
    assert (await client.past.message("bob", sent.id)).state == "delivered"
    assert client.box.events.get_nowait() == Delivery(sent.id, "delivered", "bob")


async def test_unread_follows_the_marker():
    client = StageClient()
    client.box.know("bob")
    first, second = client.hears("bob", "one"), client.hears("bob", "two", mentions=("alice",))
    info = await client.past.conversation("bob")
    assert (info.unread, info.mentions, info.last) == (2, 1, second)
    await client.past.mark_read("bob", first.row)
    assert (await client.past.conversation("bob")).unread == 1
    assert isinstance(client.box.events.get_nowait(), Message)


async def test_a_search_finds_beginnings_of_words_without_accents():
    client = StageClient()
    client.stored("bob", "Meet me at the café")
    found = await client.past.search("caf mee")
    assert found[0].marks == ((0, 3), (15, 18))
    assert not await client.past.search("eet")


async def test_a_failure_put_in_comes_out_once():
    client = StageClient()
    client.box.know("bob")
    client.box.failure = RejectedError(reason="full")
    with pytest.raises(RejectedError):
        await client.talk.send("bob", "hi")
    await client.talk.send("bob", "hi")


async def test_the_sample_has_every_kind_of_conversation():
    client = sample_client()
    infos = {info.id: info for info in await client.past.conversations()}
    assert infos["bob"].unread == 2
    assert infos["bob"].trust == "verified"
    assert infos[GARDEN].mentions == 1
    assert infos["erin"].request
    assert not infos["dave"].can_write
    assert infos["carol"].draft
    assert (await client.groups.info("+Garden")).role == "admin"


async def test_the_launcher_opens_what_it_was_given_and_knows_a_wrong_passphrase():
    launcher = StageLauncher(StageClient(), new=True, broker=False)
    assert not await launcher.broker_answers()
    await launcher.start_broker()
    assert await launcher.broker_answers()
    assert await launcher.open("alice", b"secret", print) is launcher.client
    with pytest.raises(KeyFileError):
        await launcher.open("alice", b"other", print)
    with pytest.raises(InviteError):
        launcher.check_invite("nothing")
    with pytest.raises(UnknownPeerError):
        Box("alice", lambda: 0).info("nobody")
    assert stage_rooms.DIGITS.isdigit()
