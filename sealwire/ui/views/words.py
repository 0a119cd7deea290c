"""Days, times, sizes, spans and lists of names in words: shared by every screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from sealwire.i18n import _, ngettext
from sealwire.ui.views.rows import moment
from sealwire.ui.views.safe import screen_name

KIB = 1024

NAMES_SHOWN = 3
"""Of a longer list of people the rest is a number: a sentence must end."""


def weekday(day: date) -> str:
    """Return the name of the day of the week."""
    return (
        _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
    )[day.weekday()]  # fmt: skip


def short_weekday(day: date) -> str:
    """Return the name of the day of the week for a narrow column."""
    return (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))[day.weekday()]


def month(day: date) -> str:
    """Return the name of the month."""
    return (
        _("January"), _("February"), _("March"), _("April"), _("May"), _("June"), _("July"), _("August"),
        _("September"), _("October"), _("November"), _("December"),
    )[day.month - 1]  # fmt: skip


def day_line(ms: int, now_ms: int, zone: tzinfo | None) -> str:
    """Return the words on a day line: today, yesterday, a weekday and date, with the year when it is another one."""
    day, today = moment(ms, zone).date(), moment(now_ms, zone).date()
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day.year == today.year:
        return _("{weekday}, {month} {day}").format(weekday=weekday(day), month=month(day), day=day.day)
    form = _("{weekday}, {month} {day}, {year}")
    return form.format(weekday=weekday(day), month=month(day), day=day.day, year=day.year)


def time_of_day(ms: int, zone: tzinfo | None) -> str:
    """Return hours and minutes."""
    return moment(ms, zone).strftime("%H:%M")


def short_time(ms: int, now_ms: int, zone: tzinfo | None) -> str:
    """Return a time for a narrow column: the hour today, the weekday this week, else the date."""
    at, now = moment(ms, zone), moment(now_ms, zone)
    if at.date() == now.date():
        return at.strftime("%H:%M")
    if timedelta(0) < now.date() - at.date() < timedelta(days=7):
        return short_weekday(at.date())
    if at.year == now.year:
        return _("{day:02}.{month:02}.").format(day=at.day, month=at.month)
    return f"{at.year:04}"


def same_day(one_ms: int, other_ms: int, zone: tzinfo | None) -> bool:
    """Whether two moments lie on the same day of the reader."""
    one: datetime = moment(one_ms, zone)
    return one.date() == moment(other_ms, zone).date()


def size(size_bytes: int) -> str:
    """Return a number of bytes for people."""
    if size_bytes < KIB:
        return ngettext("{n} byte", "{n} bytes", size_bytes).format(n=size_bytes)
    value = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= KIB
        if value < KIB or unit == "TiB":
            break
    if value >= 10:
        return f"{value:.0f} {unit}"
    whole, tenth = f"{value:.1f}".split(".")
    return _("{whole}.{tenth} {unit}").format(whole=whole, tenth=tenth, unit=unit)


def span(seconds: int) -> str:
    """Return a length of time in its largest whole unit."""
    if seconds and seconds % 604_800 == 0:
        return ngettext("{n} week", "{n} weeks", seconds // 604_800).format(n=seconds // 604_800)
    if seconds >= 86_400:
        return ngettext("{n} day", "{n} days", seconds // 86_400).format(n=seconds // 86_400)
    if seconds >= 3_600:
        return ngettext("{n} hour", "{n} hours", seconds // 3_600).format(n=seconds // 3_600)
    if seconds >= 60:
        return ngettext("{n} minute", "{n} minutes", seconds // 60).format(n=seconds // 60)
    return ngettext("{n} second", "{n} seconds", seconds).format(n=seconds)


def listed(names: Sequence[str]) -> str:
    """Return names as people say them: bob; bob and carol; bob, carol, dave and 4 more."""
    shown = [screen_name(name) for name in names]
    if len(shown) <= 1:
        return shown[0] if shown else _("nobody")
    if len(shown) > NAMES_SHOWN + 1:
        rest = len(shown) - NAMES_SHOWN
        more = ngettext("{names} and {n} more", "{names} and {n} more", rest)
        return more.format(names=", ".join(shown[:NAMES_SHOWN]), n=rest)
    return _("{names} and {last}").format(names=", ".join(shown[:-1]), last=shown[-1])
