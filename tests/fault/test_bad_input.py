"""What a stranger or a registered peer can put on the wire: it is disconnected or refused in time, and others go on.

Over real sockets, against the broker's own program, with frames that libzmq would never send.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sealwire.broker.keyfiles import read_public
from sealwire.broker.links import MAX_CHATTER
from sealwire.broker.sockets import HANDSHAKE_MS
from sealwire.ids import Token
from sealwire.wire import frames
from sealwire.wire.frames import MAX_FRAME_BYTES, Code, Verb
from tests.fault.raw_zmtp import GREETING, LAST, MORE, SIGNATURE, RawZmtp, frame, is_closed
from tests.unit.broker.raw_peer import RawPeer, hello_of, login_of, member
from tests.unit.broker.test_server import broker_process

pytestmark = pytest.mark.process

IN_TIME_S = 10.0
HANDSHAKE_S = HANDSHAKE_MS / 1000 + 1.5
"""HANDSHAKE_IVL and the system's own time."""
MIB = 1 << 20
FLOOD = 512
"""PINGs at once."""


class House:
    """A broker's program and two who talk through it."""

    def __init__(self, process: subprocess.Popen[str], endpoint: str, curve: bytes) -> None:
        self.process, self.endpoint, self.curve = process, endpoint, curve
        self.alice, self.bob = (RawPeer(endpoint, curve, member(name, curve, name)) for name in ("alice", "bob"))
        for peer in (self.alice, self.bob):
            peer.login()

    def talk(self) -> float:
        """One message from alice to bob and back to its sender's answer; seconds."""
        began = time.monotonic()
        self.alice.send(self.bob.mailbox, b"x" * 256)
        seq = frames.decode_deliver(self.bob.recv(Verb.DELIVER))[0]
        self.bob.ack(seq)
        while frames.decode_u64(self.alice.recv(Verb.ACCEPTED)) < self.alice.seq:
            pass
        return time.monotonic() - began

    def raw(self) -> RawZmtp:
        return RawZmtp(self.endpoint, self.curve)

    def stranger(self) -> RawZmtp:
        """A connection that has shaken hands."""
        return self.raw().shake_hands()

    def member(self, name: str = "mallory") -> RawZmtp:
        """One that has logged in."""
        raw = self.stranger()
        identity = member(name, self.curve, "mallory")
        hello = hello_of(identity, os.urandom(32))
        raw.send(hello)
        self.token = Token(os.urandom(8))
        raw.send(login_of(identity, self.curve, raw.public, hello, raw.message(), self.token))
        assert raw.message()[0] == Verb.WELCOME
        return raw

    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MIB

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.endpoint.removeprefix("tcp://").split(":")
        return host, int(port)


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    with broker_process(folder) as (process, endpoint):
        house = House(process, endpoint, read_public(folder / "keys" / "broker.pub"))
        yield house
        house.talk()  # whatever it was, the broker still serves
        for peer in (house.alice, house.bob):
            peer.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """For what ends in a ban."""
    with opened(tmp_path) as running:
        yield running


def within(seconds: float, is_true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_true():
            return True
    return is_true()


# --- lengths -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2**31, 2**62, MAX_FRAME_BYTES + 1], ids=["2 GiB", "2^62", "a byte too long"])
@pytest.mark.parametrize("flags", [0x02, 0x06], ids=["message", "command"])
def test_a_length_nobody_sends_ends_the_connection_before_the_handshake(house: House, size: int, flags: int) -> None:
    before = house.rss_mib()
    with house.raw() as raw:
        raw.greet()
        raw.socket.sendall(bytes((flags,)) + size.to_bytes(8, "big"))
        assert is_closed(raw.socket, IN_TIME_S)
    assert house.rss_mib() < before + 8


@pytest.mark.parametrize("size", [2**31, MAX_FRAME_BYTES + 64], ids=["2 GiB", "above the limit"])
def test_a_length_nobody_sends_ends_the_connection_after_the_handshake(house: House, size: int) -> None:
    with house.stranger() as raw:
        raw.socket.sendall(b"\x02" + size.to_bytes(8, "big") + b"\x07MESSAGE")
        assert is_closed(raw.socket, IN_TIME_S)


def test_a_frame_as_long_as_the_limit_is_no_hello_and_is_shut_down(house: House) -> None:
    with house.stranger() as raw:
        raw.send(bytes(MAX_FRAME_BYTES - 100))
        assert is_closed(raw.socket, IN_TIME_S)


# --- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged_in", [False, True], ids=["stranger", "member"])
@pytest.mark.parametrize("size", [1, 60_000])
def test_parts_without_end_are_cut_off_before_they_fill_memory(own_house: House, logged_in: bool, size: int) -> None:
    house = own_house
    before, began = house.rss_mib(), time.monotonic()
    most = before
    with house.member() if logged_in else house.stranger() as raw:
        burst = max(2, min(500, 500_000 // size))
        while raw.dribble([b"".join(raw.part(bytes(size), MORE) for _ in range(burst))]):
            most = max(most, house.rss_mib())
            assert time.monotonic() - began < IN_TIME_S
    assert most < before + 120
    house.talk()


@pytest.mark.parametrize("parts", [2, 3, 4, 20_000])
def test_a_message_of_several_parts_ends_the_link_and_keeps_its_device_out(own_house: House, parts: int) -> None:
    house = own_house
    with house.member() as raw:
        data = b"".join(raw.part(b"", MORE) for _ in range(parts - 1)) + raw.part(b"", LAST)
        raw.dribble(data[at : at + 65_536] for at in range(0, len(data), 65_536))
        assert is_closed(raw.socket, IN_TIME_S)
    again = RawPeer(house.endpoint, house.curve, member("mallory", house.curve, "mallory"))
    try:
        assert frames.decode_reject(again.connect().greet().prove())[1] is Code.LOGIN  # a fresh CURVE key is no help
    finally:
        again.close()


# --- handshakes ----------------------------------------------------------------------------------------------


def test_half_open_and_slow_handshakes_are_dropped_and_an_honest_login_is_quick(house: House) -> None:
    began = time.monotonic()
    raws = [socket.create_connection(house.address, timeout=5) for _ in range(200)]
    try:
        for number, sock in enumerate(raws):
            sock.sendall((b"", SIGNATURE, GREETING[:40], GREETING)[number % 4])
        honest = RawPeer(house.endpoint, house.curve, member("carol", house.curve, "alice"))
        since = time.monotonic()
        honest.login()
        assert time.monotonic() - since < 2.0
        honest.close()
        open_still = set(raws)
        while open_still and time.monotonic() - began < HANDSHAKE_S:
            for sock in list(open_still):  # one byte a second each, as slowloris does
                if is_closed(sock, 0.0):
                    open_still.discard(sock)
                else:
                    dribble(sock)
            house.talk()
        assert not open_still
    finally:
        for sock in raws:
            sock.close()


def dribble(sock: socket.socket) -> None:
    try:
        sock.send(b"\0")
    except OSError:
        pass  # it has been closed: the next look says so


@pytest.mark.parametrize("step", ["hello", "initiate"])
def test_a_handshake_that_stops_in_the_middle_is_dropped(house: House, step: str) -> None:
    with house.raw() as raw:
        raw.greet()
        if step == "initiate":
            raw.hello()
        assert is_closed(raw.socket, HANDSHAKE_S)


@pytest.mark.parametrize("step", ["hello", "initiate"])
def test_a_forged_step_of_the_handshake_is_dropped(house: House, step: str) -> None:
    with house.raw() as raw:
        raw.greet()
        if step == "initiate":
            raw.hello()
        good = raw.hello_frame() if step == "hello" else raw.initiate_frame()
        raw.socket.sendall(good[:-1] + bytes((good[-1] ^ 1,)))
        assert is_closed(raw.socket, IN_TIME_S)


def test_a_handshake_recorded_from_another_is_dropped(house: House) -> None:
    with house.raw() as first, house.raw() as second:
        first.greet()
        second.greet()
        first.hello()
        recorded = first.initiate_frame()
        first.socket.sendall(recorded)
        assert first.receive().startswith(b"\x05READY")
        second.hello()
        second.socket.sendall(recorded)
        assert is_closed(second.socket, IN_TIME_S)


@pytest.mark.parametrize("mechanism", [b"NULL", b"PLAIN", b"GSSAPI", b"CURVE\0x"])
def test_another_mechanism_is_dropped(house: House, mechanism: bytes) -> None:
    with house.raw() as raw:
        raw.socket.sendall(SIGNATURE + b"\x03\x00" + mechanism.ljust(20, b"\0") + bytes(32))
        raw.dribble([frame(b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER", 0x04)])
        assert is_closed(raw.socket, HANDSHAKE_S)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_older_protocols_without_encryption_are_dropped(house: House, version: int) -> None:
    with house.raw() as raw:
        start = {0: b"\x01\x00", 1: SIGNATURE + b"\x00\x05", 2: SIGNATURE + b"\x01\x05"}[version]
        raw.socket.sendall(start + b"\x00\x00" + b"\x00\x10" + bytes(16))
        assert is_closed(raw.socket, HANDSHAKE_S)


# --- messages ------------------------------------------------------------------------------------------------


def test_a_message_sent_again_under_its_old_number_ends_the_connection(house: House) -> None:
    """CURVE counts: a recorded part is not taken twice."""
    with house.member("dave") as raw:
        part = raw.part(frames.encode_ping(house.token, 1))
        raw.socket.sendall(part)
        assert raw.message()[0] == Verb.PONG
        raw.socket.sendall(part)
        assert is_closed(raw.socket, IN_TIME_S)


def test_a_changed_bit_in_a_message_ends_the_connection(house: House) -> None:
    with house.member("dave") as raw:
        part = bytearray(raw.part(frames.encode_ping(house.token, 1)))
        part[-1] ^= 1
        raw.socket.sendall(part)
        assert is_closed(raw.socket, IN_TIME_S)


def test_a_login_recorded_from_another_connection_is_refused(house: House) -> None:
    """Its CURVE key and both nonces are under the signature."""
    identity = member("dave", house.curve, "mallory")
    with house.stranger() as first, house.stranger() as second:
        hello = hello_of(identity, os.urandom(32))
        first.send(hello)
        login = login_of(identity, house.curve, first.public, hello, first.message(), Token(os.urandom(8)))
        second.send(hello)
        second.message()
        second.send(login)
        assert frames.decode_reject(second.message())[1] is Code.LOGIN
        assert is_closed(second.socket, IN_TIME_S)
        first.send(login)
        assert first.message()[0] == Verb.WELCOME


def test_the_token_of_another_moves_nothing_and_guesses_end_the_link(house: House) -> None:
    with house.member("dave") as raw:
        for _ in range(16):
            raw.send(frames.encode_send(house.alice.token, 1, frames.Mid(bytes(16)), house.bob.mailbox, b"forged"))
        assert raw.message()[0] == Verb.RESET
        assert is_closed(raw.socket, IN_TIME_S)
    house.talk()


def test_a_flood_of_one_peer_delays_nobody_else(house: House) -> None:
    """Turns end, and so does whoever floods: a message of others takes its usual time, however often it comes back."""
    usual = sorted(house.talk() for _ in range(50))[25]
    waits: list[float] = []
    for _ in range(3):
        with house.member("dave") as raw:
            pings = [raw.part(frames.encode_ping(house.token, n)) for n in range(8 * MAX_CHATTER)]
            while flood(raw.socket, b"".join(pings[:FLOOD])):
                del pings[:FLOOD]
                waits.append(house.talk())
            assert pings, "it was never ended"
    assert len(waits) > MAX_CHATTER // FLOOD
    assert sorted(waits)[len(waits) // 2] < 20 * usual + 0.05


def flood(connected: socket.socket, packet: bytes) -> bool:
    """Send this and read what is there. Returns whether the connection still is one."""
    try:
        connected.sendall(packet)
        return connected.recv(1 << 20, socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
