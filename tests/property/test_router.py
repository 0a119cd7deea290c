"""The router and the real store against model peers, under refusals, full disks, reconnects and crashes.

The invariants are those of protocol.md §5: accepted means stored or received, order of each sender holds across
refusals, resets and crashes, numbers and windows are never exceeded, and with fair links everything arrives.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sealwire.broker.mailbox import COMMIT, PEND
from sealwire.broker.port import BrokerSettings
from sealwire.wire import frames
from sealwire.wire.frames import Verb
from sealwire.wire.many import gather_sends
from tests.depth import examples
from tests.unit.broker.rig import Client, Rig

SEND_WINDOW = 6
DELIVER_WINDOW = 3
LIMITS = BrokerSettings(
    send_window_messages=SEND_WINDOW,
    deliver_window_messages=DELIVER_WINDOW,
    quota_messages=8,
    sender_share=0.75,
    grace_ms=4.0,
    ballast_bytes=0,
)
SENDERS = {"alice": "alice", "carol": "mallory"}
RECIPIENTS = {"bob": "bob", "dave": "mallory"}
ROUNDS_TO_REST = 400
JOB_ROWS = 3
"""Messages of one transaction: a frame that holds more is stored in halves, and a crash comes between them."""


class Sender:
    """A peer's outbox, by the rules a peer must keep."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig = rig
        self.name = name
        self.gathers = False
        self.written = 0
        self.accepted: list[tuple[str, bytes]] = []
        self.waiting: dict[str, deque[bytes]] = {name: deque() for name in RECIPIENTS}
        self.client: Client | None = None

    def write(self, to: str) -> None:
        self.written += 1
        self.waiting[to].append(f"{self.name}/{to}/{self.written:06d}".encode())

    def connect(self) -> None:
        self.client = self.rig.login(self.name, SENDERS[self.name])
        self.sent: dict[int, tuple[str, bytes]] = {}
        self.returned: dict[str, list[tuple[int, bytes]]] = {}
        self.answered = 0

    def lose(self) -> None:
        """The link is gone: everything unanswered goes back to the front, in order."""
        if self.client is None:
            return
        self.client = None
        back = {**self.sent, **{seq: (to, m) for to, rows in self.returned.items() for seq, m in rows}}
        for seq in sorted(back, reverse=True):
            to, message = back[seq]
            self.waiting[to].appendleft(message)

    def pump(self) -> None:
        """Send what the window allows, together or one by one; a refused mailbox waits for all its numbers' answers."""
        client = self.client
        if client is None:
            return
        for to, rows in list(self.returned.items()):
            if not any(target == to for target, _ in self.sent.values()):
                client.release(self.mailbox(to))
                self.waiting[to].extendleft(message for _, message in sorted(rows, reverse=True))
                del self.returned[to]
        made = []
        for to, queue in self.waiting.items():
            while queue and to not in self.returned and client.seq - self.answered < SEND_WINDOW:
                message = queue.popleft()
                made.append(client.send_frame(self.mailbox(to), message))
                self.sent[client.seq] = (to, message)
        for frame in gather_sends(made) if self.gathers else made:
            client.feed(frame)

    def mailbox(self, name: str) -> frames.Mailbox:
        return self.rig.connect(name, RECIPIENTS[name]).mailbox

    def listen(self) -> None:
        if self.client is None:
            return
        for frame in self.client.frames():
            match frame[0]:
                case Verb.ACCEPTED:
                    self.answered = frames.decode_u64(frame)
                    for seq in [seq for seq in self.sent if seq <= self.answered]:
                        self.accepted.append(self.sent.pop(seq))
                case Verb.REJECT:
                    seq, _, _ = frames.decode_reject(frame)
                    to, message = self.sent.pop(seq)
                    self.returned.setdefault(to, []).append((seq, message))
                case verb:
                    raise AssertionError(f"a sender got {Verb(verb).name}")


class Recipient:
    """A device that stores what comes before it acknowledges it, and shows each message once."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig = rig
        self.name = name
        self.shown: list[bytes] = []
        self.client: Client | None = None

    def connect(self) -> None:
        self.client = self.rig.login(self.name, RECIPIENTS[self.name])
        self.seq = self.acked = 0

    def lose(self) -> None:
        self.client = None

    def listen(self) -> None:
        if self.client is None:
            return
        for frame in self.client.frames():
            seq, _, message = frames.decode_deliver(frame)
            self.seq += 1
            assert seq == self.seq, "a gap in the numbers"
            assert seq - self.acked <= DELIVER_WINDOW, "past the window"
            if message not in self.shown:
                self.shown.append(message)

    def ack(self, upto: int) -> None:
        if self.client is not None and upto > self.acked:
            self.acked = upto
            self.client.ack(upto)


class Delivery(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("sealwire.broker.ledger.JOB_ROWS", JOB_ROWS)
        self.rig = Rig(self.folder, LIMITS, auto=False)
        self.senders = [Sender(self.rig, name) for name in SENDERS]
        self.recipients = [Recipient(self.rig, name) for name in RECIPIENTS]
        for peer in (*self.senders, *self.recipients):
            peer.connect()

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.patch.undo()
            self.rig.store.close()
            shutil.rmtree(self.folder)

    # --- what happens ----------------------------------------------------------------------------------------

    @rule(sender=st.integers(0, 1), to=st.sampled_from(sorted(RECIPIENTS)), count=st.integers(1, 4))
    def write(self, sender: int, to: str, count: int) -> None:
        for _ in range(count):
            self.senders[sender].write(to)
        self.senders[sender].pump()

    @rule(sender=st.integers(0, 1), gathers=st.booleans())
    def sender_gathers(self, sender: int, gathers: bool) -> None:
        """From now on what is ready at the same moment shares a frame (SEND_MANY), or no longer."""
        self.senders[sender].gathers = gathers

    @rule(sender=st.integers(0, 1))
    def sender_listens(self, sender: int) -> None:
        self.senders[sender].listen()
        self.senders[sender].pump()

    @rule(recipient=st.integers(0, 1), share=st.floats(0, 1))
    def recipient_listens_and_acknowledges(self, recipient: int, share: float) -> None:
        peer = self.recipients[recipient]
        peer.listen()
        if peer.client is not None:
            peer.ack(peer.acked + round((peer.seq - peer.acked) * share))

    @rule()
    def time_passes(self) -> None:
        self.rig.advance(0.005)

    @precondition(lambda self: self.rig.job is not None)
    @rule()
    def commit(self) -> None:
        self.rig.commit()

    @precondition(lambda self: self.rig.job is not None)
    @rule()
    def disk_is_full(self) -> None:
        self.rig.refuse()

    @precondition(lambda self: self.rig.job is not None)
    @rule()
    def crash_after_the_commit(self) -> None:
        self.rig.store.apply(self.rig.job)
        self.crash()

    @rule()
    def crash(self) -> None:
        self.rig.crash()
        for peer in (*self.senders, *self.recipients):
            peer.lose()

    @rule(index=st.integers(0, 3), politely=st.booleans())
    def link_ends(self, index: int, politely: bool) -> None:
        peer = (*self.senders, *self.recipients)[index]
        if peer.client is None:
            return
        if politely:
            peer.client.feed(frames.encode_bye(peer.client.token))
        else:
            peer.client.vanish()
        peer.lose()

    @rule(index=st.integers(0, 3))
    def link_begins(self, index: int) -> None:
        if self.rig.job is None:
            peer = (*self.senders, *self.recipients)[index]
            peer.lose()
            peer.connect()

    # --- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def accepted_is_stored_or_received(self) -> None:
        rows = {bytes(row[0]) for row in self.rig.store._db.execute("SELECT envelope FROM mail").fetchall()}
        for peer in self.recipients:
            peer.listen()
        received = {message for peer in self.recipients for message in peer.shown}
        for sender in self.senders:
            for _, message in sender.accepted:
                assert message in rows or message in received, message

    @invariant()
    def each_senders_order_holds(self) -> None:
        for peer in self.recipients:
            for name in SENDERS:
                numbers = [message for message in peer.shown if message.startswith(name.encode())]
                assert numbers == sorted(numbers), numbers

    @invariant()
    def counts_hold(self) -> None:
        router = self.rig.router
        ledger = router.relay.ledger
        unstored = [entry for entry in (*ledger.pending, *ledger._entries) if entry.state in (PEND, COMMIT)]
        assert ledger.unstored_bytes == sum(entry.size for entry in unstored)
        for mailbox in router.mailboxes.values():
            mine = [entry for entry in unstored if entry.mailbox is mailbox]
            assert mailbox.messages == len(mailbox.rows) + len(mine)
            assert mailbox.sent <= len(mailbox.rows)
            assert all(entry.state in (PEND, COMMIT) and not entry.flying for entry in mailbox.tail)
        links = list(router.links.values())
        assert len({link.mailbox.id for link in links}) == len(links)
        assert all(link.mailbox.link is link for link in links)

    def come_to_rest(self) -> None:
        """With fair links and no more faults everything written arrives, in order, and nothing stays behind."""
        everybody = (*self.senders, *self.recipients)
        self.rig.auto = True
        if self.rig.job is not None:
            self.rig.commit()
        for peer in everybody:
            peer.lose()
            peer.connect()
        for _ in range(ROUNDS_TO_REST):
            for sender in self.senders:
                sender.listen()
                sender.pump()
            for peer in self.recipients:
                peer.listen()
                peer.ack(peer.seq)
            self.rig.advance(0.05)
            if not any(sender.sent or sender.returned or any(sender.waiting.values()) for sender in self.senders):
                break
        self.rig.advance(0.1)
        for peer in self.recipients:
            peer.listen()
            peer.ack(peer.seq)
        self.rig.advance(0.1)
        self.each_senders_order_holds()
        shown = {message for peer in self.recipients for message in peer.shown}
        assert len(shown) == sum(sender.written for sender in self.senders), "lost or stuck"
        assert list(self.rig.store.snapshot().mail) == []
        assert all(mailbox.messages == 0 for mailbox in self.rig.router.mailboxes.values())


Delivery.TestCase.settings = examples(20, stateful_step_count=40)
TestDelivery = Delivery.TestCase
