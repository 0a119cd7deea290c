"""A bot that answers every message with its own words.

python examples/echo_bot.py --name echo
"""

from __future__ import annotations

import argparse

from sealwire import Bot, Context


def build(name: str) -> Bot:
    """The bot; where its broker and keys are comes from the settings, as for peer.py."""
    bot = Bot(name)

    @bot.command()
    async def ping(context: Context) -> None:
        """Say pong."""
        await context.reply("pong")

    @bot.on_message
    async def echo(context: Context) -> None:
        await context.reply(context.text)

    return bot


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="echo")
    build(parser.parse_args().name).run()
