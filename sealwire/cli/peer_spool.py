"""Standard input kept as a file, so that the peer that is running may send it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from sealwire.cli.peer_options import Options
from sealwire.errors import DiskError
from sealwire.files import PRIVATE_FILE, make_private_folder

_COPY_BYTES: Final = 1 << 20


def spooled(options: Options, folder: Path) -> Options:
    """Return options whose file is standard input, kept in ``folder``; the peer deletes it once it was sent.

    Only this process has that input: the running peer that may do the rest finds a file.

    Raises:
        DiskError: it cannot be kept.
    """
    spool = folder / "files" / "out" / os.urandom(8).hex()
    try:
        make_private_folder(spool.parent)
        with open(spool, "xb", opener=lambda path, flags: os.open(path, flags, PRIVATE_FILE)) as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy, _COPY_BYTES)
    except BaseException as error:
        with contextlib.suppress(OSError):
            spool.unlink()
        if isinstance(error, OSError):
            raise DiskError(error.strerror or str(error)) from error
        raise
    return replace(options, file=spool, stdin=False)
