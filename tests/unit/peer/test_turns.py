"""What ends the loop reaches everyone who waits, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sealwire.errors import LocalProtocolError
from sealwire.peer.records import Now
from tests.unit.peer.profile_of_alice import opened


async def test_who_waits_hears_that_the_loop_ended_over_a_fault_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await opened(tmp_path)
    done: list[str] = []

    def broken(_now: Now) -> None:
        raise ZeroDivisionError

    try:
        await alice.start()
        asked = [
            alice.turns.submit(run) for run in (lambda _now: done.append("a"), broken, lambda _now: done.append("b"))
        ]
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
        assert [type(answer) for answer in answers] == [LocalProtocolError] * 3, "nothing of the turn was committed"
        assert alice.turns.connection.state == "stopped"
        with pytest.raises(LocalProtocolError):
            alice.turns.submit(lambda _now: None)
        assert "ZeroDivisionError" in caplog.text
    finally:
        await alice.close()
