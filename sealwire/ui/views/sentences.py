"""One sentence for everything that happens: what a screen reader says, what the demo prints."""

from __future__ import annotations

from datetime import tzinfo

from sealwire.i18n import _, ngettext
from sealwire.peer.api import ContactInfo, SafetyNumber, SessionInfo, Status
from sealwire.peer.api.groups import GroupInfo, Role
from sealwire.peer.api.people import PersonInfo
from sealwire.peer.events import Connection, Contact, DeliveryState, File, Group, Ready, TrustState, Typing, Warning
from sealwire.ui.views import words
from sealwire.ui.views.rows import clock, fingerprint, safety_lines
from sealwire.ui.views.safe import screen_name, screen_text


def state_word(state: DeliveryState) -> str:
    """Return the word for a delivery state."""
    match state:
        case "queued":
            return _("queued")
        case "sent":
            return _("sent")
        case "delivered":
            return _("delivered")
        case "read":
            return _("read")
        case "failed":
            return _("failed")


def trust_word(state: TrustState) -> str:
    """Return the words for a trust state."""
    match state:
        case "unverified":
            return _("not verified")
        case "verified":
            return _("verified")
        case "changed":
            return _("key changed")


def ready(event: Ready) -> str:
    """Who you are, said once at the start."""
    return _("You are {name}. Your fingerprint is {fingerprint}.").format(
        name=screen_name(event.name), fingerprint=fingerprint(event.fingerprint)
    )


def connection(event: Connection) -> str:
    """What the link does; the client's own reason when it has one."""
    if event.reason:
        return screen_text(event.reason)
    match event.state:
        case "connecting":
            return _("Connecting to the broker.")
        case "online":
            return _("Connected to the broker.")
        case "offline":
            return _("The broker is gone. Messages are queued and go out in order when it is back.")
        case "stopped":
            return _("The link to the broker has ended.")


def delivery(number: int | None, to: str, state: DeliveryState, reason: str | None) -> str:
    """What became of an own message; ``number`` is its number in this conversation with the screen."""
    name, word = screen_name(to), state_word(state)
    if reason:
        word += ": " + screen_text(reason).rstrip(".")
    if number is None:
        said = _("Earlier message to {name}: {state}.").format(name=name, state=word)
    else:
        said = _("#{number} to {name}: {state}.").format(number=number, name=name, state=word)
    return " ".join([said, _("/retry tries again.")]) if state == "failed" else said


def contact(event: Contact) -> str:
    """Someone appeared, was verified, or came back with another key."""
    name = screen_name(event.name)
    match event.state:
        case "unverified":
            said = _("{name} is known here with the fingerprint {fingerprint}, not verified: /verify {name}.")
        case "verified":
            said = _("{name} is verified.")
        case "changed":
            said = _(
                "The key of {name} has changed: a new device or a new installation, or somebody in between. "
                "Nothing is sent to {name} until you decide. Compare the safety number with them (/verify {name}), "
                "then accept the new key with /approve {name}."
            )
    return said.format(name=name, fingerprint=fingerprint(event.fingerprint))


def warning(event: Warning) -> str:
    """A gap in our own words, so that the plural is right in every language; the rest in the client's."""
    if event.name == "gap" and event.count is not None:
        text = ngettext("{count} message missing", "{count} messages missing", event.count)
        return _said_by(event.conversation, text.format(count=event.count) + ".")
    return _said_by(event.conversation, screen_text(event.message))


def _said_by(conversation: str | None, text: str) -> str:
    return f"{screen_name(conversation)}: {text}" if conversation else text


def opened(info: ContactInfo) -> str:
    """Who a conversation is with and how sure that is."""
    if info.trust == "changed":
        return contact(Contact(info.name, info.fingerprint, "changed"))
    return _("Writing to {name} ({trust}). Fingerprint {fingerprint}.").format(
        name=screen_name(info.name), trust=trust_word(info.trust), fingerprint=fingerprint(info.fingerprint)
    )


def opened_unseen(name: str) -> str:
    """A conversation with someone the directory was not asked about yet."""
    return _("Writing to {name}, who is new here. Their key is fetched with the first message.").format(
        name=screen_name(name)
    )


def contact_line(info: ContactInfo, nickname: str = "") -> str:
    """One contact of the list; a nickname stands beside the name, which commands take."""
    name = screen_name(info.name) + (f" ({screen_name(nickname)})" if nickname else "")
    said = _("{name}: {trust}").format(name=name, trust=trust_word(info.trust))
    if info.unread:
        text = ngettext("{count} unread message", "{count} unread messages", info.unread)
        said += ", " + text.format(count=info.unread)
    return said + "."


def session(info: SessionInfo, now_ms: int, zone: tzinfo | None) -> list[str]:
    """What ``/info`` tells about the encryption with someone."""
    lines = [
        contact_line(info.contact),
        _("Fingerprint {fingerprint}.").format(fingerprint=fingerprint(info.contact.fingerprint)),
    ]
    if info.opened_ms is None:
        return [*lines, _("No session yet; the first message opens one.")]
    since = ngettext(
        "{count} message since the last RSA-OAEP secret.",
        "{count} messages since the last RSA-OAEP secret.",
        info.messages_since_secret,
    )
    return [
        *lines,
        _("Encryption: {suite}.").format(suite=screen_text(info.suite)),
        _("Session opened {time}.").format(time=clock(info.opened_ms, now_ms, zone)),
        since.format(count=info.messages_since_secret),
    ]


def presence(person: PersonInfo, now_ms: int, zone: tzinfo | None) -> list[str]:
    """Whether somebody is here, for those who tell; empty for the others."""
    if person.online is None:
        return []
    if person.online:
        return [_("Online now.")]
    if not person.last_seen_ms:
        return [_("Not online.")]
    return [_("Last seen {time}.").format(time=clock(person.last_seen_ms, now_ms, zone))]


def safety(number: SafetyNumber) -> list[str]:
    """The digits and what to do with them."""
    name = screen_name(number.name)
    return [
        _("Safety number with {name} ({trust}):").format(name=name, trust=trust_word(number.trust)),
        *("  " + line for line in safety_lines(number.digits)),
        _("Compare it with what {name} sees, over a call or face to face.").format(name=name),
    ]


def status(value: Status) -> list[str]:
    """The peer at a glance."""
    queued = ngettext("{count} message queued.", "{count} messages queued.", value.queued)
    unread = ngettext("{count} message unread.", "{count} messages unread.", value.unread)
    return [
        ready(Ready(value.name, value.fingerprint)),
        _("Broker {broker}: {state}.").format(broker=screen_text(value.broker), state=screen_text(value.connection)),
        queued.format(count=value.queued),
        unread.format(count=value.unread),
    ]


# --- groups, files, timers -----------------------------------------------------------------------------------


def role_word(role: Role) -> str:
    """Return the word for what somebody may do in a group."""
    return {
        "owner": _("owner"),
        "admin": _("admin"),
        "member": _("member"),
        "read-only": _("may read only"),
    }[role]


def shares_history(shared: bool) -> str:
    """Whether newcomers see what was said before."""
    if shared:
        return _("People who join from now on see what was said before.")
    return _("People who join from now on do not see what was said before.")


def timer(seconds: int) -> str:
    """How long new messages of a conversation stay."""
    if seconds == 0:
        return _("New messages stay.")
    return _("New messages disappear after {span}, on every side.").format(span=words.span(seconds))


def kept(days: int) -> str:
    """How long the messages of a conversation are kept here; 0: for ever."""
    if days == 0:
        return _("Messages here stay until they are deleted.")
    return ngettext(
        "Messages here are deleted after {n} day, on this side.",
        "Messages here are deleted after {n} days, on this side.",
        days,
    ).format(n=days)


def group_line(info: GroupInfo) -> str:
    """One group of the list."""
    name = screen_name(info.name)
    match info.state:
        case "invited":
            form = _("+{name}: {by} invites you. /accept +{name} or /decline +{name}.")
            return form.format(name=name, by=screen_name(info.invited_by or ""))
        case "left":
            return _("+{name}: you left.").format(name=name)
        case "removed":
            return _("+{name}: you were removed.").format(name=name)
        case "stopped":
            return _("+{name}: stopped, because its log has two heads. Ask its owner.").format(name=name)
        case "member":
            joined = sum(not member.invited for member in info.members)
            count = ngettext("{n} member", "{n} members", joined).format(n=joined)
            return _("+{name}: {count}; you are {role}.").format(name=name, count=count, role=role_word(info.role))


def group_lines(info: GroupInfo) -> list[str]:
    """Everything about a group."""
    lines = [group_line(info)]
    if info.topic:
        lines.append(_("Topic: {topic}").format(topic=screen_text(info.topic)))
    for member in info.members:
        form = _("{name}: {role}, invited.") if member.invited else _("{name}: {role}.")
        if member.verified:
            form = _("{name}: {role}, verified.")
        lines.append(form.format(name=screen_name(member.name), role=role_word(member.role)))
    lines.append(timer(info.timer_s))
    lines.append(shares_history(info.shares_history))
    lines.append(_("Log head {head}, equal on every member's side.").format(head=fingerprint(info.head[:32])))
    return lines


def group(event: Group) -> str:
    """What changed in a group."""
    by, subject = screen_name(event.by or ""), screen_name(event.subject or "")
    return {
        "created": _("{group}: {by} made the group."),
        "invited": _("{group}: {by} asked {subject} to join."),
        "declined": _("{group}: {subject} does not join."),
        "joined": _("{group}: {subject} joined."),
        "added": _("{group}: {by} added {subject}."),
        "left": _("{group}: {subject} left."),
        "removed": _("{group}: {by} removed {subject}."),
        "role": _("{group}: {subject} is {detail} now."),
        "renamed": _("{group}: the group is called {detail} now."),
        "topic": _("{group}: the topic is {detail}."),
        "timer": _("{group}: the time after which messages disappear changed."),
        "history": _("{group}: what newcomers see changed."),
        "rekeyed": _("{group}: everybody has new keys."),
        "forked": _("{group}: stopped. {detail}"),
    }[event.change].format(
        group=screen_name(event.name), by=by, subject=subject or by, detail=screen_text(event.detail or "")
    )


def invited(event: Group) -> str:
    """We are asked into a group."""
    form = _("{by} invites you to the group +{group}: /accept +{group} or /decline +{group}.")
    return form.format(by=screen_name(event.by or ""), group=screen_name(event.name))


def file(event: File) -> str:
    """How far a file is, in words; only changes of state are worth a sentence."""
    name = screen_name(event.name)
    match event.state:
        case "offered":
            return _("File {name}, {size}: /fetch gets it.").format(name=name, size=words.size(event.size_bytes))
        case "waiting":
            return _("File {name} waits.").format(name=name)
        case "sending":
            return _("File {name} is being sent.").format(name=name)
        case "receiving":
            return _("File {name} is being fetched.").format(name=name)
        case "paused":
            return _("File {name} is paused.").format(name=name)
        case "done":
            if event.path:
                return _("File {name} is complete: {path}").format(name=name, path=screen_text(event.path))
            return _("File {name} is complete.").format(name=name)
        case "failed":
            return _("File {name} failed: {reason}").format(name=name, reason=screen_text(event.reason or ""))
        case "cancelled":
            return _("File {name} is given up.").format(name=name)


def writing(event: Typing) -> str:
    """Somebody began to write."""
    return _("{name} is writing.").format(name=screen_name(event.sender))
