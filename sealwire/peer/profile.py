"""A profile: one account on this machine, where its files lie, and which broker it speaks to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sealwire.peer.prefs import DEFAULTS, Prefs


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything :meth:`Client.open` needs beside the passphrase; plain values, no I/O."""

    name: str
    """Account name, already checked by ``ids.account_name``."""
    broker_address: str
    """``tcp://HOST:PORT``."""
    broker_key: bytes | None
    """The pinned CURVE public key, 32 bytes; None when there is none (the first start needs it)."""
    broker_key_source: str
    """Where the key came from, for sentences: a path, ``--broker-key`` or ``the invite``."""
    invite_token: bytes | None = field(repr=False)
    keys_dir: Path
    data_dir: Path
    """This profile's own folder (``data/NAME``)."""
    kdf_memory_mib: int = 64
    kdf_passes: int = 3
    prefs: Prefs = DEFAULTS
    reconnect_first_s: float = 0.5
    reconnect_most_s: float = 8.0

    @property
    def key_file(self) -> Path:
        """The sealed key file."""
        return self.keys_dir / f"{self.name}.key"

    @property
    def public_file(self) -> Path:
        """The card in PEM-like text, to hand around."""
        return self.keys_dir / f"{self.name}.pub"

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.data_dir / "peer.db"

    @property
    def files_dir(self) -> Path:
        """Where fetched files lie, and what is here of others."""
        return self.data_dir / "files"

    @property
    def lock_file(self) -> Path:
        """Held while the profile is open."""
        return self.data_dir / "lock"

    @property
    def starts_file(self) -> Path:
        """Counts starts beside the database, so that a restored old database is noticed."""
        return self.data_dir / "starts"
