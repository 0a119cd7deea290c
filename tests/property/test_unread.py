"""What is unread follows from read markers alone, whatever was said, read, told again or taken in before."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sealwire.ids import MessageId
from sealwire.peer.store import Store
from tests.depth import examples

PLACES = st.sampled_from(["bob", "carol", "+" + "ab" * 16])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), PLACES),
        st.tuples(st.just("say"), PLACES),
        st.tuples(st.just("read"), PLACES, st.integers(0, 30)),
        st.tuples(st.just("read all"), st.just(""), st.integers(0, 30)),
    ),
    max_size=30,
)


@examples(50)
@given(STEPS)
def test_what_is_unread_is_what_others_said_past_the_marker(steps: list[Any]) -> None:
    store = Store(None, bytes(32))
    theirs: list[tuple[int, str]] = []
    markers: dict[str, int] = {}
    everywhere = 0
    try:
        for number, (what, place, *up_to) in enumerate(steps):
            match what:
                case "read":
                    markers[place] = max(markers.get(place, 0), up_to[0])
                    store.put_read(up_to[0], place)
                case "read all":
                    everywhere = max(everywhere, up_to[0])
                    store.put_read(up_to[0])
                case _:
                    sender = "alice" if what == "say" else "carol"
                    message = MessageId(number.to_bytes(16, "big"))
                    row = store.add_message(message, place, sender, what == "say", "words", 1)
                    assert row is not None
                    assert store.add_message(message, place, sender, what == "say", "words", 1) is None, "once"
                    if what == "hear":
                        theirs.append((row, place))
            left = [(row, place) for row, place in theirs if row > max(everywhere, markers.get(place, 0))]
            for place in {place for _row, place in theirs}:
                assert store.unread_count(place) == sum(one == place for _row, one in left)
            assert store.unread_count() == len(left)
            assert [(one.row, one.conversation) for one in store.unread(99)] == left
    finally:
        store.close()
