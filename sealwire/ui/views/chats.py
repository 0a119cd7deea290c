"""The list of conversations: order, counts, and one line about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Final

from msgspec import Struct

from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Message, TrustState
from sealwire.ui.views import markup, spoken, words
from sealwire.ui.views.safe import screen_name, screen_text
from sealwire.ui.views.sentences import trust_word
from sealwire.ui.views.spoken import Names

REQUESTS: Final = "?"
"""The id of the row that stands for everybody who asks to talk; no conversation has it."""
PREVIEW_CHARS: Final = 120
"""Of the last message; the column cuts further."""


class ChatRow(Struct, frozen=True):
    """One row of the list."""

    id: str
    title: str
    preview: str
    time: str
    unread: int
    mentions: int
    is_group: bool = False
    is_muted: bool = False
    is_open: bool = False
    has_draft: bool = False
    trust: TrustState | None = None
    spoken: str = ""
    """The row in a sentence, for screen readers."""


class Glance(Struct, frozen=True):
    """What the list is seen against: who looks, when, what is open, who is writing."""

    own: str
    now_ms: int
    zone: tzinfo | None = None
    open: str | None = None
    names: Names | None = None
    typing: Mapping[str, Sequence[str]] | None = None


def in_order(infos: Iterable[ConversationInfo]) -> list[ConversationInfo]:
    """Return conversations, the latest first; those in which nothing was said by title at the end."""
    return sorted(infos, key=lambda info: (-(info.last.row if info.last else 0), info.title))


def rows(infos: Iterable[ConversationInfo], glance: Glance) -> list[ChatRow]:
    """Return the list: requests as one row on top, blocked people left out unless open."""
    ordered = in_order(infos)
    asking = [info for info in ordered if info.request and not info.blocked]
    shown = [info for info in ordered if not info.request and (not info.blocked or info.id == glance.open)]
    top = [_requests(asking, glance)] if asking else []
    return [*top, *(_row(info, glance) for info in shown)]


def requests(infos: Iterable[ConversationInfo]) -> list[ConversationInfo]:
    """Return everybody who asks to talk and every group one is invited to, the latest first."""
    return [info for info in in_order(infos) if info.request and not info.blocked]


def total_unread(infos: Iterable[ConversationInfo], now_ms: int) -> int:
    """Return the unread messages of conversations that are not muted: the number in the title."""
    return sum(info.unread for info in infos if not info.request and not info.blocked and not muted(info, now_ms))


def muted(info: ConversationInfo, now_ms: int) -> bool:
    """Whether a conversation is quiet now."""
    return info.muted_until_ms > now_ms


def next_unread(listed: Sequence[ChatRow], current: str | None) -> str | None:
    """Return the next conversation with unread messages below the current one, around the end; mentions first."""
    ids = [row.id for row in listed]
    start = ids.index(current) + 1 if current in ids else 0
    around = [row for row in (*listed[start:], *listed[:start]) if row.id not in (current, REQUESTS)]
    mentioned = [row.id for row in around if row.mentions > 0]
    loud = [row.id for row in around if row.unread > 0 and not row.is_muted]
    quiet = [row.id for row in around if row.unread > 0]
    return next(iter((*mentioned, *loud, *quiet)), None)


def neighbour(listed: Sequence[ChatRow], current: str | None, step: int) -> str | None:
    """Return the conversation above (-1) or below (1) the current one."""
    ids = [row.id for row in listed if row.id != REQUESTS]
    if not ids:
        return None
    if current not in ids:
        return ids[0 if step > 0 else -1]
    return ids[min(max(ids.index(current) + step, 0), len(ids) - 1)]


def matches(infos: Iterable[ConversationInfo], query: str) -> list[ConversationInfo]:
    """Return conversations for a quick switcher: titles that begin with the words first, then those that hold them."""
    wanted = query.casefold().split()
    found = []
    for info in in_order(infos):
        title = f"{info.title} {info.id if not info.is_group else ''}".casefold()
        if all(word in title for word in wanted):
            starts = all(any(part.startswith(word) for part in title.split()) for word in wanted)
            found.append((not starts, info))
    return [info for _late, info in sorted(found, key=lambda pair: pair[0])]


def _requests(asking: Sequence[ConversationInfo], glance: Glance) -> ChatRow:
    who = words.listed([info.title for info in asking])
    text = ngettext("{who} wants to talk", "{who} want to talk", len(asking)).format(who=who)
    last = asking[0].last
    time = words.short_time(last.sent_at_ms, glance.now_ms, glance.zone) if last else ""
    count = ngettext("{n} request: {text}.", "{n} requests: {text}.", len(asking)).format(n=len(asking), text=text)
    is_open = glance.open == REQUESTS
    return ChatRow(REQUESTS, _("Requests"), text, time, len(asking), 0, is_open=is_open, spoken=count)


def _row(info: ConversationInfo, glance: Glance) -> ChatRow:
    is_open = info.id == glance.open
    time = words.short_time(info.last.sent_at_ms, glance.now_ms, glance.zone) if info.last else ""
    preview = _preview(info, glance)
    return ChatRow(
        id=info.id,
        title=screen_name(info.title),
        preview=preview,
        time=time,
        unread=info.unread,
        mentions=info.mentions,
        is_group=info.is_group,
        is_muted=muted(info, glance.now_ms),
        is_open=is_open,
        has_draft=bool(info.draft) and not is_open,
        trust=info.trust,
        spoken=_spoken(info, preview, time, glance),
    )


def _preview(info: ConversationInfo, glance: Glance) -> str:
    names = glance.names or {}
    typing = (glance.typing or {}).get(info.id, ())
    if typing:
        return spoken.typing_sentence(typing, names)
    if info.draft and info.id != glance.open:
        return _("Draft: {text}").format(text=spoken.short(info.draft, PREVIEW_CHARS))
    if info.last is None:
        return _("Nothing said yet")
    return preview(info.last, glance.own, names, info.is_group)


def preview(message: Message, own: str, names: Names, with_sender: bool) -> str:
    """Return a message as one short line."""
    if message.deleted:
        text = _("(deleted)")
    elif message.file is not None and not message.text:
        text = _("File: {name}").format(name=screen_name(message.file.name))
    else:
        text = spoken.short(markup.plain(message.text), PREVIEW_CHARS)
    if message.kind == "notice":
        return text
    if message.sender == own:
        return _("You: {text}").format(text=text)
    return f"{spoken.shown_name(message.sender, names)}: {text}" if with_sender else text


def _spoken(info: ConversationInfo, preview: str, time: str, glance: Glance) -> str:
    parts = [screen_name(info.title)]
    if info.is_group:
        parts.append(_("group"))
    if info.trust is not None and info.trust != "unverified":
        parts.append(trust_word(info.trust))
    if info.unread:
        parts.append(ngettext("{n} unread", "{n} unread", info.unread).format(n=info.unread))
    if info.mentions:
        parts.append(ngettext("{n} mention of you", "{n} mentions of you", info.mentions).format(n=info.mentions))
    if muted(info, glance.now_ms):
        parts.append(_("muted"))
    if info.blocked:
        parts.append(_("blocked"))
    return f"{', '.join(parts)}. {time} {screen_text(preview)}".strip()
