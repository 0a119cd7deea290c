"""The documents say what the code does: sections, links, limits, commands, errors and tests that they name exist."""

from __future__ import annotations

import dataclasses
import importlib
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import sealwire
from sealwire.broker.port import BrokerSettings
from sealwire.config.settings import KEYS, LimitsSection
from sealwire.errors import SealwireError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("keys/*.md")])
PACKAGE = Path(sealwire.__file__).parent

UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "s": 1, "min": 60, "h": 3_600, "days": 86_400, "ms": 0.001}
TIMES = frozenset({"s", "min", "h", "days", "ms"})


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


# --- sections and links ---


def sections(path: Path) -> set[str]:
    return set(re.findall(r"^#{2,3} ([0-9]+(?:\.[0-9]+)?)\.? ", text_of(path), re.MULTILINE))


def test_every_section_that_the_code_cites_exists():
    there = sections(DOCS / "protocol.md")
    assert {str(number) for number in range(1, 16)} <= there
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql")]:
        for cited in re.findall(r"protocol\.md ((?:§[0-9.]+(?:, )?)+)", text_of(path)):
            wanted = {number.rstrip(".") for number in re.findall(r"§([0-9.]+)", cited)}
            assert wanted <= there, f"{path} cites {wanted - there}"


def test_every_section_that_the_documents_cite_exists():
    there = sections(DOCS / "protocol.md")
    for path in DOCUMENTS:
        own = re.findall(r"(?<![0-9] )§([0-9]+(?:\.[0-9]+)?)", re.sub(r"RFC[^)|]*|revision 3, §4", "", text_of(path)))
        assert set(own) <= there, f"{path.name} cites {set(own) - there}"


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _hash, anchor = target.partition("#")
        there = path if not file else (path.parent / file).resolve()
        assert there.exists(), f"{path.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_path_of_one_machine(path):
    assert not re.search(r"(?<![\w.])/(home|root|work|Users|tmp)/", text_of(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_has_a_head(path):
    """A blank line inside of one makes plain text of the rows below it."""
    for first in re.findall(r"(?:^|\n)(?!\|).*\n(\|.*\n.*)\n", text_of(path)):
        assert re.search(r"\n\|[-|: ]+\|$", first), f"{path.name}: {first}"


def test_every_page_that_is_named_exists():
    """In documents, settings and sentences of the programs, where no link says it."""
    places = [*DOCUMENTS, ROOT / "config.yaml", *ROOT.glob(".ci/run")]
    places += [
        path for folder in ("sealwire", "examples", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]
    for path in places:
        for page in re.findall(r"\bdocs/[\w/-]+\.(?:md|json)\b", text_of(path)):
            assert (ROOT / page).exists(), f"{path} names {page}"


# --- packages ---


def test_the_design_has_a_reason_for_every_package():
    reasons = text_of(DOCS / "design.md").split("\n## Dependencies\n")[1].split("\n## ")[0].lower()
    files = [*ROOT.glob("requirements*.txt"), *ROOT.glob("*/requirements.txt")]
    named = {
        name
        for file in files
        for name in re.findall(r"^[A-Za-z][\w.-]*", re.sub("#.*", "", text_of(file)), re.MULTILINE)
    }
    named.update(
        re.split("[><=]", one)[0] for one in tomllib.loads(text_of(ROOT / "pyproject.toml"))["build-system"]["requires"]
    )
    assert len(named) > 30
    assert {name for name in named if not re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", reasons)} == set()


# --- limits ---


def limits() -> list[tuple[str, str]]:
    """(value, name) of each row in the table of the last section."""
    table = text_of(DOCS / "protocol.md").split("\n## 15. Limits\n")[1]
    return re.findall(r"^\| [^|]+ \| ([^|]+) \| `([^`]+)` \|$", table, re.MULTILINE)


def value_of(name: str) -> tuple[float, str]:
    """The value behind a name of the table, with the unit its name tells (``ms``, ``days`` or none)."""
    unit = re.search(r"_(ms|days)$", name, re.IGNORECASE)
    if name in KEYS:
        value = KEYS[name].default
    else:
        module, _dot, constant = name.rpartition(".")
        if module.endswith(".BrokerSettings"):
            value = getattr(BrokerSettings(), constant)
        else:
            value = getattr(importlib.import_module(f"sealwire.{module}"), constant)
    assert isinstance(value, int | float), name
    return value, unit[1].lower() if unit else ""


@pytest.mark.parametrize(("shown", "name"), limits(), ids=lambda part: part)
def test_every_limit_is_the_codes(shown, name):
    number, _blank, unit = shown.partition(" ")
    written = float(number.replace(",", "")) * UNITS[unit]
    value, own_unit = value_of(name)
    scale = UNITS[own_unit or "s"] if unit in TIMES else 1
    assert written == pytest.approx(value * scale)


def test_every_setting_of_the_limits_is_in_the_table():
    named = {name for _, name in limits()}
    numbers = {key for key, row in KEYS.items() if key.startswith("limits.") and isinstance(row.default, int | float)}
    assert numbers <= named


def test_settings_and_broker_agree_on_every_default():
    broker = {field.name: getattr(BrokerSettings(), field.name) for field in dataclasses.fields(BrokerSettings)}
    for field in dataclasses.fields(LimitsSection):
        assert broker[field.name] == getattr(LimitsSection(), field.name), field.name


# --- commands, files, errors ---


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text_of(path), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_command_names_is_there(path):
    for block in blocks(path):
        for file in re.findall(r"(?:python3? |-r |^)((?:[\w.]+/)*[\w.]+\.(?:py|txt|sh))\b", block, re.MULTILINE):
            assert (ROOT / file).exists(), f"{path.name} runs {file}"


def test_a_newcomers_two_commands_do_their_own_set_up():
    readme = text_of(ROOT / "README.md")
    for marker, packages, last in (
        ("start-command", "-r requirements.txt", "python peer.py --demo"),
        ("test-command", "-r requirements.txt -r tests/requirements.txt", "python -m pytest"),
    ):
        found = re.findall(rf"<!-- {marker} -->\n```sh\n(.+)\n```", readme)
        assert found == [f"python3 -m venv .venv && . .venv/bin/activate && pip install -q {packages} && {last}"]


def error_classes(base: type[SealwireError] = SealwireError) -> list[type[SealwireError]]:
    return [base, *(deeper for one in base.__subclasses__() for deeper in error_classes(one))]


def test_every_error_is_listed_with_its_exit_code_and_sentence():
    listed = text_of(DOCS / "operations.md").split("\n## Errors\n")[1]
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \| (.+?) \|$", listed, re.MULTILINE)
    known = {
        one.code: (str(one.exit), one.text) for one in error_classes() if one.__module__.startswith("sealwire.errors")
    }
    assert {code: (exit_code, sentence.strip("`")) for code, exit_code, sentence in rows} == known


def test_the_figures_of_long_runs_stand_in_their_reports_alone():
    """A run writes its report anew, and nothing else."""
    beside = re.findall(r"\]\(reports/[a-z-]+\.md\)([^\[|\n]*)", text_of(DOCS / "faults.md"))
    assert len(beside) > 8
    assert not [words for words in beside if re.search("[0-9]", words)]


def test_every_warning_that_scripts_may_meet_is_listed():
    sources = "".join(text_of(path) for path in (ROOT / "sealwire" / "peer").rglob("*.py"))
    raised = set(re.findall(r'\bWarning\("([a-z-]+)"|"(group-[a-z]+)", text', sources))
    table = text_of(DOCS / "scripting.md").split("\n| Warning | Means |\n")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == {one or other for one, other in raised}


def test_every_sentence_of_the_readmes_troubleshooting_is_an_error_of_ours():
    table = text_of(ROOT / "README.md").split("\n## When something goes wrong\n")[1].split("\n## ")[0]
    sentences = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(sentences) > 5
    templates = [one.text for one in error_classes() if not one.text.startswith("{")]
    for sentence in sentences:
        assert any(says(template, sentence) for template in templates), sentence


def says(template: str, sentence: str) -> bool:
    """Whether ``sentence`` is ``template`` filled in; one that ends in … is its beginning."""
    literals = re.split(r"\{.+?\}", template)
    if sentence.endswith("…"):
        return sentence.startswith(literals[0])
    return re.fullmatch(".+".join(re.escape(literal) for literal in literals), sentence) is not None


def test_every_test_that_a_document_names_exists():
    sources = (ROOT / "tests").rglob("test_*.py")
    defined = {
        name for path in sources for name in re.findall(r"^(?:async )?def (test_\w+)", text_of(path), re.MULTILINE)
    }
    for path in DOCUMENTS:
        named = set(re.findall(r"`(test_\w+)`", text_of(path)))
        assert named <= defined, f"{path.name} names {named - defined}"


def test_every_test_that_a_document_names_by_its_path_is_there():
    for path in DOCUMENTS:
        for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text_of(path)):
            assert (ROOT / file).exists(), f"{path.name} names {file}"
            assert not name or f"def {name}(" in text_of(ROOT / file), f"{path.name} names {file}::{name}"
