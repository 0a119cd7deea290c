"""Log records: one line each, no secrets, nothing that drives a terminal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sealwire import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    logging.getLogger("sealwire").handlers.clear()


def test_text_is_one_line_with_time_level_and_logger(stream: io.StringIO) -> None:
    logs.setup("info", "text", stream)
    logging.getLogger("sealwire.broker.server").info("listening on %s", "tcp://127.0.0.1:5555")
    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == "info broker.server: listening on tcp://127.0.0.1:5555\n"


def test_json_is_one_object_a_line(stream: io.StringIO) -> None:
    logs.setup("debug", "json", stream)
    logging.getLogger("sealwire.x").debug('a "b"\nc')
    record = json.loads(stream.getvalue())
    assert (record["level"], record["logger"], record["message"]) == ("debug", "x", 'a "b"\\nc')


def test_records_below_the_level_are_left_out_and_a_second_setup_replaces_the_first(stream: io.StringIO) -> None:
    logs.setup("debug", "text", io.StringIO())
    logger = logs.setup("warning", "text", stream)
    logger.info("no")
    logger.warning("yes")
    assert stream.getvalue().count("\n") == 1


def test_bytes_are_never_written(stream: io.StringIO) -> None:
    logs.setup("info", "text", stream)
    logging.getLogger("sealwire").info("got %s", b"secret-token")
    assert "secret" not in stream.getvalue()
    assert "<12 bytes>" in stream.getvalue()


def test_a_record_cannot_forge_a_line_or_drive_a_terminal(stream: io.StringIO) -> None:
    logs.setup("info", "text", stream)
    logging.getLogger("sealwire").info("%s", "a\n2026 error x: forged\x1b[2J\u202e")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


def test_a_record_and_its_traceback_have_a_size_limit_and_stay_on_one_line(stream: io.StringIO) -> None:
    logs.setup("info", "text", stream)
    try:
        raise ValueError("x" * 10_000)
    except ValueError:
        logging.getLogger("sealwire").exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue()) < logs.MAX_RECORD_CHARS + 200
