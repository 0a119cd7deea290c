"""Build everything that can be installed, start what was built, and speak with it.

    pip install -r requirements.txt -r packaging/requirements.txt
    python -m scripts.package --out dist/packages --report docs/reports/packages.md [--skip deb]

Makes the wheel and the source archive, a wheelhouse for machines without a network, a folder of programs by
PyInstaller, a Debian package, a list of what is inside (SBOM, CycloneDX) and SHA256SUMS. Each is then used from a place
that holds nothing of the repository: installed without an index, unpacked, started; alice writes to bob and bob reads
it. As root on Linux, the folders of the repository and of its virtual environment are empty to what is tried.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.package_talk import Programs, hiding, talk
from sealwire import __version__

ROOT = Path(__file__).parents[1]
PARTS = ("wheel", "wheelhouse", "folder", "deb", "container", "sbom")
END = ".exe" if sys.platform == "win32" else ""
HIDDEN = [ROOT, *([Path(sys.prefix)] if sys.prefix != sys.base_prefix else [])]
WITH_WINDOW = importlib.util.find_spec("PySide6") is not None


@dataclass
class Report:
    """What was made and what it did."""

    rows: list[str] = field(default_factory=list)
    bad: int = 0

    def row(self, name: str, detail: str, verdict: str) -> None:
        self.rows.append(f"| {name} | {detail} | {verdict} |")
        self.bad += not verdict.startswith(("spoke", "made", "linted", "skipped"))
        print(f"{name}: {detail}: {verdict}", flush=True)

    def text(self) -> str:
        head = [
            "# Packages",
            "",
            "Made by `python -m scripts.package`: each is built, put into an empty place, started and spoken with.",
            "",
            f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, Python {platform.python_version()}, "
            f"Sealwire {__version__}, {'with' if WITH_WINDOW else 'without'} PySide6.",
            "The folders of the repository and of its virtual environment were empty to what was tried."
            if hiding(HIDDEN)
            else "What was tried ran on the machine where it was built, from another folder.",
            "",
            "| package | what it is | outcome |",
            "|---|---|---|",
        ]
        return "\n".join([*head, *self.rows]) + "\n"


def run(*words: object, cwd: Path = ROOT, **more: str) -> None:
    """Run a command that must succeed; its words are shown when it does not."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**os.environ, **more}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")


def size_of(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    size = sum(one.stat().st_size for one in files if one.is_file() and not one.is_symlink())
    return f"{size / 2**20:.1f} MiB" if size >= 2**18 else f"{size / 2**10:.0f} KiB"


def _tried(folder: Path, place: Path, *, with_window: bool) -> str:
    """Speak with the programs of a folder."""
    broker, peer, window = ([str(folder / f"{name}{END}")] for name in ("sealwire-broker", "sealwire-peer", "sealwire"))
    return talk(Programs(broker, peer, window if with_window else None, hiding(HIDDEN)), place)


# --- the parts -----------------------------------------------------------------------------------------------


def wheel(out: Path, report: Report) -> None:
    """Wheel and source archive."""
    run(sys.executable, "-m", "build", "--outdir", out, ROOT)
    for path in sorted(out.glob("sealwire-*")):
        if path.suffix in {".whl", ".gz"}:
            report.row(path.name, size_of(path), "made")


def wheelhouse(out: Path, report: Report) -> None:
    """Every wheel it needs; installed from there alone, in a new environment."""
    (made,) = out.glob("sealwire-*.whl")
    house = out / "wheelhouse"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", house, made)
    archive = out / f"sealwire-{__version__}-wheelhouse.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(house, "wheelhouse")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "venv", place / "venv", cwd=place)
        programs = place / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        run(programs / "pip", "install", "-q", "--no-index", "--find-links", house, "sealwire", cwd=place)
        verdict = _tried(programs, place, with_window=False)
    shutil.rmtree(house)
    report.row(archive.name, f"{size_of(archive)}, installed without an index", verdict)


def folder(out: Path, report: Report) -> None:
    """One folder of programs that needs no Python."""
    work = ROOT / "build" / "pyinstaller"  # kept: the next run is quicker
    spec = ROOT / "packaging" / "pyinstaller" / "sealwire.spec"
    run(sys.executable, "-m", "PyInstaller", "--noconfirm", "--distpath", out, "--workpath", work, spec)

    with tempfile.TemporaryDirectory() as place:
        moved = Path(place) / "sealwire"
        shutil.copytree(out / "sealwire", moved, symlinks=True)
        verdict = _tried(moved, Path(place), with_window=WITH_WINDOW)
    size = size_of(out / "sealwire")
    archive = out / f"sealwire-{__version__}-{platform.system().lower()}-{platform.machine()}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(out / "sealwire", "sealwire")
    report.row(archive.name, f"{size_of(archive)}, unpacked {size}, no Python needed", verdict)


DEB_FILES = {
    "config.yaml": "etc/sealwire/config.yaml",
    "packaging/desktop/sealwire.desktop": "usr/share/applications/sealwire.desktop",
    "packaging/desktop/sealwire.svg": "usr/share/icons/hicolor/scalable/apps/sealwire.svg",
    "packaging/debian/copyright": "usr/share/doc/sealwire/copyright",
    "docs/operations.md": "usr/share/doc/sealwire/operations.md",
    "docs/guide.md": "usr/share/doc/sealwire/guide.md",
}
"""Files of the Debian package beside the programs, and where they go; the unit reads the first."""


def deb(out: Path, report: Report) -> None:
    """A Debian package of that folder, with manual pages, completion and the unit."""
    if shutil.which("dpkg-deb") is None:
        report.row("deb", "dpkg-deb is not here", "skipped")
        return
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    tree = out / "debroot"
    shutil.copytree(out / "sealwire", tree / "opt" / "sealwire", symlinks=True)
    for name in ("sealwire-peer", "sealwire-broker"):
        _deb_program(tree, name)
    for source, target in DEB_FILES.items():
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, tree / target)
    if WITH_WINDOW:
        (tree / "usr" / "bin" / "sealwire").symlink_to("/opt/sealwire/sealwire")
    unit = tree / "lib" / "systemd" / "system" / "sealwire-broker.service"
    unit.parent.mkdir(parents=True)
    text = (ROOT / "packaging" / "systemd" / "sealwire-broker.service").read_text("utf-8")
    program = "/opt/sealwire/.venv/bin/python /opt/sealwire/broker.py"
    text = text.replace("file:///opt/sealwire/docs/", "file:///usr/share/doc/sealwire/")
    unit.write_text(text.replace(program, "/opt/sealwire/sealwire-broker"), "utf-8")
    control = tree / "DEBIAN" / "control"
    control.parent.mkdir()
    form = (ROOT / "packaging" / "debian" / "control.in").read_text("utf-8")
    glibc = platform.libc_ver()[1]  # what the programs were built with is the least they need
    form = form.replace("@GLIBC@", glibc)
    control.write_text(form.replace("@VERSION@", __version__).replace("@ARCH@", arch), "utf-8")
    (control.parent / "conffiles").write_text("/etc/sealwire/config.yaml\n", "utf-8")
    package = out / f"sealwire_{__version__}_{arch}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", tree, package)
    shutil.rmtree(tree)
    with tempfile.TemporaryDirectory() as place:
        run("dpkg-deb", "--extract", package, place)
        verdict = _tried(Path(place) / "opt" / "sealwire", Path(place), with_window=WITH_WINDOW)
    report.row(package.name, size_of(package), verdict)


def _deb_program(tree: Path, name: str) -> None:
    link = tree / "usr" / "bin" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/opt/sealwire/{name}")
    page = tree / "usr" / "share" / "man" / "man1" / f"{name}.1"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "packaging" / "man" / f"{name}.1", page)
    completion = tree / "usr" / "share" / "bash-completion" / "completions" / name
    completion.parent.mkdir(parents=True, exist_ok=True)
    program = name.removeprefix("sealwire-")
    words = [sys.executable, f"{program}.py", "--completion", "bash"]
    completion.write_text(subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout, "utf-8")


def container(out: Path, report: Report) -> None:
    """The container's recipe, linted: what is built of it needs a machine with Docker."""
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if linter is None:
        report.row("Dockerfile", "hadolint is not here", "skipped")
        return
    done = subprocess.run(
        [linter, ROOT / "packaging" / "docker" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    found = done.stdout.strip().replace("\n", "; ")
    report.row("Dockerfile", "not built here", found or "linted by hadolint")


def sbom(out: Path, report: Report) -> None:
    """What is inside, as CycloneDX: of an environment that holds what Sealwire needs and nothing else."""
    target = out / f"sealwire-{__version__}.cdx.json"
    with tempfile.TemporaryDirectory() as place:
        run(sys.executable, "-m", "venv", Path(place) / "venv")
        python = Path(place) / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        run(python, "-m", "pip", "install", "-q", "-r", ROOT / "requirements.txt")
        run(sys.executable, "-m", "cyclonedx_py", "environment", python, "--output-file", target)
    report.row(target.name, size_of(target), "made")


def sums(out: Path) -> None:
    """SHA256SUMS of every file to hand around."""
    files = sorted(path for path in out.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), "utf-8")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--out", type=Path, default=ROOT / "dist" / "packages")
    made.add_argument("--report", type=Path)
    made.add_argument("--skip", action="append", default=[], choices=PARTS)
    return made


def main() -> int:
    """Build, try, report; the exit code is 1 when something did not speak."""
    chosen = parser().parse_args()
    out = chosen.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    report = Report()
    makers: dict[str, Callable[[Path, Report], None]] = {
        "wheel": wheel, "wheelhouse": wheelhouse, "folder": folder, "deb": deb, "container": container,
        "sbom": sbom,
    }  # fmt: skip
    for name, make in makers.items():
        if name in chosen.skip:
            report.row(name, "left out with --skip", "skipped")
        else:
            make(out, report)
    sums(out)
    if chosen.report:
        chosen.report.write_text(report.text(), "utf-8")
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
