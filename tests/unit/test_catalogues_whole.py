"""The committed catalogues: all that the sources say is in them, in every language, and programs load just that."""

from __future__ import annotations

import pytest

from scripts import catalogues
from scripts.catalogues import PLURALS
from sealwire import i18n

NEXT_STEP = "run: python -m scripts.catalogues extract update; translate what is empty in the .po files; then compile"


def test_the_template_is_what_the_sources_say() -> None:
    assert catalogues.is_current(), NEXT_STEP


@pytest.mark.parametrize("language", PLURALS)
def test_a_language_is_whole_and_fits(language: str) -> None:
    wrong = catalogues.problems(language)
    assert not wrong, "\n".join([f"{len(wrong)} problems; {NEXT_STEP}", *wrong[:20]])


@pytest.mark.parametrize("language", PLURALS)
def test_what_programs_load_is_what_is_written(language: str) -> None:
    assert catalogues.mo_path(language).read_bytes() == catalogues.mo_bytes(language), NEXT_STEP


def test_the_languages_are_those_that_people_may_choose() -> None:
    assert {"en", *PLURALS} == set(i18n.LANGUAGES)
    assert {path.name for path in i18n.LOCALE_DIR.iterdir() if path.is_dir()} == set(PLURALS)
