"""A process of raw peers that keep the protocol's promises: an outbox that survives a kill, and mids seen before.

    python -m scripts.raw_pairs '{"endpoint": …, "curve": …, "log": …, "writes": [0, 1], "reads": [4], "rate": 10}'

Each pair n is ``w<n>`` who writes to ``r<n>``; this process holds some of the writers and some of the readers. What
they do stands in one synced log, which is also all they have after a kill. Words on standard input: ``drop r4 2.5``
(that peer breaks its connection and stays away for so many seconds), ``slow r4 20`` (it takes one message a second for
so long), ``quiet`` (nothing new is written). It ends with its standard input.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq

from sealwire.ids import mid_of
from sealwire.testing.checker import Log
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from sealwire.wire.many import apart
from tests.unit.broker.raw_peer import RawPeer, hello_of, login_of, member

TICK_S = 0.05
PATIENCE_S = 10.0
"""As a peer does it: something is unanswered and nothing at all came for so long, so the link is dead."""
RETRY_S = (0.5, 8.0)
ENVELOPE_BYTES = 256
WINDOW = 512
SLOW_EVERY_S = 1.0


class Member:
    """One device: its connection, made again whenever it breaks."""

    def __init__(self, facts: dict[str, Any], name: str) -> None:
        self.name = name
        curve = bytes.fromhex(facts["curve"])
        secret = hashlib.sha256(f"{facts['curve']} {name}".encode()).digest()
        self.peer = RawPeer(facts["endpoint"], curve, member(name, curve), curve_secret=secret)
        self.greeted = self.open = self.connected = False
        self.heard_at = self.connect_at = time.monotonic()
        self.pause_s = RETRY_S[0]

    def drop(self, away_s: float) -> None:
        """The connection breaks; the next one comes after ``away_s``."""
        if self.connected:
            self.peer.close()
        self.connected = self.open = self.greeted = False
        self.connect_at = time.monotonic() + away_s
        self.link_lost()

    def link_lost(self) -> None:
        """What was in flight is not."""

    def waits(self) -> bool:
        """Whether the broker owes an answer."""
        return self.connected and not self.open

    def tick(self, now: float) -> list[bytes]:
        """Connect, log in, notice that the link is dead; returns frames of an open link session."""
        if not self.connected:
            if now >= self.connect_at:
                self.peer.token = frames.Token(os.urandom(8))
                self.peer.connect()
                self.connected, self.heard_at = True, now
            return []
        if not self.greeted:
            self.peer.hello = hello_of(self.peer.identity, os.urandom(32))
            with suppress(zmq.Again):
                self.peer.socket.send(self.peer.hello, zmq.NOBLOCK)
                self.greeted = True
        came = list(self._read(now))
        if not self.connected:
            return []  # a RESET was behind them: their numbers are those of a link session that is over
        if self.peer.event(0) is not None or (self.waits() and now - self.heard_at > PATIENCE_S):
            self.drop(random.uniform(0, self.pause_s))
            self.pause_s = min(2 * self.pause_s, RETRY_S[1])
            return []
        return came

    def _read(self, now: float):
        for frame in self.drain():
            self.heard_at = now
            verb = frame[0]
            if verb == Verb.CHALLENGE:
                peer = self.peer
                login = login_of(peer.identity, peer.broker_curve, peer.curve, peer.hello, frame, peer.token)
                peer.socket.send(login, zmq.NOBLOCK)
            elif verb == Verb.WELCOME:
                self.open, self.pause_s = True, RETRY_S[0]
            elif verb == Verb.PING:
                self.say(frames.encode_pong(self.peer.token, frames.decode_u64(frame)))
            elif verb == Verb.RESET:
                self.drop(random.uniform(0, 1))
                return
            else:
                yield frame

    def drain(self):
        """What came, without waiting."""
        with suppress(zmq.Again):
            while True:
                yield from apart(self.peer.socket.recv(zmq.NOBLOCK))

    def say(self, frame: bytes) -> None:
        """Send if the socket takes it; a link that does not is dead, and found so later."""
        with suppress(zmq.Again):
            self.peer.socket.send(frame, zmq.NOBLOCK)


class Writer(Member):
    """Sends in order, and again after a lost link, until accepted."""

    def __init__(self, facts: dict[str, Any], number: int) -> None:
        super().__init__(facts, f"w{number}")
        curve = bytes.fromhex(facts["curve"])
        self.to_name = f"r{number}"
        self.to = member(self.to_name, curve).card.card.mailbox
        self.waiting: deque[str] = deque()
        self.flying: dict[int, str] = {}
        self.refused: dict[int, str] = {}
        self.seq = self.told = self.written = 0
        self.release_at = 0.0

    def link_lost(self) -> None:
        self._again({**self.refused, **self.flying})
        self.flying, self.refused, self.seq, self.told = {}, {}, 0, 0

    def _again(self, rows: dict[int, str]) -> None:
        self.waiting.extendleft(rows[seq] for seq in sorted(rows, reverse=True))

    def waits(self) -> bool:
        return super().waits() or bool(self.flying)

    def write(self, log: Log) -> None:
        """One more message, durable before it leaves."""
        self.written += 1
        text = f"{self.name} {self.written}"
        log.note("tried", self.name, self.to_name, "", text)
        log.note("sent", self.name, self.to_name, name_of(text), text)
        self.waiting.append(text)

    def hear(self, came: list[bytes], log: Log, now: float) -> None:
        for frame in came:
            if frame[0] == Verb.REJECT:
                seq, code, retry_ms = frames.decode_reject(frame)
                if seq not in self.flying:
                    raise SystemExit(f"{self.name}: REJECT {seq}, code {code.name}")
                self.refused[seq] = self.flying.pop(seq)
                self.release_at = max(self.release_at, now + max(retry_ms / 1000, TICK_S))
            elif frame[0] == Verb.ACCEPTED:
                for seq in range(self.told + 1, frames.decode_u64(frame) + 1):
                    if text := self.flying.pop(seq, None):
                        log.note("accepted", self.name, self.to_name, name_of(text))
                    self.told = seq

    def speak(self, now: float) -> None:
        """What is durable goes out, inside the window; a hold ends when everything is answered."""
        if not self.open:
            return
        if self.refused:
            if self.flying or now < self.release_at:
                return
            self._again(self.refused)
            self.refused = {}
            self.say(frames.encode_release(self.peer.token, self.to))
        while self.waiting and len(self.flying) < WINDOW:
            text = self.waiting.popleft()
            envelope = envelope_of(text)
            self.seq += 1
            self.flying[self.seq] = text
            self.say(frames.encode_send(self.peer.token, self.seq, mid_of(envelope), self.to, envelope))


class Reader(Member):
    """Keeps what it never saw, then acknowledges."""

    def __init__(self, facts: dict[str, Any], number: int) -> None:
        super().__init__(facts, f"r{number}")
        self.from_name = f"w{number}"
        self.seen: set[str] = set()
        self.got = self.acked = 0
        self.slow_until = self.next_at = 0.0

    def link_lost(self) -> None:
        self.got = self.acked = 0

    def drain(self):
        if time.monotonic() >= self.slow_until or not self.open:
            yield from super().drain()
        elif time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + SLOW_EVERY_S
            with suppress(zmq.Again):
                yield from apart(self.peer.socket.recv(zmq.NOBLOCK))

    def hear(self, came: list[bytes], log: Log, now: float) -> None:
        for frame in came:
            if frame[0] != Verb.DELIVER:
                continue
            seq, mid, envelope = frames.decode_deliver(frame)
            if seq != self.got + 1 or mid != mid_of(envelope):
                raise SystemExit(f"{self.name}: DELIVER {seq} after {self.got}")
            self.got = seq
            text = envelope.rstrip(b".").decode()
            if text not in self.seen:
                self.seen.add(text)
                log.note("shown", self.name, self.from_name, name_of(text), text)

    def speak(self, now: float) -> None:
        if self.open and self.got > self.acked:
            self.acked = self.got
            self.say(frames.encode_ack(self.peer.token, self.acked))


def envelope_of(text: str) -> bytes:
    """Opaque to the broker, as any."""
    return text.encode().ljust(ENVELOPE_BYTES, b".")


def name_of(text: str) -> str:
    """What the log calls a message."""
    return mid_of(envelope_of(text)).hex()


def restore(path: Path, writers: dict[str, Writer], readers: dict[str, Reader]) -> None:
    """Everything a member knows after a kill is what the log says; a torn last line was never acted on."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    os.truncate(path, len(whole))
    rows: dict[str, dict[str, str]] = {name: {} for name in writers}
    for line in whole.splitlines():
        kind, me, _other, message, text = json.loads(line)
        if kind == "sent":
            rows[me][message] = text
            writers[me].written = int(text.split()[1])
        elif kind == "accepted":
            rows[me].pop(message, None)
        elif kind == "shown":
            readers[me].seen.add(text)
    for name, left in rows.items():
        writers[name].waiting.extend(left.values())


class Crew:
    """All members of this process, in one loop."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.writers = {w.name: w for w in (Writer(facts, n) for n in facts["writes"])}
        self.readers = {r.name: r for r in (Reader(facts, n) for n in facts["reads"])}
        restore(Path(facts["log"]), self.writers, self.readers)
        self.log = Log(Path(facts["log"]))
        self.every_s = 1 / facts["rate"]
        self.due_at = time.monotonic() + random.uniform(0, self.every_s)
        self.quiet = False

    @property
    def members(self) -> list[Writer | Reader]:
        return [*self.writers.values(), *self.readers.values()]

    def turn(self) -> None:
        """Hear, write down, sync, and only then answer."""
        now = time.monotonic()
        for one in self.members:
            one.hear(one.tick(now), self.log, now)
        while self.due_at <= now:  # a process that was stopped catches up with a second's worth, not with a minute's
            self.due_at = max(self.due_at + self.every_s, now - 1)
            for writer in () if self.quiet else self.writers.values():
                writer.write(self.log)
        self.log.sync()
        for one in self.members:
            one.speak(now)

    def obey(self, line: str) -> None:
        words = line.split()
        if words[0] == "quiet":
            self.quiet = True
            return
        one, seconds = {m.name: m for m in self.members}[words[1]], float(words[2])
        if words[0] == "drop":
            one.drop(seconds)
        elif isinstance(one, Reader):
            one.slow_until = time.monotonic() + seconds


def main() -> None:
    crew, unread = Crew(json.loads(sys.argv[1])), b""
    while True:
        if select.select([0], [], [], TICK_S)[0]:
            came = os.read(0, 4096)
            if not came:
                return
            *lines, unread = (unread + came).split(b"\n")
            for line in lines:
                crew.obey(line.decode())
        crew.turn()


if __name__ == "__main__":
    main()
