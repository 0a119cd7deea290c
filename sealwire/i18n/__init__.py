"""The reader's language: every sentence people read passes through here.

Message ids are the English sentences themselves, so without a catalogue everything is plain English. Catalogues are
``locale/LANGUAGE/LC_MESSAGES/sealwire.mo``; the language comes from ``SEALWIRE_LANG``, then ``peer.language`` of the
settings, then ``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` as everywhere, on Windows from the system.
"""

from __future__ import annotations

import gettext as _gettext
import locale
import os
import re
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from sealwire.errors import SealwireError
from sealwire.i18n import pseudo

DOMAIN = "sealwire"
LOCALE_DIR = Path(__file__).parent / "locale"

LANGUAGES = {
    "en": "English",
    "ar": "العربية",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
    "ja": "日本語",
    "pt_BR": "Português (Brasil)",
    "ru": "Русский",
    "zh_CN": "简体中文",
}
"""The languages there are, as their speakers call them."""

OWN_VARIABLE = "SEALWIRE_LANG"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_LIST = "LANGUAGE"
"""Several languages in the order of preference, as gettext has it: ``de:fr``."""

_RELATIVES = {"pt": "pt_BR", "zh": "zh_CN"}
"""What readers of a language without a catalogue can read. Taiwan and Hong Kong write other characters."""
_OTHER_SCRIPT = ("zh_TW", "zh_HK", "zh_MO", "zh_Hant")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*\Z")
"""What may become a folder name: without it, ``SEALWIRE_LANG=../..`` would load a catalogue from anywhere."""

_catalogue: _gettext.NullTranslations | None = None
_in_force: list[str] = []


def languages(environ: Mapping[str, str]) -> list[str]:
    """Return the languages asked for by the environment, the best first; empty means English."""
    own = environ.get(OWN_VARIABLE, "")
    if own:
        return _names(own)
    wanted = next((environ[name] for name in _VARIABLES if environ.get(name)), "") or _system()
    listed = environ.get(_LIST, "") if _names(wanted) else ""  # C and POSIX mean English, whatever the list says
    return list(dict.fromkeys(name for one in [*listed.split(":"), wanted] for name in _names(one)))


def _names(wanted: str) -> list[str]:
    """Return a language with its country and without; nothing for C, POSIX and what is no language."""
    code = wanted.split(".")[0].split("@")[0]
    if not _LANGUAGE.match(code):
        return []
    full = code.replace("-", "_")
    return list(dict.fromkeys([full, full.split("_")[0]]))


def _system() -> str:
    """Return the language of a system that has no such variables."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return ""


def use(wanted: list[str]) -> None:
    """Install the first catalogue there is for ``wanted``, English when there is none."""
    global _catalogue, _in_force  # noqa: PLW0603 - one language per process, chosen once at the start
    _in_force = list(wanted)
    if wanted and wanted[0] in pseudo.LANGUAGES:
        _catalogue = pseudo.Pseudo(pseudo.LANGUAGES[wanted[0]])
        return
    try:
        _catalogue = _gettext.translation(DOMAIN, LOCALE_DIR, _readable(wanted), fallback=True)
    except (OSError, ValueError, struct.error):
        _catalogue = _gettext.NullTranslations()  # a broken catalogue must not keep anyone from an error message


def _readable(wanted: list[str]) -> list[str]:
    """Return the catalogues to look for: those up to English, which needs none, and their relatives."""
    before = wanted[: wanted.index("en")] if "en" in wanted else wanted
    relatives = [_RELATIVES[name] for name in before if name in _RELATIVES]
    return [*before, *([] if any(name.startswith(_OTHER_SCRIPT) for name in before) else relatives)] or ["en"]


def prefer(language: str) -> None:
    """Use a language of the settings, unless the environment names one for this program; empty chooses nothing."""
    if language and not os.environ.get(OWN_VARIABLE):
        use(_names(language))


def in_force() -> list[str]:
    """Return the languages in force, the best first; empty means English."""
    _current()
    return list(_in_force)


def _current() -> _gettext.NullTranslations:
    if _catalogue is None:
        use(languages(os.environ))
    assert _catalogue is not None
    return _catalogue


def _(text: str) -> str:
    """Return ``text`` in the reader's language. The empty text stays empty (gettext would answer its header)."""
    return _current().gettext(text) if text else ""


def pgettext(context: str, text: str) -> str:
    """Return ``text`` where the same English has another meaning elsewhere; ``context`` says which one this is."""
    return _current().pgettext(context, text)


def ngettext(one: str, many: str, n: int) -> str:
    """Return the form that goes with ``n`` in the reader's language."""
    return _current().ngettext(one, many, n)


class _Known(dict[str, object]):
    """Leaves an unknown placeholder visible: explaining an error must never raise."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _fill(template: str, params: Mapping[str, object]) -> str:
    known = _Known(params)
    if isinstance(detail := params.get("detail"), str):
        known["detail"] = _(detail)
    try:
        return _(template).format_map(known)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError):
        return template.format_map(known)  # a translation with a broken placeholder: the English one is sound


def explain(error: SealwireError) -> tuple[str, str]:
    """Return what happened and what to do next, in the reader's language; the second may be empty.

    Stable for people only: scripts look at ``error.code`` and ``error.exit``, which no language changes.
    """
    hint = str(error.params.get("hint") or error.hint)
    return _fill(error.text, error.params), _fill(hint, error.params)
