"""The one way in: what an interface may ask of a running peer.

``peer.client.Client`` implements it over a real link; interfaces and tests type against these protocols. ``base`` is
what every interface needs; the other rooms are reached through attributes of the client.
"""

from __future__ import annotations

from typing import Protocol

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
from sealwire.peer.api.files import FilesApi
from sealwire.peer.api.groups import GroupsApi
from sealwire.peer.api.past import PastApi
from sealwire.peer.api.people import PeopleApi
from sealwire.peer.api.talk import TalkApi

__all__ = [
    "MAX_TEXT_BYTES",
    "ClientApi",
    "ContactInfo",
    "FullClient",
    "SafetyNumber",
    "Sent",
    "SessionInfo",
    "Status",
    "TalkClient",
    "WaitFor",
]


class TalkClient(ClientApi, Protocol):
    """A running peer, and what can be done with words: what scripts need."""

    @property
    def talk(self) -> TalkApi:
        """What can be done with words."""


class FullClient(TalkClient, Protocol):
    """A running peer with every room: what the interfaces for people are written against."""

    @property
    def past(self) -> PastApi:
        """What was said: conversations, pages, search, read markers."""

    @property
    def people(self) -> PeopleApi:
        """Who one talks to: requests, blocks, nicknames, verification."""

    @property
    def groups(self) -> GroupsApi:
        """Who is in, who may do what."""

    @property
    def files(self) -> FilesApi:
        """Files, piece by piece."""
