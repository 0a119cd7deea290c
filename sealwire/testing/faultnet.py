"""A bad network on purpose: two network namespaces, and between them a wire that loses, delays and repeats packets.

    with Wire() as wire:
        wire.towards_peers = Weather(delay_s=0.2, jitter_s=0.05, loss=0.05)
        ...                        # processes started with wire.broker_prefix and wire.peer_prefix meet over it
        wire.cut(); wire.heal()

The kernel's own TCP on both sides sees real packets; each end of the wire is a TUN device, and a thread carries what
one reads to the other. That is what the kernel's ``netem`` does, without a module that many kernels lack.
Needs Linux, root and iproute2; :func:`unavailable` says what is missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

BROKER_ADDRESS: Final = "10.213.77.1"
PEER_ADDRESS: Final = "10.213.77.2"
MTU: Final = 1400
QUEUE_S: Final = 2.0
"""A slow wire holds what it sends in so long and drops the rest, as the buffer of a modem does; without it a burst
would be minutes late instead of lost."""

_TUN: Final = Path("/dev/net/tun")
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_TICK_S: Final = 0.5


class Weather(Struct, frozen=True):
    """What one direction of the wire does to packets."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Uniform around the delay; a later packet may overtake."""
    loss: float = 0.0
    duplicate: float = 0.0
    bits_per_s: float = 0.0
    """0: no limit."""


FINE: Final = Weather()
CUT: Final = Weather(loss=1.0)


class Wire:
    """Two namespaces and what lies between them; ends with everything gone.

    Attributes:
        towards_peers, towards_broker: the weather of each direction, changed at any time.
        lost: packets so far, which a report names.
    """

    def __init__(self, seed: int = 1) -> None:
        self._names = [f"sealwire-{os.getpid()}-{end}" for end in ("broker", "peers")]
        self._dice = random.Random(seed)  # noqa: S311 - the same weather again for the same seed
        self._tuns: list[int] = []
        self._queue: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._free_at = [0.0, 0.0]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self.towards_peers = self.towards_broker = FINE
        self.lost = 0

    @property
    def broker_prefix(self) -> tuple[str, ...]:
        """What to put before a command that is to run on the broker's side."""
        return ("ip", "netns", "exec", self._names[0])

    @property
    def peer_prefix(self) -> tuple[str, ...]:
        """What to put before a command that is to run on the peers' side."""
        return ("ip", "netns", "exec", self._names[1])

    def cut(self) -> None:
        """Nothing passes in either direction, and nobody is told."""
        self.both(CUT)

    def heal(self) -> None:
        """Everything passes at once."""
        self.both(FINE)

    def both(self, weather: Weather) -> None:
        """The same in both directions."""
        self.towards_peers = self.towards_broker = weather

    def __enter__(self) -> Self:
        try:
            for at, (name, address) in enumerate(zip(self._names, (BROKER_ADDRESS, PEER_ADDRESS), strict=True)):
                self._end(at, name, address)
        except BaseException:
            self._clear()
            raise
        self._thread.start()
        return self

    def _end(self, at: int, name: str, address: str) -> None:
        device = f"sw{os.getpid()}{'bp'[at]}"
        _ip("netns", "add", name)
        tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
        self._tuns.append(tun)
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TUN_NO_PI))
        _ip("link", "set", device, "netns", name)  # the descriptor goes on working from here
        _ip("-n", name, "addr", "add", f"{address}/30", "dev", device)
        _ip("-n", name, "link", "set", device, "mtu", str(MTU), "up")
        _ip("-n", name, "link", "set", "lo", "up")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._clear()

    def _clear(self) -> None:
        for tun in self._tuns:
            os.close(tun)
        for name in self._names:
            with contextlib.suppress(OSError):  # not made, when the first step failed
                _ip("netns", "del", name)

    # --- the wire ---

    def _run(self) -> None:
        while not self._done.is_set():
            wait_s = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else _TICK_S
            readable, _, _ = select.select(self._tuns, [], [], min(wait_s, _TICK_S))
            for tun in readable:
                self._take(self._tuns.index(tun))
            self._deliver(time.monotonic())

    def _take(self, end: int) -> None:
        weather = self.towards_peers if end == 0 else self.towards_broker
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(self._tuns[end], MTU)
                self._enter(packet, end, weather, time.monotonic())

    def _enter(self, packet: bytes, end: int, weather: Weather, now: float) -> None:
        if self._dice.random() < weather.loss:
            self.lost += 1
            return
        if weather.bits_per_s:
            begins = max(now, self._free_at[end])
            if begins - now > QUEUE_S:
                self.lost += 1
                return
            now = self._free_at[end] = begins + len(packet) * 8 / weather.bits_per_s
        copies = 1 + (self._dice.random() < weather.duplicate)
        for _ in range(copies):
            late_s = weather.delay_s + self._dice.uniform(-weather.jitter_s, weather.jitter_s)
            self._count += 1
            heapq.heappush(self._queue, (now + late_s, self._count, self._tuns[1 - end], packet))

    def _deliver(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            _due, _count, tun, packet = heapq.heappop(self._queue)
            with contextlib.suppress(OSError):  # the other end's own queue is full: lost, as on any wire
                os.write(tun, packet)


def unavailable() -> str | None:
    """Why there can be no such network here, or None."""
    if not _TUN.exists():
        return "there is no /dev/net/tun"
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    try:
        with Wire():
            return None
    except OSError as error:
        return f"network namespaces are not allowed here ({error})"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
