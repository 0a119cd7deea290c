"""Sentences in the reader's language; errors that can always be explained."""

from __future__ import annotations

import gettext
import inspect
import string
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire import errors, i18n
from sealwire.errors import SealwireError
from sealwire.i18n.pseudo import LANGUAGES


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
        ({"LANGUAGE": "pt_BR:fr", "LANG": "de_DE.UTF-8"}, ["pt_BR", "pt", "fr", "de_DE", "de"]),
        ({"LANGUAGE": "fr", "LANG": "C.UTF-8"}, []),
        ({"LANGUAGE": "fr"}, []),
        ({"SEALWIRE_LANG": "ja", "LANGUAGE": "fr", "LANG": "de_DE"}, ["ja"]),
        ({"LC_ALL": "", "LANG": "ru_RU.UTF-8"}, ["ru_RU", "ru"]),
    ],
)
def test_the_language_comes_from_the_environment(environ: dict[str, str], found: list[str]) -> None:
    assert i18n.languages(environ) == found


def test_without_a_catalogue_everything_is_english() -> None:
    i18n.use(["xx"])
    assert i18n._("Hello") == "Hello"
    assert i18n._("") == ""
    assert i18n.ngettext("{n} message missing", "{n} messages missing", 2) == "{n} messages missing"


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        (["de_AT", "de"], ["de_AT", "de"]),
        (["pt_PT", "pt"], ["pt_PT", "pt", "pt_BR"]),
        (["zh_SG", "zh"], ["zh_SG", "zh", "zh_CN"]),
        (["zh_TW", "zh"], ["zh_TW", "zh"]),
        (["en_GB", "en", "fr"], ["en_GB"]),
        (["en"], ["en"]),
        ([], ["en"]),
    ],
)
def test_a_relative_is_read_where_there_is_no_catalogue_and_english_needs_none(wanted, read) -> None:
    assert i18n._readable(wanted) == read


def test_the_settings_choose_unless_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALWIRE_LANG")
    i18n.prefer("")
    assert i18n.in_force() == []
    i18n.prefer("pt_BR")
    assert i18n.in_force() == ["pt_BR", "pt"]
    monkeypatch.setenv("SEALWIRE_LANG", "ja")
    i18n.prefer("de")
    assert i18n.in_force() == ["pt_BR", "pt"]


def test_a_damaged_catalogue_leaves_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    room = tmp_path / "de" / "LC_MESSAGES"
    room.mkdir(parents=True)
    (room / "sealwire.mo").write_bytes(b"\xde\x12\x04\x95 cut off")
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    i18n.use(["de"])
    assert i18n._("Hello") == "Hello"


# --- two languages that nobody speaks ------------------------------------------------------------------------


def test_the_accented_language_is_longer_and_keeps_what_the_program_needs() -> None:
    i18n.use(["en_XA", "en"])
    said = i18n._("Hello {name}, write /help or --plain.")
    assert said.startswith("[Ĥéļļô {name}, ")
    assert said.endswith("~]")
    assert "/help" in said
    assert "--plain" in said
    assert said.format(name="bob").startswith("[Ĥéļļô bob, ")
    assert len(said) > 1.25 * len("Hello {name}, write /help or --plain.")
    assert i18n._("Name: ").endswith("~] ")
    assert i18n._("{n}") == "{n}"
    assert i18n.ngettext("{n} day", "{n} days", 1) != i18n.ngettext("{n} day", "{n} days", 2)


def test_the_mirrored_language_reads_from_right_to_left_in_every_line() -> None:
    i18n.use(["ar_XB", "ar"])
    lines = i18n._("Hello\n\n  {name}").split("\n")
    assert [line.strip()[:1] for line in lines] == ["\u200f", "", "\u200f"]
    assert unicodedata.bidirectional(lines[0][0]) == "R"
    assert i18n.ngettext("{n} day", "{n} days", 2) == "\u200f{n} days\u200f"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_can_be_explained_in_them(language: str) -> None:
    i18n.use([language])
    sentence, hint = i18n.explain(errors.InviteError("the port is above 65535"))
    assert "{" not in sentence + hint
    assert sentence.count("~]") in (0, 2)


def test_an_error_is_explained_in_the_language_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_catalogue", Catalogue())
    sentence, hint = i18n.explain(errors.UnknownPeerError(name="bob"))
    assert sentence == "Hier ist niemand unter dem Namen bob angemeldet."
    assert hint == "Check the spelling, or send them an invite."


def test_the_detail_of_an_error_is_in_that_language_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalogue, "TEXTS", {"the port is above 65535": "der Port liegt über 65535"})
    monkeypatch.setattr(i18n, "_catalogue", Catalogue())
    assert i18n.explain(errors.InviteError("the port is above 65535"))[0] == (
        "This is not an invite: der Port liegt über 65535."
    )


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
