"""Signals are held back until it is known what they should do; then none is lost and none kills."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from sealwire.cli import told

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mask() -> Iterator[None]:
    """What stands after a test is what stood before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = {number: signal.getsignal(number) for number in told.STOPS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def tell(number: int) -> None:
    """Only this thread holds signals back: those of the test run would take what the process is told."""
    signal.pthread_kill(threading.get_ident(), number)


def test_nothing_slow_is_loaded_before_the_signals_are_held():
    loaded = "import sys; before = set(sys.modules); import sealwire.cli; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "sealwire.cli" in done.stdout.split()
    assert not {"typing", "asyncio", "argparse", "signal", "enum", "functools"} & set(done.stdout.split())


@pytest.mark.parametrize("program", ["broker.py", "peer.py"])
def test_an_interrupt_while_that_is_loaded_is_an_end_without_words(program: str, monkeypatch: pytest.MonkeyPatch):
    def interrupt(_name: str) -> None:
        raise KeyboardInterrupt

    half_loaded = ModuleType("sealwire.cli")
    monkeypatch.setattr(half_loaded, "__getattr__", interrupt, raising=False)
    monkeypatch.setitem(sys.modules, "sealwire.cli", half_loaded)
    with pytest.raises(SystemExit, match="130"):
        runpy.run_path(str(ROOT / program))


@pytest.mark.usefixtures("mask")
@pytest.mark.parametrize("number", told.STOPS)
def test_what_was_said_while_held_is_heard_by_the_handler(number):
    told.hold()
    tell(number)
    heard = []
    told.handle(lambda said, _frame: heard.append(said))
    assert heard == [number]


@pytest.mark.usefixtures("mask")
@pytest.mark.parametrize("number", told.STOPS)
def test_inside_a_program_it_is_an_interrupt_and_afterwards_what_it_was_before(number):
    before = [signal.getsignal(one) for one in told.STOPS]

    def program() -> None:
        with told.interrupting():
            tell(number)
            pytest.fail("not interrupted")

    with pytest.raises(KeyboardInterrupt):
        program()
    assert [signal.getsignal(one) for one in told.STOPS] == before


@pytest.mark.usefixtures("mask")
def test_a_program_that_held_them_before_holds_them_again_at_its_end():
    told.hold()
    with told.interrupting():
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(told.STOPS)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= set(told.STOPS)


@pytest.mark.usefixtures("mask")
def test_a_hang_up_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told.handle(lambda _said, _frame: pytest.fail("nohup means it"))
    tell(signal.SIGHUP)
