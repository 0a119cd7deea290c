"""``peer.py``: one profile, on a full screen, by lines, by JSON-RPC, or for one question."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from sealwire.cli import common, told
from sealwire.cli.peer_options import Options, parse
from sealwire.errors import ProfileBusyError

# Everything else is imported late: --help, wrong flags and what a running peer does need none of it.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a peer; returns the exit code of docs/scripting.md."""
    return common.run(_program, arguments)


def _program(arguments: Sequence[str]) -> int:
    try:
        options = parse(arguments)
    except SystemExit as done:  # argparse printed --help or --version
        return int(done.code or 0)
    try:
        with told.interrupting():
            return _carry_out(options)
    except KeyboardInterrupt:
        if options.demo or options.verb in (None, "daemon") or options.follow:
            return common.EXIT_OK  # being told to stop is how these end
        raise


def _carry_out(options: Options) -> int:
    if options.gui:
        from sealwire.cli import desktop

        return desktop.run(options, lambda: _in_terminal(replace(options, gui=False)))
    return _in_terminal(options)


def _in_terminal(options: Options) -> int:
    if options.demo:
        return _demo(options)
    return _peer(options)


def _demo(options: Options) -> int:
    from sealwire.cli import screen_choice

    if screen_choice.has_screen(options, os.environ):
        from sealwire.cli import demo_screen

        return demo_screen.run()
    from sealwire.cli import demo

    return demo.run()


def _peer(options: Options) -> int:
    from sealwire.cli import peer_handover, peer_profile, peer_words

    options, folder = peer_words.checked(options), peer_profile.data_folder(options)
    if options.stdin:
        from sealwire.cli import peer_spool

        options = peer_spool.spooled(options, folder)
    done = peer_handover.hand_over(options, folder)
    if done is not None:
        return done
    from sealwire.cli import screen_choice

    if screen_choice.is_wanted(options, os.environ):
        from sealwire.cli import screen  # Textual: 250 ms that nothing else needs

        return screen.run(options)
    if screen_choice.is_conversation(options):
        from sealwire.cli import plain

        return plain.run(options)
    from sealwire.cli import peer_session
    from sealwire.cli.loops import until_told
    from sealwire.peer import keystore

    os.umask(0o077)  # databases and locks are for this user alone, in a folder that others may enter too
    profile = peer_profile.build(options, os.environ)
    if options.verb == "restore":
        from sealwire.cli import peer_restore

        secret = peer_profile.passphrase(options, Path(options.words[0]), first=False)
        return peer_restore.restore(profile, Path(options.words[0]), secret)
    first = not keystore.exists(profile.keys_dir, profile.name)
    if first:
        profile = peer_profile.begun(options, profile, os.environ)
    secret = peer_profile.passphrase(options, profile.keys_dir / f"{profile.name}.key", first)
    ends = time.monotonic() + max(options.timeout_s, peer_handover.BUSY_S)
    while True:
        try:
            return until_told(peer_session.run(options, profile, secret, first))
        except ProfileBusyError:  # by a command that will be done, or by a peer that may be about to listen
            done = peer_handover.hand_over(options, folder)
            if done is not None:
                return done
            if time.monotonic() >= ends or peer_handover.is_served(folder):
                raise
        time.sleep(peer_handover.LOOK_S)
