"""A group of 300 whose members are away: what one message, a removal and the next message cost whoever says it.

    python -m benchmarks.large_group [--members 300] [--messages 20]

Everything is real but sockets and clocks (``testing.Network``): router, store, engines, keys, signatures. Three people
have engines; the others are registered, invited and have joined, and their mail waits in their mailboxes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

from benchmarks.figures import table
from sealwire.broker.port import BrokerSettings
from sealwire.crypto.group_entry import Body, Invited, Kind, Role, SignedBody
from sealwire.crypto.group_log import Head, LogEntry, start_of
from sealwire.crypto.identity import Identity
from sealwire.crypto.log_keys import LogKey, seal_entry
from sealwire.crypto.prekeys import PrekeySecret, sign_prekeys
from sealwire.ids import DeviceId
from sealwire.testing.network import Network, VirtualPeer, reissue
from sealwire.wire.frames import Verb
from tests.company import Company
from tests.conftest import PEOPLE

SEND_MS, REKEY_S = 3.0, 3.0
"""The figures to hold, for a group of 100."""
OPEN = BrokerSettings(requests_per_min=1e6, requests_burst=1e6, group_requests_per_min=1e6, group_requests_burst=1e6)
"""By default a device asks for 120 keys a minute: a first word to 300 people then takes three minutes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=300)
    parser.add_argument("--messages", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Network(Path(folder), PEOPLE, OPEN) as net:
        rows = measured(net, chosen.members, chosen.messages)
    print(table(f"A group of {chosen.members}", ["what", "the speaker's CPU and frames", "limit"], rows))


def measured(net: Network, size: int, messages: int) -> list[list[str]]:
    alice, bob, carol = net.peer("alice"), net.peer("bob"), net.peer("carol", "mallory")
    net.run()
    keys = list(PEOPLE.values())
    away = [registered(net, f"m{number:04}", keys[number % len(keys)]) for number in range(size - 3)]
    net.restart_broker()  # it reads who is registered
    began = time.process_time()
    group = Company(net, alice)
    group.join(alice, bob, carol)
    append(net, group, bob, [invitation(net, who) for who in away], alice.identity)
    append(net, group, bob, [(Kind.ACCEPT, "", who.card.encode(), who) for who in away], None)
    group.settle(10)
    assert group.agree(alice, bob, carol)
    assert len(group.members(carol)) == size, len(group.members(carol))
    rows = [["all joined: CPU of everybody", f"{time.process_time() - began:.1f} s", ""]]
    with Counted(net, alice) as cost:
        group.say(alice, "first")
        group.settle(30)
    rows.append(["the first message: a session with everybody", str(cost), ""])
    with Counted(net, alice) as cost:
        group.do(alice, Kind.REKEY)
    rows.append(["a new epoch, everybody is given the key", str(cost), f"{REKEY_S:g} s"])
    sends = sorted((said(net, group, alice, f"message {n}") for n in range(messages)), key=lambda cost: cost.cpu_s)
    rows.append(["one message", str(sends[messages // 2]), f"{SEND_MS:g} ms"])
    group.settle(10)
    assert group.heard(bob) == ["first", *(f"message {n}" for n in range(messages))]
    with Counted(net, alice) as cost:
        group.remove(alice, "carol")
        said(net, group, alice, "without carol")
    rows.append(["one removed, everybody has new keys, the next message", str(cost), f"{REKEY_S:g} s"])
    group.settle(10)
    assert group.heard(bob)[-1] == "without carol"
    assert "without carol" not in group.heard(carol)
    return rows


def registered(net: Network, name: str, keys: Identity) -> Identity:
    """Somebody whom the broker knows as if they had been here once."""
    who = reissue(keys, net.realm, name, DeviceId(os.urandom(16)), net.now.ms)
    card, listed = who.card.card, who.devices
    prekeys = sign_prekeys(who.device, card, PrekeySecret.generate(os.urandom, 1, 1, net.now.ms).public())
    with net.store._db as db:
        db.execute(
            "INSERT INTO account (name, n_sign, version, devices, signature, mailboxes) VALUES (?, ?, ?, ?, ?, ?)",
            (name, card.n_sign, listed.devices.version, listed.devices.encode(), listed.signature, card.mailbox),
        )
        db.execute(
            "INSERT INTO device (mailbox, account, device, curve, card, card_signature, spk_id, prekeys, signature)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (card.mailbox, name, card.device, os.urandom(32), card.encode(), who.card.signature,
             prekeys.prekeys.encode(), prekeys.signature),
        )  # fmt: skip
    return who


def invitation(net: Network, who: Identity) -> tuple[Kind, str, bytes, None]:
    card = who.card.card
    return Kind.INVITE, card.account, Invited(card.fingerprint, Role.MEMBER, net.now.ms + 86_400_000).encode(), None


def append(net: Network, group: Company, carrier: VirtualPeer, acts: list[Any], author: Identity | None) -> None:
    """Entries of people without engines, one behind the other, handed to the broker by somebody who has one."""
    known = group.of(carrier)
    head, key, epoch = known.head, known.keys[known.head.writer], known.membership.epoch  # type: ignore[union-attr]
    for kind, subject, value, own in acts:
        entry = written(head, key, epoch, own or author, kind, subject, value, net.now.ms)
        carrier.turn([], lambda engine, _now, entry=entry: engine._requests.append(entry.group, entry.encoded))
        while carrier.engine._requests.under_way():
            net._pass(0.001)
            net._turn()
        head = entry.head()
    for peer in (group.founder, carrier):
        net.cut(peer)
    group.settle(2)


def written(head: Head, key: LogKey, epoch: int, who: Any, kind: Kind, subject: str, value: bytes, ms: int) -> LogEntry:
    start, card = start_of(head, head.keeper, key.writer, b""), who.card.card
    body = Body(epoch, card.account, card.hash, kind, subject, value, ms)  # type: ignore[arg-type]
    return seal_entry(start, key, SignedBody.sign(body, start, who.device.sk).encode(), None, os.urandom)


class Counted:
    """CPU of one peer's turns, and the frames it sends."""

    def __init__(self, net: Network, peer: VirtualPeer) -> None:
        self._net, self._peer = net, peer
        self._turn, self._to_broker = peer.turn, net.to_broker
        self.cpu_s, self._frames = 0.0, Counter[int]()

    def __enter__(self) -> Self:
        self._peer.turn, self._net.to_broker = self._counted, self._seen  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.turn, self._net.to_broker = self._turn, self._to_broker  # type: ignore[method-assign]

    def _counted(self, *given: Any, **more: Any) -> object:
        began = time.process_time()
        try:
            return self._turn(*given, **more)
        finally:
            self.cpu_s += time.process_time() - began

    def _seen(self, sender: Any, sent: list[bytes]) -> None:
        self._frames.update(frame[0] for frame in sent if sender is self._peer)
        self._to_broker(sender, sent)

    def __str__(self) -> str:
        return f"{self.cpu_s * 1e3:.1f} ms, {self._frames[Verb.FANOUT]} FANOUT, {self._frames[Verb.SEND]} SEND"


def said(net: Network, group: Company, peer: VirtualPeer, text: str) -> Counted:
    """Say something, until the broker has it."""
    with Counted(net, peer) as cost:
        message = group.say(peer, text)
        while "sent" not in peer.states(message):
            net._pass(0.001)
            net._turn()
    return cost


if __name__ == "__main__":
    main()
