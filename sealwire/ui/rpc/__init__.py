"""The methods of JSON-RPC, one module for each room of the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sealwire.ui.rpc import files, groups, past, people, talk
from sealwire.ui.rpc.params import Method

ROOMS: Final[dict[str, Callable[[Any], dict[str, Method]]]] = {
    "files": files.methods,
    "groups": groups.methods,
    "past": past.methods,
    "people": people.methods,
    "talk": talk.methods,
}
"""The client's attribute, and what makes methods of it."""


def methods(client: object) -> dict[str, Method]:
    """Return the methods of every room this client has, by name."""
    found: dict[str, Method] = {}
    for room, build in ROOMS.items():
        if hasattr(client, room):
            found |= build(getattr(client, room))
    return found
