"""``peer.py --demo`` on a terminal: alice, the broker and bob side by side, until the visitor ends it."""

from __future__ import annotations

import asyncio
import os

from sealwire.cli.common import EXIT_OK, report, say
from sealwire.cli.demo_desktop import DesktopStage
from sealwire.cli.loops import until_told
from sealwire.i18n import _
from sealwire.ui.terminal.demo import DemoApp


def run() -> int:
    """Run the demonstration; returns the exit code."""
    os.umask(0o077)
    app = DemoApp(DesktopStage())
    try:
        code = until_told(_run(app))
    except KeyboardInterrupt:
        code = EXIT_OK
    if app.failure is not None:
        return report(app.failure)
    say(_("Its keys and messages are gone. Your turn, in three terminals:"))
    say("python broker.py\npython peer.py --name alice\npython peer.py --name bob")
    return code


async def _run(app: DemoApp) -> int:
    running = asyncio.create_task(app.run_async(), name="screen")
    try:
        code = await asyncio.shield(running)
    except asyncio.CancelledError:
        app.exit(0)
        await running
        raise
    finally:
        await app.close()
    return code or 0
