"""A history as a file: JSON for programs, text and HTML for people. Pure: lines in, lines out.

JSON has one object a line, ASCII only; the first says what the file is. It is the only form that can be read back.
"""

from __future__ import annotations

import html
import json
import re
from datetime import datetime
from typing import Any, Final

from sealwire.errors import RemoteProtocolError
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api.past import ExportFormat
from sealwire.peer.events import Message, rfc3339, to_json
from sealwire.wire.word_content import MAX_TEXT_BYTES

FORMAT: Final = "sealwire history"
VERSION: Final = 1
MAX_LINE_BYTES: Final = 256 * 1024
"""A message takes 90 KiB at most, escaped; a longer line is not ours and is not read into memory."""

_CONVERSATION = re.compile(r"\+[0-9a-f]{32}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_CONTROL |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""What a terminal or an editor that shows the file would obey: commands, ends of lines behind which somebody else could
seem to speak, signs that turn the rest of a line around."""

_HTML_HEAD = """<!DOCTYPE html>
<html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
h2 {{ border-bottom: 1px solid #999; }} p {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
time {{ color: #555; font-size: smaller; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #eee; }} time {{ color: #aaa; }} }}
</style></head><body>
<h1>{title}</h1>
"""


def head(kind: ExportFormat, name: str, now_ms: int) -> str:
    """Return what stands at the beginning of the file."""
    title = _("Messages of {name}, exported {time}").format(name=name, time=rfc3339(now_ms))
    match kind:
        case "json":
            return _json({"format": FORMAT, "version": VERSION, "name": name, "exported_at": rfc3339(now_ms)})
        case "text":
            return f"{title}\n"
        case "html":
            return _HTML_HEAD.format(title=html.escape(title))


def chapter(kind: ExportFormat, title: str) -> str:
    """Return what stands before the messages of a conversation."""
    match kind:
        case "json":
            return ""
        case "text":
            return f"\n== {title} ==\n"
        case "html":
            return f"<h2>{html.escape(title)}</h2>\n"


def entry(kind: ExportFormat, message: Message) -> str:
    """Return one message."""
    if kind == "json":
        return _json({key: value for key, value in to_json(message).items() if key not in {"v", "type", "request"}})
    text = _("(deleted)") if message.deleted else message.text
    if message.file is not None:
        text = _("[file: {name}] {text}").format(name=message.file.name, text=text).rstrip()
    text = text.replace("\r\n", "\n").translate(_CONTROL)
    if kind == "text":
        body = text.replace("\n", "\n    ")
        return f"{rfc3339(message.sent_at_ms)}  {message.sender}: {body}\n"
    time, sender, body = (html.escape(part) for part in (rfc3339(message.sent_at_ms), message.sender, text))
    return f"<p><b>{sender}</b> <time>{time}</time>\n<bdi>{body}</bdi></p>\n"


def foot(kind: ExportFormat) -> str:
    """Return what stands at the end of the file."""
    return "</body></html>\n" if kind == "html" else ""


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def read_head(line: bytes) -> str:
    """Return whose history a JSON export is.

    Raises:
        RemoteProtocolError: the line begins no export of ours.
    """
    first = _object(line)
    if first.get("format") != FORMAT or not isinstance(first.get("name"), str):
        raise RemoteProtocolError("not the first line of an export")
    if first.get("version") != VERSION:
        raise RemoteProtocolError("an export of another version")
    return str(first["name"])


def read_entry(line: bytes, name: str) -> dict[str, Any]:
    """Return the fields of one exported message, each of its type.

    Args:
        name: whose history it is.

    Raises:
        RemoteProtocolError: it is none.
    """
    found = _object(line)
    conversation, sender, text, at = (found.get(key) for key in ("conversation", "from", "text", "sent_at"))
    if not (isinstance(found.get("id"), str) and _MESSAGE_ID.fullmatch(found["id"])):
        raise RemoteProtocolError("a message without an id")
    if not (isinstance(conversation, str) and isinstance(sender, str) and isinstance(text, str)):
        raise RemoteProtocolError("a message without conversation, author or text")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RemoteProtocolError("a text with half a character") from None  # JSON can spell one, UTF-8 cannot
    if size > MAX_TEXT_BYTES:  # forwarded, it would fit no message
        raise RemoteProtocolError("a text longer than a message can be")
    is_group = bool(_CONVERSATION.fullmatch(conversation))
    if account_name(sender) != sender or not (is_group or account_name(conversation) == conversation):
        raise RemoteProtocolError("a message with a name that is none")
    if conversation == name:
        raise RemoteProtocolError("a conversation with oneself")
    if not is_group and sender not in (conversation, name):
        raise RemoteProtocolError("a message of a third person")
    return {**found, "sent_at_ms": milliseconds(at)}


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise RemoteProtocolError("a line too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("not JSON") from error
    if not isinstance(found, dict):
        raise RemoteProtocolError("not an object")
    return found


def milliseconds(value: object) -> int:
    """Return a time of an export. Raises RemoteProtocolError."""
    try:
        found = round(datetime.fromisoformat(str(value)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise RemoteProtocolError("not a time") from error
    if found < 0:  # no message can carry it: one that is shared with a newcomer of a group could never be sent
        raise RemoteProtocolError("a time before 1970")
    return found
