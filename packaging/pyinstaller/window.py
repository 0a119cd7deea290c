"""The window as a program of its own: no terminal is needed."""

import sys

from sealwire.cli.window import main

if __name__ == "__main__":
    sys.exit(main())
