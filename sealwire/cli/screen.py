"""The full screen of a terminal, run to its end."""

from __future__ import annotations

import asyncio
import os

from sealwire.cli import attention, common, peer_profile
from sealwire.cli.common import report
from sealwire.cli.launcher import CliLauncher
from sealwire.cli.loops import until_told
from sealwire.cli.peer_options import Options
from sealwire.cli.screen_choice import settings_of
from sealwire.ui.terminal.app import TerminalApp


def run(options: Options) -> int:
    """Run the full screen to its end; returns the exit code."""
    settings = settings_of(options)
    os.umask(0o077)
    secret = None
    if options.passphrase_file is not None:
        key_file = settings.paths.keys / f"{options.name}.key"
        secret = peer_profile.passphrase(options, key_file, first=False)
    launcher = CliLauncher(options, os.environ)
    app = TerminalApp(
        launcher, attention.ways(settings.notify, os.environ), passphrase=secret, theme=settings.peer.theme
    )
    try:
        code = until_told(_run(app, launcher))
    except KeyboardInterrupt:
        code = common.EXIT_OK  # being told to stop is how a conversation ends
    return report(app.failure) if app.failure is not None else code


async def _run(app: TerminalApp, launcher: CliLauncher) -> int:
    running = asyncio.create_task(app.run_async(), name="screen")
    try:
        code = await asyncio.shield(running)
    except asyncio.CancelledError:
        app.exit(0)  # the terminal is put back as it was before anything else ends
        await running
        raise
    finally:
        await app.keep()
        await launcher.finish()
        if app.client is not None:
            await app.client.close()
    return code or 0
