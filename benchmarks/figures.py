"""How figures are printed: a table in Markdown, with date and machine."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def machine() -> str:
    """One line that says where figures come from."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{when}, {model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def table(title: str, head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown under a title and the machine's line."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return f"\n### {title}\n{machine()}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n"


def between(name: str) -> tuple[str, str]:
    """The two marks in a document between which a benchmark puts what it found."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def replaced(old: str, name: str, body: str, heading: str) -> str:
    """``old`` with what is between the marks of ``name`` replaced, or with a section of its own at the end."""
    begin, end = between(name)
    marked = f"{begin}\n{body}\n{end}"
    if begin in old and end in old:
        return old[: old.index(begin)] + marked + old[old.index(end) + len(end) :]
    return f"{old.rstrip()}\n\n## {heading}\n\n{marked}\n"
