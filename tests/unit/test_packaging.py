"""The systemd unit: it is valid, and it gives the broker nothing it does not need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "systemd" / "sealwire-broker.service"
MAX_EXPOSURE = 3.0


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing (Debian package systemd)")
        pytest.skip("systemd-analyze is not installed here (Debian package systemd)")
    return found


def test_the_unit_is_valid(analyze: str, tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8")
    text = text.replace("/opt/sealwire/.venv/bin/python", sys.executable).replace("/opt/sealwire", str(ROOT))
    (tmp_path / UNIT.name).write_text(text)
    done = subprocess.run([analyze, "verify", tmp_path / UNIT.name], capture_output=True, text=True, check=False)
    own = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, own) == (0, [])


def test_the_unit_exposes_little(analyze: str) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert match, done.stdout + done.stderr
    assert float(match[1]) < MAX_EXPOSURE


def test_the_unit_bounds_memory_and_restarts() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    assert {"MemoryMax=1536M", "Restart=on-failure", "RestartPreventExitStatus=2 3", "Type=notify"} <= set(lines)
