"""Sealwire's broker. Say ``python broker.py --help`` for what it can do."""

import sys

try:
    from sealwire.cli import start
except KeyboardInterrupt:  # signals are not held back yet
    sys.exit(130)
if __name__ == "__main__":
    sys.exit(start("broker"))
