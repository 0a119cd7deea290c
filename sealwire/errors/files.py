"""What can go wrong with files."""

from __future__ import annotations

from sealwire.errors.base import SealwireError, UsageError


class FileTooLargeError(SealwireError):
    """A file past what the broker takes."""

    code = "file-too-large"
    exit = 8
    text = "The file has {size} bytes; this broker takes at most {limit}."
    hint = "Split it, or ask the operator about limits.blob_file_bytes."

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size=size, limit=limit)


class FileQuotaError(SealwireError):
    """The account's files at the broker have reached their quota."""

    code = "file-quota"
    exit = 8
    text = "Your files at the broker have reached its quota."
    hint = "Wait until their recipients have them, or cancel one; the operator sets limits.blob_quota_bytes."


class FileRefusedError(SealwireError):
    """The broker answers requests about a file in a way that makes no progress."""

    code = "file-refused"
    exit = 8
    text = "The broker does not take the file."
    hint = "Try again with resume; if it stays so, tell the operator."


class FileUnreadableError(UsageError):
    """A path that cannot be sent."""

    code = "file-unreadable"
    text = "{path} cannot be sent: {detail}."

    def __init__(self, path: object, detail: str) -> None:
        SealwireError.__init__(self, path=path, detail=detail)


class FileChangedError(SealwireError):
    """The source is not what it was when sending began."""

    code = "file-changed"
    text = "{path} changed while it was being sent, or is gone."
    hint = "Send it again when nothing writes to it."

    def __init__(self, path: object) -> None:
        super().__init__(path=path)


class UnknownFileError(SealwireError):
    """No message of that id carries a file."""

    code = "unknown-file"
    exit = 5
    text = "There is no file under {id}."
    hint = "The verb files lists what there is, with its ids."

    def __init__(self, id: str) -> None:
        super().__init__(id=id)


class FileGoneError(SealwireError):
    """The broker no longer has a file that was offered."""

    code = "file-gone"
    exit = 8
    text = "The broker does not have the file any more."
    hint = "Files are kept for some days only: ask its sender to send it again."


class FileDamagedError(SealwireError):
    """What came is not the file that was announced: a chunk, the length or the hash is wrong."""

    code = "file-damaged"
    exit = 9
    text = "The file is not what its message announces; nothing of it was kept."
    hint = "Ask its sender to send it again. If that happens twice, do not trust this broker."


class DiskError(SealwireError):
    """A file cannot be written or read here."""

    code = "disk"
    text = "The file cannot be stored here: {detail}."
    hint = "Make room or choose another place, then fetch it again: what came so far is kept."

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


class TargetExistsError(UsageError):
    """A file that would have to be overwritten."""

    code = "target-exists"
    text = "{path} exists already, and is not overwritten."

    def __init__(self, path: object) -> None:
        SealwireError.__init__(self, path=path)
