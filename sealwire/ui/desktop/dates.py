"""Times, days and sizes by the reader's locale."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QDate, QDateTime, QLocale

from sealwire.i18n import _

_LAST_MS: Final = 253_370_764_800_000
"""9999-01-01: a sender's clock may say anything."""


def moment(ms: int) -> QDateTime:
    """Return a time of the wire as the reader's own."""
    return QDateTime.fromMSecsSinceEpoch(min(max(ms, 0), _LAST_MS))


def clock(ms: int) -> str:
    """Return the time of day."""
    return QLocale().toString(moment(ms).time(), QLocale.FormatType.ShortFormat)


def day(ms: int, today: QDate) -> str:
    """Return the day as a title: today, yesterday, a weekday with its date."""
    date = moment(ms).date()
    if date == today:
        return _("Today")
    if date == today.addDays(-1):
        return _("Yesterday")
    return QLocale().toString(date, QLocale.FormatType.LongFormat)


def brief(ms: int, now: QDateTime) -> str:
    """Return what fits at the end of a line: the time of today's, the day of others."""
    when = moment(ms)
    if when.date() == now.date():
        return clock(ms)
    if when.date() == now.date().addDays(-1):
        return _("Yesterday")
    if when.daysTo(now) in range(7):
        return QLocale().dayName(when.date().dayOfWeek(), QLocale.FormatType.ShortFormat)
    return QLocale().toString(when.date(), QLocale.FormatType.ShortFormat)


def full(ms: int) -> str:
    """Return day and time."""
    return QLocale().toString(moment(ms), QLocale.FormatType.ShortFormat)


def size(size_bytes: int) -> str:
    """Return a size in the largest unit that keeps it above one."""
    return QLocale().formattedDataSize(size_bytes, 1, QLocale.DataSizeFormat.DataSizeTraditionalFormat)


def number(value: int) -> str:
    """Return a whole number."""
    return QLocale().toString(value)
