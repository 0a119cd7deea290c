"""One process of load: all senders, or all receivers, of one run. Started by benchmarks.peers, never by hand.

It connects, prints ``in``, reads when to count from standard input (two monotonic times), and prints its figures as
JSON. A body is its sending time in 16 hexadecimal digits (monotonic ns, the same clock in every process) and padding.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from benchmarks.rivals import KEYS, rival
from benchmarks.rivals.common import Receiver, Sender

UNANSWERED = 512
"""Over all pairs: messages a sender has no answer for. Flat out, deeper only adds latency, at every server measured. At
a given rate it is UNDELIVERED: whoever fell behind could not catch up in a window that a few milliseconds fill."""
UNDELIVERED = 900
"""Over all pairs: sent and not yet at their receiver. Without it a server that confirms faster than it delivers is
paid for work it has not done; Mosquitto drops beyond 1,000."""
BURST = 64
TICK_MS = 1
STAMP = 16
MAX_PAIRS = 64


@dataclass(slots=True)
class Board:
    """How much each receiver took, in memory that both processes of load see."""

    path: Path
    counts: memoryview = field(init=False)

    def __post_init__(self) -> None:
        with self.path.open("r+b") as file:
            self.counts = memoryview(mmap.mmap(file.fileno(), MAX_PAIRS * 8)).cast("q")


def stamp(when_s: float, size: int) -> bytes:
    return (b"%016x" % int(when_s * 1e9)).ljust(size, b".")


@dataclass(slots=True)
class Sending:
    """Senders of every pair, kept inside both windows."""

    senders: list[Sender]
    board: Board
    size: int
    counted: tuple[float, float]
    is_paced: bool = False
    sent: list[int] = field(init=False)
    done: list[int] = field(init=False)
    waiting: list[deque[float]] = field(init=False)
    took: array[float] = field(default_factory=lambda: array("d"))
    measured: int = 0
    spent_s: float = 0.0

    def __post_init__(self) -> None:
        self.sent, self.done = [0] * len(self.senders), [0] * len(self.senders)
        self.waiting = [deque() for _ in self.senders]

    def room(self, at: int) -> int:
        pairs = len(self.senders)
        unanswered, undelivered = self.sent[at] - self.done[at], self.sent[at] - self.board.counts[at]
        most = UNDELIVERED if self.is_paced else UNANSWERED
        return min(most // pairs - unanswered, UNDELIVERED // pairs - undelivered, BURST)

    def hear(self, at: int) -> int:
        """Count what was answered, and how long each took."""
        sender = self.senders[at]
        sender.flush()
        count = sender.confirmed()
        if count:
            now, waiting = time.monotonic(), self.waiting[at]
            self.done[at] += count
            begin, end = self.counted
            if begin <= now < end:
                self.measured += count
            for _ in range(min(count, len(waiting))):
                since = waiting.popleft()
                if since >= begin:
                    self.took.append(now - since)
        return count

    def flat_out(self, poller: zmq.Poller) -> None:
        while (now := time.monotonic()) < self.counted[1]:
            if now < self.counted[0]:
                self.spent_s = time.process_time()
            body, moved = stamp(now, self.size), 0
            for at, sender in enumerate(self.senders):
                room = self.room(at)
                for _ in range(room):
                    sender.put(body)
                self.sent[at] += max(room, 0)
                moved += self.hear(at) + max(room, 0)
            if not moved:
                poller.poll(TICK_MS)

    def paced(self, poller: zmq.Poller, rate: float) -> None:
        """Each message has its time, and is stamped with it even when it leaves late: waiting is not forgotten."""
        start, number, pairs = time.monotonic(), 0, len(self.senders)
        while (now := time.monotonic()) < self.counted[1]:
            due = int((now - start) * rate)
            while number < due and self.room(number % pairs) > 0:
                at, when = number % pairs, start + number / rate
                self.senders[at].put(stamp(when, self.size))
                self.sent[at] += 1
                self.waiting[at].append(when)
                number += 1
            for at in range(pairs):
                self.hear(at)
            poller.poll(TICK_MS)


def send(chosen: argparse.Namespace, facts: dict, board: Board) -> dict:
    senders = [rival(chosen.rival).sender(facts, chosen.tag, at) for at in range(chosen.pairs)]
    sending = Sending(senders, board, chosen.size, agree(), chosen.rate > 0)
    poller = poller_of(senders)
    if chosen.rate:
        sending.paced(poller, chosen.rate)
    else:
        sending.flat_out(poller)
    return figures(sending.measured, sending.took, sending.spent_s)


def receive(chosen: argparse.Namespace, facts: dict, board: Board) -> dict:
    receivers: list[Receiver] = [rival(chosen.rival).receiver(facts, chosen.tag, at) for at in range(chosen.pairs)]
    poller, took, measured, spent_s = poller_of(receivers), array("d"), 0, 0.0
    begin, end = agree()
    while (now := time.monotonic()) < end:
        moved = 0
        for at, receiver in enumerate(receivers):
            bodies = receiver.take()
            board.counts[at] += len(bodies)
            moved += len(bodies)
            if chosen.rate and bodies:
                now = time.monotonic()
                times = (int(body[:STAMP], 16) / 1e9 for body in bodies)
                took.extend(now - since for since in times if since >= begin)
        if now >= begin:
            measured += moved
        else:
            spent_s = time.process_time()
        if not moved:
            poller.poll(TICK_MS)
    return figures(measured, took, spent_s)


def poller_of(ends: list) -> zmq.Poller:
    poller = zmq.Poller()
    for end in ends:
        poller.register(end.pollable, zmq.POLLIN)
    return poller


def agree() -> tuple[float, float]:
    """Say that everything is connected; learn when to count."""
    print("in", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise SystemExit("nobody is counting")
    begin, end = map(float, line.split())
    return begin, end


def figures(count: int, took: array[float], spent_s: float) -> dict:
    """What the report needs: a count, two percentiles in ms, and processor seconds of this process since counting."""
    ordered = sorted(took)
    found = {f"p{share}": ordered[len(ordered) * share // 100] * 1000 if ordered else None for share in (50, 99)}
    return {"count": count, "samples": len(ordered), "cpu_s": time.process_time() - spent_s, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=("send", "receive"))
    parser.add_argument("rival", choices=KEYS)
    parser.add_argument("--facts", required=True, help="what the server told, as JSON")
    parser.add_argument("--board", required=True, type=Path)
    parser.add_argument("--tag", required=True, help="names of this run alone")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; 0 is as fast as it goes")
    chosen = parser.parse_args()
    run = send if chosen.role == "send" else receive
    print(json.dumps(run(chosen, {**json.loads(chosen.facts), "size": chosen.size}, Board(chosen.board))), flush=True)
    sys.stdout.flush()
    os._exit(0)  # sockets with unread mail would linger; the run is over


if __name__ == "__main__":
    main()
