"""From the section ``notify`` to what a terminal interface is told about notifications."""

from __future__ import annotations

from collections.abc import Mapping

from sealwire.config import NotifySection
from sealwire.ui.announce import Ways, sequence_for
from sealwire.ui.views.notify import Rules


def ways(section: NotifySection, environ: Mapping[str, str]) -> Ways:
    """Return how to call for attention on this terminal."""
    sequence = sequence_for(environ) if section.terminal == "auto" else section.terminal
    return Ways(rules(section), section.bell, sequence, section.command)


def rules(section: NotifySection) -> Rules:
    """Return what may notify, and with which words; for every interface."""
    return Rules(section.enabled, section.content, _minutes(section.quiet_hours))


def _minutes(hours: str) -> tuple[int, int] | None:
    """``22:00-07:00`` as minutes after midnight; the setting's own kind has checked the form."""
    if not hours:
        return None
    begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
    return begin, end
