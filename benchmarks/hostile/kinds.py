"""The attacks of ``benchmarks.attacks``: how each connection begins, and what it is fed until the broker ends it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from sealwire.ids import Mailbox, Token
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from tests.fault.raw_zmtp import GREETING, MORE, RawZmtp
from tests.unit.broker.raw_peer import hello_of, login_of, member

TICK_S = 0.02
TWO_GIB = 1 << 31


class Held(RawZmtp):
    """A hostile connection that the attacker keeps."""

    token = Token(bytes(8))
    mailbox = Mailbox(bytes(16))
    unsent = b""
    acknowledged = 0


@dataclass(slots=True)
class Target:
    """The broker from outside, and a numbered stock of addresses and names to come from."""

    endpoint: str
    curve: bytes
    pid: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    recorded: tuple[bytes, bytes] = (b"", b"")

    def raw(self, **more: bytes) -> Held:
        """A TCP connection from an address of its own."""
        number = next(self.numbers)
        address = f"127.{64 + number // 65_536}.{number // 256 % 256}.{number % 256}"
        return Held(self.endpoint, self.curve, source=address, **more)

    def stranger(self, **more: bytes) -> Held:
        """One that has shaken hands."""
        return shaken(self.raw(**more))

    def member(self, secret: bytes | None = None, name: str = "") -> Held:
        """One that has registered and logged in."""
        raw = self.stranger(**({} if secret is None else {"secret": secret}))
        identity = member(name or f"m-{next(self.numbers)}", self.curve, "mallory")
        hello = hello_of(identity, os.urandom(32))
        raw.send(hello)
        raw.token = Token(os.urandom(8))
        login = login_of(identity, self.curve, raw.public, hello, raw.message(), raw.token)
        raw.send(login)
        if raw.message()[0] != Verb.WELCOME:
            raise ConnectionError("not welcome")
        self.recorded = hello, login
        raw.mailbox = identity.card.card.mailbox
        return raw


def shaken(raw: Held) -> Held:
    """The handshake; a connection that is refused in it is closed."""
    try:
        raw.shake_hands()
    except BaseException:
        raw.socket.close()
        raise
    return raw


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind. Each connection is begun, and fed every so often, until the broker ends it.

    Attributes:
        allowed_s: within which it must be cut off; None: it goes on, and must be bounded in what it takes from others.
        at_once, a_second: how many are kept open, and begun: what one might send over a network, not what one core can.
        ramp_s: until it is as it will be; not measured.
        watched_s: a stretch with it, and one without.
        calm_s: between the end of one and the next stretch without.
        again: whether others take the place of those that were cut off.
    """

    name: str
    allowed_s: float | None
    begin: Callable[[Target], Held] | None
    feed: Callable[[Held], None] | None = None
    feed_every_s: float = 0.0
    at_once: int = 20
    a_second: float = 20.0
    ramp_s: float = 0.5
    watched_s: float = 2.5
    calm_s: float = 0.5
    again: bool = True

    @property
    def cycle_s(self) -> float:
        """How long it takes to look at it once without, once with."""
        return self.calm_s + self.ramp_s + 2 * self.watched_s


def long_before(target: Target) -> Held:
    raw = target.raw()
    raw.socket.sendall(GREETING + b"\x02" + TWO_GIB.to_bytes(8, "big"))
    return raw


def long_after(target: Target) -> Held:
    raw = target.stranger()
    raw.socket.sendall(b"\x02" + TWO_GIB.to_bytes(8, "big") + b"\x07MESSAGE")
    return raw


def more_parts(raw: Held) -> None:
    with suppress(OSError):
        raw.socket.sendall(b"".join(raw.part(bytes(1000), MORE) for _ in range(50)))


def stopped_handshake(target: Target) -> Held:
    """In four places: before a byte, within the greeting, before HELLO, before INITIATE."""
    raw, where = target.raw(), next(target.numbers) % 4
    if where == 3:
        raw.greet()
        raw.hello()
    elif where:
        raw.socket.sendall(GREETING[: (0, 40, 64)[where]])
    return raw


def byte_by_byte(target: Target) -> Held:
    """Greeting, HELLO or INITIATE, a byte a second."""
    raw = target.raw()
    raw.unsent = GREETING + raw.hello_frame()
    done = (10, 64, 70)[next(target.numbers) % 3]
    raw.socket.sendall(raw.unsent[:done])
    raw.unsent = raw.unsent[done:]
    return raw


def next_byte(raw: Held) -> None:
    with suppress(OSError):
        raw.socket.send(raw.unsent[:1])
        raw.unsent = raw.unsent[1:]


def greeted(target: Target) -> Held:
    """HELLO, and then nothing."""
    raw = target.stranger()
    raw.send(hello_of(member("silent", target.curve, "mallory"), os.urandom(32)))
    return raw


def deaf(target: Target) -> Held:
    """Takes a thousand messages and acknowledges none."""
    raw = target.member()
    writer = target.member()
    for seq in range(1, 1001):
        writer.send(frames.encode_send(writer.token, seq, seq.to_bytes(16, "big"), raw.mailbox, bytes(64)))
    writer.socket.close()
    return raw


def acknowledging(raw: Held) -> None:
    raw.acknowledged += 1
    with suppress(OSError):
        raw.send(frames.encode_ack(raw.token, raw.acknowledged))


def replayed(target: Target) -> Held:
    """Somebody's recorded HELLO and LOGIN, on another connection."""
    if not target.recorded[0]:
        target.member().socket.close()
    raw = target.stranger()
    raw.send(target.recorded[0])
    raw.message()
    raw.send(target.recorded[1])
    return raw


def named(target: Target) -> Held:
    """An id of one's own, or one of the form that others have."""
    chosen = b"alice" if next(target.numbers) % 2 else b"\0" + os.urandom(4)
    raw = target.stranger(routing_id=chosen)
    raw.send(hello_of(member("alice", target.curve, "mallory"), os.urandom(32)))
    return raw


def dead_ruling(target: Target) -> Held:
    """The thread that rules on connections dies of this one."""
    os.kill(target.pid, signal.SIGUSR1)
    raw = target.raw()
    raw.greet()
    raw.hello()
    raw.socket.sendall(raw.initiate_frame())
    return raw


def flood(raw: Held) -> None:
    """As many PINGs as the connection takes."""
    if not raw.unsent:
        raw.unsent = b"".join(raw.part(frames.encode_ping(raw.token, 1)) for _ in range(500))
    raw.socket.setblocking(False)
    with suppress(OSError):
        raw.unsent = raw.unsent[raw.socket.send(raw.unsent) :]


ATTACKS = (
    Attack("nobody: what chance does to a ratio", None, None),
    Attack("a length of 2 GiB before the handshake", 10.0, long_before),
    Attack("a length of 2 GiB inside it", 10.0, long_after),
    Attack("a million parts, a stranger", 10.0, Target.stranger, more_parts, TICK_S, 2, 2.0),
    Attack("a million parts, a member", 10.0, Target.member, more_parts, TICK_S, 2, 2.0),
    Attack("200 half-open handshakes", 5.0, stopped_handshake, None, 0, 200, 50.0, 4.5),
    Attack("slowloris, 2,000 at once", 5.0, byte_by_byte, next_byte, 1.0, 2_000, 500.0, 4.5),
    Attack("100 silent peers, no HELLO", 10.0, Target.stranger, None, 0, 100, 50.0),
    Attack("100 silent peers, no LOGIN", 10.0, greeted, None, 0, 100, 50.0),
    Attack("10 that never acknowledge", 10.0, deaf, None, 0, 10, 10.0, 1.5, again=False),
    Attack("one that takes a message a second", None, deaf, acknowledging, 1.0, 1, 1.0, 1.5),
    Attack("replayed logins", 10.0, replayed),
    Attack("ids of other peers", 10.0, named),
    Attack("ZAP handler dead", 5.0, dead_ruling, None, 0, 1, 1.0, 0.0, 5.0, 3.0, again=False),
    Attack("one that floods with PINGs", 10.0, Target.member, flood, TICK_S, 1, 1.0),
)
"""The thread that rules on connections may die every ten seconds: a stretch with its death is that long apart."""
