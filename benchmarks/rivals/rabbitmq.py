"""RabbitMQ: AMQP 0-9-1, durable queues, persistent messages, confirms, manual acknowledgements."""

from __future__ import annotations

import importlib.util
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals.common import HOST, Server, Stream, child, debian_version, free_port, wait_for_port

NAME = "RabbitMQ"
CLIENT = (
    "AMQP 0-9-1 frames over Python sockets (set-up encoded by pika), confirms and acknowledgements for many at once"
)
DURABILITY = (
    "durable classic queue, persistent messages: a confirm follows the write and the fsync of its batch, or the "
    "consumer's acknowledgement; prefetch 1,000"
)
PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PREFETCH = 1000
ACK = struct.pack(">BHIHH", 1, 1, 13, 60, 80)


def missing() -> str | None:
    if not Path(PROGRAM).exists():
        return "the Debian package rabbitmq-server is not installed"
    return None if importlib.util.find_spec("pika") else "pika is not installed (pip install pika)"


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    port, names = free_port(), free_port()
    (folder / "plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = {HOST}:{port}\nlog.console.level = error\n")
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
    }
    epmd = shutil.which("epmd") or "epmd"
    with child([epmd, "-address", HOST, "-port", str(names)], folder) as registry:
        wait_for_port(names, registry, folder)
        with child([PROGRAM], folder, **environment) as process:
            wait_for_port(port, process, folder)
            yield Server(process.pid, debian_version("rabbitmq-server"), {"port": port})


def connect(facts: dict) -> Stream:
    from pika import spec

    stream = Stream(facts["port"])
    stream.say(b"AMQP\x00\x00\x09\x01")
    expect(stream, spec.Connection.Start)
    properties = {"capabilities": {"publisher_confirms": True}}
    say(stream, 0, spec.Connection.StartOk(properties, "PLAIN", "\0guest\0guest", "en_US"))
    tune = expect(stream, spec.Connection.Tune)
    say(stream, 0, spec.Connection.TuneOk(tune.channel_max, tune.frame_max, 0))
    say(stream, 0, spec.Connection.Open("/"))
    expect(stream, spec.Connection.OpenOk)
    say(stream, 1, spec.Channel.Open())
    expect(stream, spec.Channel.OpenOk)
    return stream


def say(stream: Stream, channel: int, method: object) -> None:
    from pika import frame

    stream.say(frame.Method(channel, method).marshal())


def expect(stream: Stream, kind: type):
    """The next method, which is of ``kind``."""
    from pika import frame

    head = stream.exactly(7)
    rest = stream.exactly(int.from_bytes(head[3:7], "big") + 1)
    method = frame.decode_frame(head + rest)[1].method
    if not isinstance(method, kind):
        raise ConnectionError(f"RabbitMQ answered {method}")
    return method


def frames(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of every whole frame that came."""
    data, at = stream.read(), 0
    while at + 7 <= len(data):
        end = at + 7 + int.from_bytes(data[at + 3 : at + 7], "big")
        if end >= len(data):
            break
        yield data[at], data[at + 7 : end]
        at = end + 1
    stream.unread = data[at:]


class Publisher:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        from pika import frame, spec

        self.stream = connect(facts)
        say(self.stream, 1, spec.Confirm.Select())
        expect(self.stream, spec.Confirm.SelectOk)
        method = frame.Method(1, spec.Basic.Publish(exchange="", routing_key=f"{tag}-{at}")).marshal()
        header = frame.Header(1, facts["size"], spec.BasicProperties(delivery_mode=2)).marshal()
        self.head = method + header + struct.pack(">BHI", 3, 1, facts["size"])
        self.low, self.apart = 0, set()
        self.pollable = self.stream.socket
        self.flush = self.stream.flush
        self.stream.go()

    def put(self, body: bytes) -> None:
        self.stream.unsent += self.head + body + b"\xce"

    def confirmed(self) -> int:
        """Confirms may overtake each other: only the unbroken run counts, which is what ours promises too."""
        before = self.low
        for _, payload in frames(self.stream):
            if payload[:4] != ACK[7:]:
                raise ConnectionError(f"not a confirm: {payload[:40]!r}")
            tag = int.from_bytes(payload[4:12], "big")
            if payload[12] & 1:
                self.low = max(self.low, tag)
            else:
                self.apart.add(tag)
            while self.low + 1 in self.apart:
                self.low += 1
                self.apart.discard(self.low)
        return self.low - before


class Subscriber:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        from pika import spec

        self.stream, queue, self.taken = connect(facts), f"{tag}-{at}", 0
        say(self.stream, 1, spec.Queue.Declare(queue=queue, durable=True))
        expect(self.stream, spec.Queue.DeclareOk)
        say(self.stream, 1, spec.Basic.Qos(prefetch_count=PREFETCH))
        expect(self.stream, spec.Basic.QosOk)
        say(self.stream, 1, spec.Basic.Consume(queue=queue))
        expect(self.stream, spec.Basic.ConsumeOk)
        self.pollable = self.stream.socket
        self.stream.go()

    def take(self) -> list[bytes]:
        bodies = [payload for kind, payload in frames(self.stream) if kind == 3]
        if bodies:  # tags count up from 1 on a channel, so one acknowledgement speaks for all
            self.taken += len(bodies)
            self.stream.unsent += ACK + struct.pack(">QBB", self.taken, 1, 0xCE)
        self.stream.flush()
        return bodies


sender, receiver = Publisher, Subscriber
