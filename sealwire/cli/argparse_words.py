"""The sentences of Python's own command line parser, in the reader's language."""

from __future__ import annotations

import argparse

from sealwire.i18n import _, ngettext


def speak() -> None:
    """Let argparse ask our catalogue: it looks its sentences up by these two names, each time it says one."""
    vars(argparse).update(_=_, ngettext=ngettext)


def sentences() -> tuple[str, ...]:
    """Return what argparse can say to people here; written out, so that it gets into the catalogues."""
    return (
        _("usage: "),
        _("options"),
        _("positional arguments"),
        _("show this help message and exit"),
        _("argument %(argument_name)s: %(message)s"),
        _("the following arguments are required: %s"),
        _("one of the arguments %s is required"),
        _("not allowed with argument %s"),
        _("ignored explicit argument %r"),
        _("expected one argument"),
        _("expected at least one argument"),
        _("invalid %(type)s value: %(value)r"),
        ngettext("expected %s argument", "expected %s arguments", 2),
    )
