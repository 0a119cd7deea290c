"""REQUESTs: bounded, one per subject, repeated, matched once."""

from __future__ import annotations

from sealwire.ids import Mailbox
from sealwire.peer.requests import REPEAT_AFTER_S, Requests
from sealwire.wire.frames import MAX_OPEN_REQUESTS


def test_the_same_question_is_asked_once_at_a_time():
    requests = Requests()
    requests.lookup("bob")
    requests.lookup("bob")
    assert len(requests.due(0.0)) == 1
    requests.lookup("bob")
    assert requests.due(0.0) == []


def test_at_most_sixteen_are_under_way_and_answers_make_room():
    requests = Requests()
    for n in range(40):
        requests.lookup(f"u{n}")
    sent = requests.due(0.0)
    assert len(sent) == MAX_OPEN_REQUESTS
    assert requests.answered(sent[0].id) == ("lookup", "u0")
    assert [r.name for r in requests.due(0.0)] == ["u16"]


def test_an_unanswered_request_is_repeated_under_its_own_id():
    requests = Requests()
    requests.bundle(Mailbox(bytes(16)))
    (first,) = requests.due(0.0)
    assert requests.deadline() == REPEAT_AFTER_S
    assert requests.due(REPEAT_AFTER_S - 0.1) == []
    assert requests.due(REPEAT_AFTER_S) == [first]


def test_an_answer_counts_once_and_strangers_ids_do_not_count():
    requests = Requests()
    requests.lookup("bob")
    (sent,) = requests.due(0.0)
    assert requests.answered(sent.id + 1) is None
    assert requests.answered(sent.id) == ("lookup", "bob")
    assert requests.answered(sent.id) is None


def test_a_lost_link_asks_everything_again():
    requests = Requests()
    requests.lookup("bob")
    requests.due(0.0)
    requests.link_lost()
    assert not requests.under_way()
    assert [r.name for r in requests.due(1.0)] == ["bob"]
