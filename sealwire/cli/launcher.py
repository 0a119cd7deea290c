"""What the interfaces may start: a broker on this machine, a profile. Implements ``peer.api.launcher.Launcher``."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from sealwire import config, invite
from sealwire.cli import peer_handover, peer_profile, programs
from sealwire.cli.common import load_settings
from sealwire.cli.demo_cast import package_path
from sealwire.cli.peer_options import Options
from sealwire.cli.peer_profile import FLAG_KEYS
from sealwire.cli.peer_socket import serving
from sealwire.cli.probe import answers
from sealwire.config import Settings
from sealwire.errors import (
    AccountNameError,
    BrokerStartError,
    BrokerUnreachableError,
    InviteNeedsOperatorError,
    LoginError,
    NoBrokerHereError,
    ProfileBusyError,
    SealwireError,
)
from sealwire.files import make_private_folder, write_private
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import RunningBroker

if TYPE_CHECKING:
    from sealwire.files import PidLock
    from sealwire.peer.client import Client
    from sealwire.peer.keystore import Keys
    from sealwire.peer.profile import Profile
    from sealwire.peer.store import Store

LOG_FILE: Final = "broker.log"
"""In ``data/broker``: what a broker started from here says."""
CHOICE_FILE: Final = "started.json"
"""In ``data/broker``: where a broker started from here listens, so that the next start is the same."""
START_S: Final = 30.0
"""A first start makes keys and a database; on a busy machine that takes seconds."""
LOOK_S: Final = 0.05
BUSY_S: Final = 15.0
"""How long a profile may be held by a command that does one thing: its own time-out and what it needs to end."""
REGISTRATION_S: Final = 10.0
"""How long a first start waits to hear whether the name is free, before it goes on without a link."""
LOG_TAIL_BYTES: Final = 2_000
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - asked for by a person, and then only with invites


class CliLauncher:
    """Starts things with the flags and settings of this command line."""

    def __init__(self, options: Options, environ: Mapping[str, str]) -> None:
        self.name = options.name
        self._options = options
        self._environ = dict(environ)
        self._settings: Settings = load_settings(options.settings, FLAG_KEYS)
        self._started: RunningBroker | None = None
        self._profile: Profile | None = None
        self._usual_address = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._exits = contextlib.AsyncExitStack()

    # --- profiles --------------------------------------------------------------------------------------------

    def profiles(self) -> Sequence[str]:
        """Names that have keys here."""
        found = (path.name.removesuffix(".key") for path in self._settings.paths.keys.glob("*.key"))
        return sorted(name for name in found if account_name(name) == name)

    def data_of(self, name: str) -> Path:
        """Where the data of a profile lie."""
        return self._settings.paths.data / name

    def is_new(self, name: str) -> bool:
        """Whether the first start of this name is still to come."""
        from sealwire.peer import keystore

        return not keystore.exists(self._settings.paths.keys, name)

    async def open(
        self, name: str, passphrase: bytes, progress: Callable[[str], None], invite: str | None = None
    ) -> FullClient:
        """Open a profile (made on its first start) and start its client. ``progress`` is called in this thread."""
        if account_name(name) is None:
            raise AccountNameError(name)
        options = replace(self._options, name=name, join=invite or self._options.join)
        first = self.is_new(name)
        profile = peer_profile.build(options, self._environ)
        self._usual_address = profile.broker_address
        profile = await self._with_broker(profile, first, options.join)
        if first:
            peer_profile.check_first(profile)
        unlocking = asyncio.create_task(_opened(profile, passphrase, _in_this_loop(progress)))
        await asyncio.sleep(0)  # its thread makes the key out of the passphrase; meanwhile the rest is loaded
        from sealwire.peer.client import Client

        client = Client.over(profile, *await unlocking)
        try:
            await client.start()
            if not client.registered:
                await _registered(client)
        except BaseException:
            await client.close()
            raise
        self._profile = profile
        await self._exits.enter_async_context(serving(client, profile.data_dir, self._options.timeout_s))
        self._later(self._remember(client, options, profile))
        return client

    async def _remember(self, client: Client, options: Options, profile: Profile) -> None:
        with contextlib.suppress(SealwireError):
            await client.online(float(peer_profile.FOREVER_S))
            peer_profile.remember(options, profile)
            if options.join is None and profile.broker_address != self._usual_address:
                peer_profile.remember_broker(profile, is_open=False)

    def _later(self, body: Any) -> None:
        task = asyncio.get_running_loop().create_task(body)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """End what still waits here and what is served to other commands; the broker goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._exits.aclose()

    # --- the broker ------------------------------------------------------------------------------------------

    async def broker_answers(self) -> bool:
        """Whether the broker this profile would use answers, with the pinned key if there is one."""
        profile = peer_profile.build(self._options, self._environ)
        return await answers(profile.broker_address, profile.broker_key)

    def check_invite(self, line: str) -> str:
        """Return the address in an invite line."""
        return invite.decode(line).address

    async def start_broker(self, *, reachable: bool = False) -> RunningBroker:
        """Start a broker that outlives this program; returns when it is ready."""
        folder = self._settings.paths.data / "broker"
        make_private_folder(folder)
        choice = self._choice(reachable)
        write_private(folder / CHOICE_FILE, (json.dumps(choice) + "\n").encode())
        log = folder / LOG_FILE
        write_private(log, b"")
        child = self._spawn(choice, log)
        address = await _ready(child, log)
        child.returncode = 0  # it outlives this program: nobody waits for it here
        line = await self._ask_invite()
        self._started = RunningBroker(config.reachable(address), line)
        return self._started

    def _choice(self, reachable: bool) -> dict[str, str]:
        """Flags and variables of the broker; what was chosen before stays unless more is asked for."""
        bind = self._settings.broker.bind
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads((self._settings.paths.data / "broker" / CHOICE_FILE).read_text("utf-8"))
            if not reachable:
                return {"bind": str(known["bind"]), "registration": str(known["registration"])}
        if not reachable or config.is_public(bind):
            return {"bind": bind, "registration": self._settings.broker.registration}
        port = bind.rpartition(":")[2]
        return {"bind": f"tcp://{EVERYWHERE}:{port}", "registration": "invite"}

    def _spawn(self, choice: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        words = [*programs.command("broker"), "--log-format", "text", "--bind", choice["bind"], *self._folders()]
        environ = {
            **self._environ,
            "SEALWIRE_BROKER__REGISTRATION": choice["registration"],
            "PYTHONPATH": package_path(self._environ),
        }
        with log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603 - our own program
                words,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
                start_new_session=True,  # it goes on when this terminal closes
            )

    def _folders(self) -> list[str]:
        paths = self._settings.paths
        flags = ["--keys", str(paths.keys.absolute()), "--data", str(paths.data.absolute())]
        if self._options.settings.config is not None:
            flags += ["--config", str(self._options.settings.config.absolute())]
        return flags

    async def _ask_invite(self) -> str:
        from sealwire.broker import admin
        from sealwire.cli.broker_invite import DEFAULT_DAYS, DEFAULT_USES

        request = {"do": "invite", "uses": DEFAULT_USES, "days": DEFAULT_DAYS}
        answer = await asyncio.to_thread(admin.ask, self._settings.paths.data / "broker", request)
        return str(answer["invite"])

    async def invite_line(self) -> str:
        """The line for a friend: made by the broker here, or passed on when it was one anybody may use."""
        profile = self._profile or peer_profile.build(self._options, self._environ)
        if profile.broker_key is not None and profile.broker_key == self._own_key():
            with contextlib.suppress(NoBrokerHereError):
                return await self._ask_invite()
        line = peer_profile.open_invite(profile)
        if line is None:
            raise InviteNeedsOperatorError(address=profile.broker_address)
        return line

    def _own_key(self) -> bytes | None:
        from sealwire.broker import keyfiles

        with contextlib.suppress(OSError, ValueError):
            return keyfiles.read_public(self._settings.paths.keys / "broker.pub")
        return None

    async def _with_broker(self, profile: Profile, first: bool, joined: str | None) -> Profile:
        """Use the broker that was started from here; where it wants an invite, our own first start needs one too."""
        if self._started is None or joined is not None:
            return profile
        asked = invite.decode(await self._ask_invite() if first else self._started.invite)
        source = str(self._settings.paths.keys / "broker.pub")
        return dataclasses.replace(
            profile,
            broker_address=self._started.address,
            broker_key=asked.key,
            broker_key_source=source,
            invite_token=asked.token if first else None,
        )


def _in_this_loop(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Keys are made in a thread; screens belong to the loop's."""
    loop = asyncio.get_running_loop()

    def tell(line: str) -> None:
        loop.call_soon_threadsafe(progress, line)

    return tell


async def _opened(profile: Profile, passphrase: bytes, progress: Callable[[str], None]) -> tuple[Keys, Store, PidLock]:
    """Open a profile; a one-shot command that has it just now is waited for, a peer that stays is not."""
    from sealwire.peer import opening

    ends = time.monotonic() + BUSY_S
    while True:
        try:
            return await opening.opened(profile, passphrase, progress)
        except ProfileBusyError:
            if time.monotonic() >= ends or peer_handover.is_served(profile.data_dir):
                raise
        await asyncio.sleep(LOOK_S)


async def _registered(client: Client) -> None:
    """Wait until the broker let a new name in; one that does not answer yet is waited for by the client itself."""
    try:
        await client.online(REGISTRATION_S)
    except LoginError:
        raise
    except BrokerUnreachableError:
        return


async def _ready(child: subprocess.Popen[bytes], log: Path) -> str:
    """Return the endpoint of a broker that was just started."""
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        for line in _lines(log):
            _before, mark, address = line.partition("ready on ")
            if mark:
                return address.strip()
        if child.poll() is not None:
            break
        await asyncio.sleep(LOOK_S)
    else:
        child.terminate()
    said = [line for line in _lines(log) if line.strip()]
    raise BrokerStartError(detail=said[-1] if said else _("it said nothing in {n} s.").format(n=int(START_S)))


def _lines(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()
