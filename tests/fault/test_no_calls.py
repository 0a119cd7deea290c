"""Nothing calls anybody but the broker: watched at both doors of a network namespace that has no way out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire.testing.faultnet import unavailable

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]


def test_broker_peers_and_window_call_nobody_but_the_broker(tmp_path):
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        assert shutil.which("unshare"), "CI must have what .ci/apt.txt names"
    if reason := unavailable():
        pytest.skip(reason)
    # The processes have a namespace of their own as well: whatever happens, they end with the first of them.
    done = subprocess.run(
        [
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            sys.executable,
            "-m",
            "tests.fault.quiet",
            str(tmp_path),
        ],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["known"] == [["out", "tcp", "2001:db8::7"], ["out", "udp", "198.51.100.7"]], "calls are not seen"
    assert said["seen"] > 4, "nobody talked"
    assert said["calls"] == []
