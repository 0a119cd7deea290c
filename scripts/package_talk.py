"""Alice writes to bob and sends a picture, with programs just built: what ``scripts/package`` asks of each."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 120
SIDE = 24
"""Of the picture that is sent."""
HIDE = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 99; shift; done; shift; exec "$@"'


def hiding(folders: Sequence[Path]) -> list[str]:
    """Return the beginning of a command line that cannot see these folders; empty where that is not possible."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return []
    prefix = ["unshare", "--mount", "sh", "-c", HIDE, "sh", *map(str, folders), "--"]
    tried = subprocess.run([*prefix, "ls", "-A", *map(str, folders)], capture_output=True, text=True, check=False)
    seen = [line for line in tried.stdout.splitlines() if line and not line.endswith(":")]
    return [] if tried.returncode or seen else prefix


@dataclass
class Programs:
    """The commands of what was built, and what stands before each."""

    broker: list[str]
    peer: list[str]
    window: list[str] | None = None
    prefix: Sequence[str] = ()


class SilenceError(Exception):
    """What did not happen, in words."""


class Room:
    """An empty folder and a broker in it."""

    def __init__(self, programs: Programs, here: Path) -> None:
        self.programs = programs
        self.here = here
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SEALWIRE", "VIRTUAL_ENV"))
        }
        settings = {"SEALWIRE_PEER__KDF_MEMORY_MIB": "8", "SEALWIRE_PEER__REQUESTS": "off"}
        self.environment = {**kept, **settings, "QT_QPA_PLATFORM": "offscreen"}
        self.address = ""

    def start(self, command: Sequence[str], **streams: int) -> subprocess.Popen[str]:
        """Start a program here."""
        words = [*self.programs.prefix, *command]
        return subprocess.Popen(words, cwd=self.here, env=self.environment, text=True, **streams)

    def flags(self, name: str) -> list[str]:
        """Return how a peer of this name is called."""
        return ["--name", name, "--broker", self.address, "--passphrase-file", "empty"]

    def ask(self, name: str, *words: str) -> str:
        """Let a peer do something; returns what it said. Raises SilenceError."""
        asked = self.start(
            [*self.programs.peer, *self.flags(name), *words, "--timeout", "60"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = asked.communicate(timeout=PATIENCE_S)
        if asked.returncode:
            raise SilenceError(f"{name} {' '.join(words)}: {err[-500:]}")
        return out

    @contextmanager
    def open(self) -> Iterator[None]:
        """Run the broker meanwhile."""
        self.here.mkdir()
        (self.here / "empty").touch()
        serving = self.start([*self.programs.broker, "--bind", "tcp://127.0.0.1:0"], stderr=subprocess.PIPE)
        assert serving.stderr is not None
        try:
            for line in serving.stderr:
                if "ready on" in line:
                    self.address = line.split()[-1]
                    break
            else:
                raise SilenceError("the broker did not start")
            yield
        finally:
            serving.terminate()
            serving.communicate(timeout=PATIENCE_S)


def talk(programs: Programs, place: Path) -> str:
    """Start a broker, let alice write to bob, to a window, and send a picture; returns how that went, in words.

    Args:
        programs: what was built.
        place: an empty folder outside of the repository.
    """
    room = Room(programs, place / "talk")
    try:
        with room.open():
            for name in ("alice", "bob"):
                room.ask(name, "status")
            room.ask("alice", "send", "bob", "hello from a package")
            if "\talice\thello from a package" not in (heard := room.ask("bob", "recv")):
                raise SilenceError(f"bob did not hear it: {heard[-300:]}")
            said = f"alice wrote, bob read, {_picture(room)}"
            if programs.window is not None:
                said += f", {_window(room, programs.window)}"
    except SilenceError as silence:
        return str(silence)
    return f"spoke: {said}"


def _picture(room: Room) -> str:
    """The thumbnail is made by a program of its own, which must be there too."""
    (room.here / "picture.png").write_bytes(png(SIDE))
    room.ask("alice", "send", "bob", "--file", "picture.png")
    heard = room.ask("bob", "recv", "--json")
    files = [found["file"] for line in heard.splitlines() if (found := json.loads(line)).get("file")]
    if not files or files[0].get("width") != SIDE:
        raise SilenceError(f"the picture came without its size: {heard[-500:]}")
    return "a picture was looked at"


def _window(room: Room, window: Sequence[str]) -> str:
    """A message is delivered to carol, whose only program is the window, and it ends when it is told to."""
    room.ask("carol", "status")
    shown = room.start([*window, *room.flags("carol")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        room.ask("alice", "send", "carol", "hello, window", "--wait", "delivered")
    finally:
        shown.terminate()
        _nothing, said = shown.communicate(timeout=PATIENCE_S)
    if shown.returncode and sys.platform != "win32":
        raise SilenceError(f"the window ended with {shown.returncode}: {said[-500:]}")
    return "carol's window took a message"


def png(side: int) -> bytes:
    """Return a grey square as a PNG."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pieces = [(b"IHDR", head), (b"IDAT", zlib.compress((b"\0" + b"\x80" * side) * side)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in pieces
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
