"""Follow a log file and send the lines that match, gathered into one message every few seconds.

    python examples/log_shipper.py --name web1 --to ops --match 'ERROR|CRITICAL' /var/log/app.log

Where it stopped reading is kept beside the log's name in the profile's state file; it moves only after a message is
durable here, so a crash neither loses a line nor, but for the moment between the two, sends it twice.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from pathlib import Path

from sealwire import connect

LOOK_S = 0.5
MAX_CHARS = 10_000


def main() -> None:
    """Follow until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--to", required=True, metavar="NAME")
    parser.add_argument("--match", default=".", metavar="PATTERN")
    parser.add_argument("--state", type=Path, help="where to remember the place (default: LOG.shipped)")
    parser.add_argument("--once", action="store_true", help="read to the end and stop")
    parser.add_argument("log", type=Path)
    chosen = parser.parse_args()
    state = chosen.state or chosen.log.with_name(chosen.log.name + ".shipped")
    try:
        asyncio.run(follow(chosen.name, chosen.to, chosen.log, state, re.compile(chosen.match), chosen.once))
    except KeyboardInterrupt:
        pass


async def follow(name: str, to: str, log: Path, state: Path, pattern: re.Pattern[str], once: bool) -> None:
    """Send what matches, from where the last run stopped."""
    at = int(state.read_text()) if state.exists() else 0
    async with connect(name) as peer:
        while True:
            if not log.exists() or log.stat().st_size < at:
                at = 0  # rotated: a new file under the old name
            lines, at = read(log, at)
            found = [line for line in lines if pattern.search(line)]
            if found:
                await peer.send(to, "\n".join(found)[-MAX_CHARS:], wait="sent" if once else "queued", timeout_s=30)
            if lines:
                state.write_text(str(at))
            elif once:
                return
            else:
                await asyncio.sleep(LOOK_S)


def read(log: Path, at: int) -> tuple[list[str], int]:
    """Whole lines from a place on, and the place after them; half a line waits for its other half."""
    if not log.exists():
        return [], at
    with log.open("rb") as file:
        file.seek(at)
        content = file.read(1 << 20)
    whole = content[: content.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), at + len(whole)


if __name__ == "__main__":
    main()
