"""Where the demo is seen: three columns on a terminal, one prefixed line each in a pipe. No I/O but ``print``."""

from __future__ import annotations

import textwrap
from typing import Final, Literal

Place = Literal["alice", "broker", "bob"]
PLACES: Final[tuple[Place, ...]] = ("alice", "broker", "bob")

_BAR: Final = " │ "
_NARROWEST: Final = 18
"""Columns narrower than this are unreadable: a narrow terminal gets the prefixed lines."""


def wrapped(text: str, width: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` characters, long words broken; at least one line."""
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, width) or [""]]
    return lines or [""]


def row(place: Place, text: str, width: int) -> list[str]:
    """Return the lines that show ``text`` in its column of a terminal ``width`` characters wide."""
    column = (width - 2 * len(_BAR)) // len(PLACES)
    return [
        _BAR.join((line if place == here else "").ljust(column) for here in PLACES).rstrip()
        for line in wrapped(text, column)
    ]


def prefixed(place: Place, text: str) -> list[str]:
    """Return the lines that show ``text`` in a pipe, each with its place in front."""
    return [f"{place}{_BAR}{line}" for line in text.split("\n")]


class Stage:
    """Prints what happens where."""

    def __init__(self, width: int | None) -> None:
        """``width``: of the terminal, None in a pipe."""
        enough = width is not None and (width - 2 * len(_BAR)) // len(PLACES) >= _NARROWEST
        self._width = width if enough else None

    def open(self) -> None:
        """Print the heads of the columns."""
        if self._width is None:
            return
        column = (self._width - 2 * len(_BAR)) // len(PLACES)
        self._print([_BAR.join(place.ljust(column) for place in PLACES), "─┼─".join(["─" * column] * len(PLACES))])

    def show(self, place: Place, text: str) -> None:
        """Print what is seen in one place."""
        self._print(prefixed(place, text) if self._width is None else row(place, text, self._width))

    def tell(self, place: Place, text: str) -> None:
        """Print a word of explanation: across the columns, or in a pipe beside the place it is about."""
        if self._width is None:
            self._print(prefixed(place, f"* {text}"))
        else:
            self._print(["", *wrapped(text, self._width), ""])

    @staticmethod
    def _print(lines: list[str]) -> None:
        print("\n".join(lines), flush=True)
