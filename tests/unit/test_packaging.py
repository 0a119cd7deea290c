"""The systemd unit: it is valid, and it gives the broker nothing it does not need."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from sealwire.cli import programs
from sealwire.i18n import LOCALE_DIR

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


# --- what scripts/package builds -----------------------------------------------------------------------------


def test_the_build_asks_for_what_its_hooks_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert any(name.startswith("hatch-requirements-txt") for name in project["build-system"]["requires"])
    for name in ("requirements.txt", "requirements-gui.txt"):
        assert f"/{name}" in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def test_the_recipe_of_the_programs_is_python_and_names_what_exists() -> None:
    spec = ROOT / "packaging" / "pyinstaller" / "sealwire.spec"
    tree = ast.parse(spec.read_text("utf-8"))
    names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {"peer.py", "broker.py"} <= names
    assert (ROOT / "peer.py").exists()


def test_the_container_runs_as_nobody_and_copies_only_what_exists() -> None:
    lines = (ROOT / "packaging" / "docker" / "Dockerfile").read_text("utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith(("#", " "))]
    assert ["USER", "10001"] in words
    froms = [line[1] for line in words if line[0] == "FROM"]
    assert all(":" in image and not image.endswith(":latest") for image in froms), "a version that does not drift"
    for line in words:
        if line[0] == "COPY" and "--from=build" not in line:
            assert all((ROOT / name).exists() for name in line[1:-1]), line
    assert not any("ADD" in line[:1] or "sudo" in line for line in words)


def test_the_compose_file_gives_the_broker_little() -> None:
    compose = yaml.safe_load((ROOT / "packaging" / "docker" / "compose.yaml").read_text("utf-8"))
    broker = compose["services"]["broker"]
    assert broker["read_only"] is True
    assert broker["cap_drop"] == ["ALL"]
    assert broker["security_opt"] == ["no-new-privileges:true"]
    dockerfile = ROOT / "packaging" / "docker" / broker["build"]["context"] / broker["build"]["dockerfile"]
    assert dockerfile.exists()


def test_the_recipes_for_other_systems_can_be_read() -> None:
    for path in ("ci/packages.yml", "appimage/sealwire.yml"):
        text = (ROOT / "packaging" / path).read_text("utf-8").replace("!ENV ", "")
        assert isinstance(yaml.safe_load(text), dict), path


def test_a_built_program_starts_the_one_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs.command("broker")[0] == sys.executable
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/sealwire/sealwire-peer")
    assert programs.command("broker") == ["/opt/sealwire/sealwire-broker"]
    assert programs.itself() == ["/opt/sealwire/sealwire-peer"]


def test_every_package_has_the_catalogues_and_none_the_texts_they_are_made_from() -> None:
    catalogues = sorted(LOCALE_DIR.rglob("*.mo"))
    assert catalogues
    spec = (ROOT / "packaging" / "pyinstaller" / "sealwire.spec").read_text("utf-8")
    made: dict[str, object] = {"SPECPATH": str(ROOT / "packaging" / "pyinstaller")}
    exec(compile(spec.partition("def modules(")[0], "sealwire.spec", "exec"), made)
    data = dict(made["DATA"])
    assert {str(path): path.parent.relative_to(ROOT).as_posix() for path in catalogues}.items() <= data.items()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert not any(path.match(pattern) for path in catalogues for pattern in wheel["exclude"])
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert not {"*.mo", "locale/"} & set(ignored)  # what git ignores, the wheel would leave out
