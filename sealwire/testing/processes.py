"""A broker and peers as real processes in a temporary folder: what a script would start, driven from a test.

with Stage() as stage:
    alice, bob = stage.peer("alice"), stage.peer("bob")
    alice.request("send", to="bob", text="hello", wait="delivered")
    assert bob.wait_for("message")["text"] == "hello"
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from sealwire.broker.keyfiles import read_public
from sealwire.crypto.identity import Identity, realm_of
from sealwire.ids import DeviceId
from sealwire.peer import keystore
from sealwire.peer.profile import Profile
from sealwire.testing.network import reissue

ROOT: Final = Path(__file__).parents[2]
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
FIRST_OWN_ID: Final = 1_000_000
"""Ids below are the caller's own, written with :meth:`JsonPeer.write_later`; their answers are not kept."""
START_S: Final = 60.0


class Process:
    """A child process of ours, its standard error kept."""

    def __init__(
        self,
        name: str,
        args: list[str],
        environment: dict[str, str],
        *,
        piped: bool = False,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        pipe = subprocess.PIPE if piped else subprocess.DEVNULL
        self.child = subprocess.Popen(  # noqa: S603 - our own programs
            [*prefix, sys.executable, *args],
            cwd=ROOT,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.PIPE,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert self.child.stderr is not None
        threading.Thread(target=self._listen, args=(self.child.stderr,), daemon=True).start()

    def _listen(self, stderr: IO[bytes]) -> None:
        for line in stderr:
            text = line.decode(errors="replace").rstrip()
            self.said.append(text)
            self._lines.put(text)
        stderr.close()
        self._lines.put(None)

    def hears(self, part: str, timeout_s: float = START_S) -> str:
        """Wait for a line on standard error that contains ``part``.

        Raises:
            TimeoutError: no such line in that time, or the process ended without it.
        """
        ends = time.monotonic() + timeout_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, ends - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise TimeoutError(f"{self.name} did not say {part!r} but {self.said}")
            if part in line:
                return line

    def cpu_s(self) -> float:
        """User and system time of all its threads so far (Linux)."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def rss_bytes(self) -> int:
        """Resident memory (Linux)."""
        return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.child.kill()
        self.child.wait()

    def stop(self, timeout_s: float = 15) -> int:
        """SIGTERM and wait; returns the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(timeout_s)
        finally:
            self.child.kill()
            for pipe in (self.child.stdin, self.child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was still in the buffer has nobody to read it
                        pipe.close()


class JsonPeer(Process):
    """A ``peer.py --json`` process: requests in, events and answers out."""

    def __init__(self, stage: Stage, name: str) -> None:
        args = ["peer.py", "--name", name, *stage.peer_flags, "--json"]
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._events: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._guard = threading.Lock()
        self._next = FIRST_OWN_ID
        super().__init__(name, args, stage.environment, piped=True, prefix=stage.peer_prefix)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def told_everything(self) -> bool:
        """Whether the process has ended and all it wrote stands in the queues."""
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            message = json.loads(line)
            if message.get("method") == "event":
                self._queue(message["params"]["type"]).put(message["params"])
            elif (message.get("id") or 0) >= FIRST_OWN_ID:
                self._answers[message["id"]].put(message)

    def _queue(self, kind: str) -> queue.Queue[dict[str, Any]]:
        with self._guard:
            return self._events.setdefault(kind, queue.Queue())

    def wait_for(self, kind: str, timeout_s: float = START_S) -> dict[str, Any]:
        """The next event of a kind.

        Raises:
            queue.Empty: none came in that time.
        """
        return self._queue(kind).get(timeout=timeout_s)

    def request(self, method: str, *, patience_s: float = START_S, **params: Any) -> dict[str, Any]:
        """Ask and wait for the answer. Raises queue.Empty when none comes in that time."""
        self._next += 1
        answer: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers[self._next] = answer
        request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        self.write_later(json.dumps(request).encode() + b"\n")
        return answer.get(timeout=patience_s)

    def write_later(self, content: bytes) -> None:
        """Write from a thread: the pipe may be full for a while."""
        stdin = self.child.stdin
        assert stdin is not None

        def write() -> None:
            with contextlib.suppress(OSError, ValueError):  # the process was killed meanwhile
                stdin.write(content)
                stdin.flush()

        threading.Thread(target=write, daemon=True).start()


class Stage:
    """Everything in one temporary folder; ends with its processes gone.

    Args:
        people: ready-made identities by name; a peer of another name makes its RSA keys itself, which takes seconds.
        settings: environment for all processes, such as ``SEALWIRE_LIMITS__QUOTA_MESSAGES="100"``.
    """

    def __init__(
        self, folder: Path | None = None, people: Mapping[str, Identity] | None = None, **settings: str
    ) -> None:
        self._people = people or {}
        self._temporary = tempfile.TemporaryDirectory(prefix="sealwire-") if folder is None else None
        self.path = folder or Path(self._temporary.name if self._temporary else "")
        quick = {"SEALWIRE_PEER__KDF_MEMORY_MIB": "8", "SEALWIRE_PEER__KDF_PASSES": "1", "PYTHONUNBUFFERED": "1"}
        quick["SEALWIRE_PEER__REQUESTS"] = "off"  # strangers are answered at once, except in stories about requests
        self.environment = {**os.environ, **quick, **settings}
        self.processes: list[Process] = []
        self.address = "tcp://127.0.0.1:0"
        self.broker_prefix: tuple[str, ...] = ()
        self.peer_prefix: tuple[str, ...] = ()
        """What runs the programs, when not this process's own surroundings: a network namespace, for one."""

    def __enter__(self) -> Self:
        (self.path / "empty").touch()
        self.start_broker()
        for name, keys in self._people.items():
            self.plant(name, keys)
        return self

    def plant(
        self,
        name: str,
        keys: Identity,
        passphrase: bytes = b"",
        folder: Path | None = None,
        broker_key: bytes | None = None,
    ) -> None:
        """Write the key file of a ready-made identity, which spares the seconds that RSA keys take.

        Args:
            folder: where, instead of this stage's own keys.
            broker_key: whose realm it belongs to, instead of this broker's.
        """
        broker_key = broker_key or read_public(self.path / "keys" / "broker.pub")
        plant(folder or self.path / "keys", name, keys, broker_key, passphrase)

    @property
    def folders(self) -> list[str]:
        """The flags that put all files into this folder."""
        return ["--data", str(self.path / "data"), "--keys", str(self.path / "keys")]

    @property
    def peer_flags(self) -> list[str]:
        """The flags every peer of this stage needs."""
        return ["--broker", self.address, *self.folders, "--passphrase-file", str(self.path / "empty")]

    def start_broker(self, *flags: str) -> Process:
        """Start the broker, after the first time on the same port again, and wait until it is ready."""
        command = ["broker.py", "--bind", self.address, *self.folders, *flags]
        self.broker = Process("broker", command, self.environment, prefix=self.broker_prefix)
        self.processes.append(self.broker)
        self.address = self.broker.hears("ready on").split()[-1]
        return self.broker

    def peer(self, name: str) -> JsonPeer:
        """Start a peer; its first start makes keys, which takes seconds."""
        peer = JsonPeer(self, name)
        self.processes.append(peer)
        return peer

    def run(self, *args: str, text: str | None = None, timeout_s: float = START_S) -> subprocess.CompletedProcess[str]:
        """Run one ``peer.py`` command to its end."""
        command = [*self.peer_prefix, sys.executable, "peer.py", *self.peer_flags, *args]
        return subprocess.run(  # noqa: S603 - our own program
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            input=text,
            timeout=timeout_s,
            check=False,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            process.stop()
        if self._temporary is not None:
            self._temporary.cleanup()


def plant(keys_dir: Path, name: str, keys: Identity, broker_key: bytes, passphrase: bytes = b"") -> None:
    """Write the key file of a ready-made identity under a broker's realm."""
    device, now_ms = DeviceId(os.urandom(16)), time.time_ns() // 1_000_000
    profile = Profile(name, "", broker_key, "broker.pub", None, keys_dir, keys_dir.parent, 8, 1)
    keystore.seal(profile, passphrase, reissue(keys, realm_of(broker_key), name, device, now_ms), os.urandom)
