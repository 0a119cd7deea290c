"""Pictures of the full screen, taken from the program itself with a sample history and a clock that stands still.

python -m scripts.pictures             writes docs/images, which the guide and the README show
python -m scripts.pictures --update    writes what tests/unit/ui/terminal/test_snapshots.py compares with
python -m scripts.page_pictures        the same for the pages over the conversation
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Final

from textual.pilot import Pilot
from textual.widgets import Input

from sealwire.i18n import use
from sealwire.i18n.pseudo import LANGUAGES
from sealwire.testing.sample import NOW_MS, sample_client
from sealwire.testing.stage import StageClient, StageLauncher
from sealwire.ui.terminal.app import TerminalApp
from sealwire.ui.terminal.composer import Composer

ROOT: Final = Path(__file__).parents[1]
IMAGES: Final = ROOT / "docs" / "images"
SNAPSHOTS: Final = ROOT / "tests" / "unit" / "ui" / "terminal" / "snapshots"

Size = tuple[int, int]
SIZES: Final[tuple[Size, ...]] = ((60, 15), (100, 30), (200, 60))
THEMES: Final = ("dark", "light", "contrast")
INVENTED: Final = tuple(LANGUAGES)
PATIENCE_S: Final = 20.0
FRAME_S: Final = 0.03
"""More than the library leaves between two drawings."""

_FIELD: Final = r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"'
_WORDS: Final = r'<text class="terminal-\d+-(r\d+)" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>'
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""The library's pictures fetch a font from elsewhere; ours fetch nothing."""

Scene = Callable[["Sitting"], Awaitable[None]]


class Sitting:
    """The program, its keys, and a wait for what is drawn."""

    def __init__(self, app: TerminalApp, pilot: Pilot[int], client: StageClient) -> None:
        self.app, self.pilot, self.client = app, pilot, client

    def text(self) -> str:
        """Everything on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def see(self, part: str) -> None:
        """Wait until this is drawn."""
        async with asyncio.timeout(PATIENCE_S):
            while part not in self.text():
                await self.pilot.pause()
        await self.pilot.pause()

    async def settle(self) -> None:
        """Wait until what is drawn stays as it is."""
        before, same = "", 0
        while same < 2:
            await self.pilot.pause(FRAME_S)
            now = self.text()
            before, same = now, same + 1 if now == before else 0

    async def picture(self) -> str:
        """Return what is drawn as SVG; no cursor blinks."""
        for line in self.app.screen.query(Input):
            line.cursor_blink = False
        await self.pilot.pause()
        svg = _FONTS.sub("", self.app.export_screenshot(title="Sealwire", simplify=True))
        return svg.replace("font-family: Fira Code, monospace", "font-family: monospace")

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def open(self, name: str, shown: str) -> None:
        """Jump to a conversation."""
        await self.press("ctrl+k", *name, "enter")
        await self.see(shown)


async def _conversation(sitting: Sitting) -> None:
    await sitting.open("bob", "verified")
    await sitting.see("More at")


async def _foreign(sitting: Sitting) -> None:
    await sitting.open("bob", "More at")
    await sitting.press("shift+tab", "up")


async def _answer(sitting: Sitting) -> None:
    await _conversation(sitting)
    await sitting.press("shift+tab", "up", "r", *"Thanks")
    await sitting.press("space", "colon", "t", "a", "d")
    await sitting.see(":tada:")


async def _verify(sitting: Sitting) -> None:
    await sitting.open("carol", "Carol Marsh  ·")
    await sitting.press("ctrl+g")
    await sitting.see("RSA-OAEP")
    await sitting.press("enter")
    await sitting.see("Verify Carol")


async def _key_change(sitting: Sitting) -> None:
    await sitting.open("dave", "key changed")
    await sitting.press("f2")
    await sitting.see("Accept new key")


async def _group(sitting: Sitting) -> None:
    await sitting.open("garden", "+Garden")
    await sitting.press("ctrl+g")
    await sitting.see("you are admin")


async def _search(sitting: Sitting) -> None:
    await _conversation(sitting)
    await sitting.press("ctrl+f", *"sat")
    await sitting.see("messages found")


async def _first(sitting: Sitting) -> None:
    await sitting.see("Welcome to Sealwire")


SCENES: Final[dict[str, tuple[Size, str, Scene]]] = {
    "terminal": ((100, 30), "dark", _conversation),
    "answer": ((100, 30), "light", _answer),
    "verify": ((100, 46), "dark", _verify),
    "key-change": ((100, 24), "dark", _key_change),
    "group": ((100, 26), "dark", _group),
    "search": ((60, 18), "contrast", _search),
    "first-run": ((100, 22), "dark", _first),
}


async def take(size: Size, theme: str, scene: Scene, is_new: bool = False, language: str = "en") -> str:
    """Return a picture as SVG."""
    async with seated(size, theme, is_new=is_new, language=language) as sitting:
        await scene(sitting)
        return await sitting.picture()


@contextlib.asynccontextmanager
async def seated(
    size: Size, theme: str, *, is_new: bool = False, is_locked: bool = False, language: str = "en"
) -> AsyncIterator[Sitting]:
    """Run the program: with the sample, or on its first start, or before it knows the passphrase."""
    use([language])
    client = StageClient("alice", lambda: NOW_MS) if is_new else sample_client()
    client.begin()
    launcher = StageLauncher(client, new=is_new, broker=not is_new)
    secret = None if is_new or is_locked else b""
    app = TerminalApp(launcher, passphrase=secret, theme=theme, now_ms=lambda: NOW_MS, zone=UTC)
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        sitting = Sitting(app, pilot, client)
        if secret is not None:
            await sitting.see("Garden")
            app.screen.query_one(Composer).cursor_blink = False
        yield sitting


async def foreign(size: Size, language: str) -> str:
    """Return a picture of the screen in a language that nobody speaks."""
    return await take(size, "dark", _foreign, language=language)


def essence(svg: str) -> list[str]:
    """Return what a picture shows: each piece of text and each coloured field with its place and its colours.

    The frame around it, fonts and the names of classes are the library's and may change with it.
    """
    styles = dict(re.findall(r"\.terminal-\d+-(r\d+) \{ ([^}]*) \}", svg))
    shown = [" ".join(found) for found in re.findall(_FIELD, svg)]
    for name, x, y, words in re.findall(_WORDS, svg):
        shown.append(f"{x} {y} {styles.get(name, '')} {words}")
    return shown


def snapshot(size: Size, theme: str) -> Path:
    """Return where the picture of a size and a theme, or of a size and a language, lies."""
    return SNAPSHOTS / f"{size[0]}x{size[1]}-{theme}.svg"


def main(arguments: list[str]) -> int:
    """Write the pictures."""
    if "--update" in arguments:
        SNAPSHOTS.mkdir(exist_ok=True)
        for size in SIZES:
            for theme in THEMES:
                snapshot(size, theme).write_text(asyncio.run(take(size, theme, _conversation)) + "\n", "utf-8")
        for size in SIZES[:2]:
            for language in INVENTED:
                snapshot(size, language).write_text(asyncio.run(foreign(size, language)) + "\n", "utf-8")
        return 0
    IMAGES.mkdir(exist_ok=True)
    for name, (size, theme, scene) in SCENES.items():
        svg = asyncio.run(take(size, theme, scene, is_new=name == "first-run"))
        (IMAGES / f"{name}.svg").write_text(svg + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
