"""Bar charts as SVG, written by hand: nothing to install, and a diff shows what changed.

    python -m benchmarks.plots

prints an example.
"""

from __future__ import annotations

import argparse
from xml.sax.saxutils import escape

LABEL, BAR, ROW, GAP, VALUE = 170, 420, 20, 34, 90
"""Widths and heights in px: names, the longest bar, a row, the room above a group, figures."""
WIDTH = LABEL + BAR + VALUE
CURVE = 160
OURS, THEIRS = "#2f6f4f", "#8a94a0"


def bars(title: str, groups: dict[str, list[tuple[str, float]]]) -> str:
    """One group of bars per load, each scaled to the longest bar of its group."""
    y, parts = 30, [f'<text x="8" y="20" font-size="15">{escape(title)}</text>']
    for name, values in groups.items():
        longest = max((value for _, value in values), default=0) or 1
        parts.append(f'<text x="8" y="{y + GAP - 12}" fill="#555">{escape(name)}</text>')
        y += GAP
        for label, value in values:
            parts += row(y, label, value, value / longest)
            y += ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 12}" font-family="sans-serif"'
    return "\n".join([f'{head} font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


def line(title: str, points: list[tuple[float, float]]) -> str:
    """One curve from zero up, with its last value and the largest; x and y in the units of ``title``."""
    last, top = max((x for x, _ in points), default=0) or 1, max((y for _, y in points), default=0) or 1
    at = [(8 + (WIDTH - 16 - VALUE) * x / last, 34 + CURVE * (1 - y / top)) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    end, value = at[-1] if at else (8, 34), points[-1][1] if points else 0
    height = CURVE + 60
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif"'
            ' font-size="12">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="8" y="20" font-size="15">{escape(title)}</text>',
            f'<line x1="8" y1="{34 + CURVE}" x2="{WIDTH - VALUE}" y2="{34 + CURVE}" stroke="#ccc"/>',
            f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="1.5"/>',
            f'<text x="{end[0] + 6:.1f}" y="{end[1] + 4:.1f}">{value:,.1f}</text>',
            f'<text x="8" y="{CURVE + 50}" fill="#555">0 … {last:,.0f}; most {top:,.1f}</text>',
            "</svg>\n",
        ]
    )


def row(y: int, label: str, value: float, share: float) -> list[str]:
    color, width = OURS if label.startswith("Sealwire") else THEIRS, max(1, round(BAR * share))
    figure = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return [
        f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{LABEL}" y="{y + 2}" width="{width}" height="{ROW - 5}" fill="{color}"/>',
        f'<text x="{LABEL + width + 6}" y="{y + 13}">{figure}</text>',
    ]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(bars("example", {"256 bytes": [("Sealwire", 3.0), ("bare ROUTER", 4.0)]}))


if __name__ == "__main__":
    main()
