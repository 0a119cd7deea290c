"""What every rival needs: a server in a process of its own, its figures from /proc, and a socket that never blocks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"
START_S = 60
"""RabbitMQ needs about ten seconds; without an end, a server that cannot start would hold the whole run."""
STOP_S = 20
SETUP_S = 10
READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is up: the root of its processes, its version, and what a load client must know (JSON)."""

    pid: int
    version: str
    facts: dict[str, object]
    client: Path | None = None
    """The load client in C, when it was built."""


class Sender(Protocol):
    """The end that publishes."""

    pollable: object

    def put(self, body: bytes) -> None:
        """Queue one message."""

    def flush(self) -> None:
        """Write what is queued, as far as that goes without blocking."""

    def confirmed(self) -> int:
        """How many more messages the server has answered for."""


class Receiver(Protocol):
    """The end that consumes."""

    pollable: object

    def take(self) -> list[bytes]:
        """Bodies that came; each is acknowledged."""


# --- processes -----------------------------------------------------------------------------------------------


@contextmanager
def child(command: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its own group, whose words go to ``folder/log``; the group is gone afterwards."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # the group ended by itself
    process.wait(STOP_S)


def wait_for_port(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return once ``port`` takes connections."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    words = (folder / "log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{process.args[0]} did not start:\n{words}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def debian_version(package: str) -> str:
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SETUP_S, check=False).stdout or "unknown"
    except FileNotFoundError:
        return "unknown"


# --- /proc ---------------------------------------------------------------------------------------------------


def tree(root: int) -> list[int]:
    """``root`` and every process below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := stat_of(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/pid/stat from the state on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_s(root: int) -> float:
    """Processor seconds of ``root`` and all below it, every thread of each."""
    ticks = sum(int(stat[11]) + int(stat[12]) for pid in tree(root) if (stat := stat_of(pid)))
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mib(root: int) -> float:
    pages = sum(int(stat[21]) for pid in tree(root) if (stat := stat_of(pid)))
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


# --- sockets -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stream:
    """A TCP connection: blocking while it is set up, never afterwards."""

    port: int
    socket: socket.socket = field(init=False)
    unread: bytes = b""
    unsent: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection((HOST, self.port), SETUP_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, *ends: bytes) -> bytes:
        """Everything up to and with the first of ``ends`` (set-up only)."""
        while True:
            for end in ends:
                at = self.unread.find(end)
                if at >= 0:
                    heard, self.unread = self.unread[: at + len(end)], self.unread[at + len(end) :]
                    return heard
            self.more()

    def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes (set-up only)."""
        while len(self.unread) < count:
            self.more()
        heard, self.unread = self.unread[:count], self.unread[count:]
        return heard

    def more(self) -> None:
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError(f"closed while setting up, after {self.unread[-200:]!r}")
        self.unread += data

    def go(self) -> None:
        """From here on nothing blocks."""
        self.socket.setblocking(False)

    def read(self) -> bytes:
        """What was not parsed before, and what came since."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return self.unread
        if not data:
            raise ConnectionError("the server closed the connection")
        data = self.unread + data
        self.unread = b""
        return data

    def flush(self) -> None:
        if self.unsent:
            try:
                del self.unsent[: self.socket.send(self.unsent)]
            except BlockingIOError:
                pass  # its buffer is full: the next turn tries again
