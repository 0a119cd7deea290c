"""``peer.py``: one profile, by lines, by JSON-RPC, or for one question."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.cli import common
from sealwire.cli.common import say
from sealwire.cli.loops import until_told
from sealwire.cli.peer_options import MAX_TIMEOUT_S, Options, parse
from sealwire.errors import SealwireError

if TYPE_CHECKING:  # imported late, so that --help and wrong flags answer at once
    from sealwire.peer.client import Client
    from sealwire.peer.profile import Profile

_REGISTRATION_S = 10.0
"""A first start registers whatever the verb; a short --timeout is about the question, not about that."""

_LAST_WORD_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a peer; returns the exit code of docs/scripting.md."""
    return common.run(_program, arguments)


def _program(arguments: Sequence[str]) -> int:
    try:
        options = parse(arguments)
    except SystemExit as done:  # argparse printed --help or --version
        return int(done.code or 0)
    if options.demo:
        from sealwire.cli import demo

        return demo.run()
    return _peer(options)


def _peer(options: Options) -> int:
    from sealwire.cli import peer_profile, peer_verbs
    from sealwire.peer import keystore

    options = peer_verbs.checked(options)
    os.umask(0o077)  # databases and locks are for this user alone, in a folder that others may enter too
    profile = peer_profile.build(options, os.environ)
    first = not keystore.exists(profile.keys_dir, profile.name)
    if first:
        peer_profile.check_first(profile)
    secret = peer_profile.passphrase(options, profile.keys_dir / f"{profile.name}.key", first)
    try:
        return until_told(_session(options, profile, secret, first))
    except KeyboardInterrupt:
        if options.verb is None or options.follow:
            return common.EXIT_OK  # being told to stop is how these end
        raise


async def _session(options: Options, profile: Profile, secret: bytes, first: bool) -> int:
    from sealwire.peer.client import Client

    client = await Client.open(profile, secret, say)
    remembering = asyncio.create_task(_remember(client, options, profile), name="remember")
    try:
        return await _use(client, options, first)
    finally:
        await asyncio.wait({remembering}, timeout=_LAST_WORD_S if options.join else 0)
        remembering.cancel()
        await client.close()


async def _use(client: Client, options: Options, first: bool) -> int:
    from sealwire.cli import peer_verbs

    await client.start()
    if options.verb is None:
        return await _converse(client, options)
    patience_s = max(options.timeout_s, _REGISTRATION_S) if first else options.timeout_s
    if client.registered or options.follow:
        return await peer_verbs.ANSWERS[options.verb](client, options)
    if options.verb == "send":  # queued before anything can go wrong, so that the next start sends it
        code = await peer_verbs.send(client, replace(options, timeout_s=patience_s))
        await client.online(patience_s)
        return code
    await client.online(patience_s)
    return await peer_verbs.ANSWERS[options.verb](client, options)


async def _converse(client: Client, options: Options) -> int:
    if options.json:
        from sealwire.ui import jsonrpc

        return await jsonrpc.run(client, options.timeout_s)
    if sys.stdin.isatty() and sys.stdout.isatty():
        from sealwire.ui.line import terminal

        return await terminal.run(client)
    from sealwire.ui.line import piped

    return await piped.run(client, options.timeout_s)


async def _remember(client: Client, options: Options, profile: Profile) -> None:
    """Keep the broker of ``--join`` once it let us in."""
    if options.join is None:
        return
    from sealwire.cli import peer_profile

    with contextlib.suppress(SealwireError):
        await client.online(MAX_TIMEOUT_S)
        peer_profile.remember(options, profile)
