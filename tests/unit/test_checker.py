"""The judge itself: each kind of wrong is seen, and a clean run is clean."""

from __future__ import annotations

import pytest

from sealwire.testing.checker import Log, judge


def run(tmp_path, *lines: tuple[str, str, str, str]):
    log = Log(tmp_path / "log")
    for kind, me, other, message in lines:
        if kind == "sent":
            log.write("tried", me, other, "", f"text {message}")
        log.write(kind, me, other, message, f"text {message}")
    log.close()
    return judge([tmp_path / "log"])


SENT_TWO = [("sent", "alice", "bob", "1"), ("sent", "alice", "bob", "2")]
ACCEPTED_TWO = [("accepted", "alice", "bob", "1"), ("accepted", "alice", "bob", "2")]


def test_a_clean_run(tmp_path):
    shown = [("shown", "bob", "alice", "1"), ("shown", "bob", "alice", "2")]
    verdict = run(tmp_path, *SENT_TWO, *ACCEPTED_TWO, *shown)
    assert verdict.clean
    assert (verdict.sent, verdict.accepted, verdict.shown) == (2, 2, 2)


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        (["1"], "lost"),
        (["1", "2", "2"], "doubles"),
        (["2", "1"], "reordered"),
        (["1", "2", "9"], "phantoms"),
    ],
)
def test_each_wrong_is_seen(tmp_path, shown, wrong):
    verdict = run(tmp_path, *SENT_TWO, *ACCEPTED_TWO, *(("shown", "bob", "alice", m) for m in shown))
    assert not verdict.clean
    assert getattr(verdict, wrong)


def test_a_message_whose_sender_died_before_the_answer_is_no_phantom(tmp_path):
    log = Log(tmp_path / "log")
    log.write("tried", "alice", "bob", "", "text")
    log.write("shown", "bob", "alice", "1", "text")
    log.close()
    assert judge([tmp_path / "log"]).clean


def test_what_was_queued_and_never_shown_is_unsent(tmp_path):
    assert run(tmp_path, *SENT_TWO).unsent == ["1", "2"]
