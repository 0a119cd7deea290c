"""One story, told twice: through ``testing.Network`` without a socket, and through real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from sealwire.peer.prefs import Prefs
from sealwire.testing import Network, VirtualPeer
from sealwire.testing.processes import JsonPeer, Stage
from tests.conftest import PEOPLE


class Actor(Protocol):
    """Someone in the story."""

    def say(self, to: str, text: str) -> str: ...
    def hear(self) -> tuple[str, str]: ...
    def state(self, message_id: str, awaited: str) -> list[str]: ...


class Theatre(Protocol):
    """Where the story plays."""

    def enter(self, name: str) -> Actor: ...
    def leave(self, name: str) -> None: ...
    def kill_broker(self) -> None: ...
    def start_broker(self) -> None: ...


class NetworkActor:
    def __init__(self, net: Network, peer: VirtualPeer) -> None:
        self.net, self.peer, self.heard = net, peer, 0

    def say(self, to: str, text: str) -> str:
        message = self.peer.send(to, text)
        self.net.run()
        return message

    def hear(self) -> tuple[str, str]:
        self.net.advance(2)
        self.heard += 1
        message = [e for e in self.peer.events if e.type == "message"][self.heard - 1]
        return message.sender, message.text

    def state(self, message_id: str, awaited: str) -> list[str]:
        self.net.advance(2)
        return self.peer.states(message_id)


class NetworkTheatre:
    def __init__(self, net: Network) -> None:
        self.net = net
        self.actors: dict[str, NetworkActor] = {}

    def enter(self, name: str) -> Actor:
        if name in self.actors:
            self.actors[name].peer.start()
        else:
            self.actors[name] = NetworkActor(self.net, self.net.peer(name))
        self.net.run()
        return self.actors[name]

    def leave(self, name: str) -> None:
        self.actors[name].peer.crash()
        self.net.run()

    def kill_broker(self) -> None:
        self.net.kill_broker()

    def start_broker(self) -> None:
        self.net.start_broker()
        self.net.run()


class ProcessActor:
    def __init__(self, peer: JsonPeer, known: set[str]) -> None:
        self.peer = peer
        self.known = known
        """Ids heard before: a process killed before it marked a message as written tells it again, same id."""
        peer.wait_for("ready")

    def say(self, to: str, text: str) -> str:
        return self.peer.request("send", to=to, text=text)["result"]["id"]

    def hear(self) -> tuple[str, str]:
        message = self.peer.wait_for("message")
        while message["id"] in self.known:
            message = self.peer.wait_for("message")
        self.known.add(message["id"])
        return message["from"], message["text"]

    def state(self, message_id: str, awaited: str) -> list[str]:
        seen: list[str] = []
        while awaited not in seen:
            event = self.peer.wait_for("delivery")
            if event["id"] == message_id:
                seen.append(event["state"])
        return seen


class ProcessTheatre:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.playing: dict[str, JsonPeer] = {}
        self.heard: dict[str, set[str]] = {}

    def enter(self, name: str) -> Actor:
        self.playing[name] = self.stage.peer(name)
        return ProcessActor(self.playing[name], self.heard.setdefault(name, set()))

    def leave(self, name: str) -> None:
        self.playing[name].kill()

    def kill_broker(self) -> None:
        self.stage.broker.kill()

    def start_broker(self) -> None:
        self.stage.start_broker()


@pytest.fixture(params=["network", pytest.param("processes", marks=pytest.mark.process)])
def theatre(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Theatre]:
    if request.param == "network":
        with Network(tmp_path, PEOPLE, prefs=Prefs(receipt_pause_s=0)) as net:
            yield NetworkTheatre(net)
    else:
        with Stage(tmp_path, PEOPLE, SEALWIRE_PEER__REQUESTS="on") as stage:
            yield ProcessTheatre(stage)


def test_the_story(theatre: Theatre) -> None:
    alice, bob = theatre.enter("alice"), theatre.enter("bob")

    # Two strangers meet: the first message carries the handshake.
    hello = alice.say("bob", "hello bob")
    assert bob.hear() == ("alice", "hello bob")
    assert alice.state(hello, "sent") == ["sent"]  # nothing more is told to a stranger

    # Bob answers, which accepts: what alice may know of her first message comes with his.
    answer = bob.say("alice", "hello alice")
    assert alice.hear() == ("bob", "hello alice")
    assert alice.state(hello, "delivered")[-1:] == ["delivered"]
    assert bob.state(answer, "delivered") == ["sent", "delivered"]

    # Bob is away; what alice writes waits at the broker, which dies and comes back meanwhile.
    theatre.leave("bob")
    waiting = [alice.say("bob", f"while you were away {n}") for n in range(3)]
    assert [alice.state(message, "sent") for message in waiting] == [["sent"]] * 3
    theatre.kill_broker()
    late = alice.say("bob", "and while the broker was")
    theatre.start_broker()

    # He returns, with the same keys and everything in order.
    bob = theatre.enter("bob")
    heard = [bob.hear()[1] for _ in range(4)]
    assert heard == [*(f"while you were away {n}" for n in range(3)), "and while the broker was"]
    assert alice.state(late, "delivered") == ["sent", "delivered"]
