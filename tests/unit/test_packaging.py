"""The systemd unit gives the broker nothing it does not need; every recipe names what exists."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from scripts import package, package_talk
from sealwire import config, decoder
from sealwire.broker import server
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
    python, house = tmp_path / "python", tmp_path / "house"  # a checkout's own path may have blanks in it
    python.symlink_to(sys.executable)
    house.symlink_to(ROOT)
    text = UNIT.read_text("utf-8")
    text = text.replace("/opt/sealwire/.venv/bin/python", str(python)).replace("/opt/sealwire", str(house))
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


def test_the_unit_and_the_container_wait_for_the_longest_orderly_end() -> None:
    longest_s = server._SHUTDOWN_S + 2 * server._DISK_S + server._SOCKETS_S
    unit = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    compose = yaml.safe_load((ROOT / "packaging" / "docker" / "compose.yaml").read_text("utf-8"))
    assert unit is not None
    assert longest_s < float(unit[1])
    assert longest_s < float(compose["services"]["broker"]["stop_grace_period"].removesuffix("s"))


def test_the_unit_bounds_memory_and_restarts() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    assert {"MemoryMax=1536M", "Restart=on-failure", "RestartPreventExitStatus=2 3", "Type=notify"} <= set(lines)


# --- what scripts/package builds -----------------------------------------------------------------------------


def test_the_build_asks_for_what_its_hooks_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert any(name.startswith("hatch-requirements-txt") for name in project["build-system"]["requires"])
    for name in ("requirements.txt", "requirements-gui.txt"):
        assert f"/{name}" in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]


def test_the_recipe_of_the_programs_names_what_exists_and_every_program() -> None:
    made = recipe()
    programs = [*made["PROGRAMS"], made["WINDOW"], made["DECODER"]]
    assert [name for name, _script in programs] == ["sealwire-peer", "sealwire-broker", "sealwire", "sealwire-decoder"]
    assert all((ROOT / script).exists() for _name, script in programs)
    assert made["DECODER"][1] == decoder.PROGRAM.relative_to(ROOT).as_posix()
    kinds = {name.removeprefix("PIL.").removesuffix("ImagePlugin").upper() for name in made["FORMATS"]}
    assert kinds == set(decoder.FORMATS.split(","))
    modules = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "sealwire").rglob("*.py")}
    assert {name.replace(".", "/") for name in made["HIDDEN"] if name.startswith("sealwire.ui.desktop.")} <= modules
    assert "sealwire.ui.desktop.main_window" in made["HIDDEN"]


def recipe() -> dict[str, Any]:
    """What the recipe says before it builds anything."""
    text = (ROOT / "packaging" / "pyinstaller" / "sealwire.spec").read_text("utf-8").partition("def program(")[0]
    made: dict[str, Any] = {"SPECPATH": str(ROOT / "packaging" / "pyinstaller")}
    exec(compile(text, "sealwire.spec", "exec"), made)
    return made


def test_every_file_of_the_debian_package_exists_and_its_unit_finds_its_settings() -> None:
    assert all((ROOT / source).is_file() for source in package.DEB_FILES)
    (wanted,) = re.findall(r"--config (\S+)", UNIT.read_text("utf-8"))
    assert wanted.removeprefix("/") in package.DEB_FILES.values()


def test_menus_find_the_window_and_its_icon() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(ROOT / "packaging" / "desktop" / "sealwire.desktop", "utf-8")
    assert entry["Desktop Entry"]["Exec"] == recipe()["WINDOW"][0] == "sealwire"
    targets = package.DEB_FILES.values()
    assert any(target.endswith(f"/apps/{entry['Desktop Entry']['Icon']}.svg") for target in targets)
    assert entry["Desktop Entry"]["Terminal"] == "false"
    sign = ElementTree.parse(ROOT / "packaging" / "desktop" / "sealwire.svg").getroot()
    assert sign.tag.endswith("}svg")


def test_what_a_package_is_tried_without_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    prefix = package_talk.hiding([tmp_path])
    if os.geteuid() == 0 and shutil.which("unshare"):
        assert prefix
    command = [*prefix, "ls", str(tmp_path)]
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert seen == ([] if prefix else ["file"])
    assert (tmp_path / "file").exists()


def test_the_picture_that_is_sent_is_one(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(package_talk.png(package_talk.SIDE))
    found = decoder.decode(tmp_path / "x.png", 100, 100)
    assert (found.width, found.height) == (package_talk.SIDE, package_talk.SIDE)


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


def test_the_container_starts_when_nobody_has_set_anything(tmp_path: Path) -> None:
    folder = ROOT / "packaging" / "docker"
    compose = yaml.safe_load((folder / "compose.yaml").read_text("utf-8"))
    own = re.findall(r"(SEALWIRE_\w+)=(\S+)", (folder / "Dockerfile").read_text("utf-8"))
    given = {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", text)
        for name, text in compose["services"]["broker"]["environment"].items()
    }
    settings = config.load({**dict(own), **given}, tmp_path)
    assert (settings.broker.bind, settings.broker.public_address) == ("tcp://0.0.0.0:5555", "")
    assert settings.broker.registration == "invite"


def test_the_container_is_built_from_what_it_needs_and_nothing_else() -> None:
    text = (ROOT / "packaging" / "docker" / "Dockerfile.dockerignore").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    dockerfile = (ROOT / "packaging" / "docker" / "Dockerfile").read_text("utf-8")
    names = " ".join(re.findall(r"^COPY ([^-].*) \S+$", dockerfile, re.M)).split()
    copied = {name.removeprefix("./") for name in names}
    assert {line[1:] for line in lines if line.startswith("!")} == copied


def yaml_of(path: str) -> Any:
    return yaml.safe_load((ROOT / "packaging" / path).read_text("utf-8").replace("!ENV ", ""))


def test_the_appimage_is_made_of_the_folder_that_is_built() -> None:
    made = yaml_of("appimage/sealwire.yml")
    copied = [words[-2] for line in made["script"] if (words := line.split())[0] == "cp"]
    assert "dist/packages/sealwire" in copied
    assert all((ROOT / name).exists() for name in copied if not name.startswith("dist/"))
    assert made["AppDir"]["app_info"]["exec"].endswith("/sealwire/" + recipe()["WINDOW"][0])


def test_the_service_runs_the_recipes_of_the_three_systems() -> None:
    job = yaml_of("ci/packages.yml")["jobs"]["build"]
    assert {name.partition("-")[0] for name in job["strategy"]["matrix"]["os"]} == {"ubuntu", "windows", "macos"}
    commands = "\n".join(step.get("run", "") for step in job["steps"]).replace("\\", "/")
    assert "python -m scripts.package" in commands
    for recipe_of in ("packaging/windows/sealwire.iss", "packaging/macos/image.sh"):
        assert recipe_of in commands
        assert (ROOT / recipe_of).exists()
    for flag in re.findall(r"scripts\.package (.*)", commands)[0].split():
        assert not flag.startswith("--") or flag in package.parser().format_help()
    subprocess.run(["sh", "-n", ROOT / "packaging" / "macos" / "image.sh"], check=True)


def test_a_built_program_starts_the_one_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert programs.command("broker")[0] == sys.executable
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/sealwire/sealwire-peer")
    assert programs.command("broker") == ["/opt/sealwire/sealwire-broker"]
    assert programs.itself() == ["/opt/sealwire/sealwire-peer"]
    assert decoder.command() == ["/opt/sealwire/sealwire-decoder"]


def test_every_package_has_the_catalogues_and_none_the_texts_they_are_made_from() -> None:
    catalogues = sorted(LOCALE_DIR.rglob("*.mo"))
    assert catalogues
    data = dict(recipe()["DATA"])
    assert {str(path): path.parent.relative_to(ROOT).as_posix() for path in catalogues}.items() <= data.items()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert not any(path.match(pattern) for path in catalogues for pattern in wheel["exclude"])
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert not {"*.mo", "locale/"} & set(ignored)  # what git ignores, the wheel would leave out
