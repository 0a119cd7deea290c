"""Whether a conversation fills the screen or comes in plain lines."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from sealwire.cli import common, peer_profile
from sealwire.cli.peer_options import Options
from sealwire.config import Settings

OFF = frozenset({"", "0", "no", "off", "false"})


def is_wanted(options: Options, environ: Mapping[str, str]) -> bool:
    """Whether a conversation is to fill the screen: on a terminal that can, unless plain lines were asked for."""
    if not is_conversation(options) or not has_screen(options, environ):
        return False
    return settings_of(options).peer.interface == "screen"


def is_conversation(options: Options) -> bool:
    """Whether a person at a terminal wants to talk."""
    return options.verb is None and not options.json and sys.stdin.isatty() and sys.stdout.isatty()


def has_screen(options: Options, environ: Mapping[str, str]) -> bool:
    """Whether there is a terminal that can be filled, and nobody asked for plain lines."""
    if options.plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return environ.get("TERM", "dumb") != "dumb" and environ.get("SEALWIRE_PLAIN", "").lower() in OFF


def settings_of(options: Options) -> Settings:
    """Return the settings in force. Raises ConfigError."""
    return common.load_settings(options.settings, peer_profile.FLAG_KEYS)
