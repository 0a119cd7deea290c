"""A real broker and real peers in a folder of their own, started as people start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from sealwire.broker.keyfiles import read_public
from sealwire.testing.processes import plant
from tests.conftest import PEOPLE

ROOT = Path(__file__).parents[2]
SETTINGS = """\
peer:
  kdf_memory_mib: 8
  kdf_passes: 1
  requests: off
  reconnect_first_s: 0.1
  reconnect_max_s: 0.5
"""
QUICK = {
    "SEALWIRE_PEER__KDF_MEMORY_MIB": "8",
    "SEALWIRE_PEER__KDF_PASSES": "1",
    "SEALWIRE_PEER__REQUESTS": "off",
    "SEALWIRE_PEER__RECONNECT_FIRST_S": "0.1",
    "SEALWIRE_PEER__RECONNECT_MAX_S": "0.5",
}
"""The same in variables: reading a file is a tenth of a short command, and most tests are about none."""
PATIENCE_S = 30


def environment(**more: str) -> dict[str, str]:
    """The variables of a child: no settings of whoever runs the tests, UTF-8, English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SEALWIRE_", "LC_", "PYTHON"))}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONWARNINGS": "error::ResourceWarning", **more}


def quick(**more: str) -> dict[str, str]:
    """The variables of a peer whose test does not wait for it."""
    return environment(**QUICK, **more)


class House:
    """A folder with keys and data; a broker that listens on ``address``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        (folder / "empty").write_bytes(b"")
        self._broker: subprocess.Popen[str] | None = None
        self._scripts: list[Script] = []

    def start_broker(self, bind: str = "tcp://127.0.0.1:0") -> None:
        self._broker = subprocess.Popen(
            [sys.executable, str(ROOT / "broker.py"), "--bind", bind],
            cwd=self.folder,
            env=quick(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._broker.stderr is not None
        for line in self._broker.stderr:
            if "ready on" in line:
                self.address = "tcp://127.0.0.1:" + line.strip().rpartition(":")[2]
                break
        threading.Thread(target=_drain, args=(self._broker.stderr,), daemon=True).start()

    def plant(self, *names: str) -> None:
        """Give peers ready-made keys, where making them is not what a test is about."""
        for name in names:
            plant(self.folder / "keys", name, PEOPLE[name], read_public(self.folder / "keys" / "broker.pub"))

    def stop_broker(self) -> None:
        assert self._broker is not None
        self._broker.terminate()
        self._broker.wait(PATIENCE_S)
        assert self._broker.stderr is not None

    def arguments(self, name: str, *words: str) -> list[str]:
        """The command line of a peer of this house."""
        flags = ["--passphrase-file", "empty", "--broker", self.address]
        return [sys.executable, str(ROOT / "peer.py"), "--name", name, *flags, *words]

    def peer(
        self, name: str, *words: str, stdin: str = "", code: int | None = 0, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a peer to its end; ``code``: the exit code it must have, None for any; ``environ``: further variables."""
        return self.run(self.arguments(name, *words), stdin, code, environ)

    def run(
        self, arguments: list[str], stdin: str = "", code: int | None = 0, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder; a traceback is never an answer."""
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=quick(**(environ or {})),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 2,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def script(self, name: str, *words: str) -> Script:
        """Start a peer behind ``--json``."""
        script = Script(
            subprocess.Popen(
                self.arguments(name, "--json", *words),
                cwd=self.folder,
                env=quick(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        self._scripts.append(script)
        return script

    def tidy(self) -> None:
        """End what a failed test left running: it would hold the profile of the next."""
        for script in self._scripts:
            if script.process.poll() is None:
                script.process.kill()
                script.end()
        self._scripts.clear()


class Script:
    """A peer spoken to in JSON-RPC; every line it ever wrote is kept in ``lines``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._count = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Return the answer to a request, result or error."""
        self._count += 1
        mine = self._count
        self.tell(json.dumps({"jsonrpc": "2.0", "id": mine, "method": method, "params": params}))
        return self.wait(lambda line: line.get("id") == mine)

    def event(self, **wanted: object) -> dict[str, Any]:
        """Return the first event with these fields, past or coming."""

        def fits(line: dict[str, Any]) -> bool:
            params = line.get("params")
            return isinstance(params, dict) and all(params.get(key) == value for key, value in wanted.items())

        event = self.wait(fits)["params"]
        assert isinstance(event, dict)
        return event

    def wait(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        with self._news:
            found: list[dict[str, Any]] = []

            def seen() -> bool:
                found.extend(line for line in self.lines if fits(line))
                return bool(found)

            assert self._news.wait_for(seen, PATIENCE_S), self.lines
            return found[0]

    def settle(self) -> None:
        """Wait until the broker has everything of it, receipts too: those arrive before their sender is told so."""
        until = time.monotonic() + PATIENCE_S
        while self.ask("status")["result"]["outbox"]:
            assert time.monotonic() < until, "something stays queued"
            time.sleep(0.02)

    def end(self) -> int:
        """End its input and return its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert "Traceback" not in self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()


def _drain(stream: IO[str]) -> None:
    with stream:
        for _line in stream:
            pass
