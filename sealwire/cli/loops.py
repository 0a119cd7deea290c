"""Running to the end, or until a signal asks for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from sealwire.cli import told

T = TypeVar("T")


def until_told(body: Coroutine[Any, Any, T], children: bool = False) -> T:
    """Run ``body``; SIGINT, SIGTERM and SIGHUP cancel it, so that everything is closed in order.

    Args:
        body: what to run.
        children: it starts processes. On Windows one event loop can do that and another can watch ZeroMQ's sockets.

    Raises:
        KeyboardInterrupt: a signal asked for the end.
    """
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" and not children else None
    with told.kept(), asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.get_loop()
        task = loop.create_task(body)
        told.handle(lambda _number, _frame: loop.call_soon_threadsafe(task.cancel))
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            told.hold()  # the loop closes now; whoever is told to stop meanwhile hears it after that
