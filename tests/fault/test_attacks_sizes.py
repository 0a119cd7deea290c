"""Attacks that broke other systems: what a thing is, told by how long it is.

The numbers are those of docs/security.md.
"""

import os
import random

import pytest

from sealwire.crypto.attachments import MIN_PADDED_BYTES, blob_size, padded_size
from sealwire.crypto.group_entry import Kind, encode_text
from sealwire.crypto.session import BUCKETS
from sealwire.crypto.whisper import WHISPER_BYTES
from sealwire.errors import RemoteProtocolError
from sealwire.peer.files import Sending
from sealwire.peer.parcels import identity_of
from sealwire.wire.blobs import CHUNK_BYTES, CHUNK_OVERHEAD, BlobOpen, chunk_count, decode_blob_request
from sealwire.wire.file_content import MAX_CAPTION_BYTES, MAX_FILE_BYTES
from sealwire.wire.frames import AT_BODY, AT_SEND_ENVELOPE, Verb
from sealwire.wire.header import HS_BYTES
from tests.company import Company

OVERHEAD = 16 + 128
SIZES = {OVERHEAD + bucket + hs for bucket in BUCKETS for hs in (0, 2 + HS_BYTES)}
AT_TARGETS = 35
MAILBOX = 16
CORPUS = (
    "",
    "yes",
    "\N{THUMBS UP SIGN}",
    "\u4f60\u597d\uff0c\u660e\u5929\u89c1",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
    "```\n" + "def f():\n    return 1\n" * 40 + "```",
    "Lorem ipsum dolor sit amet, " * 120,
    "x" * 13_000,
)


def envelope_of(frame):
    """What a frame carries to people, or None."""
    if frame[0] == Verb.SEND:
        return frame[AT_SEND_ENVELOPE:]
    if frame[0] == Verb.FANOUT:
        return frame[AT_TARGETS + MAILBOX * int.from_bytes(frame[33:35], "big") :]
    return None


@pytest.fixture
def watched(net):
    """Three people in a group, and everything that anybody sends to the broker."""
    sent = []
    real = net.to_broker
    net.to_broker = lambda end, frames: sent.extend(frames) or real(end, frames)
    alice, bob, carol = net.peer("alice"), net.peer("bob"), net.peer("carol", keys="mallory")
    net.run()
    company = Company(net, alice)
    company.join(alice, bob, carol)
    return company, alice, bob, sent


def do(peer, what, *args):
    return peer.turn([], lambda engine, now: getattr(engine.words, what)(*args, now))


def live(net, company, alice, bob):
    """Everything that people do in a conversation, between two and in the group."""
    dice = random.Random(32)
    for conversation in ("bob", company.conversation):
        for text in CORPUS:
            said = alice.send(conversation, text)
            net.run()
            other = "alice" if conversation == "bob" else conversation
            do(bob, "react", other, said, "\N{THUMBS UP SIGN}")
            do(alice, "edit", conversation, said, text + " " + "more" * dice.randrange(300))
            do(alice, "pin", conversation, said, dice.random() < 0.5)
            bob.turn([], lambda engine, now, other=other: engine.whispers.typing(other, True, now))
            net.advance(1)
            if dice.random() < 0.4:
                do(alice, "delete", conversation, said)
        send_file(alice, conversation, "a" * dice.randrange(1, 200), "c" * dice.randrange(MAX_CAPTION_BYTES))
        net.advance(1)
    company.do(alice, Kind.RENAME, value=encode_text("another name"))


def send_file(peer, to, name, caption):
    source = peer.folder / "source"
    source.write_bytes(os.urandom(5_000))
    size, mtime_ns = identity_of(source)
    sending = Sending(str(source), name, size, mtime_ns, "text/plain")
    peer.turn([], lambda engine, now: engine.files.send(to, sending, caption, now, None))


def test_attack_32_whatever_people_do_has_one_of_seven_sizes(net, watched):
    company, alice, bob, sent = watched
    live(net, company, alice, bob)
    envelopes = [envelope for frame in sent if (envelope := envelope_of(frame)) is not None]
    histogram = dict.fromkeys(map(len, envelopes), 0)
    for envelope in envelopes:
        histogram[len(envelope)] += 1
    assert sum(histogram.values()) > 60
    assert len(histogram) > 5
    assert set(histogram) <= SIZES, sorted(set(histogram) - SIZES)
    whispers = {len(frame) - AT_BODY - MAILBOX for frame in sent if frame[0] == Verb.EPHEMERAL}
    assert whispers == {WHISPER_BYTES}
    opened = [r for frame in sent if frame[0] == Verb.REQUEST if isinstance(r := request(frame), BlobOpen)]
    assert {one.size for one in opened} == {blob_size(5_000)}


def request(frame):
    try:
        return decode_blob_request(frame)
    except RemoteProtocolError:
        return None


def test_attack_32_files_have_few_sizes_too():
    dice = random.Random(32)
    sizes = [dice.randrange(1 << dice.randrange(1, 41)) for _ in range(20_000)] + [MAX_FILE_BYTES]
    seen = {padded_size(size) for size in sizes}
    assert len(seen) < 1_500, "of 20,000 files"
    assert min(seen) == MIN_PADDED_BYTES
    for size in sizes:
        padded = padded_size(size)
        assert size <= padded <= max(MIN_PADDED_BYTES, size * 1.12)
        assert blob_size(size) == padded + CHUNK_OVERHEAD * -(-padded // CHUNK_BYTES)
        assert chunk_count(blob_size(size)) == -(-padded // CHUNK_BYTES)
