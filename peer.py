"""Start a peer: python peer.py --name alice."""

import sys

from sealwire.cli import start

if __name__ == "__main__":
    sys.exit(start("peer"))
