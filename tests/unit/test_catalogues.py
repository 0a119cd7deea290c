"""The catalogues: all that the sources say is in them, and what they answer fits what the program does with it."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from scripts import catalogues
from scripts.catalogues import PLURALS, ExtractError, faults, one_number, texts

# --- what a translation may not change -----------------------------------------------------------------------

TWO = ("{n} message", "{n} messages")

WRONG = [
    ("de", "Hello", "", "not translated"),
    ("de", "Hello {name}", "Hallo", "other placeholders"),
    ("de", "Hello {name}", "Hallo {nam}", "other placeholders"),
    ("de", "{mode:04o}", "{mode}", "other placeholders"),
    ("de", "{word!r} is wrong", "{word} ist falsch", "other placeholders"),
    ("de", "Hello {name}", "Hallo {name", "braces that do not fit"),
    ("de", "Name: ", "Name:", "white space at the end"),
    ("de", " muted", "stumm", "white space at the beginning"),
    ("de", "one\ntwo", "eins zwei", "number of lines"),
    ("de", "argument %s", "Argument %d", "word of Python"),
    ("de", "100%", "hundert", "number of percent signs"),
    ("de", "&Open", "Auf", "accelerator"),
    ("de", "Add --json.", "Dazu --jason.", "what people type"),
    ("de", "Write /retry.", "Schreiben Sie /nochmal.", "what people type"),
    ("de", "Ctrl+K, or limits.blob_quota", "Strg+K, oder limits.blob_quota", "what people type"),
    ("fr", "Topic: x", "Sujet\u00a0: x", "a terminal would not show (U+00A0)"),
    ("de", TWO, ("{n} Nachricht", ""), "not translated"),
    ("de", TWO, ("{n} Nachricht", "Nachrichten"), "other placeholders"),
    ("ru", TWO, ("{n} сообщение", "{n} сообщения"), "not in all 3 forms"),
    ("ru", TWO, ("одно сообщение", "{n} сообщения", "{n} сообщений"), "other placeholders"),
    ("fr", TWO, ("un message", "{n} messages"), "other placeholders"),
]


@pytest.mark.parametrize(("language", "id", "said", "fault"), WRONG)
def test_a_translation_that_breaks_the_program_is_named(language, id, said, fault) -> None:
    assert any(fault in line for line in faults(Message(id, said), language))


RIGHT = [
    ("de", "Hello {name}", "{name}, hallo"),
    ("de", TWO, ("eine Nachricht", "{n} Nachrichten")),
    ("ja", TWO, ("{n} 件",)),
    ("ar", TWO, ("لا رسائل", "رسالة واحدة", "رسالتان", "{n} رسائل", "{n} رسالة", "{n} رسالة")),
]


@pytest.mark.parametrize(("language", "id", "said"), RIGHT)
def test_a_translation_may_have_its_own_order_and_its_own_words_for_one(language, id, said) -> None:
    assert list(faults(Message(id, said), language)) == []


def test_a_doubtful_translation_is_not_enough() -> None:
    assert any("fuzzy" in line for line in faults(Message("Hello", "Hallo", flags=("fuzzy",)), "de"))


@pytest.mark.parametrize("language", PLURALS)
def test_every_rule_chooses_each_of_its_forms(language: str) -> None:
    count, rule = PLURALS[language]
    assert len(one_number(rule)) == count


# --- from the sources ----------------------------------------------------------------------------------------


def source(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "module.py"
    path.write_text("from sealwire.i18n import _, ngettext, pgettext\n" + text, "utf-8")
    return path


def test_sentences_plurals_and_what_errors_are_told_are_found(tmp_path: Path) -> None:
    path = source(
        tmp_path,
        '_("One " "sentence.")\nngettext("{n} day", "{n} days", 2)\n'
        'raise InviteError("the port is above 65535")\nraise RemoteProtocolError("a gap in it")\n'
        'raise BackupError(path="a b", detail="it is missing")\n',
    )
    found = {one: many for _line, one, many, _context in texts(path)}
    assert found == {
        "One sentence.": None,
        "{n} day": "{n} days",
        "the port is above 65535": None,
        "a b": None,
        "it is missing": None,
    }


@pytest.mark.parametrize(
    "call", ["_(f'{x} days')", "_(name)", "_('a' + 'b')", "ngettext(one, 'many', 2)", "_(3)", "pgettext('menu', name)"]
)
def test_a_sentence_that_is_not_written_out_is_refused(tmp_path: Path, call: str) -> None:
    with pytest.raises(ExtractError, match="must be written out"):
        list(texts(source(tmp_path, call)))


def test_the_sentences_of_errors_are_in_the_template() -> None:
    found = {one for _context, one in catalogues.entries()}
    assert "The broker refuses this device." in found
    assert "Check the spelling, or send them an invite." in found
    assert "{detail}" not in found


@pytest.mark.parametrize(
    "glued", ["_('a') + y", "x + _('a').format(n=1)", "f\"{_('a').format(n=1)}!\"", "y + (_('a') if y else '')"]
)
def test_a_sentence_that_is_put_together_from_parts_is_refused(tmp_path: Path, glued: str) -> None:
    with pytest.raises(ExtractError, match="put together"):
        list(texts(source(tmp_path, glued)))


# --- commands ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Catalogues of a program with two sentences, in German alone."""
    room = tmp_path / "sealwire"
    room.mkdir()
    source(room, '_("Hello {name}")\nngettext("{n} day", "{n} days", 2)\n')
    for name, value in {
        "ROOT": tmp_path,
        "SOURCES": room,
        "LOCALE_DIR": tmp_path / "locale",
        "TEMPLATE": tmp_path / "locale" / "sealwire.pot",
        "PLURALS": {"de": PLURALS["de"]},
    }.items():
        monkeypatch.setattr(catalogues, name, value)
    catalogues.entries.cache_clear()
    yield tmp_path
    catalogues.entries.cache_clear()


def test_from_the_sources_to_a_catalogue_that_loads(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogues.main(["extract", "update", "compile"]) == 0
    assert catalogues.main(["check"]) == 1
    assert capsys.readouterr().out.count("not translated") == 2
    po = catalogues.po_path("de")
    said = po.read_text("utf-8").replace(
        'msgid "Hello {name}"\nmsgstr ""', 'msgid "Hello {name}"\nmsgstr "Hallo {name}"'
    )
    po.write_text(said.replace('[0] ""', '[0] "ein Tag"').replace('[1] ""', '[1] "{n} Tage"'), "utf-8")
    assert catalogues.main(["check"]) == 1
    assert "older than its .po" in capsys.readouterr().out
    assert catalogues.main(["compile", "check"]) == 0
    with catalogues.mo_path("de").open("rb") as file:
        loaded = gettext.GNUTranslations(file)
    assert loaded.gettext("Hello {name}") == "Hallo {name}"
    assert [loaded.ngettext("{n} day", "{n} days", n) for n in (1, 2)] == ["ein Tag", "{n} Tage"]


def test_a_sentence_that_changed_is_asked_for_again_and_the_others_stay(folder: Path, capsys) -> None:
    catalogues.main(["extract", "update"])
    po = catalogues.po_path("de")
    po.write_text(po.read_text("utf-8").replace('[0] ""', '[0] "ein Tag"').replace('[1] ""', '[1] "{n} Tage"'), "utf-8")
    source(folder / "sealwire", '_("Good day, {name}")\nngettext("{n} day", "{n} days", 2)\n')
    catalogues.entries.cache_clear()
    assert catalogues.main(["check"]) == 1
    out = capsys.readouterr().out
    assert "not in the sources any more: 'Hello {name}'" in out
    assert "not in the file: 'Good day, {name}'" in out
    catalogues.main(["extract", "update", "compile"])
    text = po.read_text("utf-8")
    assert "ein Tag" in text
    assert "Hello" not in text
    loaded = gettext.GNUTranslations(io.BytesIO(catalogues.mo_bytes("de")))
    assert loaded.gettext("Good day, {name}") == "Good day, {name}"  # what is not translated yet is English


def test_one_sentence_with_and_without_a_plural_is_refused(folder: Path, capsys) -> None:
    source(folder / "sealwire", '_("{n} day")\nngettext("{n} day", "{n} days", 2)\n')
    catalogues.entries.cache_clear()
    assert catalogues.main(["check"]) == 1
    assert "another plural" in capsys.readouterr().out


def test_the_same_english_with_another_meaning_has_a_translation_of_its_own(folder: Path) -> None:
    source(folder / "sealwire", '_("Forward")\npgettext("file dialog", "Forward")\n')
    catalogues.entries.cache_clear()
    catalogues.main(["extract", "update"])
    po = catalogues.po_path("de")
    text = po.read_text("utf-8")
    assert text.count('msgid "Forward"\nmsgstr ""') == 2
    mine = text.replace(
        'msgctxt "file dialog"\nmsgid "Forward"\nmsgstr ""', 'msgctxt "file dialog"\nmsgid "Forward"\nmsgstr "Vor"'
    )
    po.write_text(mine.replace('msgid "Forward"\nmsgstr ""', 'msgid "Forward"\nmsgstr "Weiterleiten"'), "utf-8")
    assert catalogues.main(["update", "compile", "check"]) == 0  # an update keeps both
    loaded = gettext.GNUTranslations(io.BytesIO(catalogues.mo_bytes("de")))
    assert (loaded.gettext("Forward"), loaded.pgettext("file dialog", "Forward")) == ("Weiterleiten", "Vor")


def test_an_unknown_command_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogues.main(["translate"]) == 2
    assert "extract | update | compile | check" in capsys.readouterr().err
