"""Who meets an attack, and a disk small enough to be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire.crypto.identity import Identity
from sealwire.testing import Network
from tests.fault.circle import Circle
from tests.vectors.people import person

SMALL_DISK_MIB = 32
_STEP_BYTES = 8_000


@pytest.fixture(scope="session")
def alice() -> Identity:
    return person("alice")


@pytest.fixture(scope="session")
def bob() -> Identity:
    return person("bob")


@pytest.fixture
def circle(net: Network) -> Circle:
    return Circle(net)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(folder)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"a small disk cannot be mounted here: {mount.stderr.strip()}")
    assert mount.returncode == 0, mount.stderr
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def leave(folder: Path, free_bytes: int) -> None:
    """Fill a small disk up to so many bytes; ``filler`` holds what fills it."""
    with (folder / "filler").open("wb") as file:
        while shutil.disk_usage(folder).free > free_bytes:
            file.write(bytes(_STEP_BYTES))
            file.flush()
