"""Names and topics of groups, on a client that nobody connects: what is refused, and in which words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sealwire.errors import GroupMemberError, GroupNameError, GroupTopicError
from sealwire.peer.client import Client


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u0301", "\u3164"])
async def test_a_name_can_be_seen(alice: Client, name: str) -> None:
    with pytest.raises(GroupNameError) as refused:
        await alice.groups.create(name)
    assert "can be seen" in str(refused.value)
    with pytest.raises(GroupNameError) as refused:
        await alice.groups.rename("+" + "00" * 16, name)
    assert "can be seen" in str(refused.value)


async def test_a_topic_is_not_called_a_name(alice: Client) -> None:
    with pytest.raises(GroupTopicError) as refused:
        await alice.groups.set_topic("+" + "00" * 16, "x" * 257)
    assert "name" not in str(refused.value)


async def test_oneself_is_in_the_group_already(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alice.groups, "find", lambda _text: SimpleNamespace(name="Garden"))
    with pytest.raises(GroupMemberError):
        await alice.groups.invite("+Garden", "Alice")
