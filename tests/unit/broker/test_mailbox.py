"""Row numbers in memory: 8 bytes each."""

from __future__ import annotations

import tracemalloc
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from sealwire.broker.mailbox import Rows
from sealwire.wire import frames

BACKLOG = 100_000
WAITING = 10_000


@given(st.lists(st.one_of(st.integers(1, 400), st.none()), max_size=60))
def test_rows_behave_like_a_queue(steps):
    rows, model, next_row = Rows(), deque(), 0
    for step in steps:
        if step is None:
            while len(model) > 3:
                count = min(len(model) - 3, 700)
                assert rows.take(count) == [model.popleft() for _ in range(count)]
        else:
            for _ in range(step * 10):
                rows.append(next_row)
                model.append(next_row)
                next_row += 1
        assert len(rows) == len(model)
        middle = len(model) // 2
        assert rows.slice(middle, 5) == list(model)[middle : middle + 5]
        if model:
            assert rows[0] == model[0]


def test_taking_from_the_front_gives_the_memory_back():
    rows = Rows()
    for row in range(BACKLOG):
        rows.append(row)
    while len(rows) > 10:
        rows.take(min(64, len(rows) - 10))
    assert len(rows._at) < 5_000
    assert list(rows.slice(0, 10)) == list(range(BACKLOG - 10, BACKLOG))


def test_a_message_that_waits_costs_a_row_number_in_memory(make_rig):
    rig = make_rig(quota_messages=50_000, sender_share=1.0)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    bob.feed(frames.encode_bye(bob.token))
    envelope = bytes(297)

    def wait_more() -> None:
        for _ in range(WAITING // 1000):
            alice.send(bob.mailbox, *[envelope] * 1000)
            alice.frames()

    tracemalloc.start()
    try:
        wait_more()  # whatever is allocated once
        before, _ = tracemalloc.get_traced_memory()
        wait_more()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rig.router.mailboxes[bob.mailbox].messages == 2 * WAITING
    assert after - before < 24 * WAITING
