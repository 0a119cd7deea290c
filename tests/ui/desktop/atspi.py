"""What a screen reader sees: the tree of another process over AT-SPI, asked by busctl on a bus of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.screenshots import screen

LAUNCHER = Path("/usr/libexec/at-spi-bus-launcher")
NEEDS = {"Xvfb": "xvfb", "dbus-daemon": "dbus-daemon", "busctl": "systemd", str(LAUNCHER): "at-spi2-core"}
ACCESSIBLE = "org.a11y.atspi.Accessible"
FOCUSABLE, FOCUSED, SHOWING = 11, 12, 25
"""Bits of a state: AtspiStateType."""


def lacking() -> str:
    """The Debian packages that are not there, or nothing."""
    return " ".join(package for program, package in NEEDS.items() if shutil.which(program) is None)


@dataclass(slots=True)
class Node:
    """A thing on the screen, and what is in it as far as it is shown."""

    name: str
    role: str
    states: int
    children: list[Node] = field(default_factory=list)

    def has(self, state: int) -> bool:
        return bool(self.states >> state & 1)

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.all()


class Reader:
    """Asks over one bus."""

    def __init__(self, environment: dict[str, str], address: str) -> None:
        self._words = ["busctl", f"--address={address}", "--json=short"]
        self._environment = environment

    def ask(self, *words: str) -> Any:
        done = subprocess.run([*self._words, *words], env=self._environment, capture_output=True, check=True)
        return json.loads(done.stdout)["data"]

    def windows(self) -> list[Node]:
        """Every application there is."""
        root = self.ask("call", "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root", ACCESSIBLE, "GetChildren")
        return [self._node(name, path, 0) for name, path in root[0]]

    def _node(self, name: str, path: str, depth: int) -> Node:
        low, high = self.ask("call", name, path, ACCESSIBLE, "GetState")[0]
        role = self.ask("call", name, path, ACCESSIBLE, "GetRoleName")[0]
        node = Node(self.ask("get-property", name, path, ACCESSIBLE, "Name"), role, low | high << 32)
        if depth == 0 or node.has(SHOWING):
            children = self.ask("call", name, path, ACCESSIBLE, "GetChildren")[0]
            node.children = [self._node(*child, depth + 1) for child in children]
        return node


@contextmanager
def desk() -> Iterator[tuple[dict[str, str], Reader]]:
    """A screen and a bus that nobody else uses; yields the environment for programs on it, and a reader."""
    with ExitStack() as after:
        folder = after.enter_context(tempfile.TemporaryDirectory(prefix="sealwire-bus-"))
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": folder,
            "DISPLAY": after.enter_context(screen()),
            "QT_QPA_PLATFORM": "xcb",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        read, write = os.pipe()
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", f"--print-address={write}"],
            pass_fds=[write],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        after.callback(bus.wait)
        after.callback(bus.terminate)  # whatever it started ends with it
        os.close(write)
        with os.fdopen(read) as pipe:
            environment["DBUS_SESSION_BUS_ADDRESS"] = address = pipe.readline().strip()
        found = Reader(environment, address).ask("call", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
        yield environment, Reader(environment, found[0])
