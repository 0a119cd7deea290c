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
