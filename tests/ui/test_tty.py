"""The terminal of the tests: how long it waits for a program."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.ui.tty import Tty

pytestmark = pytest.mark.process

BUSY = "import time\nprint('here', flush=True)\nwhile time.process_time() < 1: pass\nprint('done')"
IDLE = "import time\nprint('here', flush=True)\ntime.sleep(60)\nprint('done')"


def test_a_program_at_work_is_waited_for_longer_than_one_that_does_nothing(tmp_path: Path) -> None:
    with closing(Tty([sys.executable, "-c", BUSY], tmp_path)) as tty:
        tty.see("here")
        tty.see("done", patience_s=0.4)
    with closing(Tty([sys.executable, "-c", IDLE], tmp_path)) as tty:
        tty.see("here")
        with pytest.raises(AssertionError, match="not seen"):
            tty.see("done", patience_s=0.4)
