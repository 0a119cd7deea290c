"""What the sheets of the window say, from the pages of the views."""

from __future__ import annotations

from msgspec.structs import replace

from sealwire.peer.api.past import Found
from sealwire.peer.api.people import Verification
from sealwire.testing.sample import NOW_MS, garden, sample_client
from sealwire.ui.views.found import snippet
from sealwire.ui.views.groups import act_label, member_act_label, page
from sealwire.ui.views.trust import change_page, match_sentence, verify_page

VALUE = Verification("bob", "1234567890" * 6, "sealwire-verify:x", NOW_MS - 60_000)


def test_digits_stand_in_groups_that_can_be_read_out() -> None:
    shown = verify_page(VALUE, "unverified", "Bobby")
    assert shown.digits == ("12345 67890 12345 67890",) * 3
    assert shown.title == "Verify Bobby"
    assert not shown.is_verified


def test_a_changed_key_always_has_a_time_and_causes() -> None:
    shown = change_page(VALUE, "bob", NOW_MS, None)
    assert len(shown.causes) == 2
    assert "bob" in shown.title
    assert "since" in shown.since
    assert "is sent to bob until you decide" in shown.consequence


def test_each_outcome_of_a_code_has_its_sentence() -> None:
    said = {match_sentence(match, "bob") for match in ("same", "different", "other-person", "not-a-code")}
    assert len(said) == 4


def test_what_may_be_done_in_a_group_follows_the_role() -> None:
    shown = page(garden(), "alice", {})
    assert "history" not in shown.acts
    assert "invite" in shown.acts
    by_name = {member.name: member.acts for member in shown.members}
    assert by_name["carol"] == ()
    assert by_name["bob"] == ("remove",)
    assert act_label("leave") == "Leave"
    assert member_act_label("remove") == "Remove from the group"


def test_a_match_far_into_a_text_is_shown() -> None:
    message = sample_client().box.messages["bob"][0]

    long = replace(message, text="x" * 400 + " beans " + "y" * 400)
    assert "beans" in snippet(Found(long, ((401, 406),)))
