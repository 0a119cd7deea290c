"""``peer.py``: one profile, by lines, by JSON-RPC, or for one question."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from sealwire.cli import common
from sealwire.cli.common import say
from sealwire.cli.peer_options import Options, parse
from sealwire.errors import SealwireError


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
    from sealwire.cli import peer_profile
    from sealwire.peer import keystore

    profile = peer_profile.build(options, os.environ)
    _check_early(options)
    first = not keystore.exists(profile.keys_dir, profile.name)
    secret = peer_profile.passphrase(options, profile.keys_dir / f"{profile.name}.key", first)

    async def body() -> int:
        from sealwire.peer.client import Client

        client = await Client.open(profile, secret, say)
        try:
            if first:
                await client.start()
            return await _use(client, options, profile, first)
        finally:
            await client.close()

    try:
        return _run(body())
    except KeyboardInterrupt:
        if _is_interactive(options):
            return common.EXIT_OK  # being told to stop is how these end
        raise
