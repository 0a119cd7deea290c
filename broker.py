"""Sealwire's broker. Say ``python broker.py --help`` for what it can do."""

import sys

from sealwire.cli import start

if __name__ == "__main__":
    sys.exit(start("broker"))
