"""The verification page and the page about a changed key: who, since when, why, what to do. The same everywhere."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from sealwire.i18n import _
from sealwire.peer.api.people import Match, Verification
from sealwire.peer.events import TrustState
from sealwire.ui.views.rows import clock, safety_lines
from sealwire.ui.views.safe import screen_name, screen_text


class VerifyPage(Struct, frozen=True):
    """What one screen shows to compare keys."""

    name: str
    title: str
    explanation: str
    digits: tuple[str, ...]
    """Three lines of four groups of five."""
    code: str
    """The text of the QR code; also to be copied."""
    state: str
    is_verified: bool


def verify_page(value: Verification, trust: TrustState, shown: str) -> VerifyPage:
    """Return the verification page.

    Args:
        value: what the client says.
        trust: as it stands.
        shown: the name to show, nickname or account name.
    """
    name = screen_name(shown)
    return VerifyPage(
        value.name,
        _("Verify {name}").format(name=name),
        _(
            "Compare these digits with what {name} sees, over a call or face to face, or let {name} scan the code. "
            "When they are the same, nobody sits in between."
        ).format(name=name),
        tuple(safety_lines(value.digits)),
        value.code,
        {
            "verified": _("You verified {name}."),
            "unverified": _("Not verified yet."),
            "changed": _("The key of {name} has changed; these digits are made with the new one."),
        }[trust].format(name=name),
        trust == "verified",
    )


class ChangePage(Struct, frozen=True):
    """What one screen shows about a changed key."""

    name: str
    title: str
    since: str
    causes: tuple[str, ...]
    consequence: str
    compare: str
    """The button that leads to the digits."""
    accept: str
    """The button that takes the new key."""


def change_page(value: Verification, shown: str, now_ms: int, zone: tzinfo | None) -> ChangePage:
    """Return the page about a changed key."""
    name = screen_name(shown)
    if value.changed_ms:
        since = _("Another key is seen since {time}.").format(time=clock(value.changed_ms, now_ms, zone))
    else:
        since = _("Another key is seen.")
    usual = (
        _("Usually {name} has a new device, or installed again without the old key file.").format(name=name),
        _("It can also mean that somebody poses as {name}.").format(name=name),
    )
    return ChangePage(
        value.name,
        _("The key of {name} has changed").format(name=name),
        since,
        tuple(screen_text(cause) for cause in value.causes) or usual,
        _("Nothing is sent to {name} until you decide. What you wrote waits here.").format(name=name),
        _("Compare digits"),
        _("Accept new key"),
    )


def compare_lines(value: Verification, trust: TrustState, shown: str, now_ms: int, zone: tzinfo | None) -> list[str]:
    """Return what stands below the digits: the own code as text and, of a changed key, since when and likely causes."""
    lines = [_("Your code as text: {code}").format(code=value.code)]
    if trust == "changed":
        page = change_page(value, shown, now_ms, zone)
        lines += [page.since, *page.causes, page.consequence]
    return lines


def match_sentence(match: Match, shown: str) -> str:
    """Return what a scanned or pasted code proves."""
    return {
        "same": _("The code is right: {name} is verified."),
        "different": _("The code is not {name}'s key here. Do not trust this conversation until you know why."),
        "other-person": _("This is the code of somebody else, not of {name}."),
        "not-a-code": _("This is no verification code; one begins with sealwire-compare:."),
    }[match].format(name=screen_name(shown))
