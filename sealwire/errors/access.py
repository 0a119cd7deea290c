"""What the system keeps a user from: files and folders of somebody else."""

from __future__ import annotations

from sealwire.errors.base import SealwireError


class KeyFileAccessError(SealwireError):
    """A key file that the system does not let this program read or make; nothing is known about its passphrase."""

    code = "key-file-access"
    exit = 4
    text = "The key file {path} cannot be used: {detail}."
    hint = "Look who owns it and its folder, and what their permissions are. Nothing was changed."


class NotPermittedError(SealwireError):
    """A file or folder that the system keeps from this user."""

    code = "not-permitted"
    text = "The system does not let this user at {path}: {reason}."
    hint = "Run this as the user it belongs to, or name folders of your own with --keys and --data."

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(path=path, reason=reason)
