"""One profile inside a Python program: sending, and messages that stay until they are acknowledged."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sealwire.cli import peer_profile
from sealwire.cli.peer_options import parse
from sealwire.peer import keystore
from sealwire.peer.api import Sent, WaitFor
from sealwire.peer.client import Client
from sealwire.peer.events import Event, Message

PAGE: Final = 200
"""Messages that came before this start are read in pieces: a full mailbox must not become one list."""
_log = logging.getLogger("sealwire.bots")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of somebody else that is not acknowledged yet."""

    message: Message
    _peer: Peer = field(repr=False)

    @property
    def text(self) -> str:
        """What it says."""
        return self.message.text

    @property
    def sender(self) -> str:
        """Who wrote it: an account name."""
        return self.message.sender

    @property
    def conversation(self) -> str:
        """Where: the sender's name, or the id of a group."""
        return self.message.conversation

    async def ack(self) -> None:
        """This message, and what came before it in its conversation, is done with: it does not come again."""
        await self._peer.client.past.mark_read(self.conversation, self.message.row)

    async def reply(self, text: str, *, wait: WaitFor = "queued", timeout_s: float = 10) -> Sent:
        """Write into the conversation it came from."""
        return await self._peer.send(self.conversation, text, wait=wait, timeout_s=timeout_s)


class Peer:
    """A started profile; made by :func:`connect`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        """Everything else: ``client.talk``, ``groups``, ``files``, ``past``, ``people`` (``sealwire.peer.api``)."""
        self._seen: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The own account name."""
        return self.client.name

    @property
    def fingerprint(self) -> str:
        """The own account's fingerprint, 64 hex digits."""
        return self.client.fingerprint

    async def send(self, to: str, text: str, *, wait: WaitFor = "sent", timeout_s: float = 10) -> Sent:
        """Send a text to a person or a group.

        Args:
            wait: return when the message is that far; "queued" as soon as it is durable here.

        Raises:
            SealwireError: typed as in ``sealwire.errors``; ``error.exit`` is the exit code of the command line.
        """
        return await self.client.send_text(to, text, wait, timeout_s)

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens, as ``sealwire.peer.events`` has it. Acknowledging is another matter."""
        return self.client.events()

    async def messages(self) -> AsyncIterator[Incoming]:
        """Messages of others, oldest first: those not acknowledged yet, then what comes. At least once each."""
        events = self.client.events()
        first = await anext(events, None)  # from here on the stream keeps what comes while the history is read
        async for message in self._waiting():
            yield message
        if isinstance(first, Message) and self._is_new(first):
            yield Incoming(first, self)
        async for event in events:
            if isinstance(event, Message) and self._is_new(event):
                yield Incoming(event, self)

    async def _waiting(self) -> AsyncIterator[Incoming]:
        for conversation in [one.id for one in await self.client.past.conversations() if one.unread]:
            row = (await self.client.past.conversation(conversation)).read_row
            while page := await self.client.past.page(conversation, PAGE, after_row=row):
                row = page[-1].row
                for message in page:
                    if self._is_new(message):
                        yield Incoming(message, self)

    def _is_new(self, message: Message) -> bool:
        if message.change is not None or message.sender == self.name or message.kind == "notice":
            return False
        if message.row <= self._seen.get(message.conversation, 0):
            return False  # it was among those that waited
        self._seen[message.conversation] = message.row
        return True


@contextlib.asynccontextmanager
async def connect(
    name: str,
    *,
    passphrase: str | bytes = b"",
    passphrase_file: str | Path | None = None,
    broker: str | None = None,
    broker_key: str | None = None,
    invite: str | None = None,
    keys: str | Path | None = None,
    data: str | Path | None = None,
    config: str | Path | None = None,
    online_within_s: float | None = None,
) -> AsyncIterator[Peer]:
    """Open a profile (made and registered on its first start) and keep its link until the body ends.

    What is not given comes from environment variables and the settings file, as for ``peer.py``.

    Args:
        name: the account.
        passphrase: of its key file; empty is allowed.
        passphrase_file: where to read it instead.
        broker: ``tcp://HOST:PORT``.
        broker_key: the pinned key: a file, or its 40 characters.
        invite: the line of ``broker.py invite``.
        online_within_s: wait so long for the link; None does not wait.

    Raises:
        SealwireError: typed as in ``sealwire.errors``.
    """
    flags = {
        "--broker": broker,
        "--broker-key": broker_key,
        "--join": invite,
        "--keys": keys,
        "--data": data,
        "--config": config,
        "--passphrase-file": passphrase_file,
    }
    words = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    options = parse(["--name", name, *words])
    profile = peer_profile.build(options, os.environ)
    first = not keystore.exists(profile.keys_dir, profile.name)
    if first:
        peer_profile.check_first(profile)
    secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
    if passphrase_file is not None:
        secret = peer_profile.passphrase(options, profile.key_file, first)
    client = await Client.open(profile, secret, _log.info)
    try:
        await client.start()
        if online_within_s is not None or first:
            await client.online(30.0 if online_within_s is None else online_within_s)
            peer_profile.remember(options, profile)
        yield Peer(client)
    finally:
        await client.close()
