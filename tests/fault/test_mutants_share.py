"""Defences taken out one at a time must be missed; a few in every run, all of them by ``python -m tests.mutants``."""

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import main, rotate, share
from tests.mutants.run import Outcome, applies, run
from tests.mutants.table import ATTACKS, TABLE, Mutant

HERE = Path(__file__).parent
A_FEW = 5
"""As many as .ci/run takes a run."""
HERE_TOO = 1
"""A few seconds: .ci/run has taken its own few before; the rest follow on other days."""
FLOOR = "test_attacks_door.py::test_attack_47_a_libzmq_with_known_holes_is_refused"


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_attack_has_a_mutant_and_a_test():
    assert {mutant.attack for mutant in TABLE} == set(ATTACKS)
    tests = set().union(*(functions(path) for path in HERE.glob("test_attacks_*.py")))
    for attack in ATTACKS:
        assert any(name.startswith(f"test_attack_{attack:02}_") for name in tests), attack


@pytest.mark.parametrize("mutant", TABLE, ids=lambda mutant: f"{mutant.attack}-{mutant.file}")
def test_every_patch_applies_to_one_line_and_its_test_exists(mutant):
    assert applies(mutant), f"{mutant.old!r} does not stand in sealwire/{mutant.file} exactly once: update the table"
    assert "\n" not in mutant.old + mutant.new
    file, _, function = mutant.test.partition("::")
    assert f"test_attack_{mutant.attack:02}_" in function
    assert function in functions(HERE / file)


def test_a_few_defences_are_missed_when_they_are_taken_out():
    outcomes = dict(run(rotate(HERE_TOO, TABLE[::-1])))
    assert set(outcomes.values()) == {Outcome.CAUGHT}, outcomes


def test_what_does_not_apply_or_survives_is_an_error(monkeypatch, capsys):
    harmless = Mutant(47, "broker/sockets.py", "(4, 3, 5)", "(4, 3, 4)", FLOOR)
    gone = Mutant(47, "broker/sockets.py", "no such line", "", FLOOR)
    broken = Mutant(47, "broker/sockets.py", "(4, 3, 5)", "(4, 3, 5", FLOOR)
    monkeypatch.setattr("tests.mutants.__main__.chosen_by", lambda _: [harmless, gone, broken])
    assert main([]) == 1
    said = capsys.readouterr().out
    for outcome in (Outcome.SURVIVED, Outcome.NO_PATCH, Outcome.NOT_RUN):
        assert said.count(outcome.value) == 1
    assert said.endswith("0 of 3 mutants caught\n")


def test_shares_are_disjoint_and_together_everything(monkeypatch):
    shares = [share(f"{part}/7") for part in range(1, 8)]
    assert sorted(mutant for one in shares for mutant in one) == sorted(TABLE)
    monkeypatch.setenv("SEALWIRE_MUTANTS_SHARE", "2/7")
    assert rotate(A_FEW) == shares[1]
    for wrong in ("0/7", "8/7", "1", "x/y"):
        with pytest.raises(ValueError, match="K/N"):
            share(wrong)
    with pytest.raises(SystemExit):
        main(["--list", "--share", "8/7"])


def test_rotation_takes_a_few_and_other_ones_tomorrow(monkeypatch):
    monkeypatch.delenv("SEALWIRE_MUTANTS_SHARE", raising=False)
    seen = set()
    for day in range(len(TABLE)):
        monkeypatch.setattr("time.time", lambda day=day: day * 86_400.0)
        today = rotate(A_FEW)
        assert 1 <= len(today) <= A_FEW
        seen |= set(today)
    assert seen == set(TABLE)


def test_the_list_shows_every_row(capsys):
    assert main(["--list", "26", "47"]) == 0
    said = capsys.readouterr().out
    assert "crypto/ratchet.py" in said
    assert "broker/sockets.py" in said
    assert "peer/roster.py" not in said
