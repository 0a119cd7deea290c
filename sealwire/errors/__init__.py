"""Every error a caller may see, in one tree.

Each class carries a stable ``code`` (for scripts), the process ``exit`` code it leads to (docs/scripting.md) and two
English catalogue texts: what happened (``text``) and what to do next (``hint``). ``i18n.explain`` turns an error into
the reader's language; this module only names things.
"""

from __future__ import annotations

from sealwire.errors.access import KeyFileAccessError as KeyFileAccessError
from sealwire.errors.access import NotPermittedError as NotPermittedError
from sealwire.errors.base import SealwireError as SealwireError
from sealwire.errors.base import UsageError as UsageError
from sealwire.errors.files import DiskError as DiskError
from sealwire.errors.files import FileChangedError as FileChangedError
from sealwire.errors.files import FileDamagedError as FileDamagedError
from sealwire.errors.files import FileGoneError as FileGoneError
from sealwire.errors.files import FileQuotaError as FileQuotaError
from sealwire.errors.files import FileRefusedError as FileRefusedError
from sealwire.errors.files import FileTooLargeError as FileTooLargeError
from sealwire.errors.files import FileUnreadableError as FileUnreadableError
from sealwire.errors.files import TargetExistsError as TargetExistsError
from sealwire.errors.files import UnknownFileError as UnknownFileError
from sealwire.errors.groups import GroupBusyError as GroupBusyError
from sealwire.errors.groups import GroupLateError as GroupLateError
from sealwire.errors.groups import GroupMemberError as GroupMemberError
from sealwire.errors.groups import GroupNameError as GroupNameError
from sealwire.errors.groups import GroupRightError as GroupRightError
from sealwire.errors.groups import GroupStoppedError as GroupStoppedError
from sealwire.errors.groups import GroupTopicError as GroupTopicError
from sealwire.errors.groups import LastOwnerError as LastOwnerError
from sealwire.errors.groups import NotInGroupError as NotInGroupError
from sealwire.errors.groups import UnknownGroupError as UnknownGroupError
from sealwire.errors.operation import AdminSocketGoneError as AdminSocketGoneError
from sealwire.errors.operation import BackupError as BackupError
from sealwire.errors.operation import BrokerSilentError as BrokerSilentError
from sealwire.errors.operation import NoBrokerHereError as NoBrokerHereError
from sealwire.errors.operation import NoBrokerYetError as NoBrokerYetError
from sealwire.errors.words import MessageIdError as MessageIdError
from sealwire.errors.words import NotYoursError as NotYoursError
from sealwire.errors.words import TooLateError as TooLateError
from sealwire.errors.words import UnknownIdError as UnknownIdError
from sealwire.errors.words import UnknownMessageError as UnknownMessageError

# --- bytes from elsewhere ------------------------------------------------------------------------------------


class RemoteProtocolError(SealwireError):
    """The other side sent bytes that are not in docs/protocol.md. The only error a decoder raises."""

    code = "protocol"
    text = "The other side sent something this version does not understand ({detail})."
    hint = "If both sides run the same version, please report it."

    def __init__(self, detail: str = "malformed") -> None:
        super().__init__(detail=detail)


class LocalProtocolError(SealwireError):
    """Our own code asked for something the protocol does not allow: a bug on this side."""

    code = "internal"
    text = "Sealwire tried to do something its own protocol does not allow ({detail})."
    hint = "This is a bug: please report it."

    def __init__(self, detail: str) -> None:
        super().__init__(detail=detail)


class RefusedError(SealwireError):
    """A cryptographic check failed. One class for every cause, so that nothing outside can tell them apart.
    ``reason`` is a coarse word for the local person only (``undecryptable``, ``unknown-prekey``, ``not-for-us``,
    ``replayed``); it never reaches the network.
    """

    code = "refused"
    exit = 9
    text = "A message could not be read ({reason})."

    def __init__(self, reason: str = "undecryptable") -> None:
        super().__init__(reason=reason)
        self.reason = reason


# --- settings and usage --------------------------------------------------------------------------------------


class AccountNameError(UsageError):
    """An account name that breaks the rule."""

    code = "name"
    text = (
        "{name!r} is not an account name: 1 to 32 of a-z, 0-9, _ and -, starting with a letter or a digit, "
        "and not broker, system, all or here."
    )

    def __init__(self, name: str) -> None:
        SealwireError.__init__(self, name=name)


class TextTooLongError(UsageError):
    """A text past the limit of one message."""

    code = "too-long"
    text = "This text has {size} bytes; one message holds at most {limit}."
    hint = "Split it into several messages, or send it as a file."

    def __init__(self, size: int, limit: int) -> None:
        SealwireError.__init__(self, size=size, limit=limit)


class InviteError(UsageError):
    """A line that is not an invite."""

    code = "invite"
    text = "This is not an invite: {detail}."
    hint = "Ask for the whole line again; it looks like sealwire:HOST:PORT#KEY.TOKEN and belongs in quotes."

    def __init__(self, detail: str) -> None:
        SealwireError.__init__(self, detail=detail)


class ConfigError(SealwireError):
    """One or more settings are wrong. ``problems`` holds a line for each, all found at once."""

    code = "config"
    exit = 3
    text = "{problems}"
    hint = "Correct the lines named above and start again."

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems="\n".join(problems))
        self.problems = problems


class MissingPackageError(SealwireError):
    """A Python package that Sealwire needs is not installed."""

    code = "missing-package"
    text = "Sealwire needs the Python package {package}, which is not installed here."
    hint = "Run: {command}"


# --- keys, passphrases, profiles -----------------------------------------------------------------------------


class BrokerKeyFileError(SealwireError):
    """One of the broker's own key files cannot be used. It is left untouched."""

    code = "broker-key-file"
    text = "The key file {path} cannot be used: {detail}."

    def __init__(self, path: object, detail: str, hint: str) -> None:
        super().__init__(path=path, detail=detail, hint=hint)


class BrokerBusyError(SealwireError):
    """Another broker holds this data folder."""

    code = "broker-busy"
    text = "Another broker (PID {pid}) already uses the data folder {path}."
    hint = "Stop that one first, or give this one its own --data and --keys."


class BindError(SealwireError):
    """The broker cannot listen at its address."""

    code = "bind"
    text = "The broker cannot listen on {address}: {reason}."
    hint = "Stop what listens there, or choose another address with --bind or broker.bind."


class MonitoringBindError(SealwireError):
    """The broker's numbers cannot be shown at their address."""

    code = "metrics-bind"
    text = "The broker cannot be watched on {address}: {reason}."
    hint = "Stop what listens there, or choose another address with metrics.listen."


class BrokerStartError(SealwireError):
    """A broker that was to be started here ended, or was not ready in time."""

    code = "broker-start"
    text = "The broker did not start: {detail}"
    hint = "Start it by hand to see everything it says: python broker.py"


class InviteNeedsOperatorError(SealwireError):
    """Only the broker's operator can make an invite that lets somebody in."""

    code = "invite-needs-operator"
    exit = 6
    text = "Only the operator of the broker at {address} can make an invite."
    hint = "Ask them to run: python broker.py invite"


class PassphraseNeededError(SealwireError):
    """No passphrase could be asked for and none was given."""

    code = "passphrase-needed"
    exit = 4
    text = "The key file of {name} needs a passphrase, and there is no terminal to ask on."
    hint = "Give --passphrase-file FILE (an empty file is the empty passphrase)."


class KeyFileError(SealwireError):
    """A key file that does not open: broken, truncated, or sealed with another passphrase. It is left untouched."""

    code = "key-file"
    exit = 4
    text = "The key file {path} does not open: the passphrase is wrong or the file is damaged."
    hint = "Try the passphrase again, or put back a copy of the file. It was not changed."


class KeyFileMissingError(SealwireError):
    """A profile with a history but without its key file; new keys could neither open the one nor be the other."""

    code = "key-file-missing"
    exit = 4
    text = "There is no key file {path}, though {folder} holds the history of this name."
    hint = "Put the key file back, or say with --keys where it is. Without it choose another --name."


class LoginError(SealwireError):
    """The broker refused the login."""

    code = "login"
    exit = 4
    text = "The broker refuses the login of {name}."
    hint = "If you used an invite, it may be used up or expired: ask for a new one."


class NameTakenError(LoginError):
    """Another account already has this name on this broker."""

    code = "name-taken"
    text = "The name {name} is already registered here with another key."
    hint = "Choose another --name, or use the key file that registered it."


class ShutOutError(LoginError):
    """The operator banned or deleted a device that was connected."""

    code = "shut-out"
    text = "The broker has shut {name} out, or deleted the account."
    hint = "Ask its operator. What is stored here stays, and can be read and exported."


class DeviceRefusedError(LoginError):
    """The broker's admission refuses this device's connection key."""

    code = "device-refused"
    text = "The broker refuses this device."
    hint = "Registration may be closed: ask the operator for an invite."


class SupersededError(LoginError):
    """Another process logged in as the same device."""

    code = "superseded"
    text = "Another process logged in as this device of {name}; this one stops."
    hint = "A device runs in one place at a time. If you did not start the other one, its keys were copied."


class ProfileBusyError(SealwireError):
    """Another process holds this profile."""

    code = "profile-busy"
    text = "The profile {name} is already open in another process (PID {pid})."
    hint = "Close that one first, or use another --name."


class StoreError(SealwireError):
    """The local database cannot be used."""

    code = "store"
    text = "The database {path} cannot be used: {detail}."
    hint = "Check the free space and the permissions of its folder; nothing was lost that was confirmed."


class StoreDamagedError(StoreError):
    """Changes that were committed to a database's log can no longer be read; going on would lose them unnoticed."""

    code = "store-damaged"
    exit = 9
    text = "The database {path} is damaged: confirmed changes in its log, {log}, cannot be read."
    hint = "Keep a copy of its folder and put back a backup; without one, removing {log} goes back to before them."


class StoreFailedError(StoreError):
    """The broker's database failed while it was in use: the process ends, a supervisor starts it again."""

    code = "store-failed"
    exit = 70


class NoLocalSocketError(SealwireError):
    """This system has no socket file that only its own user can open."""

    code = "no-local-socket"
    text = "A peer in the background needs a local socket that only you can open, and this system has none."
    hint = "Use --json over standard input and output instead."


class NoAdminSocketError(NoLocalSocketError):
    """The broker runs on such a system: nobody can be asked who it is that commands it."""

    code = "no-admin-socket"
    text = "The operator's verbs need a local socket that only you can open, and this system has none."
    hint = "Stop the broker and change its settings file; or let it run on Linux or macOS."


class ExportError(SealwireError):
    """A history that cannot be written out or read in; nothing is left half done."""

    code = "export"
    text = "The file {path} cannot be used: {detail}."
    hint = "Nothing was changed."


class ZapFailedError(SealwireError):
    """The thread that rules on connections does not answer and cannot be replaced: nobody gets in, the process ends."""

    code = "zap-failed"
    exit = 70
    text = "The broker can no longer rule on new connections ({detail})."
    hint = "Start it again; run under broker.py --supervise or systemd it starts by itself."


# --- people and messages -------------------------------------------------------------------------------------


class UnknownPeerError(SealwireError):
    """The directory knows nobody of that name."""

    code = "unknown-peer"
    exit = 5
    text = "Nobody is registered here under the name {name}."
    hint = "Check the spelling, or send them an invite."


class UntrustedPeerError(SealwireError):
    """The contact's key changed and nobody has decided about it yet."""

    code = "key-changed"
    exit = 9
    text = "The key of {name} has changed since you first talked; nothing is sent until you decide."
    hint = "Compare the safety number with them (verify {name}), then approve the new key."


class ComparedOtherKeyError(SealwireError):
    """The digits that a person compared are not those of the key that is here now."""

    code = "compared-other-key"
    exit = 9
    text = "These are not the digits of {name}'s key here: it changed while you compared, or one of them is mistyped."
    hint = "Compare again (verify {name})."


class BlockedPeerError(SealwireError):
    """The person wanted to write to somebody they have blocked."""

    code = "blocked"
    exit = 5
    text = "You have blocked {name}; nothing is sent."
    hint = "Unblock {name} first, then send again."


class BrokerUnreachableError(SealwireError):
    """No link to the broker within the time allowed."""

    code = "unreachable"
    exit = 6
    text = "The broker at {address} does not answer."
    hint = "Start it with: python broker.py. A message you sent stays queued and goes out on the next start."


class WrongBrokerKeyError(BrokerUnreachableError):
    """Something answers at the address, but without the pinned key."""

    code = "wrong-broker"
    text = "This is not the broker you pinned: something answers at {address}, but not with the key in {key_file}."
    hint = "Check the address, or get the broker's public key (keys/broker.pub) from its operator again."


class OtherBrokerError(WrongBrokerKeyError):
    """The pinned key is of another broker than the one this profile registered with."""

    code = "other-broker"
    text = "This profile of {name} belongs to another broker than the one you pinned with {key_file}."
    hint = "Use the key of the broker it registered with, or another --name here: one profile, one broker."


class BrokerKeyMissingError(BrokerUnreachableError):
    """No broker public key to pin."""

    code = "broker-key-missing"
    text = "There is no broker key at {path}, so the broker could not be recognised."
    hint = "Start a broker here (python broker.py), copy its keys/broker.pub, or use --join INVITE."


class NotReachedError(SealwireError):
    """The awaited state was not reached in time; the message stays queued."""

    code = "timeout"
    exit = 7
    text = "The message was not {state} within {seconds} s; nothing is lost."
    hint = "It goes on by itself, at the next start too; --timeout waits longer."


class RejectedError(SealwireError):
    """The broker refused a message for a reason that more tries do not mend."""

    code = "rejected"
    exit = 8
    text = "The broker refused the message: {reason}."
    hint = "See the limits in docs/operations.md."


class IntegrityError(SealwireError):
    """Signed material from the directory or a peer does not hold together."""

    code = "integrity"
    exit = 9
    text = "What the broker says about {name} is not signed by them: {detail}."
    hint = "Do not trust this broker until its operator explains it."
