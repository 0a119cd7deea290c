"""Applies mutants in a copy of the tree, one after the other, and runs their tests there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

from tests.mutants.table import Mutant

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("sealwire", "tests", "pyproject.toml")
TIMEOUT_S: Final = 180
"""A mutant that hangs proves nothing: its test did not fail."""
_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; anything above says that the test was not run at all."""


class Outcome(Enum):
    """What became of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    NOT_RUN = "TEST DID NOT RUN"
    NO_PATCH = "PATCH DOES NOT APPLY"


def applies(mutant: Mutant, root: Path = ROOT) -> bool:
    """Whether the line that the mutant breaks stands in its file exactly once."""
    path = root / "sealwire" / mutant.file
    return path.is_file() and path.read_text(encoding="utf-8").count(mutant.old) == 1


def run(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, Outcome]]:
    """Try each mutant in a copy of the tree.

    Raises:
        AssertionError: one of the tests fails without any mutant.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        _copy_tree(copy)
        tests = sorted({mutant.test for mutant in mutants})
        code, output = _pytest(copy, tests)
        if code != _PASSED:
            raise AssertionError(f"the tests fail without any mutant:\n{output}")
        for mutant in mutants:
            yield mutant, _try(copy, mutant)


def _copy_tree(copy: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)


def _try(copy: Path, mutant: Mutant) -> Outcome:
    if not applies(mutant, copy):
        return Outcome.NO_PATCH
    with _patched(copy / "sealwire" / mutant.file, mutant):
        code, _ = _pytest(copy, [mutant.test])
    return {_PASSED: Outcome.SURVIVED, _FAILED: Outcome.CAUGHT}.get(code, Outcome.NOT_RUN)


@contextmanager
def _patched(path: Path, mutant: Mutant) -> Iterator[None]:
    original = path.read_text(encoding="utf-8")
    # Byte code is matched by size and second: a patch of equal length within one second would go unseen.
    compiled = Path(importlib.util.cache_from_source(str(path)))
    path.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
    compiled.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.write_text(original, encoding="utf-8")
        compiled.unlink(missing_ok=True)


def _pytest(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests below tests/fault in the copy; (exit code, output)."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header"]
    command += [f"tests/fault/{test}" for test in tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, "it did not end"
    return done.returncode, done.stdout + done.stderr
