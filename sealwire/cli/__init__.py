"""The two programs. This module alone must run on any Python 3, to say which one is needed."""

import _signal  # type: ignore[import-not-found] # `signal` loads enumerations: 10 ms in which Ctrl+C is a traceback
import gc
import importlib
import os
import sys

TYPE_CHECKING = False
"""As typing has it, whose import takes ten milliseconds in which signals are not held back yet."""

if TYPE_CHECKING:
    from sealwire.errors import MissingPackageError

OLDEST = (3, 11)

GARBAGE_AFTER = 100_000
"""New objects between two looks for garbage: Python's 700 makes a sixth of a start out of looking at what is imported,
and stays; unbounded, what is garbage in circles would fill the memory."""

PACKAGES = {
    "apsw": "apsw-sqlite3mc",
    "Crypto": "pycryptodome",
    "msgspec": "msgspec",
    "nacl": "PyNaCl",
    "prompt_toolkit": "prompt_toolkit",
    "segno": "segno",
    "textual": "textual",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Which package to install for a module that is missing."""


def start(program: str) -> int:
    """Run ``program`` ("broker" or "peer") with the arguments of this process; returns its exit code.

    What is missing on this machine is said in one sentence, with the command that mends it.
    """
    if sys.version_info < OLDEST:
        have = ".".join(str(n) for n in sys.version_info[:2])
        need = ".".join(str(n) for n in OLDEST)
        command = "python{} {}.py".format(need, program)  # noqa: UP032 - must run on old Pythons
        sys.stderr.write("Sealwire needs Python {} or newer; this is {}. Run: {}\n".format(need, have, command))  # noqa: UP032
        return 1
    _hold_signals()
    gc.set_threshold(GARBAGE_AFTER)
    try:
        module = importlib.import_module("sealwire.cli." + program)
    except ModuleNotFoundError as error:
        return say_missing(error)
    code = module.main()
    assert isinstance(code, int)
    gc.freeze()  # all is closed: to look through and take apart what goes with the process is a fifth of a short run
    return code


def _hold_signals() -> None:
    """Whoever is told to stop while it starts hears it when it knows what to do then (``cli.told``)."""
    if hasattr(_signal, "pthread_sigmask"):
        _signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP])


def say_missing(error: ModuleNotFoundError) -> int:
    """Say which package is missing and how to install it; returns the exit code. A module of our own is a bug."""
    missing = missing_package(error)
    from sealwire.i18n import explain

    sentence, hint = explain(missing)
    sys.stderr.write(sentence + "\n" + hint + "\n")
    return missing.exit


def missing_package(error: ModuleNotFoundError) -> "MissingPackageError":
    """Return the error that names the package of a module that is missing; a module of our own is a bug."""
    module = (error.name or "").split(".")[0]
    if module not in PACKAGES:
        raise error
    from sealwire.errors import MissingPackageError

    return MissingPackageError(package=PACKAGES[module], command=_install_command())


def _install_command() -> str:
    """Debian's own Python refuses a bare pip install (PEP 668), so outside a virtual environment make one."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    wanted = os.path.join(root, "requirements.txt")
    what = "-r " + os.path.relpath(wanted) if os.path.exists(wanted) else "sealwire"
    if sys.prefix != sys.base_prefix:
        return sys.executable + " -m pip install " + what
    return "python3 -m venv .venv && . .venv/bin/activate && pip install " + what
