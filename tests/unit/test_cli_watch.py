"""What ``broker.py --watch`` prints, and that it never slows the relay."""

from __future__ import annotations

import io
import threading

import pytest

from sealwire.cli.watch import MAX_WAITING, Sight, Watcher

MAILBOX = bytes(range(16))


def test_a_line_has_time_verb_mailbox_size_and_first_bytes() -> None:
    line = Sight(1_767_225_600_123, "SEND", MAILBOX, 3_217, b"\xab" * 16).line()
    assert line == f"2026-01-01T00:00:00.123Z\tSEND\t{MAILBOX.hex()}\t3217\t{'ab' * 16}"


def test_absent_and_short_values_keep_their_columns() -> None:
    columns = Sight(0, "REQUEST", b"", 3, b"\x01").line().split("\t")
    assert columns[2:] == ["-", "3", "01" + "00" * 15]


def test_lines_come_in_order_and_are_flushed() -> None:
    stream = io.StringIO()
    watcher = Watcher(stream)
    for n in range(100):
        watcher.see(n, "SEND", MAILBOX, bytes(n % 90))
    watcher.close()
    assert [line.split("\t")[3] for line in stream.getvalue().splitlines()] == [str(n % 90) for n in range(100)]


def test_a_line_has_16_bytes_or_all_of_them() -> None:
    for whole, shown in ((False, "cd" * 16), (True, "cd" * 4_000)):
        stream = io.StringIO()
        watcher = Watcher(stream, whole=whole)
        watcher.see(1, "SEND", MAILBOX, b"\xcd" * 4_000)
        watcher.close()
        assert stream.getvalue().rstrip("\n").split("\t")[3:] == ["4000", shown]


class Stuck(io.StringIO):
    """A reader that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait(10)
        return super().write(text)


def test_a_stuck_reader_costs_lines_not_time(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Stuck()
    watcher = Watcher(stream)
    for n in range(MAX_WAITING + 500):
        watcher.see(n, "SEND", MAILBOX, bytes(n % 90))  # never blocks
    stream.go.set()
    watcher.close()
    assert "--watch left out" in capsys.readouterr().err


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_reader_is_said_once_and_the_relay_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher(Gone())
    for n in range(3):
        watcher.see(n, "SEND", MAILBOX, bytes(n % 90))
    watcher.close()
    watcher.see(4, "SEND", MAILBOX, b"")
    assert capsys.readouterr().err.count("goes on without it") == 1
