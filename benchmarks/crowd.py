"""A crowd: what idle peers cost the broker, and whether others notice when all of them log in at once.

    python -m benchmarks.crowd [--peers 2000] [--storm 2000] [--idle 10]

(10000 peers and a minute of idling for the whole figure; enrolling costs 6 ms each.)

The crowd is DEALER sockets of processes of their own, every one a registered device of its own, with the heartbeats and
PINGs of a real peer, and sit idle; they give way to everything else (nice 19), for theirs would be the time of other
machines. The storm is of a smaller network, with a broker of its own: all its devices come at once, with nobody else
there; then they leave again and come back as peers do, each at a time of its own within the spread it was told at its
last login (protocol.md §2), while 20 pairs talk at half load: half of what they reach flat out in the median of a few
tries. The talkers' percentiles are of that stretch alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from heapq import heapify, heapreplace
from pathlib import Path
from statistics import median
from typing import TextIO

import zmq
from zmq.utils import z85

from benchmarks.clients import build
from benchmarks.figures import replaced, table
from benchmarks.peers import ROOT, Load, Plan, Worker, command_of, run
from benchmarks.relay import running_broker
from benchmarks.rivals.common import Server, cpu_s, rss_mib
from sealwire.broker.links import spread_ms
from sealwire.crypto.identity import Identity
from sealwire.peer.link import HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, KEEPALIVE_ANSWER_S, KEEPALIVE_IDLE_S
from sealwire.peer.pulse import PING_EVERY_S
from sealwire.tcp import keepalive
from sealwire.wire import control, frames
from tests.unit.broker.raw_peer import RawPeer, hello_of, login_of, member

SHARE = 1000
"""Peers of one process: a process may open so many descriptors, and a DEALER needs two."""
AT_ONCE = 50
"""Logins a process has open: the broker closes what does not speak within eight seconds."""
SETTLE_S = 3.0
TRIES = 3
TICK_S = 0.25
READY_S = 600
GONE_PER_S = 1_000
GIVES_WAY = 19
TALK = Load(256, 20)
KIB_LIMIT, CPU_LIMIT, STORM_LIMIT_S, P99_LIMIT_MS, ADMITTED_LIMIT_MS = 60, 3.0, 30, 250, 1_000


class Quiet(RawPeer):
    """A peer without a monitor: half the descriptors."""

    def connect(self) -> Quiet:
        self.begun = time.monotonic()
        sock = self.socket = self.context.socket(zmq.DEALER)
        sock.linger, sock.immediate, sock.reconnect_ivl = 0, 1, -1
        sock.rcvtimeo = sock.sndtimeo = 60_000
        sock.heartbeat_ivl, sock.heartbeat_timeout = HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS
        for option, value in keepalive(KEEPALIVE_IDLE_S, KEEPALIVE_ANSWER_S).items():
            sock.setsockopt(option, value)
        sock.curve_serverkey = z85.encode(self.broker_curve)
        sock.curve_secretkey, sock.curve_publickey = z85.encode(self.curve_secret), z85.encode(self.curve)
        sock.connect(self.endpoint)
        return self

    def say_hello(self) -> None:
        self.hello = hello_of(self.identity, os.urandom(32))
        self.socket.send(self.hello)  # with IMMEDIATE: waits until CURVE and ZAP have let it in
        self.admitted_s = time.monotonic() - self.begun

    def say_login(self) -> None:
        challenge = self.socket.recv()
        made = login_of(self.identity, self.broker_curve, self.curve, self.hello, challenge, self.token)
        self.socket.send(made)

    def arrive(self) -> None:
        answer = self.socket.recv()
        if answer[0] != frames.Verb.WELCOME:
            raise ConnectionError(f"not welcome: {answer[:40].hex()}")
        self.spread_s = control.decode_welcome(answer).spread_ms / 1000
        self.ping_at = time.monotonic() + random.uniform(0, PING_EVERY_S)

    def ping(self) -> None:
        """As a peer that hears nothing else: every four minutes ± 10 %."""
        self.ping_at += PING_EVERY_S * random.uniform(0.9, 1.1)
        with suppress(zmq.Again):
            while True:
                self.socket.recv(zmq.NOBLOCK)
        self.socket.send(frames.encode_ping(self.token, 1), zmq.NOBLOCK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=int, default=2000)
    parser.add_argument("--storm", type=int, default=2000, help="so many of them log in at once")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds the crowd is watched doing nothing")
    parser.add_argument("--report", type=Path, help="put the table between the markers of this file")
    parser.add_argument("--crowd", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.crowd:
        crowd(json.loads(chosen.crowd))
    else:
        room_for(2 * max(chosen.peers, chosen.storm) + 2000)
        measure(chosen.peers, chosen.storm, chosen.idle, chosen.report)


def room_for(files: int) -> None:
    """Raise the limit of open files for this process and those it starts: the hard one, too, where that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < files:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(files, hard)), hard))


def measure(peers: int, storming: int, idle_s: float, report: Path | None) -> None:
    """Print the table, and put it into ``report``."""
    busy = os.getloadavg()[0]
    rows = measure_idle(peers, idle_s) + measure_storm(storming)
    text = table("A crowd", ["what", "measured", "limit"], rows)
    print(text)
    if report is not None:
        command = f"Made by `python -m benchmarks.crowd --peers {peers} --storm {storming} --idle {idle_s:g}`."
        command += f" Load average of the machine before it began: {busy:.1f}."
        report.write_text(replaced(report.read_text(), "benchmarks.crowd", f"{command}\n{text}", "A crowd"))


@contextmanager
def crowd_of(peers: int) -> Iterator[tuple[Server, Path, list[Group]]]:
    """A broker of their own and the processes that hold them; nobody is connected yet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR"))))
        broker, endpoint, curve = stack.enter_context(running_broker(folder, max_connections=2 * peers + 1000))
        server = Server(broker.pid, "", {"endpoint": endpoint, "curve": curve.hex()}, build("ours", folder))
        shares = [(at, min(SHARE, peers - at)) for at in range(0, peers, SHARE)]
        yield server, folder, [stack.enter_context(Group(server.facts, at, count)) for at, count in shares]


def measure_idle(peers: int, idle_s: float) -> list[list[str]]:
    """What they cost while nothing happens."""
    with crowd_of(peers) as (server, _, groups):
        before = rss_mib(server.pid)
        together(groups, "enter")
        time.sleep(SETTLE_S)
        kib, used, since = (rss_mib(server.pid) - before) * 1024 / peers, cpu_s(server.pid), time.monotonic()
        time.sleep(idle_s)
        idle = (cpu_s(server.pid) - used) / (time.monotonic() - since) * 100
        return [
            [f"{peers:,} idle peers, KiB each", f"{kib:.1f}", f"{KIB_LIMIT}"],
            ["the broker's CPU for them, % of a core", f"{idle:.2f}", f"{CPU_LIMIT:g}"],
        ]


def measure_storm(storming: int) -> list[list[str]]:
    """A network's devices log in, first at once and with nobody else there, then as they do while others talk."""
    with crowd_of(storming) as (server, folder, groups):
        together(groups, "enter")  # enrolling takes both cores: nothing is measured beside it
        together(groups, "leave")
        time.sleep(SETTLE_S + storming / GONE_PER_S)
        flat = [run("ours", server, TALK, Plan(2.0, 1.0, (), ()), folder, f"flat-{at}", 0.0) for at in range(TRIES)]
        half = median([stretch.rate for stretch in flat]) / 2
        quiet = run("ours", server, TALK, Plan(5.0, 1.0, (), ()), folder, "quiet", half)
        spent = cpu_s(server.pid)
        alone_s = together(groups, "enter")
        login_ms = (cpu_s(server.pid) - spent) / storming * 1000
        admitted_alone = admitted_p99(groups)
        together(groups, "leave")
        time.sleep(SETTLE_S)
        storm_s, talkers = storm(server, groups, folder, half, spread_ms(storming) / 1000)
        return [
            [f"{storming:,} logins at once, s", f"{alone_s:.1f}", f"{STORM_LIMIT_S}"],
            ["the broker's CPU for one login, ms", f"{login_ms:.2f}", "-"],
            [
                "p99 from connecting until CURVE and ZAP have let it in, ms",
                f"{admitted_alone:.0f}",
                f"{ADMITTED_LIMIT_MS}",
            ],
            ["logins spread as the broker asks, while 20 pairs talk, s", f"{storm_s:.1f}", f"{STORM_LIMIT_S}"],
            ["p99 of being let in meanwhile, ms", f"{admitted_p99(groups):.0f}", f"{ADMITTED_LIMIT_MS}"],
            ["their p99 meanwhile, delivered, ms", shown(talkers[1]["p99"]), f"{P99_LIMIT_MS}"],
            ["their p99 meanwhile, accepted, ms", shown(talkers[0]["p99"]), f"{P99_LIMIT_MS}"],
            ["their p99 without a storm, delivered, ms", shown(quiet.receiver["p99"]), "-"],
            ["their rate, msg/s", f"{half:,.0f}", "-"],
        ]


def admitted_p99(groups: list[Group]) -> float:
    """Of all who entered last, in ms. Those of a process are asked in turn, so it is more rather than less."""
    several = sorted(ms for group in groups for ms in group.admitted_ms)
    return several[len(several) * 99 // 100]


def shown(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.1f}"


def storm(server: Server, groups: list[Group], folder: Path, rate: float, window_s: float) -> tuple[float, list[dict]]:
    """Everyone logs in while 20 pairs talk: (seconds until all are in, figures of senders and of receivers)."""
    command = command_of("ours", server, TALK, folder, "storm", rate)
    with Worker("receive", command) as receiver, Worker("send", command) as sender:
        begin = time.monotonic() + 1.0
        for worker in (receiver, sender):
            worker.tell(begin, begin + window_s)
        time.sleep(max(0.0, begin - time.monotonic()))
        took = together(groups, "return")
        return took, [sender.figures(), receiver.figures()]


def together(groups: list[Group], word: str) -> float:
    """Every process does it at once: seconds until the last has."""
    began = time.monotonic()
    for group in groups:
        group.say(word)
    for group in groups:
        group.wait()
    return time.monotonic() - began


class Group:
    """A process with a share of the crowd."""

    def __init__(self, facts: dict, first: int, count: int) -> None:
        self.facts = {**facts, "first": first, "count": count}

    def __enter__(self) -> Group:
        command = [sys.executable, "-m", "benchmarks.crowd", "--crowd", json.dumps(self.facts)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def say(self, word: str) -> None:
        self.process.stdin.write(word + "\n")

    def wait(self) -> None:
        word, _, times = self.process.stdout.readline().partition(" ")
        if word != "done":
            raise RuntimeError("a process of the crowd ended")
        self.admitted_ms: list[float] = json.loads(times)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


# --- in a process of the crowd -------------------------------------------------------------------------------


def crowd(facts: dict) -> None:
    """Enrol once, then enter and leave as told; ends with its standard input."""
    os.nice(GIVES_WAY)
    curve = bytes.fromhex(facts["curve"])
    names = [f"crowd-{number}" for number in range(facts["first"], facts["first"] + facts["count"])]
    members = [(member(name, curve), z85.decode(zmq.curve_keypair()[1])) for name in names]
    context, inside, gone = zmq.Context(), [], []
    context.max_sockets = 2 * SHARE
    while True:
        idle_until(sys.stdin, inside)
        word = sys.stdin.readline()  # one at a time: the next comes when this one is done
        if word in ("enter\n", "return\n"):
            spreads = [peer.spread_s for peer in gone] if word == "return\n" else [0.0] * len(members)
            inside = enter(context, facts["endpoint"], curve, members, spreads)
        else:
            for peer in inside:
                peer.socket.close(linger=0)
            inside, gone = [], inside
        if not word:
            return
        print("done", json.dumps([peer.admitted_s * 1000 for peer in inside]), flush=True)


def idle_until(told: TextIO, peers: list[Quiet]) -> None:
    """Each sends its PINGs at times of its own, never several at once for convenience: the broker is woken by each."""
    due = [(peer.ping_at, number, peer) for number, peer in enumerate(peers)]
    heapify(due)
    while not select.select([told], [], [], max(0.0, due[0][0] - time.monotonic()) if due else None)[0]:
        _, number, peer = due[0]
        peer.ping()
        heapreplace(due, (peer.ping_at, number, peer))


def enter(
    context: zmq.Context, endpoint: str, curve: bytes, members: list[tuple[Identity, bytes]], spreads: list[float]
) -> list[Quiet]:
    """Everyone logs in, each at a random time within a spread of its own; as many at once as are due."""
    began = time.monotonic()
    peers = [Quiet(endpoint, curve, identity, secret, context) for identity, secret in members]
    waiting = sorted(zip((random.uniform(0, spread) for spread in spreads), peers, strict=True), key=lambda it: it[0])
    while waiting:
        now = time.monotonic() - began
        due = [peer for at, peer in waiting[:AT_ONCE] if at <= now]
        for step in (Quiet.connect, Quiet.say_hello, Quiet.say_login, Quiet.arrive):
            for peer in due:
                step(peer)
        del waiting[: len(due)]
        if not due:
            time.sleep(min(TICK_S, waiting[0][0] - now))
    return peers


if __name__ == "__main__":
    main()
