"""Plain lines on a terminal, run to their end."""

from __future__ import annotations

import os

from sealwire.cli import attention, peer_profile
from sealwire.cli.common import EXIT_OK
from sealwire.cli.launcher import CliLauncher
from sealwire.cli.loops import until_told
from sealwire.cli.peer_options import Options
from sealwire.cli.screen_choice import settings_of
from sealwire.ui.announce import Ways
from sealwire.ui.line import first, terminal


def run(options: Options) -> int:
    """Hold a conversation by lines; returns the exit code.

    Raises:
        SealwireError: the profile cannot be opened, or the broker refuses its first start.
    """
    settings = settings_of(options)
    os.umask(0o077)
    secret = None
    if options.passphrase_file is not None:
        secret = peer_profile.passphrase(options, settings.paths.keys / f"{options.name}.key", first=False)
    # No terminal is taken to show notifications here: a sequence that nobody asked for is more than line editing.
    ways = attention.ways(settings.notify, {})
    try:
        return until_told(_run(CliLauncher(options, os.environ), secret, ways))
    except KeyboardInterrupt:
        return EXIT_OK  # being told to stop is how a conversation ends


async def _run(launcher: CliLauncher, secret: bytes | None, ways: Ways) -> int:
    client = None
    try:
        client = await first.begin(launcher, terminal.Questions(), secret)
        if client is None:
            return EXIT_OK
        return await terminal.run(client, ways, lambda: first.invite(launcher))
    finally:
        await launcher.finish()
        if client is not None:
            await client.close()
