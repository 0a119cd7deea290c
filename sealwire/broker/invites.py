"""Invites from the operator's side: a token is made, shown once and stored as a hash only."""

from __future__ import annotations

from sealwire.crypto.primitives import H
from sealwire.ids import Millis
from sealwire.invite import KEY_BYTES, TOKEN_BYTES, Invite

MAX_USES = 10_000
"""Registrations one invite may allow; more is what ``broker.registration: open`` is for."""

MAX_DAYS = 365
"""A line forgotten in a chat log for longer than that should let nobody in."""

DAY_MS = 24 * 60 * 60 * 1000


def hash_of(token: bytes) -> bytes:
    """Return what the broker stores of a token: a thief of its disk cannot register with it.

    Source: protocol.md §5.
    """
    return H("invite", token)


def expires_at(now_ms: Millis, days: int) -> Millis:
    """Return when an invite made now ends."""
    return now_ms + days * DAY_MS


def split_address(address: str) -> tuple[str, int]:
    """Return host (IPv6 without brackets) and port of ``HOST:PORT``, with or without ``tcp://`` before it."""
    host, _colon, port = address.removeprefix("tcp://").rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def plain_endpoint(endpoint: str) -> str:
    """Return a bound endpoint as people write it: an IPv6 socket calls 127.0.0.1 ``[::ffff:127.0.0.1]``."""
    host, port = split_address(endpoint)
    host = host.removeprefix("::ffff:") if host.startswith("::ffff:") and "." in host else host
    return f"tcp://{join_address(host, port)}"


def join_address(host: str, port: int) -> str:
    """Return ``HOST:PORT``, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_wildcard(host: str) -> bool:
    """Whether a bound host stands for every address of the machine."""
    return host in {"*", "0.0.0.0", "::"}  # noqa: S104 - compared, never bound


def invite_for(address: str, key: bytes, token: bytes | None) -> Invite:
    """Return the invite to a broker at ``HOST:PORT``.

    Args:
        address: as other machines reach it.
        key: the broker's CURVE public key, 32 bytes.
        token: 16 bytes, or None when registration is open.
    """
    assert len(key) == KEY_BYTES
    assert token is None or len(token) == TOKEN_BYTES
    host, port = split_address(address)
    return Invite(host, port, key, token)
