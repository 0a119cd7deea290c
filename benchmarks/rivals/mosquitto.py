"""Mosquitto: MQTT 3.1.1, QoS 1, persistent sessions."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals.common import HOST, Server, Stream, child, debian_version, free_port, wait_for_port

NAME = "Mosquitto"
CLIENT = "MQTT 3.1.1 over Python sockets, QoS 1 both ways, clean session off"
DURABILITY = (
    "persistence on, as Debian ships it: a snapshot every 30 minutes and at exit, no fsync, so a crash loses what came "
    "since; max_inflight_messages raised from 20 to 1,000"
)
PROGRAM = "/usr/sbin/mosquitto"
CONFIG = """listener {port} {host}
allow_anonymous true
user root
persistence true
persistence_location {folder}/
max_inflight_messages 1000
log_type error
"""
CONNACK, SUBACK, PUBACK = 0x20, 0x90, 0x40


def missing() -> str | None:
    return None if shutil.which(PROGRAM) else "the Debian package mosquitto is not installed"


@contextmanager
def running(folder: Path, more: str = "") -> Iterator[Server]:
    """Args: more: further lines of its configuration."""
    port = free_port()
    (folder / "mosquitto.conf").write_text(CONFIG.format(port=port, host=HOST, folder=folder) + more)
    with child([PROGRAM, "-c", f"{folder}/mosquitto.conf"], folder) as process:
        wait_for_port(port, process, folder)
        yield Server(process.pid, debian_version("mosquitto"), {"port": port})


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def packet(head: int, body: bytes) -> bytes:
    size, rest = bytearray(), len(body)
    while rest > 127:
        size.append(rest & 127 | 128)
        rest >>= 7
    size.append(rest)
    return bytes([head]) + bytes(size) + body


def connect(facts: dict, name: str) -> Stream:
    stream = Stream(facts["port"])
    stream.say(packet(0x10, text("MQTT") + b"\x04\x00\x00\x00" + text(name)))
    answer = stream.exactly(4)
    if answer[0] != CONNACK or answer[3]:
        raise ConnectionError(f"MQTT login refused: {answer.hex()}")
    return stream


class Publisher:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream = connect(facts, f"send-{tag}-{at}")
        self.topic = text(f"{tag}/{at}")
        self.number = 0
        self.pollable = self.stream.socket
        self.flush = self.stream.flush
        self.stream.go()

    def put(self, body: bytes) -> None:
        self.number = self.number % 65535 + 1
        self.stream.unsent += packet(0x32, self.topic + struct.pack(">H", self.number) + body)

    def confirmed(self) -> int:
        data = self.stream.read()
        count = len(data) // 4  # a publisher hears nothing but PUBACK: four bytes each
        self.stream.unread = data[count * 4 :]
        if data and data[0] != PUBACK:
            raise ConnectionError(f"not a PUBACK: {data[:4].hex()}")
        return count


class Subscriber:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream = connect(facts, f"receive-{tag}-{at}")
        self.stream.say(packet(0x82, b"\x00\x01" + text(f"{tag}/{at}") + b"\x01"))
        if self.stream.exactly(5)[0] != SUBACK:
            raise ConnectionError("not subscribed")
        self.pollable = self.stream.socket
        self.stream.go()

    def take(self) -> list[bytes]:
        data, at, bodies = self.stream.read(), 0, []
        acks = self.stream.unsent
        while True:
            start, size = length_at(data, at + 1)
            if not start or start + size > len(data):
                break
            payload = start + 2 + (data[start] << 8 | data[start + 1])
            acks += b"\x40\x02" + data[payload : payload + 2]
            bodies.append(data[payload + 2 : start + size])
            at = start + size
        self.stream.unread = data[at:]
        self.stream.flush()
        return bodies


def length_at(data: bytes, at: int) -> tuple[int, int]:
    """(where the body starts, its length); (0, 0) when the length itself is not all there."""
    size = shift = 0
    for here in range(at, min(at + 4, len(data))):
        size |= (data[here] & 127) << shift
        shift += 7
        if data[here] < 128:
            return here + 1, size
    return 0, 0


sender, receiver = Publisher, Subscriber
