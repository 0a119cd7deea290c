"""The invite line: all a newcomer needs to reach a broker and be let in.

``sealwire:HOST:PORT#KEY.TOKEN`` with KEY (32 bytes) and TOKEN (16 bytes) in base64url without padding. The token is
absent when registration is open. What follows ``#`` never leaves a program that treats the line as a link.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from sealwire.errors import InviteError

SCHEME = "sealwire:"
KEY_BYTES = 32
TOKEN_BYTES = 16

MAX_LINE_CHARS = 400
"""A host name has at most 253 characters; without a bound a pasted megabyte would go through the pattern."""

_LINE = re.compile(
    r"sealwire:(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252}):(?P<port>[1-9][0-9]{0,4})"
    r"#(?P<key>[A-Za-z0-9_-]{43})(\.(?P<token>[A-Za-z0-9_-]{22}))?"
)


@dataclass(frozen=True, slots=True)
class Invite:
    """Where a broker is, which key it must show, and the token that lets one newcomer in."""

    host: str
    """Host name or address; IPv6 without brackets."""
    port: int
    key: bytes
    """The broker's CURVE public key, 32 bytes."""
    token: bytes | None = field(default=None, repr=False)
    """16 secret bytes, or None when registration is open."""

    @property
    def address(self) -> str:
        """The ZeroMQ address, ``tcp://HOST:PORT``."""
        return f"tcp://{_bracketed(self.host)}:{self.port}"


def encode(invite: Invite) -> str:
    """Return the invite as the one line that people pass on."""
    line = f"{SCHEME}{_bracketed(invite.host)}:{invite.port}#{_b64(invite.key)}"
    return line if invite.token is None else f"{line}.{_b64(invite.token)}"


def decode(text: str) -> Invite:
    """Read an invite line; blanks around it are forgiven, nothing else is.

    Raises:
        InviteError: the line is not an invite; the message says what is wrong without repeating the secret.
    """
    line = text.strip()
    match = _LINE.fullmatch(line) if len(line) <= MAX_LINE_CHARS else None
    if match is None:
        raise _complaint(line)
    host, port = match["host"], int(match["port"])
    if port > 65_535:
        raise InviteError("the port is above 65535")
    if host.startswith("["):
        host = _ipv6(host[1:-1])
    token = match["token"]
    return Invite(host, port, _bytes(match["key"]), None if token is None else _bytes(token))


def _complaint(line: str) -> InviteError:
    if not line.startswith(SCHEME):
        return InviteError("it does not begin with sealwire:")
    if "#" not in line:
        return InviteError("the part from # on is missing; a shell drops it unless the line is in quotes")
    return InviteError("a part is cut off or has characters that do not belong there")


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise InviteError("the address in brackets is not an IPv6 address") from None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    """Decode base64url whose last character carries no spare bits: one invite has one spelling."""
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _b64(data) != text:
        raise InviteError("a part is cut off or has characters that do not belong there")
    return data
