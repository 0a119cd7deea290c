"""Those who only want to talk, in a process of their own: what ``benchmarks.attacks`` measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

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


class Talkers:
    """The process in which they talk: what it measured since it was last asked."""

    def __init__(self, facts: dict[str, object]) -> None:
        command = [sys.executable, "-m", "benchmarks.attacks", "--talk", json.dumps(facts)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.process.stdout.readline()

    def take(self) -> dict[str, list[float]]:
        """Latencies in ms by kind, and they begin anew."""
        self.process.stdin.write("take\n")
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


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

    def write(self, now: float) -> None:
        while self.due_at <= now and self.alice.seq - self.answered < WINDOW:
            self.alice.send(self.bob.mailbox, os.urandom(ENVELOPE_BYTES))
            self.due[self.alice.seq] = self.due_at
            self.due_at += self.every_s

    def hear(self, found: dict[str, list[float]]) -> None:
        with suppress(zmq.Again):
            while True:
                for frame in apart(self.bob.socket.recv(zmq.NOBLOCK)):
                    if frame[0] == Verb.DELIVER:
                        seq = int.from_bytes(frame[1:9], "big")
                        found["delivered"].append((time.monotonic() - self.due[seq]) * 1000)
                        self.bob.ack(seq)
        with suppress(zmq.Again):
            while True:
                frame = self.alice.socket.recv(zmq.NOBLOCK)
                if frame[0] == Verb.ACCEPTED:
                    now, until = time.monotonic(), int.from_bytes(frame[1:9], "big")
                    for seq in range(self.answered + 1, until + 1):
                        found["accepted"].append((now - self.due.pop(seq)) * 1000)
                    self.answered = until
                elif frame[0] in (Verb.REJECT, Verb.RESET):
                    raise SystemExit(f"an honest peer was refused: {frame.hex()}")


def talk(facts: dict) -> None:
    """Ends with its standard input."""
    pairs = [Pair(facts, number) for number in range(PAIRS)]
    found: dict[str, list[float]] = {"delivered": [], "accepted": [], "login": []}
    threading.Thread(target=log_in, args=(facts, found), daemon=True).start()
    poller = zmq.Poller()
    poller.register(0, zmq.POLLIN)
    for pair in pairs:
        poller.register(pair.alice.socket, zmq.POLLIN)
        poller.register(pair.bob.socket, zmq.POLLIN)
    print("in", flush=True)
    while True:
        next_due = min(pair.due_at for pair in pairs)
        ready = dict(poller.poll(max(0, (next_due - time.monotonic()) * 1000)))
        for pair in pairs:
            pair.write(time.monotonic())
            pair.hear(found)
        if 0 in ready:
            if not sys.stdin.readline():
                return
            print(json.dumps(found), flush=True)
            for kind in found.values():
                kind.clear()


def log_in(facts: dict, found: dict[str, list[float]]) -> None:
    """One device logs in again and again; a login that fails counts as ten seconds."""
    curve, secret = bytes.fromhex(facts["curve"]), crypto_box_keypair()[1]
    while True:
        peer, began = RawPeer(facts["endpoint"], curve, member("carol", curve), secret), time.monotonic()
        took_s = LOGIN_LOST_S
        with suppress(zmq.ZMQError, ValueError):
            peer.login()
            took_s = time.monotonic() - began
        found["login"].append(took_s * 1000)
        peer.close()
        time.sleep(LOGIN_EVERY_S)
