"""The end of a ZeroMQ context, with a bound: libzmq's own waits for as long as anything of it is under way."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zmq


def end_context(context: zmq.Context[zmq.Socket[bytes]], within_s: float) -> bool:
    """End a context whose sockets are closed, or are closed by their threads once it ends.

    The look-up of a name, for one, is not broken off by libzmq; it may take as long as the system's resolver likes.
    What is left then goes with the process, which does not wait for this thread.

    Returns:
        whether it ended in that time.
    """
    thread = Thread(target=context.term, name="end of zeromq", daemon=True)
    thread.start()
    thread.join(within_s)
    return not thread.is_alive()
