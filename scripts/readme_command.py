"""Print a command of the README: the fenced block after its marker, for example ``<!-- test-command -->``.

What newcomers copy and what CI runs is then the same text.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def command(readme: str, marker: str) -> str:
    """Return the lines of the first fenced block after ``<!-- marker -->``; nothing else may stand between.

    Raises:
        ValueError: the marker is missing, stands twice, or no block follows it.
    """
    found = re.findall(rf"^<!-- {re.escape(marker)} -->\n+```[a-z]*\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"README.md needs one fenced block after <!-- {marker} -->, and has {len(found)}")
    return str(found[0])


if __name__ == "__main__":
    try:
        print(command(README.read_text("utf-8"), sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
