"""The first minutes in plain lines, as a transcript."""

from __future__ import annotations

import pytest

from sealwire.errors import BrokerStartError, InviteNeedsOperatorError, KeyFileError
from sealwire.testing.stage import INVITE, StageClient, StageLauncher
from sealwire.ui.line import first


class Paper:
    """Answers in order, and everything that was said."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.secrets = 0

    async def ask(self, question: str) -> str | None:
        self.said.append(question)
        return self.answers.pop(0)

    async def ask_secret(self, question: str) -> str | None:
        self.secrets += 1
        return await self.ask(question)

    def say(self, text: str) -> None:
        self.said.append(text)


def newcomer(broker: bool = False) -> StageLauncher:
    return StageLauncher(StageClient(), new=True, broker=broker)


async def test_a_broker_is_started_a_passphrase_chosen_and_a_friend_invited():
    launcher, paper = newcomer(), Paper("1", "secret", "other", "secret", "secret")
    assert await first.begin(launcher, paper, None) is launcher.client
    assert (launcher.started, launcher.reachable, launcher.passphrase) == (1, False, b"secret")
    assert "These were two different passphrases." in paper.said
    assert INVITE in paper.said
    assert paper.secrets == 4
    assert any("python broker.py stop ends it" in line for line in paper.said)


async def test_an_invite_is_pasted_after_something_that_is_none():
    launcher, paper = newcomer(), Paper("hello", INVITE, "", "")
    assert await first.begin(launcher, paper, None) is launcher.client
    assert launcher.invites == [INVITE]
    assert any("This is not an invite" in line for line in paper.said)


async def test_one_looks_again_and_a_failure_is_said_and_asked_again():
    launcher, paper = newcomer(), Paper("3", "2", "2")
    launcher.failure = BrokerStartError(detail="the port is taken")
    assert await first.begin(launcher, paper, b"") is launcher.client
    assert "Still nothing answers." in paper.said
    assert any("the port is taken" in line for line in paper.said)
    assert launcher.reachable is True
    assert paper.secrets == 0


@pytest.mark.parametrize("answers", [("",), (None,), ("1", None), ("1", "secret", None)])
async def test_nothing_or_ctrl_d_ends_it(answers):
    assert await first.begin(newcomer(), Paper(*answers), None) is None


async def test_a_known_profile_is_unlocked_within_three_tries():
    launcher = StageLauncher(StageClient())
    launcher.passphrase = b"right"
    paper = Paper("wrong", "right")
    assert await first.begin(launcher, paper, None) is launcher.client
    assert "This passphrase does not open it." in paper.said
    assert INVITE not in paper.said
    with pytest.raises(KeyFileError):
        await first.begin(launcher, Paper("a", "b", "c"), None)
    with pytest.raises(KeyFileError):
        await first.begin(launcher, Paper(), b"wrong from a file")
    assert await first.begin(launcher, Paper(None), None) is None


async def test_only_the_operator_can_invite_is_no_obstacle():
    launcher, paper = newcomer(broker=True), Paper()
    opened = launcher.open

    async def opens(name, passphrase, progress, invite=None):
        client = await opened(name, passphrase, progress, invite)
        launcher.failure = InviteNeedsOperatorError(address="tcp://chat.example.org:5555")
        return client

    launcher.open = opens  # type: ignore[method-assign]
    assert await first.begin(launcher, paper, b"") is launcher.client
    assert any("Only the operator" in line for line in paper.said)
