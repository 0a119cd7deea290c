"""The reader's language: every sentence people read passes through here.

Message ids are the English sentences themselves, so without a catalogue everything is plain English. Catalogues are
``locale/LANGUAGE/LC_MESSAGES/sealwire.mo``; the language comes from ``SEALWIRE_LANG``, then ``LC_ALL``,
``LC_MESSAGES`` and ``LANG``.
"""

from __future__ import annotations

import gettext as _gettext
import os
import re
from collections.abc import Mapping
from pathlib import Path

from sealwire.errors import SealwireError

DOMAIN = "sealwire"
LOCALE_DIR = Path(__file__).parent / "locale"

_VARIABLES = ("SEALWIRE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*\Z")
"""What may become a folder name: without it, ``SEALWIRE_LANG=../..`` would load a catalogue from anywhere."""

_catalogue: _gettext.NullTranslations | None = None


def languages(environ: Mapping[str, str]) -> list[str]:
    """Return the languages asked for by the environment, most specific first; empty means English."""
    for variable in _VARIABLES:
        wanted = environ.get(variable, "").split(".")[0].split("@")[0]
        if _LANGUAGE.match(wanted):
            full = wanted.replace("-", "_")
            return list(dict.fromkeys([full, full.split("_")[0]]))
        if wanted:
            return []  # C, POSIX or something that is no language: English
    return []


def use(wanted: list[str]) -> None:
    """Install the first catalogue there is for ``wanted``, English when there is none."""
    global _catalogue  # noqa: PLW0603 - one language per process, chosen once at the start
    try:
        _catalogue = _gettext.translation(DOMAIN, LOCALE_DIR, wanted or ["en"], fallback=True)
    except (OSError, ValueError):
        _catalogue = _gettext.NullTranslations()  # a broken catalogue must not keep anyone from an error message


def _current() -> _gettext.NullTranslations:
    if _catalogue is None:
        use(languages(os.environ))
    assert _catalogue is not None
    return _catalogue


def _(text: str) -> str:
    """Return ``text`` in the reader's language. The empty text stays empty (gettext would answer its header)."""
    return _current().gettext(text) if text else ""


def ngettext(one: str, many: str, n: int) -> str:
    """Return the form that goes with ``n`` in the reader's language."""
    return _current().ngettext(one, many, n)


class _Known(dict[str, object]):
    """Leaves an unknown placeholder visible: explaining an error must never raise."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _fill(template: str, params: Mapping[str, object]) -> str:
    known = _Known(params)
    try:
        return _(template).format_map(known)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError):
        return template.format_map(known)  # a translation with a broken placeholder: the English one is sound


def explain(error: SealwireError) -> tuple[str, str]:
    """Return what happened and what to do next, in the reader's language; the second may be empty.

    Stable for people only: scripts look at ``error.code`` and ``error.exit``, which no language changes.
    """
    hint = error.hint or str(error.params.get("hint") or "")
    return _fill(error.text, error.params), _fill(hint, error.params)
