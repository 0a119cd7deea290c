"""From settings and flags to an opened profile: which broker, which key, which passphrase.

Precedence for the broker's address and key: flags, then environment variables, then ``--join``, then the last
successful ``--join`` of this profile, then the settings file.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from sealwire import invite
from sealwire.cli.common import load_settings, pinned_broker_key, say
from sealwire.cli.peer_options import Options
from sealwire.config import Settings
from sealwire.errors import (
    BrokerKeyMissingError,
    ConfigError,
    KeyFileError,
    KeyFileMissingError,
    NotPermittedError,
    PassphraseNeededError,
    UsageError,
)
from sealwire.files import write_private
from sealwire.i18n import _
from sealwire.peer.prefs import Prefs
from sealwire.peer.profile import Profile

FLAG_KEYS = {"broker": "peer.broker", "broker_key": "peer.broker_key"}
"""Which settings the flags of a peer replace."""

FOREVER_S = 86_400
"""How long the broker of a ``--join`` may take to let us in and still be remembered."""

JOINED_FILE = "joined.json"
"""In the profile's data folder: the broker of the last ``--join``."""

_MAX_PASSPHRASE_BYTES = 4_096
"""A passphrase file past this is some other file, given by mistake."""

_TRIES = 3

LOOK_S = 0.1
"""Between two looks for the key of a broker that may be starting."""


class Broker(Struct, frozen=True):
    """Where a broker is and the key it must show."""

    address: str
    key: bytes | None
    """32 bytes; None when the key's file does not exist."""
    source: str
    """Where the key came from, for error messages."""


def data_folder(options: Options) -> Path:
    """Return the folder of a profile's own files. Raises ConfigError."""
    return load_settings(options.settings).paths.data / options.name


def build(options: Options, environ: Mapping[str, str]) -> Profile:
    """Return the profile a command line asks for.

    Raises:
        ConfigError: wrong settings, or a damaged record of an earlier ``--join``.
        NotPermittedError: the profile is another user's.
        InviteError: ``--join`` is not an invite.
    """
    settings = load_settings(options.settings, FLAG_KEYS)
    asked = invite.decode(options.join) if options.join is not None else None
    if asked is None:
        joined = _remembered(settings.paths.data / options.name / JOINED_FILE)
    else:
        joined = Broker(asked.address, asked.key, _("the invite"))
    broker = _chosen(options, environ, settings, joined)
    return Profile(
        name=options.name,
        broker_address=broker.address,
        broker_key=broker.key,
        broker_key_source=broker.source,
        invite_token=asked.token if asked else None,
        keys_dir=settings.paths.keys,
        data_dir=settings.paths.data / options.name,
        kdf_memory_mib=settings.peer.kdf_memory_mib,
        kdf_passes=settings.peer.kdf_passes,
        prefs=Prefs(
            read_receipts=settings.peer.read_receipts,
            requests=settings.peer.requests,
            typing=settings.peer.typing,
            fetch_files_up_to=settings.peer.fetch_files_up_to,
            delete_files=settings.peer.delete_files_with_messages,
        ),
        reconnect_first_s=settings.peer.reconnect_first_s,
        reconnect_most_s=settings.peer.reconnect_max_s,
    )


def check_first(profile: Profile) -> None:
    """Refuse a first start that cannot end well, before a passphrase is asked for and keys are made.

    Raises:
        BrokerKeyMissingError: there is no key to recognise the broker by.
        KeyFileMissingError: the name has a history here, so its keys are elsewhere; new ones could not open it.
    """
    if profile.broker_key is None:
        raise BrokerKeyMissingError(path=profile.broker_key_source)
    if profile.database.exists():
        raise KeyFileMissingError(path=profile.key_file, folder=profile.data_dir)


def begun(options: Options, profile: Profile, environ: Mapping[str, str]) -> Profile:
    """Return the profile of a first start, with a key to recognise the broker by: one that starts now is waited for.

    Raises:
        PassphraseNeededError: no file given and no terminal.
        BrokerKeyMissingError: there is no such key, ``--timeout`` seconds later.
        KeyFileMissingError: see :func:`check_first`.
        ConfigError: the key is none.
    """
    if not _can_be_asked(options):
        raise PassphraseNeededError(name=options.name)
    ends = time.monotonic() + options.timeout_s
    if profile.broker_key is None and options.timeout_s > 0:
        say(_("Waiting for the broker's key, {path} …").format(path=profile.broker_key_source))
    while profile.broker_key is None and time.monotonic() < ends:
        time.sleep(LOOK_S)
        profile = build(options, environ)
    check_first(profile)
    return profile


def remember(options: Options, profile: Profile) -> None:
    """Keep the broker of a ``--join`` that worked, so that later starts need no flag. The token is not kept."""
    if options.join is None:
        return
    asked = invite.decode(options.join)
    joined = replace(profile, broker_address=asked.address, broker_key=asked.key)
    remember_broker(joined, is_open=asked.token is None)


def remember_broker(profile: Profile, is_open: bool) -> None:
    """Keep this broker for later starts; ``is_open``: its invites need no token, so this profile can make them too."""
    assert profile.broker_key is not None, "it let us in"
    known = {"broker": profile.broker_address, "broker_key": profile.broker_key.hex(), "open": is_open}
    write_private(profile.data_dir / JOINED_FILE, (json.dumps(known, indent=1) + "\n").encode())


def open_invite(profile: Profile) -> str | None:
    """Return an invite line that anybody may use, when this profile joined with one; None when that is not known."""
    try:
        value = json.loads((profile.data_dir / JOINED_FILE).read_text("utf-8"))
        if value["open"] is not True or profile.broker_key is None:
            return None
        host, _colon, port = profile.broker_address.removeprefix("tcp://").rpartition(":")
        return invite.encode(invite.Invite(host.strip("[]"), int(port), profile.broker_key))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def passphrase(options: Options, path: Path, first: bool) -> bytes:
    """Return the passphrase of the key file ``path``, from a file or a person; ``first``: it is about to be chosen.

    Raises:
        PassphraseNeededError: no file given and no terminal.
        UsageError: the file cannot be read.
        KeyFileError: two different answers, three times.
    """
    if options.passphrase_file is not None:
        value = from_file(options.passphrase_file)
    elif _can_be_asked(options):
        value = _asked_twice(path) if first else _asked(_("Passphrase for {path}: ").format(path=path))
    else:
        raise PassphraseNeededError(name=options.name)
    if first and not value:
        say(
            _("The passphrase is empty: whoever can read {path} can write as you and read your history.").format(
                path=path
            )
        )
    return value


def _chosen(options: Options, environ: Mapping[str, str], settings: Settings, joined: Broker | None) -> Broker:
    if joined is None:
        return Broker(settings.peer.broker, *pinned_broker_key(settings))
    own_address = options.settings.broker is not None or "SEALWIRE_PEER__BROKER" in environ
    own_key = options.settings.broker_key is not None or "SEALWIRE_PEER__BROKER_KEY" in environ
    address = settings.peer.broker if own_address else joined.address
    key, source = pinned_broker_key(settings) if own_key else (joined.key, joined.source)
    return Broker(address, key, source)


def _remembered(path: Path) -> Broker | None:
    try:
        value = json.loads(path.read_text("utf-8"))
        address, key = value["broker"], bytes.fromhex(value["broker_key"])
        if not isinstance(address, str) or len(key) != 32:
            raise ValueError
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotPermittedError(path.parent, error.strerror or str(error)) from None
    except (OSError, ValueError, TypeError, KeyError):
        problem = _("{path}: cannot be read; delete it or give --join INVITE again").format(path=path)
        raise ConfigError([problem]) from None
    return Broker(address, key, str(path))


def from_file(path: Path) -> bytes:
    """Return the passphrase in a file. Raises UsageError when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PASSPHRASE_BYTES + 1)
    except OSError as error:
        detail = _("The passphrase file {path} cannot be read: {reason}.")
        raise UsageError(detail.format(path=path, reason=error.strerror)) from None
    if len(data) > _MAX_PASSPHRASE_BYTES:
        detail = _("The passphrase file {path} has more than {limit} bytes.")
        raise UsageError(detail.format(path=path, limit=_MAX_PASSPHRASE_BYTES))
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data


def _can_be_asked(options: Options) -> bool:
    """Whether a passphrase comes from somewhere: a file, or a person at a terminal."""
    return options.passphrase_file is not None or (sys.stdin is not None and sys.stdin.isatty())


def _asked_twice(path: Path) -> bytes:
    say(_("A new key file, {path}. Choose a passphrase for it; without it nobody can open it again.").format(path=path))
    for _try in range(_TRIES):
        value = _asked(_("New passphrase (empty for none): "))
        if value == _asked(_("The same again: ")):
            return value
        say(_("These were two different passphrases."))
    raise KeyFileError(path=path)


def _asked(prompt: str) -> bytes:
    with contextlib.suppress(EOFError):
        return getpass.getpass(prompt, sys.stderr).encode("utf-8", "surrogateescape")
    raise KeyboardInterrupt
