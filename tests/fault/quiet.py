"""A house without a way out, and who knocks at its doors: run inside a network namespace of its own.

    unshare --net python -m tests.fault.quiet FOLDER

The namespace has a loopback device and a tunnel that every packet for elsewhere is routed into. A packet socket sees
both devices, so it does not matter which library calls, nor whether the call is a name being looked up. Prints what was
sent, as JSON: ``known``, the calls made on purpose to show that calls are seen, and ``calls``, everything that did not
go to or from the broker's port.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sealwire.testing.processes import Stage
from tests.conftest import PEOPLE

TUNSETIFF, TUN_NO_PI = 0x400454CA, 0x1001
ALL_PACKETS, OUTGOING = 3, 4
NAMES = {6: "tcp", 17: "udp", 1: "icmp"}
KERNELS_OWN = {0, 58}
"""Multicast listener and router questions of IPv6, which the kernel asks by itself on every device."""
TEMPTING = (
    '<img src="http://203.0.113.9/pixel.png"> https://203.0.113.9/page ![x](http://[2001:db8::9]/y.png) '
    "http://name-that-would-be-looked-up.example/"
)
Call = tuple[str, str, str, int, int]
"""Device, protocol, where to, from which port, to which."""


def make_doors() -> int:
    """A loopback device and a tunnel with the routes to everywhere; returns the tunnel's descriptor."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", b"out", TUN_NO_PI))
    for words in (
        "link set lo up",
        "addr add 10.213.78.2/24 dev out",
        "-6 addr add fd53::2/64 dev out nodad",
        "link set out up",
        "route add default dev out",
        "-6 route add default dev out",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return tunnel


class Watch:
    """Every packet that leaves through either device."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._seen = threading.Condition()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PACKETS))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            packet, (device, _protocol, kind, *_rest) = self._socket.recvfrom(65_536)
            if kind == OUTGOING and (call := parsed(device, packet)) is not None:
                with self._seen:
                    self._calls.add(call)
                    self._seen.notify_all()

    def wait(self, holds: Callable[[set[Call]], bool]) -> set[Call]:
        """All calls, once something holds of them."""
        with self._seen:
            assert self._seen.wait_for(lambda: holds(self._calls), 20), self._calls
            return set(self._calls)

    def forget(self) -> None:
        with self._seen:
            self._calls.clear()


def parsed(device: str, packet: bytes) -> Call | None:
    if packet[0] >> 4 == 4:
        protocol, to, after = packet[9], packet[16:20], packet[(packet[0] & 15) * 4 :]
    else:
        protocol, to, after = packet[6], packet[24:40], packet[40:]
    if protocol in KERNELS_OWN and device == "out":
        return None
    ports = struct.unpack("!HH", after[:4]) if protocol in (6, 17) else (0, 0)
    return device, NAMES.get(protocol, str(protocol)), str(ipaddress.ip_address(to)), *ports


def call_on_purpose() -> None:
    """One datagram as a resolver sends it, and one connection over IPv6."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        asks.sendto(b"x", ("198.51.100.7", 53))
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as connects:
        connects.setblocking(False)
        connects.connect_ex(("2001:db8::7", 443))


def live(folder: Path) -> int:
    """The broker, a peer behind JSON-RPC and the window: people talk. Returns the broker's port."""
    with Stage(folder, {name: PEOPLE[name] for name in ("alice", "bob")}) as stage:
        port = int(stage.address.rpartition(":")[2])
        bob = stage.peer("bob")
        window(stage, bob)
        subprocess.run([sys.executable, "broker.py", *stage.folders, "invite"], check=True, capture_output=True)
    return port


def window(stage: Stage, bob: Any) -> None:
    """Alice in the window: she reads what tempts to be fetched, gets a picture, and answers."""
    from PySide6.QtCore import QEventLoop

    from sealwire.cli.launcher import CliLauncher
    from sealwire.cli.peer_options import parse
    from sealwire.ui.desktop.app import application
    from sealwire.ui.desktop.desktop import Desktop

    os.environ.update(stage.environment)
    app = application()
    options = parse(["--gui", "--name", "alice", *stage.peer_flags])
    desktop = Desktop(app, CliLauncher(options, stage.environment), lambda name: stage.path / "data" / name)

    def until(holds: Callable[[], bool]) -> None:
        while not holds():
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)

    desktop.begin(b"")
    until(lambda: desktop.window is not None)
    bob.wait_for("ready")
    assert desktop.window is not None
    station, model = desktop.window.station, desktop.window.pane.view.timeline
    bob.request("send", to="alice", text=TEMPTING, wait="delivered")
    desktop.window.open("bob")
    until(lambda: station.place == "bob" and model.rowCount() > 0)
    picture = stage.path / "picture.png"
    desktop.window.grab().save(str(picture))
    bob.request("file.send", to="alice", path=str(picture))
    station.send("Seen.")
    until(lambda: any((entry := model.message_at(row)) and entry.message.file for row in range(model.rowCount())))
    assert bob.wait_for("message")["text"] == "Seen."
    desktop.finish()


def main() -> None:
    tunnel = make_doors()
    threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(tunnel, 65_536), b"")], daemon=True).start()
    watch = Watch()
    call_on_purpose()
    known = watch.wait(lambda calls: len(calls) >= 2)
    watch.forget()
    port = live(Path(sys.argv[1]))
    calls = watch.wait(lambda calls: any(port in call[3:] for call in calls))
    expected = {("lo", "tcp", "127.0.0.1")}
    strange = [call for call in calls if call[:3] not in expected or port not in call[3:]]
    print(json.dumps({"known": sorted(call[:3] for call in known), "calls": sorted(strange), "seen": len(calls)}))


if __name__ == "__main__":
    main()
