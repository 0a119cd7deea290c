"""Sealwire: a self-hosted, end-to-end encrypted messenger over ZeroMQ.

For programs::

    from sealwire import Bot, connect

Both are loaded when they are asked for, so that the command line starts fast (docs/scripting.md).
"""

import importlib

TYPE_CHECKING = False
"""As type checkers read it. `typing` itself is slow to load, and until `cli.start` runs Ctrl+C is a traceback."""

if TYPE_CHECKING:
    from sealwire.bots import Bot as Bot
    from sealwire.bots import Context as Context
    from sealwire.bots import connect as connect

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name in {"Bot", "Context", "connect"}:
        # By name: whoever asks this package for its version must not be said to know everything above it.
        return getattr(importlib.import_module("sealwire.bots"), name)
    raise AttributeError(f"module 'sealwire' has no attribute {name!r}")
