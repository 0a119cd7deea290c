"""One run of a profile: opened, used by an interface or a verb, closed."""

from __future__ import annotations

import asyncio
import contextlib

from msgspec.structs import replace

from sealwire.cli import peer_profile, peer_verbs
from sealwire.cli.common import say
from sealwire.cli.peer_options import MAX_TIMEOUT_S, Options
from sealwire.cli.peer_socket import serving
from sealwire.errors import SealwireError
from sealwire.peer.client import Client
from sealwire.peer.profile import Profile

_REGISTRATION_S = 10.0
"""A first start registers whatever the verb; a short --timeout is about the question, not about that."""

_LAST_WORD_S = 0.2


async def run(options: Options, profile: Profile, secret: bytes, first: bool) -> int:
    """Open a profile, do what the command line asks, close it; returns the exit code."""
    client = await Client.open(profile, secret, say)
    remembering = asyncio.create_task(_remember(client, options, profile), name="remember")
    try:
        return await _use(client, options, first)
    finally:
        await asyncio.wait({remembering}, timeout=_LAST_WORD_S if options.join else 0)
        remembering.cancel()
        await client.close()


async def _use(client: Client, options: Options, first: bool) -> int:
    await client.start()
    if options.verb in (None, "daemon") or options.follow:
        return await _stay(client, options)
    patience_s = max(options.timeout_s, _REGISTRATION_S) if first else options.timeout_s
    if client.registered:
        return await peer_verbs.answer(client, options)
    if options.verb == "send":  # queued before anything can go wrong, so that the next start sends it
        code = await peer_verbs.send(client, replace(options, timeout_s=patience_s))
        await client.online(patience_s)
        return code
    await client.online(patience_s)
    return await peer_verbs.answer(client, options)


async def _stay(client: Client, options: Options) -> int:
    """Run on, and do meanwhile what one-shot commands of the same user ask for."""
    async with serving(client, client.profile.data_dir, options.timeout_s):
        if options.follow:
            return await peer_verbs.recv(client, options)
        return await _interface(client, options)


async def _interface(client: Client, options: Options) -> int:
    if options.verb == "daemon":
        from sealwire.cli import peer_daemon

        return await peer_daemon.run(client)
    if options.json:
        from sealwire.ui import jsonrpc

        return await jsonrpc.run(client, options.timeout_s, say)
    from sealwire.ui.line import piped

    return await piped.run(client, options.timeout_s)


async def _remember(client: Client, options: Options, profile: Profile) -> None:
    """Keep the broker of ``--join`` once it let us in."""
    if options.join is None:
        return
    with contextlib.suppress(SealwireError):
        await client.online(MAX_TIMEOUT_S)
        peer_profile.remember(options, profile)
