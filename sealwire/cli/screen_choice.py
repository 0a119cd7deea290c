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
    if options.verb is not None or options.json or options.plain:
        return False
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if environ.get("TERM", "dumb") == "dumb" or environ.get("SEALWIRE_PLAIN", "").lower() not in OFF:
        return False
    return settings_of(options).peer.interface == "screen"


def settings_of(options: Options) -> Settings:
    """Return the settings in force. Raises ConfigError."""
    return common.load_settings(options.settings, peer_profile.FLAG_KEYS)
