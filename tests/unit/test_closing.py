"""The end of a ZeroMQ context has a bound."""

from __future__ import annotations

from threading import enumerate as threads

import zmq

from sealwire.closing import end_context


def test_a_context_whose_sockets_are_closed_ends():
    context = zmq.Context()
    context.socket(zmq.PAIR).close()
    assert end_context(context, 10)
    assert context.closed


def test_one_that_something_holds_is_left_to_the_process():
    context = zmq.Context()
    socket = context.socket(zmq.PAIR)
    assert not end_context(context, 0.05)
    waiting = [thread for thread in threads() if thread.name == "end of zeromq"]
    assert [thread.daemon for thread in waiting] == [True]
    socket.close()
    waiting[0].join(10)
    assert context.closed
