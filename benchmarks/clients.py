"""Load clients in C, one for each server, built from ``benchmarks/load`` where gcc and the library's headers are.

    apt-get install gcc libc6-dev libzmq3-dev libsodium-dev libmosquitto-dev librabbitmq-dev libnats-dev libstrophe-dev

Without them the clients in Python do the same work, and the report says which were used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import zmq
from zmq.utils import z85

from benchmarks.rivals.common import Server, debian_version
from sealwire.crypto.identity import Identity, login_transcript, realm_of
from sealwire.crypto.primitives import L
from sealwire.ids import Token
from sealwire.wire import control
from tests.unit.broker.raw_peer import hello_of, member

SOURCE = Path(__file__).with_name("load")
FLAGS = ("-O2", "-Wall", "-Wextra", "-std=c11", "-D_DEFAULT_SOURCE")
BUILD_S = 60
DURABLE = "_durable"
"""Ends the key of a server that is started with other durability and spoken to alike."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One client: its source, what it links, and what the report calls it."""

    source: str
    libraries: tuple[str, ...]
    package: str
    """Debian's, whose version the report names."""
    words: str


OURS = Kind("sealwire.c", ("zmq", "sodium"), "libzmq5", "our frames, up to 64 messages in each, CURVE on")
KINDS: dict[str, Kind] = {
    "ours": OURS,
    "ours_disk": OURS,
    "bare": replace(OURS, words="our frames, one for each message, CURVE on"),
    "nats": Kind("nats.c", ("nats",), "libnats3.4", "an answer for each publish, an acknowledgement for each delivery"),
    "mosquitto": Kind("mosquitto.c", ("mosquitto",), "libmosquitto1", "QoS 1 both ways, clean session off"),
    "rabbitmq": Kind("rabbitmq.c", ("rabbitmq",), "librabbitmq4", "confirms, one acknowledgement for many"),
    "prosody": Kind("prosody.c", ("strophe",), "libstrophe0", "stream management, one request for an answer at a time"),
}


def kind_of(key: str) -> Kind:
    """The client of a server, by the server's key."""
    return KINDS[key.removesuffix(DURABLE)]


def words(key: str) -> str:
    """What the report says of it."""
    kind = kind_of(key)
    return f"C over {kind.package} {debian_version(kind.package)}, {kind.words}"


def build(key: str, folder: Path) -> Path | None:
    """Compile the client of a server into ``folder``; None where that cannot be done here."""
    if shutil.which("gcc") is None:
        return None
    kind = kind_of(key)
    program = folder / f"client-{Path(kind.source).stem}"
    sources = [str(SOURCE / "load.c"), str(SOURCE / kind.source)]
    command = ["gcc", *FLAGS, *sources, "-o", str(program), *(f"-l{name}" for name in kind.libraries), "-lpthread"]
    done = subprocess.run(command, capture_output=True, timeout=BUILD_S, check=False)
    return program if done.returncode == 0 else None


@dataclass(slots=True)
class Facts:
    """What a client in C is told: a file of lines, made anew for each run."""

    lines: list[str] = field(default_factory=list)

    def put(self, name: str, value: object) -> None:
        """One fact; bytes are written as hexadecimal digits."""
        self.lines.append(f"{name} {value.hex() if isinstance(value, bytes) else value}")

    def write(self, path: Path) -> Path:
        """Only for our own eyes: the connection keys of throw-away identities are in it."""
        path.touch(0o600)
        path.write_text("\n".join(self.lines) + "\n")
        return path


def facts_for(key: str, server: Server, tag: str, pairs: int) -> Facts:
    """The server's facts, and for our own frames a login of each end, ready but for its signature."""
    facts = Facts()
    for name, value in server.facts.items():
        facts.put(name, value)
    if kind_of(key).source == OURS.source:
        curve = bytes.fromhex(str(server.facts["curve"]))
        facts.put("curve_z85", z85.encode(curve).decode())
        if key == "bare":
            facts.put("bare", "yes")
        if "delay" not in server.facts:
            facts.put("delay", 0.0)
        for at in range(pairs):
            for role in ("alice", "bob"):
                _end(facts, f"{role}.{{}}.{at}", member(f"{role}-{tag}-{at}", curve), curve)
    return facts


def _end(facts: Facts, form: str, identity: Identity, broker: bytes) -> None:
    public, secret = zmq.curve_keypair()
    token, marker = Token(os.urandom(8)), os.urandom(32)
    hello = hello_of(identity, os.urandom(32))
    nonce = control.decode_hello(hello).nonce
    text = login_transcript(realm_of(broker), broker, z85.decode(public), nonce, marker, token, hello, b"")
    before, between = L("login", text).split(marker)
    blank = os.urandom(64)
    listed = identity.devices
    login = control.encode_login(
        token, control.Login(signature=blank, devices=listed.devices.encode(), devices_signature=listed.signature)
    )
    told = {
        "public": public.decode(),
        "secret": secret.decode(),
        "token": bytes(token),
        "mailbox": bytes(identity.card.card.mailbox),
        "hello": hello,
        "before": before,
        "between": between[:-32],  # the hash of CHALLENGE is the client's to add
        "login": login,
        "signature_at": login.index(blank),
        "sign": _signing_key(identity),
    }
    for name, value in told.items():
        facts.put(form.format(name), value)


def _signing_key(identity: Identity) -> bytes:
    """libsodium's form of an Ed25519 key: seed, then public key."""
    return identity.device.sk + identity.card.card.sk
