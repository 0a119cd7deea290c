"""Lines in and out of pipes, files and things that go away."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ui.stdio import LineSplitter, TooLong, Writer, lines


def cut(*chunks: bytes, limit: int = 8) -> list[bytes | str]:
    splitter = LineSplitter(limit)
    found = [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.close()
    return ["too long" if isinstance(line, TooLong) else line for line in found]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a\r\nb",), [b"a", b"b"]),
        ((b"a", b"b\n", b"\n"), [b"ab", b""]),
        ((b"12345678\n",), [b"12345678"]),
        ((b"123456789\nok\n",), ["too long", b"ok"]),
        (
            (
                b"12345",
                b"67890",
                b"12345\nok",
            ),
            ["too long", b"ok"],
        ),
        ((b"123456789",), ["too long"]),
        ((), []),
    ],
)
def test_splitter(chunks: tuple[bytes, ...], expected: list[bytes | str]) -> None:
    assert cut(*chunks) == expected


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_splitter_does_not_depend_on_how_bytes_arrive(chunks: list[bytes]) -> None:
    assert cut(*chunks) == cut(b"".join(chunks))


async def test_lines_of_a_pipe() -> None:
    reader, writer = os.pipe()
    threading.Thread(target=lambda: (os.write(writer, b"one\ntwo"), os.close(writer))).start()
    assert [line async for line in lines(reader)] == [b"one", b"two"]
    os.close(reader)


async def test_lines_of_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "commands"
    path.write_bytes(b"one\ntwo\n" * 200)
    with path.open("rb") as file:
        assert len([line async for line in lines(file.fileno())]) == 400


async def test_writer_writes_whole_lines_in_order() -> None:
    reader, writer_fd = os.pipe()
    writer = Writer(writer_fd)
    await writer.line("grüße")
    await writer.line("half \ud800")
    assert os.read(reader, 100) == "grüße\nhalf \\ud800\n".encode()
    os.close(reader)
    os.close(writer_fd)


async def test_writer_says_when_nobody_reads() -> None:
    reader, writer_fd = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        await Writer(writer_fd).line("anyone?")
    os.close(writer_fd)
