"""The terminal of the tests: how long it waits for a program."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.ui.tty import Tty

pytestmark = pytest.mark.process

PROGRAM = "import time\nwhile time.process_time() < 0.3: pass\nprint('here', flush=True)\ninput()\nprint('done')"
PATIENCE_S = 0.4


def test_a_program_at_work_is_waited_for_longer_than_one_that_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Tty([sys.executable, "-c", PROGRAM], tmp_path)) as tty:
        tty.see("here")
        assert tty._worked_s() >= 0.25
        with pytest.raises(AssertionError, match="not seen"):
            tty.see("done", patience_s=PATIENCE_S)
        looks = 0

        def worked_s() -> float:
            nonlocal looks
            looks += 1
            if looks == 4:  # the second wait has ended, too
                tty.send("\r")
            return looks * PATIENCE_S

        monkeypatch.setattr(tty, "_worked_s", worked_s)
        tty.see("done", patience_s=PATIENCE_S)
        assert looks >= 4
