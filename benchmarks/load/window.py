"""The process that ``benchmarks.desktop`` measures: ``peer.py --gui`` with somebody who looks at what is painted.

It imports nothing that the program would not.
"""

from __future__ import annotations

import sys

BEGAN = "SEALWIRE_BENCHMARK_BEGAN"
"""When this process was started, on the monotonic clock."""


def main() -> int:
    """Run the program as its person would."""
    from benchmarks.load.watched import Watched
    from sealwire.cli import peer
    from sealwire.ui.desktop import app

    app.Desktop = Watched  # type: ignore[misc]
    return peer.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
