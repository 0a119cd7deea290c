"""The client of a profile that nobody connects, with bob and carol among its contacts."""

from __future__ import annotations

import os
from pathlib import Path

from sealwire.crypto.identity import realm_of
from sealwire.ids import DeviceId, MessageId
from sealwire.peer import keystore
from sealwire.peer.client import Client
from sealwire.peer.profile import Profile
from sealwire.peer.records import ContactRecord
from sealwire.testing.network import reissue
from tests.conftest import PEOPLE

BROKER = bytes(range(32))


async def opened(folder: Path) -> Client:
    keys, data = folder / "keys", folder / "data" / "alice"
    profile = Profile("alice", "tcp://127.0.0.1:1", BROKER, "broker.pub", None, keys, data, 8, 1)
    identity = reissue(PEOPLE["alice"], realm_of(BROKER), "alice", DeviceId(bytes(16)), 0)
    keystore.seal(profile, b"", identity, os.urandom)
    client = await Client.open(profile, b"", lambda _line: None)
    with client.store.transaction():
        for name in ("bob", "carol"):
            client.store.put_contact(ContactRecord(name, identity.card.card.n_sign, "unverified", 1))
    await client.close()
    return await Client.open(profile, b"", lambda _line: None)


async def say(client: Client, conversation: str, text: str, *, mine: bool = False, at_ms: int = 1_000) -> int:
    sender = "alice" if mine else conversation
    row = await client.do(
        lambda _now: client.store.add_message(MessageId(os.urandom(16)), conversation, sender, mine, text, at_ms)
    )
    assert row is not None
    return row
