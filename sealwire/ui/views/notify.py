"""Whether to notify, and with which words: decided without a clock or a terminal, so every rule is a test.

A message notifies unless the reader is looking at it, its conversation is muted, its sender is blocked, or quiet
hours run. The first of a burst notifies at once; the rest become one line when the burst pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Contact, Message
from sealwire.ui.views import markup, spoken
from sealwire.ui.views.rows import moment
from sealwire.ui.views.safe import screen_name

Content = Literal["full", "name", "none"]
"""What a notification tells whoever stands beside the screen: text and name, the name, or only that there is one."""

BURST_MS: Final = 5_000
"""Messages of one conversation within this time of its last notification are told together."""
BODY_CHARS: Final = 200
"""Of a text in a notification: desktops and terminals cut longer ones at different places."""


class Rules(Struct, frozen=True):
    """The settings of the section ``notify``."""

    is_on: bool = True
    content: Content = "name"
    quiet: tuple[int, int] | None = None
    """Minutes after midnight, from and to; from after to runs over midnight."""


class Attention(Struct, frozen=True):
    """Who looks, and where."""

    own: str
    """One's own account name: own words from another device are no news."""
    focused: bool
    """Whether the window or terminal has the focus."""
    conversation: str | None = None
    """The open conversation, scrolled to its end."""


class Notice(Struct, frozen=True):
    """A notification to show."""

    conversation: str
    """Where a click leads."""
    title: str
    body: str
    count: int = 1


class Waiting(Struct, frozen=True):
    """A burst: how many came since the last notification, and when they are told."""

    title: str
    count: int
    due_ms: int
    last: str = ""


class Notifier(Struct, frozen=True):
    """What was told lately, by conversation."""

    bursts: Mapping[str, Waiting] = field(default_factory=dict)


def heard(
    notifier: Notifier,
    message: Message,
    info: ConversationInfo | None,
    attention: Attention,
    rules: Rules,
    now_ms: int,
    zone: tzinfo | None = None,
) -> tuple[Notifier, Notice | None]:
    """Decide about a message that came in; ``info``: its conversation, None when it is not known yet."""
    if (
        not _is_news(message, info, attention.own)
        or is_quiet(rules, now_ms, zone)
        or _sees(attention, message.conversation)
    ):
        return notifier, None
    if info is not None and info.muted_until_ms > now_ms:
        return notifier, None
    place = message.conversation
    title = _title(message, info, rules)
    burst = notifier.bursts.get(place)
    body = _body(message, info, rules)
    if burst is None or burst.due_ms <= now_ms:
        told = {**notifier.bursts, place: Waiting(title, 0, now_ms + BURST_MS)}
        return replace(notifier, bursts=told), Notice(place, title, body)
    held = replace(burst, count=burst.count + 1, title=title, last=body)
    return replace(notifier, bursts={**notifier.bursts, place: held}), None


def due(notifier: Notifier, rules: Rules, now_ms: int) -> tuple[Notifier, list[Notice]]:
    """Return the bursts whose time has come, one notice each; a burst that goes on is told again later."""
    notices, kept = [], {}
    for place, burst in notifier.bursts.items():
        if burst.due_ms > now_ms:
            kept[place] = burst
        elif burst.count:
            notices.append(_together(place, burst, rules))
            kept[place] = Waiting(burst.title, 0, now_ms + BURST_MS)
    return replace(notifier, bursts=kept), notices


def next_due_ms(notifier: Notifier) -> int | None:
    """Return when :func:`due` is to be asked, None for not at all."""
    return min((burst.due_ms for burst in notifier.bursts.values()), default=None)


def looked(notifier: Notifier, conversation: str) -> Notifier:
    """The reader opened the conversation: what waits about it is no news any more."""
    return replace(notifier, bursts={key: value for key, value in notifier.bursts.items() if key != conversation})


def key_changed(event: Contact, rules: Rules) -> Notice | None:
    """A changed key is told at any hour: it may be an attack under way. Its words follow the content level."""
    if not rules.is_on or event.state != "changed":
        return None
    if rules.content == "none":
        return Notice(event.name, _("Sealwire"), _("A contact's key has changed."))
    text = _("The key of {name} has changed. Nothing is sent until you decide.")
    return Notice(event.name, _("Sealwire"), text.format(name=screen_name(event.name)))


def is_quiet(rules: Rules, now_ms: int, zone: tzinfo | None = None) -> bool:
    """Whether nothing may notify now: switched off, or within the hours of rest."""
    if not rules.is_on:
        return True
    if rules.quiet is None:
        return False
    at = moment(now_ms, zone)
    minute, (begin, end) = at.hour * 60 + at.minute, rules.quiet
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def _is_news(message: Message, info: ConversationInfo | None, own: str) -> bool:
    if message.sender == own or message.change is not None or message.kind == "notice" or message.deleted:
        return False
    return info is None or not info.blocked


def _sees(attention: Attention, conversation: str) -> bool:
    return attention.focused and attention.conversation == conversation


def _title(message: Message, info: ConversationInfo | None, rules: Rules) -> str:
    if rules.content == "none":
        return _("Sealwire")
    if info is None:
        return screen_name(message.sender)
    title = screen_name(info.title)
    if info.is_group and rules.content == "full":
        return _("{name} in {group}").format(name=screen_name(message.sender), group=title)
    return title


def _body(message: Message, info: ConversationInfo | None, rules: Rules) -> str:
    asks = message.request or (info is not None and info.request)
    if asks and rules.content != "none":
        return _("Wants to talk to you.")  # a stranger's words come on nobody's lock screen
    if rules.content != "full":
        return _("New message")
    if message.file is not None and not message.text:
        return _("File: {name}").format(name=screen_name(message.file.name))
    return spoken.short(markup.plain(message.text), BODY_CHARS)


def _together(place: str, burst: Waiting, rules: Rules) -> Notice:
    if burst.count == 1:
        return Notice(place, burst.title, burst.last)
    text = ngettext("{n} more new message", "{n} more new messages", burst.count).format(n=burst.count)
    return Notice(place, burst.title if rules.content != "none" else _("Sealwire"), text, burst.count)
