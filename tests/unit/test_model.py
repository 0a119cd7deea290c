"""The model of delivery holds, and no rule of it can go without an invariant falling.

Spin visits every state of small scenarios; that the code is what was modelled, the property tests of the router show.
"""

from __future__ import annotations

import os
import re
from functools import cache

import pytest

from model.check import INVARIANTS, MODEL, REMOVALS, SMALL, Line, check, main, missing_tools, read, table

TODAY = REMOVALS[int(os.environ["SEALWIRE_TEST_DAY"]) % 4 :: 4]
"""Another quarter of the rules every day: compiling the model without each takes most of the time. The nightly run, and
``python -m model.check``, take all."""
FALLS = [(removal.rule, invariant) for removal in TODAY for invariant in removal.breaks]


@cache
def lines() -> dict[tuple[str, str, int | None], Line]:
    """Run everything once, side by side; the tests look at it line by line."""
    missing = missing_tools()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"not installed: {', '.join(missing)}; .ci/apt.txt names the packages")
    assert not missing, "CI must have what .ci/apt.txt names"
    return {
        (line.name, line.scenario.name if not line.name else "", line.expected): line
        for line in check(SMALL, TODAY, os.cpu_count() or 1)
    }


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SMALL])
def test_every_invariant_holds_with_every_rule_in_place(scenario: str) -> None:
    line = lines()["", scenario, None]
    assert line.is_right, line.outcome


@pytest.mark.parametrize(("rule", "invariant"), FALLS)
def test_without_the_rule_the_invariant_falls(rule: str, invariant: int) -> None:
    line = lines()[rule, "", invariant]
    assert line.is_right, line.outcome


def test_the_table_of_removals_is_the_model_s_list_of_rules() -> None:
    text = "".join(path.read_text("utf-8") for path in MODEL.parent.glob("*.pml"))
    assert {removal.define for removal in REMOVALS} == set(re.findall(r"WITHOUT_[A-Z_]+", text)) - {"WITHOUT_RULE"}
    assert {int(number) for number in re.findall(r"HOLDS\((\d)", text)} == set(INVARIANTS)


def test_every_invariant_falls_with_some_rule_so_none_is_empty() -> None:
    assert {invariant for removal in REMOVALS for invariant in removal.breaks} == set(INVARIANTS)


def test_a_failure_names_its_invariant() -> None:
    found = read("pan:1: assertion violated (((3*(3-7))!=0)||(open[me]==1)) (at depth 31)\n 12 states, stored\n", 1.0)
    assert (found.broken, found.states) == (7, 12)


@pytest.mark.parametrize(
    "output",
    [
        "pan:1: block in d_step seq (at depth 57)\n 12 states, stored\n errors: 1",
        "error: max search depth too small\n 12 states, stored\n errors: 0",
        "pan: out of memory\n 12 states, stored\n errors: 0",
        "",
    ],
)
def test_a_search_that_was_cut_short_proves_nothing(output: str) -> None:
    assert read(output, 1.0).broken == 0


def test_the_table_says_what_came_out_wrong() -> None:
    scenario = SMALL[0]
    rows = list(table([Line("", scenario, None, read("pan:1: non-progress cycle (at depth 3)", 0.5))]))
    assert rows[-1].endswith("| failed: non-progress cycle (at depth 3) | NO |")


def test_an_unknown_rule_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--without", "gravity"])
    assert stopped.value.code == 2
    assert "hold" in capsys.readouterr().err
