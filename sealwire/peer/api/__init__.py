"""The one way in: what an interface may ask of a running peer.

``peer.client.Client`` implements it over a real link; interfaces and tests type against these protocols. ``base`` is
what every interface needs; the other rooms are reached through attributes of the client.
"""

from __future__ import annotations

from sealwire.peer.api.base import (
    MAX_TEXT_BYTES,
    ClientApi,
    ContactInfo,
    SafetyNumber,
    Sent,
    SessionInfo,
    Status,
    WaitFor,
)

__all__ = [
    "MAX_TEXT_BYTES",
    "ClientApi",
    "ContactInfo",
    "SafetyNumber",
    "Sent",
    "SessionInfo",
    "Status",
    "WaitFor",
]
