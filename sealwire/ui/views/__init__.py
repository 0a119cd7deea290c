"""What people and scripts see of an event: pure functions from values to sentences, columns and lines."""

from __future__ import annotations

from sealwire.ui.views import sentences
from sealwire.ui.views.rows import (
    clock,
    contact_json,
    contact_row,
    conversation_json,
    file_json,
    file_row,
    fingerprint,
    group_json,
    message_json,
    message_row,
    person_json,
    safety_json,
    safety_lines,
    sent_json,
    session_json,
    status_json,
    verification_json,
)
from sealwire.ui.views.safe import column, screen_lines, screen_name, screen_text
from sealwire.ui.views.state import Line, View, is_refusal, message_line, named, nicknamed, reduce, sent

__all__ = [
    "Line",
    "View",
    "clock",
    "column",
    "contact_json",
    "contact_row",
    "conversation_json",
    "file_json",
    "file_row",
    "fingerprint",
    "group_json",
    "is_refusal",
    "message_json",
    "message_line",
    "message_row",
    "named",
    "nicknamed",
    "person_json",
    "reduce",
    "safety_json",
    "safety_lines",
    "screen_lines",
    "screen_name",
    "screen_text",
    "sent",
    "sent_json",
    "sentences",
    "session_json",
    "status_json",
    "verification_json",
]
