"""Run a command and tell people how it went, with the end of its output. The exit code is the command's.

python examples/ci_notifier.py --name ci --to alice -- make test
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time

from sealwire import connect
from sealwire.errors import SealwireError

TAIL_LINES = 20


def main() -> int:
    """Run, tell, return the command's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="ci")
    parser.add_argument("--to", action="append", required=True, metavar="NAME")
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    start = time.monotonic()
    done = subprocess.run(
        chosen.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    sys.stdout.write(done.stdout)
    verdict = "passed" if done.returncode == 0 else f"FAILED with exit code {done.returncode}"
    tail = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])[-10_000:]
    text = f"{' '.join(chosen.command)[:200]}: {verdict} after {time.monotonic() - start:.0f} s\n```\n{tail}\n```"
    try:
        asyncio.run(tell(chosen.name, chosen.to, text))
    except SealwireError as error:  # the build's result counts, not ours; what was queued goes out with the next run
        print(f"not told: {error}", file=sys.stderr)
    return done.returncode


async def tell(name: str, people: list[str], text: str) -> None:
    """Send to everybody and wait until the broker has each message."""
    async with connect(name) as peer:
        await asyncio.gather(*(peer.send(person, text, wait="sent", timeout_s=20) for person in people))


if __name__ == "__main__":
    sys.exit(main())
