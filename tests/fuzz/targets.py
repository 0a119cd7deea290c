"""What a fuzzer may throw bytes at: every decoder, the broker's router, a peer's engine, and the port itself.

A target takes any bytes and returns; whatever it lets out is a finding. ``scripts.fuzz_coverage`` grows the corpora,
the tests run them. The decoders and the errors they may raise are those of ``tests.property.test_decoders``: a decoder
that is added there is fuzzed here.
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import zmq

from sealwire import config, invite
from sealwire.broker.links import Connection
from sealwire.broker.port import BrokerSettings
from sealwire.config.reference import text as reference
from sealwire.errors import ConfigError, InviteError
from sealwire.ids import RoutingId
from sealwire.peer.link import apart_or_whole
from sealwire.testing import Network, VirtualPeer
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from sealwire.wire.many import encode_send_many
from tests.conftest import PEOPLE
from tests.property.test_decoders import ALLOWED, CANONICAL, EVERY, RSA_PRIVATE
from tests.unit.broker.raw_peer import RawPeer, hello_of, member
from tests.unit.broker.running import PUBLIC, Broker

AREAS: dict[str, tuple[str, ...]] = {
    "frames": ("frame ", "deliver", "fanout", "send many", "deliver many"),
    "control": ("control ",),
    "blobs": ("blob ",),
    "content": ("plaintext", "content", "file offer", "whisper"),
    "header": ("envelope", "opening envelope", "handshake", "padding"),
    "card": ("card", "signed card", "card text", "modulus"),
    "devices": ("device list", "signed device list"),
    "bundle": ("bundle", "prekeys", "signed prekeys"),
    "groups": ("log entry", "log entry's content", "invitation", "group's name", "group's plaintext"),
    "keyfile": ("key file",),
}
"""Decoders by area, by the beginning of their names; the rest is the area ``kept``."""
CHECK_EVERY = 200
"""Inputs after which honest people must still get through."""
SHORT_S, LET_IN_S = 0.02, 2.0
KEPT_OUT = 3
"""So many strangers in a row without a connection are a broker that lets nobody in any more."""
MAX_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to throw bytes at, with inputs to begin from."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    longest: int = 4096


# --- decoders -------------------------------------------------------------------------------------------------


def area_of(kind: str) -> str:
    """The area a decoder belongs to: an exact name wins over a beginning."""
    for area, names in AREAS.items():
        if kind in names:
            return area
    found = [area for area, names in AREAS.items() if any(n.endswith(" ") and kind.startswith(n) for n in names)]
    return found[0] if found else "kept"


def decoders(area: str) -> dict[str, bytes]:
    """The decoders of an area, each with a valid encoding; RSA's own numbers are the library's to refuse."""
    return {kind: valid for kind, (_, valid) in EVERY.items() if area_of(kind) == area and kind not in RSA_PRIVATE}


def decode_all(area: str) -> Callable[[bytes], None]:
    """Every decoder of an area on the same bytes; a signed structure that decodes has no second encoding."""
    kinds = [(EVERY[kind][0], ALLOWED[kind], kind in CANONICAL) for kind in decoders(area)]

    def run(data: bytes) -> None:
        for decode, allowed, is_canonical in kinds:
            try:
                value = decode(data)
            except allowed:
                continue
            if is_canonical and value.encode() != data:
                raise AssertionError(f"two encodings of one {type(value).__name__}")

    return run


def invites(data: bytes) -> None:
    """An invite that is read and written again is the same invite."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(InviteError):
        read = invite.decode(text)
        assert invite.decode(invite.encode(read)) == read


def settings(data: bytes) -> None:
    """Both programs read the whole file and name every problem."""
    file = _folder() / "config.yaml"
    file.write_bytes(data)
    with suppress(ConfigError):
        config.load({}, file.parent, file)


INVITE = invite.Invite("broker.example", 5555, bytes(range(32)), bytes(16))


# --- state machines -------------------------------------------------------------------------------------------


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(flags, frame) of an input: a byte of flags, two of length, and so many of frame, a few times."""
    at = 0
    for _ in range(MAX_FRAMES):
        if at + 3 > len(data):
            return
        size = int.from_bytes(data[at + 1 : at + 3], "big") % frames.MAX_FRAME_BYTES
        yield data[at], data[at + 3 : at + 3 + size] or b"\0"
        at += 3 + size


def join(*parts: tuple[int, bytes]) -> bytes:
    """The input that :func:`split` takes apart."""
    return b"".join(bytes((flags,)) + len(frame).to_bytes(2, "big") + frame for flags, frame in parts)


WITH_TOKEN, STRANGER = 1, 2
"""Flags: the link session's own token is put in; the frame is the first one of a new connection."""


class Live:
    """A broker and three people without sockets, kept from input to input."""

    def __init__(self) -> None:
        free = dataclasses.replace(
            BrokerSettings(), account_units_per_s=1e9, account_units_burst=1e9, requests_per_min=1e9
        )
        self.net = Network(Path(tempfile.mkdtemp(dir=_folder())), PEOPLE, free)
        self.attacker, self.alice, self.bob = (self.net.peer(name) for name in ("mallory", "alice", "bob"))
        self.net.run()
        self.count = self.strangers = 0

    def rest(self) -> None:
        """What an input broke is made anew; now and then honest people try."""
        for peer in (self.attacker, self.bob):
            if peer.rid not in self.net.router.links:
                self.net.cut(peer)
            peer.events[:] = [event for event in peer.events if event.type == "message"]
        self.net.relayed.clear()
        self.net.run()
        self.count += 1
        if self.count % CHECK_EVERY == 0:
            self.net.advance(3)
            self.alice.send("bob", f"still here {self.count}")
            self.net.run()
            assert self.bob.texts("alice")[-1] == f"still here {self.count}"

    def stranger(self, frame: bytes) -> None:
        """The first frame of a connection that nobody knows."""
        self.strangers += 1
        rid = RoutingId(b"\0" + (0x8000_0000 + self.strangers % 0x7FFF_FFFF).to_bytes(4, "big"))
        connection = Connection(rid, 10_000 + self.strangers, "127.0.0.1", None, os.urandom(32))
        self.net.router.first_frame(connection, frame)


@cache
def _live(_what: str) -> Live:
    return Live()


def router(data: bytes) -> None:
    """Frames from a registered attacker and from strangers, in one turn of the broker."""
    live = _live("router")
    net, attacker = live.net, live.attacker
    net.router.begin(net.now.mono_s, net.now.ms)
    for flags, frame in split(data):
        link = net.router.links.get(attacker.rid) if attacker.rid is not None else None
        if flags & STRANGER:
            live.stranger(frame)
        elif link is not None and attacker.rid is not None:
            token = link.token if flags & WITH_TOKEN else frame[1:9]
            net._feed(attacker.rid, frame[:1] + token + frame[9:])
    net.router.end_turn()
    live.rest()


def engine(data: bytes) -> None:
    """Frames from a hostile broker, in one turn of a peer, those that came together apart as its link takes them."""
    live = _live("engine")
    peer: VirtualPeer = live.bob
    if peer.rid is not None:
        peer.turn([one for _flags, frame in split(data) for one in apart_or_whole(frame)])
    live.rest()


# --- the port -------------------------------------------------------------------------------------------------

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01"
NULL, CURVE = (GREETING + name.ljust(20, b"\0") + bytes(32) for name in (b"NULL", b"CURVE"))
LOOK = 5
"""Modes of an input, by its first byte: bytes as they are, behind a NULL or a CURVE greeting, frames of a stranger
inside CURVE, the same as parts of one message."""


class Port:
    """The real broker over real sockets, in a thread of this process so that its branches are seen."""

    def __init__(self) -> None:
        self.broker = Broker(Path(tempfile.mkdtemp(dir=_folder())), max_unclaimed=64)
        atexit.register(self.broker.close)
        self.alice, self.bob = self.broker.login("alice"), self.broker.login("bob", "bob")
        host, port = self.broker.endpoint.removeprefix("tcp://").rsplit(":", 1)
        self.address = (host, int(port))
        self.count = self.delivered = self.kept_out = 0

    def bytes(self, data: bytes) -> None:
        """One TCP connection."""
        with socket.create_connection(self.address, 5) as sock, suppress(OSError):
            sock.settimeout(SHORT_S)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(4096)

    def frames(self, parts: list[bytes], in_one: bool) -> None:
        """One connection inside CURVE."""
        peer = RawPeer(self.broker.endpoint, PUBLIC, member("mallory", PUBLIC, "mallory")).connect()
        peer.socket.rcvtimeo, peer.socket.sndtimeo = int(SHORT_S * 1000), int(LET_IN_S * 1000)
        try:
            for at, part in enumerate(parts):
                peer.socket.send(part, zmq.SNDMORE if in_one and at + 1 < len(parts) else 0)
                self.kept_out = 0
            peer.socket.recv()
        except zmq.ZMQError:  # nothing to hear, or the connection was ended; but nobody is kept out for ever
            self.kept_out += at == 0 and not peer.socket.poll(0, zmq.POLLOUT)
            assert self.kept_out < KEPT_OUT, self.broker.status()
        finally:
            peer.close()

    def check(self) -> None:
        """Honest people get through, and nothing has ended the broker's thread."""
        self.count += 1
        if self.count % CHECK_EVERY == 0:
            self.delivered += 1
            self.alice.send(self.bob.mailbox, b"x" * 100)
            assert self.bob.recv(Verb.DELIVER)[1:9] == self.delivered.to_bytes(8, "big")
            self.bob.ack(self.delivered)
            assert self.broker.thread.is_alive()


@cache
def _port() -> Port:
    return Port()


def port(data: bytes) -> None:
    """What anybody who reaches the port can send."""
    if not data:
        return
    there, mode, rest = _port(), data[0] % LOOK, data[1:]
    if mode < 3:
        there.bytes((b"", NULL, CURVE)[mode] + rest)
    else:
        there.frames([frame for _flags, frame in split(rest)] or [b""], in_one=mode == 4)
    there.check()


# --- the table ------------------------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="sealwire-fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _up(*frame: bytes) -> bytes:
    return join(*((WITH_TOKEN, part) for part in frame))


TOKEN, MID, BOX = frames.Token(b"token678"), bytes(16), bytes(16)
HELLO = hello_of(member("mallory", PUBLIC, "mallory"), bytes(32))
SEEDS_UP = (
    _up(frames.encode_send(TOKEN, 1, MID, BOX, b"e" * 400), frames.encode_release(TOKEN, BOX)),
    _up(encode_send_many([frames.encode_send(TOKEN, n, MID, BOX, b"e" * 90) for n in (1, 2, 3)])),
    _up(frames.encode_fanout(TOKEN, 1, MID, [BOX, b"b" * 16], b"e" * 300), frames.encode_ack(TOKEN, 1)),
    _up(frames.encode_ephemeral(TOKEN, BOX, b"typing"), frames.encode_ping(TOKEN, 1), frames.encode_bye(TOKEN)),
    _up(*(valid for kind, valid in decoders("control").items() if kind.split()[1] in ("publish", "lookup", "fetch"))),
    join((STRANGER, HELLO)),
)
SEEDS_DOWN = (
    join(*((0, valid) for valid in decoders("frames").values())),
    join((0, frames.encode_deliver(1, MID, bytes(16) + b"e" * 400)), (0, frames.encode_accepted(1))),
    join(*((0, valid) for valid in decoders("control").values())),
)
TARGETS: dict[str, Target] = {
    **{
        area: Target(decode_all(area), tuple(decoders(area).values()), 24_000 if area == "header" else 4096)
        for area in (*AREAS, "kept")
    },
    "invite": Target(invites, (invite.encode(INVITE).encode(), b"sealwire:[::1]:5555#" + b"A" * 43), 500),
    "config": Target(
        settings, (reference().encode(), b"log:\n  level: info\nlimits:\n  trusted_networks: [::1/128]\n")
    ),
    "router": Target(router, SEEDS_UP),
    "engine": Target(engine, SEEDS_DOWN),
    "port": Target(
        port,
        (
            b"\0" + NULL,
            b"\1\x04\x26\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0",
            b"\2\x04\xc8\x05HELLO\x01\0" + bytes(192),
            b"\3" + join((0, HELLO)),
            b"\4" + join((0, HELLO), (0, b"\x10" + bytes(60))),
        ),
        2048,
    ),
}
