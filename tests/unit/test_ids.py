"""Names of conversations: an account and a group never look alike."""

import pytest

from sealwire.ids import GroupId, account_name, conversation_of, group_of

GROUP = GroupId(bytes(range(16)))


def test_a_groups_conversation_is_a_plus_and_its_id_in_hex():
    assert conversation_of(GROUP) == "+000102030405060708090a0b0c0d0e0f"
    assert group_of(conversation_of(GROUP)) == GROUP


@pytest.mark.parametrize("text", ["", "+", "bob", "+team", "+" + "0" * 31, "+" + "0" * 33, "+" + "A" * 32, "0" * 32])
def test_anything_else_is_no_group(text):
    assert group_of(text) is None


def test_no_account_can_be_called_like_a_group():
    assert account_name(conversation_of(GROUP)) is None
