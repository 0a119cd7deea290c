"""Those who only want to talk, in processes of their own: what ``benchmarks.attacks`` measures."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import chain

import zmq
from nacl.bindings import crypto_box_keypair

from sealwire.testing.processes import ROOT
from sealwire.wire.frames import Verb
from sealwire.wire.many import apart
from tests.unit.broker.raw_peer import RawPeer, member

PAIRS, ENVELOPE_BYTES, WINDOW = 2, 256, 500
LOGIN_EVERY_S = 0.6
"""Slower than the 120 a minute that one key may connect."""
LOGIN_LOST_S = 10.0
KINDS = ("delivered", "accepted", "login")

Samples = list[tuple[float, float]]
"""(monotonic time at which it was due, delay in ms)."""


class Talkers:
    """Two processes, one that talks and one that logs in: what they measured since they were last asked.

    Delays belong to the moment at which they began, however late they ended: a stretch of time has all of its own.
    """

    def __init__(self, facts: dict[str, object]) -> None:
        self.processes = [self._start({**facts, "logs_in": logs_in}) for logs_in in (False, True)]

    def _start(self, facts: dict[str, object]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks.attacks", "--talk", json.dumps(facts)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        process.stdout.readline()
        return process

    def take(self) -> dict[str, Samples]:
        """Delays by kind; they begin anew."""
        found: dict[str, Samples] = {}
        for process in self.processes:
            process.stdin.write("take\n")
            found |= json.loads(process.stdout.readline())
        return found

    def end(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait(2 * LOGIN_LOST_S)
            process.stdout.close()


class Pair:
    """Two who talk: messages go out at even times, and the delay counts from when one was due."""

    def __init__(self, facts: dict, number: int) -> None:
        curve = bytes.fromhex(facts["curve"])
        names = (f"alice-{number}", f"bob-{number}")
        self.alice, self.bob = (RawPeer(facts["endpoint"], curve, member(name, curve)) for name in names)
        for peer in (self.alice, self.bob):
            peer.login()
        self.every_s = 1 / facts["rate"]
        self.due_at = time.monotonic() + self.every_s * (number + 1) / PAIRS
        self.answered = 0
        self.due: dict[int, float] = {}
        self.not_here: dict[int, float] = {}
        """When those were due that have not been accepted, and that have not arrived: either may be first."""

    def write(self, now: float) -> None:
        while self.due_at <= now and self.alice.seq - self.answered < WINDOW:
            self.alice.send(self.bob.mailbox, os.urandom(ENVELOPE_BYTES))
            self.due[self.alice.seq] = self.not_here[self.alice.seq] = self.due_at
            self.due_at += self.every_s

    def hear(self, found: dict[str, Samples]) -> None:
        with suppress(zmq.Again):
            while True:
                for frame in apart(self.bob.socket.recv(zmq.NOBLOCK)):
                    if frame[0] == Verb.DELIVER:
                        now, seq = time.monotonic(), int.from_bytes(frame[1:9], "big")
                        due = self.not_here.pop(seq)
                        found["delivered"].append((due, (now - due) * 1000))
                        self.bob.ack(seq)
        with suppress(zmq.Again):
            while True:
                frame = self.alice.socket.recv(zmq.NOBLOCK)
                if frame[0] == Verb.ACCEPTED:
                    now, until = time.monotonic(), int.from_bytes(frame[1:9], "big")
                    for seq in range(self.answered + 1, until + 1):
                        due = self.due.pop(seq)
                        found["accepted"].append((due, (now - due) * 1000))
                    self.answered = until
                elif frame[0] in (Verb.REJECT, Verb.RESET):
                    raise SystemExit(f"an honest peer was refused: {frame.hex()}")


def talk(facts: dict) -> None:
    """Be one of the processes; ends with its standard input."""
    gc.freeze()
    if facts["logs_in"]:
        log_in(facts)
        return
    pairs = [Pair(facts, number) for number in range(PAIRS)]
    found: dict[str, Samples] = {"delivered": [], "accepted": []}
    poller = zmq.Poller()
    poller.register(0, zmq.POLLIN)
    for peer in chain.from_iterable((pair.alice, pair.bob) for pair in pairs):
        poller.register(peer.socket, zmq.POLLIN)
    print("in", flush=True)
    while True:
        next_due = min(pair.due_at for pair in pairs)
        ready = dict(poller.poll(max(0, (next_due - time.monotonic()) * 1000)))
        for pair in pairs:
            pair.write(time.monotonic())
            pair.hear(found)
        if 0 in ready and not hand_over(found):
            return


def log_in(facts: dict) -> None:
    """One device logs in again and again; a login that fails counts as ten seconds."""
    curve, secret = bytes.fromhex(facts["curve"]), crypto_box_keypair()[1]
    identity, found = member("carol", curve), {"login": []}
    poller = zmq.Poller()
    poller.register(0, zmq.POLLIN)
    print("in", flush=True)
    while True:
        peer, began = RawPeer(facts["endpoint"], curve, identity, secret), time.monotonic()
        took_s = LOGIN_LOST_S
        with suppress(zmq.ZMQError, ValueError):
            peer.login()
            took_s = time.monotonic() - began
        found["login"].append((began, took_s * 1000))
        peer.close()
        next_at = time.monotonic() + LOGIN_EVERY_S
        while (left := next_at - time.monotonic()) > 0:
            if poller.poll(left * 1000) and not hand_over(found):
                return


def hand_over(found: dict[str, Samples]) -> bool:
    """Answer one question; False when there will be no more."""
    if not sys.stdin.readline():
        return False
    print(json.dumps(found), flush=True)
    for samples in found.values():
        samples.clear()
    return True
