"""Prosody: XMPP chat messages from client to client, counted by stream management on both sides."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rivals.common import HOST, Server, Stream, child, debian_version, free_port, wait_for_port

NAME = "Prosody"
CLIENT = "XMPP over Python sockets, stream management (XEP-0198) both ways, one request for an answer open at a time"
DURABILITY = (
    "offline storage, its default: nothing is written for a recipient who is online, and the answer of stream "
    "management says that a message was handled, not stored; no rate limits, and the generational "
    "garbage collector, which halves its CPU per message beside the default one"
)
PROGRAM = "/usr/bin/prosody"
ACCOUNTS = 20
MODULES = '"roster", "saslauth", "disco", "smacks", "offline", "presence", "message", "iq"'
CONFIG = """run_as_root = true
gc = {{ mode = "generational" }}
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
interfaces = {{ "{host}" }}
c2s_ports = {{ {port} }}
modules_enabled = {{ {modules} }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
log = {{ error = "*console" }}
VirtualHost "localhost"
"""
STREAM = b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
STREAM += b"xmlns:stream='http://etherx.jabber.org/streams'>"
SM = b"urn:xmpp:sm:3"
ANSWER = re.compile(rb"<a [^>]*?h=['\"](\d+)['\"][^>]*>")
ASKED = re.compile(rb"<r [^>]*>")
BODY = re.compile(rb"<body>([^<]*)</body>")


def missing() -> str | None:
    return None if shutil.which(PROGRAM) else "the Debian package prosody is not installed"


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    port = free_port()
    config = folder / "prosody.cfg.lua"
    config.write_text(CONFIG.format(folder=folder, host=HOST, port=port, modules=MODULES))
    accounts = folder / "data" / "localhost" / "accounts"
    accounts.mkdir(parents=True)
    for at in range(ACCOUNTS):
        for name in ("alice", "bob"):
            (accounts / f"{name}{at}.dat").write_text('return { ["password"] = "bench"; };\n')
    with child([PROGRAM, "-F", "--config", str(config)], folder) as process:
        wait_for_port(port, process, folder)
        yield Server(process.pid, debian_version("prosody"), {"port": port})


def connect(facts: dict, name: str) -> Stream:
    stream = Stream(facts["port"])
    secret = base64.b64encode(f"\0{name}\0bench".encode())
    stream.say(STREAM)
    stream.until(b"</stream:features>")
    stream.say(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>" % secret)
    if b"<success" not in (said := stream.until(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", b"</failure>")):
        raise ConnectionError(said.decode())
    stream.say(STREAM)
    stream.until(b"</stream:features>")
    stream.say(b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    stream.until(b"</iq>")
    return stream


def manage(stream: Stream) -> None:
    """Count stanzas from here on."""
    stream.say(b"<enable xmlns='%s'/>" % SM)
    stream.until(b"<enabled")
    stream.until(b">")
    stream.go()


class Publisher:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream = connect(facts, f"alice{at}")
        self.head = b"<message to='bob%d@localhost' type='chat'><body>" % at
        self.put_since = self.done = 0
        self.asked = False
        self.pollable = self.stream.socket
        manage(self.stream)

    def put(self, body: bytes) -> None:
        self.stream.unsent += self.head + body + b"</body></message>"
        self.put_since += 1

    def flush(self) -> None:
        if self.put_since and not self.asked:  # a request for every message would make the server's work ours
            self.stream.unsent += b"<r xmlns='%s'/>" % SM
            self.put_since, self.asked = 0, True
        self.stream.flush()

    def confirmed(self) -> int:
        data, before, end = self.stream.read(), self.done, 0
        if b"error" in data:
            raise ConnectionError(data[:400].decode())
        for found in ANSWER.finditer(data):
            self.done, end, self.asked = int(found[1]), found.end(), False
        self.stream.unread = data[end:]
        return self.done - before


class Subscriber:
    def __init__(self, facts: dict, tag: str, at: int) -> None:
        self.stream, self.taken = connect(facts, f"bob{at}"), 0
        self.stream.say(b"<presence/>")
        self.stream.until(b"</presence>", b"/>")
        self.pollable = self.stream.socket
        manage(self.stream)

    def take(self) -> list[bytes]:
        data = self.stream.read()
        last = data.rfind(b"</message>")
        end = last + len(b"</message>") if last >= 0 else 0
        asked = ASKED.search(data)
        bodies = BODY.findall(data[:end])
        self.taken += len(bodies)
        self.stream.unread = ASKED.sub(b"", data[end:])
        if asked:
            self.stream.unsent += b"<a xmlns='%s' h='%d'/>" % (SM, self.taken)
        self.stream.flush()
        return bodies


sender, receiver = Publisher, Subscriber
