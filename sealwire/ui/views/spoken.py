"""One sentence for each message: who, what, when, how far it got, who reacted. What a screen reader says."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import tzinfo

from sealwire.i18n import _, ngettext
from sealwire.peer.events import Attachment, FileState, Message, Reaction
from sealwire.ui.views import markup, words
from sealwire.ui.views.rows import clock
from sealwire.ui.views.safe import screen_name, screen_text
from sealwire.ui.views.sentences import state_word

Names = Mapping[str, str]
"""Account names with the nicknames given to them here."""

QUOTE_CHARS = 60
"""Of a quoted text that is read out: enough to know which message is meant."""


def shown_name(account: str, names: Names) -> str:
    """Return the nickname given here, or the account name, harmless."""
    return screen_name(names.get(account) or account)


def sentence(message: Message, own: str, names: Names, now_ms: int, zone: tzinfo | None) -> str:
    """Return everything about a message in words."""
    who = _("You") if message.sender == own else shown_name(message.sender, names)
    when = clock(message.sent_at_ms, now_ms, zone)
    if message.kind == "notice":
        return _("{text} {time}.").format(text=screen_text(message.text), time=when)
    head = _head(message, who, when, own, names)
    facts = [*_facts(message), *reactions(message.reactions, own, names)]
    return " ".join([ended(head) if facts else head, *facts])


def ended(text: str) -> str:
    """Return words as a sentence, so that a voice pauses before the next one; few people end what they write."""
    last = text.rstrip()[-1:]
    return text if not last or unicodedata.category(last).startswith("P") else text + "."


def _head(message: Message, who: str, when: str, own: str, names: Names) -> str:
    if message.deleted:
        return _("{who}, {time}: this message was deleted.").format(who=who, time=when)
    text = _content(message)
    if message.forwarded:
        return _("{who}, {time}, forwarded: {text}").format(who=who, time=when, text=text)
    if message.reply_to is None:
        return _("{who}, {time}: {text}").format(who=who, time=when, text=text)
    quote = message.reply_to
    if not quote.sender:
        form = _("{who}, {time}, in reply to a message that is not here: {text}")
        return form.format(who=who, time=when, text=text)
    quoted = _("you") if quote.sender == own else shown_name(quote.sender, names)
    begin = short(markup.plain(quote.text))
    form = _("{who}, {time}, in reply to {quoted} ({begin}): {text}")
    return form.format(who=who, time=when, quoted=quoted, begin=begin, text=text)


def short(text: str, limit: int = QUOTE_CHARS) -> str:
    """Return the beginning of a text in one line."""
    line = screen_text(text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _content(message: Message) -> str:
    text = screen_text(markup.plain(message.text))
    if message.file is None:
        return text
    said = file_sentence(message.file)
    return f"{said} {text}" if text else said


def _facts(message: Message) -> list[str]:
    facts = []
    if message.edited_at_ms is not None:
        facts.append(_("Edited."))
    if message.pinned:
        facts.append(_("Pinned."))
    if message.expires_at_ms is not None:
        facts.append(_("Disappears."))
    if message.state is not None:
        facts.append(_("State: {state}.").format(state=state_word(message.state)))
    return facts


def reactions(given: Iterable[Reaction], own: str, names: Names) -> list[str]:
    """Return who reacted with what, a sentence for each emoji."""
    said = []
    for emoji, people in by_emoji(given).items():
        who = words.listed([_("you") if one == own else names.get(one) or one for one in people])
        said.append(_("{who} reacted with {emoji}.").format(who=who, emoji=screen_text(emoji)))
    return said


def by_emoji(reactions: Iterable[Reaction]) -> dict[str, list[str]]:
    """Return who reacted, by emoji, in the order of first use."""
    found: dict[str, list[str]] = {}
    for reaction in reactions:
        found.setdefault(reaction.emoji, []).append(reaction.sender)
    return found


def file_word(state: FileState) -> str:
    """Return the words for the state of a file."""
    return {
        "offered": _("not fetched yet"),
        "waiting": _("waiting"),
        "sending": _("being sent"),
        "receiving": _("being fetched"),
        "paused": _("paused"),
        "done": _("complete"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
    }[state]


def percent(file: Attachment) -> int:
    """Return how much of a file is here or there, 0 to 100."""
    return 100 if file.state == "done" else min(99, file.done_bytes * 100 // max(1, file.size_bytes))


def file_sentence(file: Attachment) -> str:
    """Return a file, its size and its state in words."""
    name, size = screen_name(file.name), words.size(file.size_bytes)
    if file.state in ("sending", "receiving", "paused"):
        form = _("File {name}, {size}, {state}, {percent} percent.")
        return form.format(name=name, size=size, state=file_word(file.state), percent=percent(file))
    return _("File {name}, {size}, {state}.").format(name=name, size=size, state=file_word(file.state))


def typing_sentence(people: Iterable[str], names: Names) -> str:
    """Return who is writing, or the empty text."""
    who = [names.get(one) or one for one in people]
    if not who:
        return ""
    return ngettext("{who} is writing.", "{who} are writing.", len(who)).format(who=words.listed(who))
