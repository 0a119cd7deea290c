"""Log records to stderr, as text or JSON lines.

Habits that keep secrets out: shells log, cores do not; bytes are never written, only their number; control characters
are escaped, so nobody can forge a line or drive a terminal through a log; and a record has a size limit.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

MAX_RECORD_CHARS = 4_000
"""Without it one hostile value could fill the operator's disk with a single record."""

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]


def setup(level: Level, form: Format, stream: TextIO | None = None) -> logging.Logger:
    """Send the package's records at ``level`` and above to ``stream`` (stderr by default); returns its logger.

    Called again, it replaces what the first call set up.
    """
    logger = logging.getLogger("sealwire")
    for old in list(logger.handlers):
        logger.removeHandler(old)
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_without_bytes)
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False  # the root logger belongs to whoever embeds us
    return logger


def printable(text: str, keep: str = "") -> str:
    """Return ``text`` with control characters and bidi controls, but those in ``keep``, as visible escapes."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii") for c in text)


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z info broker: words`` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return f"{_time(record)} {record.levelname.lower()} {_short_name(record)}: {_message(record)}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _short_name(record),
            "message": _message(record),
        }
        return json.dumps(fields, ensure_ascii=False)


def _without_bytes(record: logging.LogRecord) -> bool:
    """Replace bytes among the arguments by their length: they are keys, tokens or envelopes."""
    if isinstance(record.args, tuple):
        record.args = tuple(_redacted(value) for value in record.args)
    return True


def _redacted(value: object) -> object:
    return f"<{len(value)} bytes>" if isinstance(value, (bytes, bytearray, memoryview)) else value


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short_name(record: logging.LogRecord) -> str:
    return record.name.removeprefix("sealwire.")


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += " | " + logging.Formatter().formatException(record.exc_info).replace("\n", " | ")
    text = printable(text)
    return text if len(text) <= MAX_RECORD_CHARS else text[:MAX_RECORD_CHARS] + "…"
