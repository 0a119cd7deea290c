"""What somebody who is let in can say that nobody may: refused, counted, one clear line; everything else goes on."""

from __future__ import annotations

import os

import pytest

from sealwire.errors import LocalProtocolError
from sealwire.ids import MessageId
from sealwire.peer.events import File, Message
from sealwire.peer.filenames import MAX_NAME_BYTES
from sealwire.peer.files import Sending
from sealwire.peer.parcels import identity_of
from sealwire.wire.blobs import CHUNK_BYTES, SEALED_CHUNK_BYTES
from sealwire.wire.file_content import MAX_CAPTION_BYTES, MAX_MEDIA_TYPE_BYTES, FileOffer, FileRun
from sealwire.wire.word_content import Delete, Edit, React, Ref
from tests.fault.hostile import friends, inject, reasons

LARGE = 1_300_000
TEN_MB = 10 * 1_000_000


@pytest.fixture
def pair(net):
    return friends(net, "alice", "bob")


def say(peer, content):
    """Have a device say any content to bob, as a program of the attacker's would."""
    message_id = MessageId(os.urandom(16))
    peer.turn([], lambda engine, now: engine.mail.say("bob", message_id, content, now))
    peer.net.run()
    return message_id.hex()


def say_what_cannot_be(peer, other, content):
    """Our own side would not send it: sealed past it, in the session there is."""
    with peer.store.transaction():
        pair, own = peer.engine._pairs.of(other.mailbox()), peer.identity.card.card.hash
        _counter, envelope = pair.seal(own, MessageId(os.urandom(16)), content, peer.net.now.ms, os.urandom)
        peer.engine._pairs.flush()
    inject(other, envelope)
    peer.net.run()


def send(peer, content, path, name=None):
    source = peer.folder / "outbox" / path
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(content)
    sending = Sending(str(source), name or path, *identity_of(source), "")
    message = peer.turn([], lambda engine, now: engine.files.send("bob", sending, "", now, None)).hex()
    peer.net.run()
    return message


def fetch(peer, message):
    peer.turn([], lambda engine, _now: engine.files.fetch(message, None))
    peer.net.run()


def failures(peer):
    return [event.reason for event in peer.events if isinstance(event, File) and event.state == "failed"]


def files(peer):
    return sorted(path.name for path in peer.hauler.folder.iterdir())


def goes_on(net, alice, bob):
    alice.send("bob", "and now?")
    net.run()
    return bob.texts()[-1] == "and now?" and not bob.errors


def offer(**changes):
    secrets = {"digest": os.urandom(32), "blob": os.urandom(16), "secret": os.urandom(32), "key": os.urandom(32)}
    fields = {"name": "x", "size": 1, "media_type": "", "caption": "", "width": 0, "height": 0, "thumbnail": b""}
    return FileOffer(**{**fields, "runs": [FileRun(0, os.urandom(24))], **secrets, **changes})


# --- files -----------------------------------------------------------------------------------------------------


def test_chunks_swapped_between_two_files_are_neither_file(net, pair):
    alice, bob = pair
    sent = [send(alice, os.urandom(LARGE), f"{n}.bin") for n in range(2)]
    one, two = sorted((net.folder / "broker" / "blobs").iterdir())
    first, second = one.read_bytes(), two.read_bytes()
    at = slice(3 * SEALED_CHUNK_BYTES, 4 * SEALED_CHUNK_BYTES)
    for path, whole, other in ((one, first, second), (two, second, first)):
        path.write_bytes(whole[: at.start] + other[at] + whole[at.stop :])
    for message in sent:
        fetch(bob, message)
    assert failures(bob) == ["The file is not what its message announces; nothing of it was kept."] * 2
    assert files(bob) == []
    assert goes_on(net, alice, bob)


def test_a_file_that_lies_about_its_size_is_none(net, pair):
    alice, bob = pair
    send(alice, os.urandom(LARGE), "true.bin")
    (record,) = alice.store.files_of(bytes.fromhex(alice_last(alice)))
    runs = [FileRun(run.first, run.header) for run in record.runs]
    true = {"digest": record.digest, "blob": record.blob, "secret": record.secret, "key": record.key, "runs": runs}
    for size in (LARGE - 1, LARGE + 1, LARGE + CHUNK_BYTES, LARGE + (1 << 32), 1 << 40, 0):
        before = len(failures(bob))
        lie = say(alice, offer(name="lie.bin", size=size, **true))
        fetch(bob, lie)
        assert set(failures(bob)[before:]) == {"The file is not what its message announces; nothing of it was kept."}
        assert files(bob) == []
    assert goes_on(net, alice, bob)


def alice_last(alice):
    return [event.id for event in alice.events if isinstance(event, File)][-1]


IMPOSSIBLE = {
    "a name as long as a message": {"name": "x" * 15_000},
    "a name past its bytes": {"name": "\N{GRINNING FACE}" * 255},
    "no name": {"name": ""},
    "a media type past its bytes": {"media_type": "\N{GRINNING FACE}" * MAX_MEDIA_TYPE_BYTES},
    "a caption past its bytes": {"caption": "\u4f60" * MAX_CAPTION_BYTES},
    "a size past all sizes": {"size": (1 << 40) + 1},
    "a size below none": {"size": -1},
    "runs that begin late": {"runs": [FileRun(1, os.urandom(24))]},
    "runs backwards": {"size": LARGE, "runs": [FileRun(n, os.urandom(24)) for n in (0, 9, 5)]},
    "a run behind the end": {"size": LARGE, "runs": [FileRun(n, os.urandom(24)) for n in (0, 99)]},
    "more runs than there may be": {"size": 1 << 40, "runs": [FileRun(n, os.urandom(24)) for n in range(129)]},
    "no runs": {"runs": []},
    "a huge thumbnail": {"thumbnail": bytes(7_000)},
}


def test_an_announcement_that_cannot_be_is_set_aside_with_one_line(net, pair):
    alice, bob = pair
    for count, (name, lie) in enumerate(IMPOSSIBLE.items(), 1):
        say_what_cannot_be(alice, bob, offer(**lie))
        assert not [event for event in bob.events if isinstance(event, Message) and event.kind == "file"], name
        assert reasons(bob) == ["malformed"] * count, name
        assert [warning.message for warning in bob.warnings("unreadable")] == [
            "A message could not be read: its form is wrong. It is kept in quarantine."
        ] * count
    assert files(bob) == []
    assert goes_on(net, alice, bob)


def test_a_name_of_ten_megabytes_is_no_message_at_all(net, pair):
    """Ours cuts it before anything is stored, and no envelope holds it; what travels is judged above."""
    alice, bob = pair
    with pytest.raises(LocalProtocolError):
        say_what_cannot_be(alice, bob, offer(name="x" * TEN_MB))
    sent = send(alice, b"small", "x", name="\u202e/" + "x" * TEN_MB + ".txt")
    names = [event.file.name for event in bob.events if isinstance(event, Message) and event.id == sent]
    assert [(len(name), name[-4:]) for name in names] == [(MAX_NAME_BYTES, ".txt")]
    assert [len(name) for name in files(bob)] == [MAX_NAME_BYTES]
    assert goes_on(net, alice, bob)


# --- words -----------------------------------------------------------------------------------------------------


def shown(peer, conversation):
    return [
        (message.text, message.deleted, message.reactions) for message in peer.store.history(conversation, 50, None)
    ]


@pytest.mark.parametrize("change", [lambda id: Edit(id, 1, "forged"), Delete], ids=["edit", "delete"])
def test_a_change_of_anothers_message_is_refused_counted_and_said_once(net, pair, change):
    alice, bob = pair
    said = bytes.fromhex(bob.send("alice", "bob's own words"))
    net.run()
    before = shown(bob, "alice")
    for _ in range(20):
        say(alice, change(said))
    assert shown(bob, "alice") == before
    assert [(warning.conversation, warning.count) for warning in bob.warnings("refused-change")] == [("alice", 1)]
    assert bob.engine.words._refusals.count("alice", "alice") == 20
    assert goes_on(net, alice, bob)


def test_a_reaction_to_nothing_shows_nothing_and_is_bounded(net, pair):
    alice, bob = pair
    before, events = shown(bob, "alice"), len(bob.events)
    for _ in range(20):
        say(alice, React(Ref("bob", os.urandom(16)), 1, "\N{THUMBS UP SIGN}"))
        say(alice, React(Ref("carol", os.urandom(16)), 1, "\N{THUMBS UP SIGN}"))
    assert shown(bob, "alice") == before
    assert len(bob.events) == events
    (kept,) = bob.store._db.execute("SELECT count(*) FROM aside").fetchall()
    assert kept == (40,), "they wait for their messages, at most 500 of one person"
    assert goes_on(net, alice, bob)


def test_a_reaction_that_is_not_one_sign_is_refused_and_said(net, pair):
    alice, bob = pair
    said = bytes.fromhex(bob.send("alice", "well?"))
    net.run()
    before = shown(bob, "alice")
    for sign in ("no emoji", "\N{THUMBS UP SIGN}\N{THUMBS UP SIGN}", "\u202e", "a\n"):
        say(alice, React(Ref("bob", said), 1, sign))
    assert shown(bob, "alice") == before
    assert len(bob.warnings("refused-change")) == 1
    assert goes_on(net, alice, bob)
