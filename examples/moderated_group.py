"""A bot that leads a group: lets people in, counts what breaks the rules, and takes the voice of who goes on.

    python examples/moderated_group.py --name guard --group Garden --moderator alice --forbid 'casino|lottery'

Whoever wants in writes ``/join`` to the bot in private. A message of a member that matches is a strike; after the last
one the member may only read, until a moderator (an owner or admin of the group) writes ``/unmute NAME``. Strikes are
kept by the message's id before anything is said, so that a message that comes again after a crash counts once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
from pathlib import Path

from sealwire import Bot, Context
from sealwire.bots import Peer
from sealwire.errors import SealwireError, UnknownGroupError
from sealwire.peer.api.groups import GroupInfo, Role

PATIENCE_S = 30.0


class Strikes:
    """Who broke the rules with which messages, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: dict[str, list[str]] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def add(self, name: str, message_id: str) -> int:
        """Count a message once; returns how many there are now."""
        if message_id not in self._ids.setdefault(name, []):
            self._ids[name].append(message_id)
            self._keep()
        return len(self._ids[name])

    def forget(self, name: str) -> None:
        """Begin again with somebody."""
        if self._ids.pop(name, None):
            self._keep()

    def _keep(self) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        beside.write_text(json.dumps(self._ids), "utf-8")
        os.replace(beside, self._path)


class Warden:
    """What the bot knows of its group, and what it does there."""

    def __init__(self, group: str, moderators: list[str], forbidden: re.Pattern[str], most: int, path: Path) -> None:
        self.group, self.moderators, self.forbidden, self.most = f"+{group}", moderators, forbidden, most
        self.strikes = Strikes(path)
        self.opened = asyncio.Event()
        """Messages come at once, also those from before this start: they wait for this."""

    async def open(self, peer: Peer) -> None:
        """Find the group, or make it; ask moderators in who are not there."""
        await peer.client.online(PATIENCE_S)
        try:
            info = await peer.client.groups.info(self.group)
        except UnknownGroupError:
            info = await peer.client.groups.create(self.group.removeprefix("+"))
        self.group = info.id
        for name in set(self.moderators) - {member.name for member in info.members}:
            await peer.client.groups.invite(self.group, name, "admin")
        self.opened.set()
        print(f"leading {info.name}", flush=True)

    async def role(self, peer: Peer, name: str) -> Role | None:
        """What somebody is in the group; None: not in it."""
        await self.opened.wait()
        info: GroupInfo = await peer.client.groups.info(self.group)
        return next((one.role for one in info.members if one.name == name and not one.invited), None)

    async def is_moderator(self, context: Context) -> bool:
        """Whether the writer may command; who may not is told so."""
        if await self.role(context.peer, context.sender) in ("owner", "admin"):
            return True
        await context.reply("Only moderators may do that.")
        return False

    async def look(self, context: Context) -> None:
        """Judge a message in the group."""
        await self.opened.wait()
        name = context.sender
        if context.conversation != self.group or not self.forbidden.search(context.text):
            return
        if await self.role(context.peer, name) != "member":
            return  # moderators know what they do
        count = self.strikes.add(name, context.incoming.message.id)
        if count < self.most:
            await context.reply(f"@{name}: that is against the rules here, strike {count} of {self.most}.")
        else:
            await context.peer.client.groups.set_role(self.group, name, "read-only")
            await context.reply(f"@{name} may only read from now on.")


def build(name: str, warden: Warden) -> Bot:
    """The bot with its commands."""
    bot = Bot(name)
    bot.on_start(warden.open)
    bot.on_message(warden.look)

    @bot.command()
    async def join(context: Context) -> None:
        """Ask to be let in (in private)."""
        if context.conversation != context.sender:
            return
        if await warden.role(context.peer, context.sender) is not None:
            await context.reply("You are in already.")
            return
        try:
            info = await context.peer.client.groups.invite(warden.group, context.sender)
        except SealwireError as error:
            await context.reply(f"That did not work: {error}")
            return
        await context.reply(f"You are invited to {info.name}. Not allowed there: {warden.forbidden.pattern}")

    @bot.command()
    async def mute(context: Context, who: str) -> None:
        """Moderators: let somebody only read."""
        if await warden.is_moderator(context):
            await context.peer.client.groups.set_role(warden.group, who, "read-only")
            await context.reply(f"@{who} may only read from now on.")

    @bot.command()
    async def unmute(context: Context, who: str) -> None:
        """Moderators: let somebody write again, without strikes."""
        if await warden.is_moderator(context):
            warden.strikes.forget(who)
            await context.peer.client.groups.set_role(warden.group, who, "member")
            await context.reply(f"@{who} may write again.")

    @bot.command()
    async def remove(context: Context, who: str) -> None:
        """Moderators: put somebody out."""
        if await warden.is_moderator(context):
            await context.peer.client.groups.remove(warden.group, who)
            await context.reply(f"{who} is out.")

    return bot


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="guard")
    parser.add_argument("--group", required=True, metavar="GROUP")
    parser.add_argument("--moderator", action="append", default=[], metavar="NAME")
    parser.add_argument("--forbid", required=True, metavar="PATTERN")
    parser.add_argument("--strikes", type=int, default=3, metavar="N")
    parser.add_argument("--state", type=Path, default=Path("strikes.json"), help="where strikes are kept")
    chosen = parser.parse_args()
    pattern = re.compile(chosen.forbid, re.IGNORECASE)
    build(chosen.name, Warden(chosen.group, chosen.moderator, pattern, chosen.strikes, chosen.state)).run()
