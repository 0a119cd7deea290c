"""``restore``: a profile from its backup, on a machine that does not have it."""

from __future__ import annotations

from pathlib import Path

from sealwire.cli.streams import put, say
from sealwire.i18n import _
from sealwire.peer import backup
from sealwire.peer.profile import Profile


def restore(profile: Profile, source: Path, passphrase: bytes) -> int:
    """Put the profile back; returns the exit code.

    Raises:
        BackupError: it exists here, or the backup is broken, of another name or passphrase.
    """
    keys = backup.restore(profile, source, passphrase)
    put(f"{profile.name}\t{keys.identity.card.card.fingerprint.hex()}")
    text = _("{name} is back, with the passphrase of the backup. Do not go on with the old copy: two are noticed.")
    say(text.format(name=profile.name))
    return 0
