"""Alice writes to bob, with programs that were just built: what ``scripts/package`` asks of each package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PATIENCE_S = 120


def talk(broker: list[str], peer: list[str], place: Path) -> str:
    """Start a broker, let alice write to bob and bob read it; returns how that went, in words.

    Args:
        broker: the command of the broker.
        peer: the command of a peer.
        place: an empty folder outside of the repository.
    """
    here = place / "talk"
    here.mkdir()
    (here / "empty").touch()
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SEALWIRE", "VIRTUAL_ENV"))
    }
    environment = {**kept, "SEALWIRE_PEER__KDF_MEMORY_MIB": "8", "SEALWIRE_PEER__REQUESTS": "off"}
    serving = subprocess.Popen(
        [*broker, "--bind", "tcp://127.0.0.1:0"], cwd=here, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert serving.stderr is not None
    try:
        address = ""
        for line in serving.stderr:
            if "ready on" in line:
                address = line.split()[-1]
                break
        if not address:
            return "the broker did not start"

        def ask(name: str, *words: str) -> subprocess.CompletedProcess[str]:
            flags = ["--name", name, "--broker", address, "--passphrase-file", "empty"]
            return subprocess.run(
                [*peer, *flags, *words],
                cwd=here,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )

        for name in ("alice", "bob"):
            first = ask(name, "status", "--timeout", "30")
            if first.returncode:
                return f"{name} did not get in: {first.stderr[-500:]}"
        sent = ask("alice", "send", "bob", "hello from a package", "--timeout", "30")
        received = ask("bob", "recv", "--timeout", "30")
        if "\talice\thello from a package" not in received.stdout:
            return f"bob did not hear it: {sent.stderr[-300:]} {received.stderr[-300:]}"
        return "spoke: alice wrote, bob read"
    finally:
        serving.terminate()
        serving.communicate(timeout=PATIENCE_S)
