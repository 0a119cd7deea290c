"""What an interface may start: a broker here, a profile, the demonstration. ``cli`` implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from sealwire.peer.api import FullClient


class RunningBroker(Struct, frozen=True):
    """A broker that this program started and that lives as long as it, or longer if it was asked to."""

    address: str
    """``tcp://HOST:PORT``."""
    invite: str
    """The line for others."""


class Launcher(Protocol):
    """``cli`` hands one to the interfaces. Errors are ``sealwire.errors``."""

    name: str
    """The profile asked for on the command line."""

    def profiles(self) -> Sequence[str]:
        """Names that have keys here."""

    def is_new(self, name: str) -> bool:
        """Whether the first start of this name is still to come."""

    async def broker_answers(self) -> bool:
        """Whether something listens where the settings say the broker is, with the pinned key if there is one."""

    async def start_broker(self, *, reachable: bool = False) -> RunningBroker:
        """Start a broker on this machine with the settings at hand; returns when it is ready.

        It goes on when this program ends; ``broker.py stop`` ends it. With ``reachable`` it listens to other machines
        too, and then lets in only holders of an invite, unless the settings say something else about either.

        Raises:
            BrokerStartError: it ended, or was not ready in time.
        """

    async def invite_line(self) -> str:
        """The line to send to a friend, for the broker this profile uses. Works without admin rights when
        registration is open; else raises the error that says who can make one."""

    def check_invite(self, line: str) -> str:
        """Return the address in an invite line. Raises UsageError when it is none."""

    async def open(
        self, name: str, passphrase: bytes, progress: Callable[[str], None], invite: str | None = None
    ) -> FullClient:
        """Open a profile (made on its first start) and start its client.

        Raises:
            KeyFileError, ProfileBusyError, BrokerKeyMissingError, AccountNameError; on a first start LoginError
            (NameTakenError, DeviceRefusedError).
        """

    async def finish(self) -> None:
        """End what opening a profile left to be done and what is served to other commands; the broker goes on."""
