"""Pictures of every page over the conversation: each in three sizes and three themes, for the tests to compare with.

python -m scripts.page_pictures        writes what tests/unit/ui/terminal/test_page_snapshots.py compares with
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Final

from scripts.pictures import (
    SIZES,
    SNAPSHOTS,
    THEMES,
    Scene,
    Sitting,
    Size,
    _conversation,
    _first,
    _group,
    _key_change,
    _search,
    _verify,
    seated,
)
from sealwire.ui.terminal.screens.base import Notice
from sealwire.ui.terminal.screens.start import Progress


async def _help(sitting: Sitting) -> None:
    await sitting.press("f1")
    await sitting.see("Help")


async def _switch(sitting: Sitting) -> None:
    await sitting.press("ctrl+k", "a", "r")
    await sitting.see("Write to ar")


async def _new_group(sitting: Sitting) -> None:
    await sitting.press("ctrl+k", "z", "z", "up", "enter")
    await sitting.see("A new group")


async def _requests(sitting: Sitting) -> None:
    await sitting.press("enter")
    await sitting.see("erin: Hi Alice")


async def _person(sitting: Sitting) -> None:
    await sitting.open("carol", "Carol Marsh  ·")
    await sitting.press("ctrl+g")
    await sitting.see("Nickname")


async def _menu(sitting: Sitting) -> None:
    await _conversation(sitting)
    await sitting.press("shift+tab", "up", "enter")
    await sitting.see("Reply")


async def _pinned(sitting: Sitting) -> None:
    await sitting.open("garden", "+Garden")
    await sitting.press(*"/pinned", "enter")
    await sitting.see("Pinned.")


async def _ask(sitting: Sitting) -> None:
    await _person(sitting)
    await sitting.press("tab", "enter")
    await sitting.see("Seen only here")


async def _confirm(sitting: Sitting) -> None:
    await _person(sitting)
    await sitting.press(*["tab"] * 6, "enter")
    await sitting.see("Block?")


async def _friend(sitting: Sitting) -> None:
    sitting.app.show_invite()
    await sitting.see("Bring a friend")


async def _locked(sitting: Sitting) -> None:
    await sitting.see("Passphrase of this profile:")


async def _notice(sitting: Sitting) -> None:
    sitting.app.push_screen(Notice("Bring a friend", "Only the operator of this broker makes invites."))
    await sitting.see("Only the operator")


async def _progress(sitting: Sitting) -> None:
    page = Progress("Making your keys")
    sitting.app.push_screen(page)
    await sitting.see("One moment.")
    page.tell("The key that signs for the account.")
    await sitting.see("The key that signs")


PAGES: Final[dict[str, Scene]] = {
    "ask": _ask,
    "confirm": _confirm,
    "first": _first,
    "friend": _friend,
    "group": _group,
    "help": _help,
    "key-change": _key_change,
    "locked": _locked,
    "menu": _menu,
    "new-group": _new_group,
    "notice": _notice,
    "person": _person,
    "pinned": _pinned,
    "progress": _progress,
    "requests": _requests,
    "search": _search,
    "switch": _switch,
    "verify": _verify,
}
"""Every page beside the conversation: each in every size and every theme, in three pictures."""


def looks(name: str) -> list[tuple[Size, str]]:
    """Return the sizes and themes in which a page is looked at: each once, paired differently from page to page."""
    turn = sum(name.encode())  # of the name alone: another page changes nothing here
    return [(size, THEMES[(number + turn) % len(THEMES)]) for number, size in enumerate(SIZES)]


async def take_page(name: str) -> list[str]:
    """Return the pictures of a page as SVG, as :func:`looks` lists them: one window that grows and changes themes."""
    pictures: list[str] = []
    size, theme = looks(name)[0]
    async with seated(size, theme, is_new=name == "first", is_locked=name == "locked") as sitting:
        await PAGES[name](sitting)
        await sitting.settle()
        for size, theme in looks(name):
            sitting.app.theme = theme
            await sitting.pilot.resize_terminal(*size)
            await sitting.settle()
            pictures.append(await sitting.picture())
    return pictures


def page_snapshot(name: str, size: Size, theme: str) -> Path:
    """Return where the picture of a page lies."""
    return SNAPSHOTS / name / f"{size[0]}x{size[1]}-{theme}.svg"


def main() -> None:
    """Write the pictures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    for name in PAGES:
        (SNAPSHOTS / name).mkdir(exist_ok=True)
        for (size, theme), svg in zip(looks(name), asyncio.run(take_page(name)), strict=True):
            page_snapshot(name, size, theme).write_text(svg + "\n", "utf-8")


if __name__ == "__main__":
    main()
