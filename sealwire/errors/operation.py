"""What an operator is told who asks a broker of this machine, or looks after its files."""

from __future__ import annotations

from sealwire.errors.base import SealwireError


class NoBrokerHereError(SealwireError):
    """An administrator's verb, and no broker runs on that data folder."""

    code = "no-broker-here"
    exit = 6
    text = "No broker runs on the data folder {path}."
    hint = "Start it with: python broker.py (or name its folder with --data)."


class NoBrokerYetError(SealwireError):
    """A verb that looks after a broker's files, and there is neither a key nor a database of one."""

    code = "no-broker-yet"
    exit = 6
    text = "No broker has run here yet: there is none of its keys in {keys} and no database in {data}."
    hint = (
        "Name its folders with --keys and --data. To put back a backup on a new machine, put back the keys of the "
        "broker that made it first."
    )


class AdminSocketGoneError(SealwireError):
    """A broker holds the data folder, and nobody listens to its administrator."""

    code = "admin-socket-gone"
    exit = 7
    text = "A broker (PID {pid}) uses the data folder {path}, but nobody listens on the socket for its operator."
    hint = (
        "It starts or is about to stop: try again in a moment. If its socket was deleted, end it with kill {pid}, "
        "which loses nothing, and start it again."
    )


class BrokerSilentError(SealwireError):
    """The broker runs and does not answer its administrator."""

    code = "broker-silent"
    exit = 7
    text = "The broker is too busy to answer, or is about to stop."
    hint = "Try again in a moment."


class BackupError(SealwireError):
    """A backup that cannot be made or must not be put back; nothing was touched."""

    code = "backup"
    text = "The backup {path} cannot be used: {detail}."
    hint = "Nothing was changed."
