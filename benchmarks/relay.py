"""What a message costs the broker: CURVE and fsync on, one pair, 256 bytes, saturated by Python load clients.

    python -m benchmarks.relay [--seconds 5]

The broker is the real program in a process of its own; its CPU is read from /proc over all its threads. It gathers
what goes the same way into one frame; whether senders do is what tells the third row from the second. The last row is a
bare ROUTER that relays each message as it comes under CURVE in Python, with no promise about anything.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq
from zmq.utils import z85

from sealwire.broker.keyfiles import read_public
from sealwire.wire import frames
from sealwire.wire.many import apart, gather_sends
from tests.unit.broker.raw_peer import RawPeer, member

ROOT = Path(__file__).resolve().parent.parent
ENVELOPE_BYTES = 256
WINDOW = 1024
WARM_UP_S = 1.0
ACK_EVERY = 64
ACK_AFTER_S = 0.002
OUT_OF_THE_WAY = {
    "account_units_per_s": 10_000_000,
    "account_units_burst": 100_000_000,
    "quota_messages": 10_000_000,
    "quota_bytes": 1 << 39,
    "sender_share": 1.0,
}

Row = tuple[float, float, float]
"""(messages a second, broker CPU µs a message, share of the bytes that reached the disk)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--role", choices=("send", "receive", "limit"), help=argparse.SUPPRESS)
    parser.add_argument("--to", help=argparse.SUPPRESS)
    parser.add_argument("--json", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.role == "limit":
        bare_relay(json.loads(chosen.json))
    elif chosen.role:
        load(chosen.role, json.loads(chosen.json), chosen.seconds)
    else:
        table(chosen.seconds)


def table(seconds: float) -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, libzmq {zmq.zmq_version()}")
    print(f"one pair, {ENVELOPE_BYTES}-byte messages, CURVE, {seconds:g} s after {WARM_UP_S:g} s of warm-up\n")
    rows = [
        ("fast path: acknowledged every 64 or 2 ms", *measure_broker(seconds, grace_ms=4.0, ack_delay_s=0.0)),
        ("every message through the disk", *measure_broker(seconds, grace_ms=0.0, ack_delay_s=0.004)),
        ("the same, sent 64 in a frame", *measure_broker(seconds, grace_ms=0.0, ack_delay_s=0.004, gathered=True)),
        ("a bare ROUTER, a message a frame, nothing stored", *measure_limit(seconds)),
    ]
    limit = rows[-1][2]
    print(f"{'':50}{'msg/s':>10}{'CPU µs/msg':>12}{'× bare':>9}{'on disk':>9}")
    for name, rate, cpu_us, stored in rows:
        print(f"{name:50}{rate:>10,.0f}{cpu_us:>12.1f}{cpu_us / limit:>9.2f}{stored:>9.0%}")


def measure_broker(seconds: float, grace_ms: float, ack_delay_s: float, gathered: bool = False) -> Row:
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder,
        running_broker(Path(folder), grace_ms=grace_ms) as (process, endpoint, curve),
    ):
        facts = {"endpoint": endpoint, "curve": curve.hex(), "delay": ack_delay_s, "gathered": gathered}
        return measure(process.pid, seconds, facts)


@contextmanager
def running_broker(folder: Path, **limits: float) -> Iterator[tuple[subprocess.Popen[str], str, bytes]]:
    """The broker's program on a free port with rates and quotas out of the way: (process, endpoint, its CURVE key)."""
    limits = {**OUT_OF_THE_WAY, **limits}
    environment = {f"SEALWIRE_LIMITS__{key.upper()}": str(value) for key, value in limits.items()}
    command = [sys.executable, str(ROOT / "broker.py"), "--bind", "tcp://127.0.0.1:0"]
    command += ["--data", f"{folder}/data", "--keys", f"{folder}/keys"]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True, cwd=folder
    )
    try:
        line = process.stderr.readline()
        while "ready on" not in line:
            if process.poll() is not None:
                raise SystemExit(f"the broker did not start: {line}{process.stderr.read()}")
            line = process.stderr.readline()
        yield process, line.split()[-1], read_public(folder / "keys" / "broker.pub")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()  # one that does not end is an error all the same, but no process stays behind
            process.stderr.close()


def measure(pid: int, seconds: float, facts: dict) -> Row:
    """Run a receiver and a sender against ``pid``."""
    bob = member("bob", bytes.fromhex(facts["curve"]), "bob")
    base = [sys.executable, "-m", "benchmarks.relay", "--seconds", str(seconds), "--json"]
    facts = {**facts, "to": bob.card.card.mailbox.hex()}
    receiver = subprocess.Popen(
        [*base, json.dumps(facts), "--role", "receive"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert receiver.stdout.readline() == "in\n"
    sender = subprocess.Popen([*base, json.dumps(facts), "--role", "send"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert sender.stdout.readline() == "start\n"
    before, began, wrote = cpu_s(pid), time.monotonic(), written(pid)
    count = int(sender.stdout.readline())
    elapsed, used = time.monotonic() - began, cpu_s(pid) - before
    wrote = written(pid) - wrote
    receiver.terminate()
    receiver.wait(10)
    sender.wait(10)
    for process in (sender, receiver):
        process.stdout.close()
    return count / elapsed, used / count * 1e6, min(1.0, wrote / count / (ENVELOPE_BYTES + 64))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


# --- load clients --------------------------------------------------------------------------------------------


def load(role: str, facts: dict, seconds: float) -> None:
    curve = bytes.fromhex(facts["curve"])
    name = "alice" if role == "send" else "bob"
    peer = RawPeer(facts["endpoint"], curve, member(name, curve, name))
    if facts.get("bare"):
        peer.connect()
        peer.socket.send(name.encode())
    else:
        peer.login()
    if role == "receive":
        print("in", flush=True)
        receive(peer, facts["delay"])
    else:
        send(peer, bytes.fromhex(facts["to"]), seconds, facts.get("gathered", False))


def send(peer: RawPeer, to: bytes, seconds: float, gathered: bool) -> None:
    envelope = os.urandom(ENVELOPE_BYTES)
    head = bytes((frames.Verb.SEND,)) + peer.token
    tail = bytes(16) + to + envelope
    seq = answered = 0
    put, get = zmq.backend.Socket.send.__get__(peer.socket), zmq.backend.Socket.recv.__get__(peer.socket)
    began = time.monotonic() + WARM_UP_S
    counting_from, end = None, began + seconds
    while True:
        ready = min(256, WINDOW - (seq - answered))
        made = [head + number.to_bytes(8, "big") + tail for number in range(seq + 1, seq + 1 + ready)]
        for frame in gather_sends(made) if gathered else made:
            put(frame, 0)
        seq += ready
        now = time.monotonic()
        if counting_from is None and now >= began:
            counting_from = answered
            print("start", flush=True)
        if now >= end:
            break
        try:
            if seq - answered >= WINDOW:
                answered = accepted(get(0), answered)
            while True:
                answered = accepted(get(zmq.NOBLOCK), answered)
        except zmq.Again:
            pass
    print(answered - counting_from, flush=True)


def accepted(frame: bytes, before: int) -> int:
    if frame[0] == frames.Verb.ACCEPTED:
        return int.from_bytes(frame[1:9], "big")
    if frame[0] in (frames.Verb.REJECT, frames.Verb.RESET):
        raise SystemExit(f"the broker refused: {frame.hex()}")
    return before


def receive(peer: RawPeer, delay_s: float) -> None:
    get = zmq.backend.Socket.recv.__get__(peer.socket)
    seq = acked = 0
    due: list[tuple[float, int]] = []
    while True:
        begun = seq
        try:
            while seq - begun < ACK_EVERY:
                for frame in apart(get(zmq.NOBLOCK)):
                    if frame[0] == frames.Verb.DELIVER:
                        seq = int.from_bytes(frame[1:9], "big")
        except zmq.Again:
            peer.socket.poll(int(ACK_AFTER_S * 1000))
        if delay_s:
            now = time.monotonic()
            due.append((now + delay_s, seq))
            while due and due[0][0] <= now:
                _, ready = due.pop(0)
                if ready > acked:
                    acked = ready
                    peer.ack(acked)
        elif seq > acked:
            acked = seq
            peer.ack(acked)


# --- the limit -----------------------------------------------------------------------------------------------


def measure_limit(seconds: float) -> Row:
    public, secret = zmq.curve_keypair()
    facts = {"curve": z85.decode(public).hex(), "secret": z85.decode(secret).hex(), "bare": True, "delay": 0.0}
    command = [sys.executable, "-m", "benchmarks.relay", "--role", "limit", "--json", json.dumps(facts)]
    relay = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        facts["endpoint"] = relay.stdout.readline().strip()
        return measure(relay.pid, seconds, facts)
    finally:
        relay.terminate()
        relay.wait(10)
        relay.stdout.close()


def bare_relay(facts: dict) -> None:
    """Hand every SEND over as DELIVER, answer it every 64: the least a relay in Python does with each frame."""
    router = zmq.Context().socket(zmq.ROUTER)
    router.curve_server = 1
    router.curve_secretkey = z85.encode(bytes.fromhex(facts["secret"]))
    router.sndhwm = 4096
    router.bind("tcp://127.0.0.1:0")
    print(router.get_string(zmq.LAST_ENDPOINT), flush=True)
    get, put = zmq.backend.Socket.recv.__get__(router), zmq.backend.Socket.send.__get__(router)
    ids: dict[bytes, bytes] = {}
    while True:
        try:
            for _ in range(512):
                rid = get(zmq.NOBLOCK)
                frame = get(zmq.NOBLOCK)
                if frame[0] == frames.Verb.SEND:
                    bob = ids[b"bob"]
                    put(bob, zmq.SNDMORE | zmq.NOBLOCK)
                    put(b"\x17" + frame[9:33] + frame[49:], zmq.NOBLOCK)
                    if frame[16] & 63 == 0:
                        put(rid, zmq.SNDMORE | zmq.NOBLOCK)
                        put(frames.encode_accepted(int.from_bytes(frame[9:17], "big")), zmq.NOBLOCK)
                elif len(frame) < 6:
                    ids[frame] = rid
        except zmq.Again:
            router.poll()


if __name__ == "__main__":
    main()
