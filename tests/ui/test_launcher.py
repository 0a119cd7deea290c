"""What the interfaces may start: a real broker, a real profile."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealwire import invite
from sealwire.cli import probe
from sealwire.cli.launcher import CliLauncher
from sealwire.cli.peer_options import parse
from sealwire.crypto.identity import realm_of
from sealwire.errors import (
    AccountNameError,
    BrokerStartError,
    InviteError,
    InviteNeedsOperatorError,
    KeyFileError,
    NameTakenError,
    ProfileBusyError,
)
from sealwire.files import PidLock
from sealwire.ids import DeviceId
from sealwire.peer import keystore
from sealwire.peer.api.launcher import RunningBroker
from sealwire.peer.profile import Profile
from sealwire.testing import reissue
from tests.conftest import PEOPLE
from tests.ui.house import ROOT, House, environment

pytestmark = pytest.mark.process


def launcher(folder: Path, *flags: str, name: str = "alice") -> CliLauncher:
    words = ["--name", name, "--config", str(folder / "config.yaml"), *flags]
    return CliLauncher(parse(words), environment())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with settings of its own; whatever broker was started there is ended."""
    (tmp_path / "config.yaml").write_text(
        "broker: {bind: 'tcp://127.0.0.1:0'}\npeer: {kdf_memory_mib: 8, kdf_passes: 1}\n"
        "paths: {keys: keys, data: data}\n"
    )
    yield tmp_path
    subprocess.run(
        [sys.executable, str(ROOT / "broker.py"), "--config", str(tmp_path / "config.yaml"), "stop"],
        env=environment(),
        capture_output=True,
        check=False,
    )


def plant(place: Path, running: RunningBroker, name: str, keys: str) -> None:
    """Write a key file with ready-made RSA keys: making new ones takes seconds."""
    broker_key = invite.decode(running.invite).key
    identity = reissue(PEOPLE[keys], realm_of(broker_key), name, DeviceId(os.urandom(16)), 0)
    profile = Profile(name, running.address, broker_key, "", None, place / "keys", place / "data" / name, 8, 1)
    keystore.seal(profile, b"", identity, os.urandom)


async def test_from_nothing_to_two_people_on_a_broker_started_here(place: Path) -> None:
    first = launcher(place)
    assert first.is_new("alice")
    assert first.profiles() == []
    assert not await first.broker_answers()
    running = await first.start_broker()
    said: list[str] = []
    alice = await first.open("alice", b"secret", said.append)
    await alice.online(10)
    assert len(said) >= 3
    line = await first.invite_line()
    assert invite.decode(line).address == running.address == first.check_invite(line)

    second = launcher(place, name="bob")
    plant(place, running, "bob", "bob")
    bob = await second.open("bob", b"", said.append, invite=line)
    assert (await bob.send_text("alice", "hello", wait="sent", timeout_s=15)).state in ("sent", "delivered")
    joined = place / "data/bob/joined.json"
    while not joined.exists():
        await asyncio.sleep(0.01)
    assert json.loads(joined.read_text())["open"] is True
    assert await second.invite_line() != ""
    await asyncio.gather(alice.close(), bob.close())
    await asyncio.gather(first.finish(), second.finish())

    assert second.profiles() == ["alice", "bob"]
    with pytest.raises(KeyFileError):
        await first.open("alice", b"wrong", said.append)
    with pytest.raises(AccountNameError):
        await first.open("no name", b"", said.append)
    assert (place / "data/broker/broker.log").stat().st_mode & 0o077 == 0
    (place / "data/alice").rename(place / "data/old")
    plant(place, running, "alice", "mallory")  # the same name with other keys
    with pytest.raises(NameTakenError):
        await first.open("alice", b"", said.append)
    await first.finish()


async def test_a_broker_for_other_machines_lets_in_holders_of_an_invite_only(place: Path) -> None:
    with (place / "config.yaml").open("a") as file:
        file.write("log: {format: json}\n")  # for whoever collects logs; what is read here is text all the same
    config = (place / "config.yaml").read_text()
    first = launcher(place)
    running = await first.start_broker(reachable=True)
    assert running.address.startswith("tcp://127.0.0.1:")
    assert invite.decode(running.invite).token is not None
    choice = json.loads((place / "data/broker/started.json").read_text())
    assert choice == {"bind": "tcp://0.0.0.0:0", "registration": "invite"}
    assert (place / "config.yaml").read_text() == config
    alice = await first.open("alice", b"", lambda line: None)  # with an invite of its own
    await alice.online(10)
    await alice.close()
    await first.finish()


async def test_a_command_that_has_the_profile_is_waited_for_and_a_peer_that_stays_is_not(
    place: Path, house: House
) -> None:
    away = ["--data", str(house.folder / "data"), "--keys", str(house.folder / "keys"), "--broker", house.address]
    waiting = launcher(place, *away)
    lock = PidLock(house.folder / "data/alice/lock")
    assert lock.acquire() is None
    opening = asyncio.create_task(waiting.open("alice", b"", lambda line: None))
    looked, _pending = await asyncio.wait({opening}, timeout=0.2)
    assert not looked
    lock.release()
    alice = await opening
    with pytest.raises(ProfileBusyError):
        await asyncio.wait_for(launcher(place, *away).open("alice", b"", lambda line: None), 5)
    await alice.close()
    await waiting.finish()


async def test_a_broker_that_cannot_start_says_why(place: Path, house: House) -> None:
    (place / "config.yaml").write_text(f"broker: {{bind: '{house.address}'}}\npaths: {{keys: keys, data: data}}\n")
    with pytest.raises(BrokerStartError) as caught:
        await launcher(place).start_broker()
    assert "Stop what listens there" in str(caught.value)


async def test_only_the_operator_makes_invites_for_a_broker_elsewhere(place: Path, house: House) -> None:
    key = (house.folder / "keys/broker.pub").read_text().strip()
    away = launcher(place, "--broker", house.address, "--broker-key", str(house.folder / "keys/broker.pub"))
    assert key
    assert await away.broker_answers()
    with pytest.raises(InviteNeedsOperatorError):
        await away.invite_line()
    with pytest.raises(InviteError):
        away.check_invite("hello")


async def test_a_broker_with_another_key_does_not_answer(place: Path, house: House) -> None:
    assert not await probe.answers(house.address, bytes(range(32)), 1.0)
    assert await probe.answers(house.address, None)
    assert not await probe.answers("tcp://127.0.0.1:1", None)
    assert not await probe.answers("tcp://127.0.0.1:1", bytes(range(32)))
