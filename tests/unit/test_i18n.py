"""Sentences in the reader's language; errors that can always be explained."""

from __future__ import annotations

import gettext
import inspect
import string
from collections.abc import Iterator

import pytest

from sealwire import errors, i18n
from sealwire.errors import SealwireError


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.use([])
    yield
    i18n.use([])


class Catalogue(gettext.NullTranslations):
    """German for two sentences; one of them is broken."""

    TEXTS = {
        "Nobody is registered here under the name {name}.": "Hier ist niemand unter dem Namen {name} angemeldet.",
        "The broker refuses this device.": "Der Broker lehnt {dieses!x} Gerät ab.",
    }

    def gettext(self, message: str) -> str:
        return self.TEXTS.get(message, message)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, []),
        ({"LANG": "de_DE.UTF-8"}, ["de_DE", "de"]),
        ({"LANG": "C.UTF-8"}, []),
        ({"LANG": "POSIX"}, []),
        ({"LC_MESSAGES": "fr_FR", "LANG": "de_DE"}, ["fr_FR", "fr"]),
        ({"LC_ALL": "es_ES@euro", "LC_MESSAGES": "fr_FR"}, ["es_ES", "es"]),
        ({"SEALWIRE_LANG": "pt-BR", "LC_ALL": "de_DE"}, ["pt_BR", "pt"]),
        ({"SEALWIRE_LANG": "en", "LANG": "de_DE"}, ["en"]),
        ({"SEALWIRE_LANG": "../../etc"}, []),
    ],
)
def test_the_language_comes_from_the_environment(environ: dict[str, str], found: list[str]) -> None:
    assert i18n.languages(environ) == found


def test_without_a_catalogue_everything_is_english() -> None:
    i18n.use(["xx"])
    assert i18n._("Hello") == "Hello"
    assert i18n._("") == ""
    assert i18n.ngettext("{n} message missing", "{n} messages missing", 2) == "{n} messages missing"


def test_an_error_is_explained_in_the_language_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_catalogue", Catalogue())
    sentence, hint = i18n.explain(errors.UnknownPeerError(name="bob"))
    assert sentence == "Hier ist niemand unter dem Namen bob angemeldet."
    assert hint == "Check the spelling, or send them an invite."


def test_a_translation_with_a_broken_placeholder_falls_back_to_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_catalogue", Catalogue())
    assert i18n.explain(errors.DeviceRefusedError())[0] == "The broker refuses this device."


def test_a_missing_parameter_stays_visible_instead_of_raising() -> None:
    assert i18n.explain(errors.UnknownPeerError())[0] == "Nobody is registered here under the name {name}."


def test_a_hint_given_with_the_error_is_used_when_the_class_has_none() -> None:
    assert i18n.explain(errors.UsageError("no such verb", "try --help")) == ("no such verb", "try --help")
    assert i18n.explain(errors.UsageError("no such verb")) == ("no such verb", "")


def test_config_problems_stay_one_line_each() -> None:
    assert i18n.explain(errors.ConfigError(["a: b", "c: d"]))[0] == "a: b\nc: d"


FAIL_STOP = 70
"""The broker's exit after a store error: a supervisor starts it again."""

CLASSES = [c for _name, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, SealwireError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_has_a_sentence_that_can_be_filled_in(cls: type[SealwireError]) -> None:
    for text in (cls.text, cls.hint):
        assert all(name is None or name.isidentifier() for _t, name, _s, _c in string.Formatter().parse(text))
    assert cls.text.endswith((".", "}"))
    assert 0 < cls.exit <= 9 or cls.exit == FAIL_STOP


def test_error_codes_are_unique() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
