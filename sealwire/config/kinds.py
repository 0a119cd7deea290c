"""What a setting may be: each kind reads one text and says in words what it allows.

A value is the same text whether it comes from a file, the environment or a flag, so one reader serves all three and
YAML's own ideas (``off`` is false, ``60:30`` is a number) never apply.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from sealwire.i18n import _

MAX_TEXT_CHARS = 1_024
"""No setting is longer; without it one line of a broken file fills the terminal and the patterns below."""


class Kind(Protocol):
    """One kind of value."""

    def read(self, text: str, base: Path) -> object:
        """Return the value; ``base`` is the folder that relative paths start from. Raises ValueError."""

    def allowed(self) -> str:
        """Say what is allowed, in words that follow "must be"."""


class Integer(Struct, frozen=True):
    """A whole number in a range."""

    low: int
    high: int

    def read(self, text: str, base: Path) -> int:
        """Return the number."""
        return int(_within(_digits(text), self.low, self.high))

    def allowed(self) -> str:
        """Name the range."""
        return _("a whole number from {low} to {high}").format(low=self.low, high=self.high)


class Number(Struct, frozen=True):
    """A number, perhaps with a decimal point, in a range."""

    low: float
    high: float

    def read(self, text: str, base: Path) -> float:
        """Return the number."""
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text, re.ASCII):
            raise ValueError(text)
        return _within(float(text), self.low, self.high)

    def allowed(self) -> str:
        """Name the range."""
        return _("a number from {low} to {high}").format(low=show_number(self.low), high=show_number(self.high))


def show_number(number: float) -> str:
    """Return a number without an exponent and without a needless point."""
    return str(int(number)) if number == int(number) else str(number)


_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class Size(Struct, frozen=True):
    """A number of bytes, written with a binary unit."""

    low: int
    high: int

    def read(self, text: str, base: Path) -> int:
        """Return the number of bytes."""
        match = re.fullmatch(r"(?P<number>[0-9_]{1,15}) ?(?P<unit>[KMG]iB|B|)", text, re.ASCII)
        if match is None:
            raise ValueError(text)
        return int(_within(_digits(match["number"]) * _UNITS[match["unit"]], self.low, self.high))

    def allowed(self) -> str:
        """Name the range."""
        return _("a size from {low} to {high}").format(low=show_size(self.low), high=show_size(self.high))


def show_size(size: int) -> str:
    """Return a number of bytes in the largest unit that holds it without a remainder."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]} {unit}"
    return f"{size} B"


class Choice(Struct, frozen=True):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, text: str, base: Path) -> str:
        """Return the word."""
        if text not in self.words:
            raise ValueError(text)
        return text

    def allowed(self) -> str:
        """List the words."""
        if len(self.words) == 1:
            return self.words[0]
        return _("one of {words}").format(words=", ".join(self.words))


class Switch(Struct, frozen=True):
    """On or off."""

    def read(self, text: str, base: Path) -> bool:
        """Return whether it is on."""
        if text not in ("on", "off"):
            raise ValueError(text)
        return text == "on"

    def allowed(self) -> str:
        """Name both."""
        return _("on or off")


_HOST = r"\[[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,15})?\]|[A-Za-z0-9_][A-Za-z0-9._-]{0,252}"
_ENDPOINT = re.compile(rf"tcp://(?P<host>{_HOST}|\*):(?P<port>[0-9]{{1,5}})", re.ASCII)
_ADDRESS = re.compile(rf"(?P<host>{_HOST}):(?P<port>[0-9]{{1,5}})", re.ASCII)


class Endpoint(Struct, frozen=True):
    """A ZeroMQ address over TCP. One to bind may have the host ``*`` and the port 0 (a free one)."""

    bind: bool

    def read(self, text: str, base: Path) -> str:
        """Return the address; ``localhost`` becomes a number where ZeroMQ accepts no names."""
        host, port = _host_port(_ENDPOINT, text, lowest=0 if self.bind else 1)
        if self.bind and host == "localhost":
            host = "127.0.0.1"
        if not self.bind and host == "*":
            raise ValueError(text)
        return f"tcp://{host}:{port}"

    def allowed(self) -> str:
        """Show the form."""
        return _("an address like tcp://127.0.0.1:5555 (IPv6 in brackets, port at most 65535)")


class Address(Struct, frozen=True):
    """HOST:PORT as other machines reach it."""

    def read(self, text: str, base: Path) -> str:
        """Return the address."""
        host, port = _host_port(_ADDRESS, text, lowest=1)
        return f"{host}:{port}"

    def allowed(self) -> str:
        """Show the form."""
        return _("HOST:PORT, like chat.example.org:5555 (IPv6 in brackets, port 1 to 65535)")


class LocalPort(Struct, frozen=True):
    """HOST:PORT on loopback for something that has no login, or ``off``. Port 0 takes a free one."""

    def read(self, text: str, base: Path) -> str:
        """Return the address; ``localhost`` becomes a number."""
        if text == "off":
            return text
        host, port = _host_port(_ADDRESS, text, lowest=0)
        host = "127.0.0.1" if host == "localhost" else host
        if not ip_address(host.strip("[]")).is_loopback:
            raise ValueError(text)
        return f"{host}:{port}"

    def allowed(self) -> str:
        """Show the form."""
        return _("off, or an address of this machine alone like 127.0.0.1:9464 or [::1]:9464")


class Hours(Struct, frozen=True):
    """From when to when, by the clock on the wall; over midnight when the first is the later one."""

    def read(self, text: str, base: Path) -> str:
        """Return the hours in their one form."""
        clock = r"([01][0-9]|2[0-3]):[0-5][0-9]"
        if not re.fullmatch(f"{clock}-{clock}", text, re.ASCII):
            raise ValueError(text)
        return text

    def allowed(self) -> str:
        """Show the form."""
        return _("hours like 22:00-07:00")


class Word(Struct, frozen=True):
    """One word of a command: any text without control characters."""

    def read(self, text: str, base: Path) -> str:
        """Return the word."""
        if not text or len(text) > MAX_TEXT_CHARS or not text.isprintable():
            raise ValueError(text[:MAX_TEXT_CHARS])
        return text

    def allowed(self) -> str:
        """Show the form."""
        return _('a program and its words, like ["notify-send", "Sealwire"]')


class Folder(Struct, frozen=True):
    """A path, relative to the file it stands in."""

    def read(self, text: str, base: Path) -> Path:
        """Return the absolute path."""
        return path_from(text, base)

    def allowed(self) -> str:
        """Say so."""
        return _("a path")


_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class KeyOrFile(Struct, frozen=True):
    """A public key as 40 characters of Z85, or the path of a file that holds it."""

    def read(self, text: str, base: Path) -> str | Path:
        """Return the key as text, or the absolute path of its file."""
        if _Z85.fullmatch(text) and not text.endswith(".pub"):
            return text
        return path_from(text, base)

    def allowed(self) -> str:
        """Say so."""
        return _("a file or 40 characters of Z85")


class Network(Struct, frozen=True):
    """An IP network."""

    def read(self, text: str, base: Path) -> str:
        """Return the network in its shortest form."""
        return str(ip_network(text))

    def allowed(self) -> str:
        """Show the form."""
        return _("a network like 192.168.1.0/24 or fd00::/8, or a list of them")


def path_from(text: str, base: Path) -> Path:
    """Return ``text`` as an absolute path below ``base`` unless it is absolute already; ``~`` is the home folder."""
    if not text or "\0" in text:
        raise ValueError(text)
    try:
        return base / Path(text).expanduser()
    except RuntimeError:
        raise ValueError(text) from None  # ~somebody who does not exist


def _digits(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}(_[0-9]{3})+|[0-9]{1,15}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _host_port(pattern: re.Pattern[str], text: str, lowest: int) -> tuple[str, int]:
    match = pattern.fullmatch(text)
    if match is None or not lowest <= int(match["port"]) <= 65_535:
        raise ValueError(text)
    host = match["host"]
    if host.startswith("["):
        IPv6Address(host[1:-1])  # raises ValueError itself
    return host, int(match["port"])
