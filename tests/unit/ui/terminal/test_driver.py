"""What is written to a terminal that goes away."""

from __future__ import annotations

import os

from sealwire.ui.terminal.driver import Lasting


def test_after_the_first_failure_it_goes_nowhere_and_the_failure_was_told_once() -> None:
    held, terminal = os.openpty()
    told: list[bool] = []
    with os.fdopen(terminal, "w") as file:
        lasting = Lasting(file, lambda: told.append(True))
        assert lasting.write("seen") == 4
        lasting.flush()
        assert (os.read(held, 100), lasting.isatty(), told) == (b"seen", True, [])
        os.close(held)
        for _often in range(3):
            lasting.write("x" * 100_000)
            lasting.flush()
        assert (lasting.isatty(), told) == (False, [True])
