"""Stories of files between people, without sockets: the real engines, movers, files and a real broker."""

from __future__ import annotations

import dataclasses
import os

import pytest
from msgspec.structs import replace

from sealwire.broker.port import BrokerSettings
from sealwire.crypto.group_entry import Kind
from sealwire.errors import UnknownFileError, UnknownMessageError
from sealwire.peer.events import File, Message
from sealwire.peer.files import Sending
from sealwire.peer.moves import Progressed
from sealwire.peer.parcels import identity_of
from sealwire.peer.prefs import Prefs
from sealwire.testing import Network
from sealwire.testing.network import AT_EASE
from sealwire.wire.blobs import CHUNK_BYTES
from tests.company import Company
from tests.conftest import PEOPLE

SMALL = b"small enough to come by itself\n"
LARGE = os.urandom(1_500_000)


def send(peer, to, content=SMALL, name="note.txt", caption="", answers=None, media_type="text/plain"):
    """Send a file; returns its message id."""
    source = peer.folder / "outbox" / name
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(content)
    size, mtime_ns = identity_of(source)
    sending = Sending(str(source), name, size, mtime_ns, media_type)
    return peer.turn([], lambda engine, now: engine.files.send(to, sending, caption, now, answers)).hex()


def ask(peer, what, *args):
    return peer.turn([], lambda engine, _now: getattr(engine.files, what)(*args))


def message(peer, file_id):
    found = [e for e in peer.events if isinstance(e, Message) and e.id == file_id]
    return found[-1]


def stand(peer, file_id):
    """How the file stands in the history."""
    store = peer.store
    (found,) = [store.shown(row.row) for row in store.files_of(bytes.fromhex(file_id))]
    return found.file


def states(peer, file_id):
    seen = []
    for event in peer.events:
        if isinstance(event, File) and event.id == file_id and event.state not in seen[-1:]:
            seen.append(event.state)
    return seen


def fetched(peer):
    return sorted(path.name for path in peer.hauler.folder.iterdir())


def blobs(net):
    return net.router.status()["blobs"]


@pytest.fixture
def make(tmp_path):
    """A network with settings of its own."""
    made = []

    def build(*args, **more):
        made.append(Network(tmp_path, PEOPLE, *args, **more))
        return made[-1]

    yield build
    for network in made:
        network.__exit__(None, None, None)


@pytest.fixture
def two(net):
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    return alice, bob


# --- from one to another -------------------------------------------------------------------------------------


def test_a_small_file_of_a_contact_is_simply_there_and_leaves_the_broker(net, two):
    alice, bob = two
    file_id = send(alice, "bob", caption="read this")
    assert alice.store.queued_count() == 1
    net.run()
    assert alice.store.queued_count() == 0
    told = message(bob, file_id)
    assert (told.kind, told.text, told.sender) == ("file", "read this", "alice")
    assert (told.file.name, told.file.size_bytes, told.file.media_type) == ("note.txt", len(SMALL), "text/plain")
    assert (bob.hauler.folder / "note.txt").read_bytes() == SMALL
    assert states(bob, file_id) == ["receiving", "done"]
    assert states(alice, file_id) == ["sending", "done"]
    assert alice.states(file_id) == ["sent", "delivered"]
    assert stand(bob, file_id).path == str(bob.hauler.folder / "note.txt")
    assert blobs(net) == 0  # bob's only device has it


def test_a_deleted_messages_file_goes_even_if_the_process_dies_before_it_is_deleted(net, two):
    alice, bob = two
    file_id = send(alice, "bob")
    net.run()
    bob.hauler.carry_out = lambda _order: None  # killed between the commit and what follows from it
    bob.turn([], lambda engine, now: engine.words.delete("alice", file_id, now, for_everyone=False))
    assert fetched(bob) == ["note.txt"]
    bob.crash()
    bob.start()
    net.advance(5)
    assert fetched(bob) == []
    assert bob.store.file_litter() == []


def test_a_large_file_waits_for_a_person_and_says_how_far_it_is(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    assert message(bob, file_id).file.state == "offered"
    assert fetched(bob) == []
    ask(bob, "fetch", file_id, None)
    net.run()
    assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE
    done = [e.done_bytes for e in bob.events if isinstance(e, File) and e.id == file_id]
    assert done == sorted(done)
    assert done[-1] == len(LARGE)


def test_files_never_hold_up_words(net, two):
    alice, bob = two
    send(alice, "bob", LARGE, "film.bin")
    alice.send("bob", "did you get it?")
    while "did you get it?" not in bob.texts():
        net._pass(0.001)
        net._turn()
    assert alice.hauler.mover.is_busy  # still under way


def test_two_files_of_one_name_stand_beside_each_other(net, two):
    alice, bob = two
    for n in range(3):
        send(alice, "bob", b"%d" % n)
        net.run()
    assert fetched(bob) == ["note (2).txt", "note (3).txt", "note.txt"]


def test_a_name_that_is_a_trap_is_none_here(net, two):
    alice, bob = two
    source = alice.folder / "innocent"
    source.write_bytes(SMALL)
    sending = Sending(str(source), "x", *identity_of(source), "text/plain")
    file_id = alice.turn([], lambda engine, now: engine.files.send("bob", sending, "", now)).hex()
    (record,) = alice.store.files_of(bytes.fromhex(file_id))
    with alice.store.transaction():
        alice.store.put_file(dataclasses.replace(record, name="../../\u202etxt.exe"))  # a sender of its own making
    net.run()
    assert message(bob, file_id).file.name == "txt.exe"
    assert fetched(bob) == ["txt.exe"]


def test_a_file_answers_a_message_and_cannot_answer_one_that_is_not_there(net, two):
    alice, bob = two
    asked = bob.send("alice", "send me the note")
    net.run()
    file_id = send(alice, "bob", answers=asked)
    net.run()
    assert message(bob, file_id).reply_to.text == "send me the note"
    with pytest.raises(UnknownMessageError):
        send(alice, "bob", answers="00" * 16)


def test_a_stranger_who_offers_a_file_gets_nothing_moved_and_hears_nothing(make):
    net = make(prefs=Prefs(receipt_pause_s=0.0))
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    file_id = send(alice, "bob")
    net.run()
    told = message(bob, file_id)
    assert told.request
    assert told.file.state == "offered"
    assert fetched(bob) == []
    ask(bob, "fetch", file_id, None)  # a person may look at it, and still nothing is told back
    net.run()
    assert fetched(bob) == ["note.txt"]
    assert blobs(net) == 1
    assert alice.states(file_id) == ["sent"]


def test_fetching_by_itself_can_be_switched_off(make):
    net = make(prefs=replace(AT_EASE, fetch_files_up_to=0))
    alice, bob = net.peer("alice"), net.peer("bob")
    net.run()
    send(alice, "bob")
    net.run()
    assert fetched(bob) == []


# --- breaks --------------------------------------------------------------------------------------------------


def some_turns(net, count):
    for _ in range(count):
        net._pass(0.001)
        net._turn()


@pytest.mark.parametrize("turns", [2, 5, 8, 12, 20])
def test_a_sender_that_is_killed_goes_on_at_its_next_start(net, two, turns):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    some_turns(net, turns)
    alice.crash()
    net.run()
    alice.start()
    net.run()
    ask(bob, "fetch", file_id, None)
    net.run()
    assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE


@pytest.mark.parametrize("turns", [2, 5, 8, 12, 20])
def test_a_recipient_that_is_killed_goes_on_at_its_next_start(net, two, turns):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    ask(bob, "fetch", file_id, None)
    some_turns(net, turns)
    bob.crash()
    if "film.bin" in fetched(bob):  # then it is whole
        assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE
    bob.start()
    net.run()
    assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE
    assert fetched(bob) == ["film.bin"]


def test_a_broker_that_is_killed_on_the_way_loses_nothing(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    for _ in range(3):
        some_turns(net, 6)
        net.restart_broker()
        net.advance(3)
    net.advance(30)
    ask(bob, "fetch", file_id, None)
    for _ in range(3):
        some_turns(net, 6)
        net.restart_broker()
        net.advance(3)
    net.advance(30)
    assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE


def test_a_sender_killed_between_the_broker_and_its_message_still_sends_the_message(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    while not any(file.done for file in net.router.blobs._blobs.values()):
        some_turns(net, 1)
    alice.crash()
    alice.start()
    net.run()
    assert message(bob, file_id).file.name == "film.bin"


def test_a_file_that_was_paused_goes_on_when_a_person_says_so(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    some_turns(net, 8)
    ask(alice, "pause", file_id)
    net.run()
    assert states(alice, file_id)[-1] == "paused"
    assert not alice.hauler.mover.is_busy
    alice.crash()
    alice.start()
    net.run()
    assert not alice.hauler.mover.is_busy  # a pause outlives the process
    ask(alice, "resume", file_id)
    net.run()
    assert message(bob, file_id).file.name == "film.bin"


# --- what goes wrong -----------------------------------------------------------------------------------------


def test_a_source_that_changes_on_the_way_fails_in_words_and_reaches_nobody(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    some_turns(net, 6)
    (alice.folder / "outbox" / "film.bin").write_bytes(LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
    net.run()
    assert states(alice, file_id)[-1] == "failed"
    assert alice.states(file_id) == ["failed"]
    assert "changed while it was being sent" in stand_reason(alice, file_id)
    assert bob.texts() == []
    assert blobs(net) == 0, "what it left fits nothing any more, and does not fill the quota"


def test_a_source_that_changed_and_was_put_right_is_sent_from_its_beginning(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    some_turns(net, 6)
    source = alice.folder / "outbox" / "film.bin"
    before = identity_of(source)
    source.write_bytes(b"short")
    net.run()
    assert states(alice, file_id)[-1] == "failed"
    source.write_bytes(LARGE)
    os.utime(source, ns=(before.mtime_ns, before.mtime_ns))
    assert alice.turn([], lambda engine, now: engine.retry(now)) == 1
    some_turns(net, 6)
    alice.crash()
    alice.start()
    net.run()
    ask(bob, "fetch", file_id, None)
    net.run()
    assert (bob.hauler.folder / "film.bin").read_bytes() == LARGE


def stand_reason(peer, file_id):
    return [e.reason for e in peer.events if isinstance(e, File) and e.id == file_id][-1]


def test_a_source_that_vanished_can_be_sent_again_when_it_is_back(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    source = alice.folder / "outbox" / "film.bin"
    some_turns(net, 6)
    alice.crash()
    away = source.rename(source.with_name("away"))
    alice.start()
    net.run()
    assert states(alice, file_id)[-1] == "failed"
    assert blobs(net) == 1, "what is there is gone on with"
    away.rename(source)
    assert alice.turn([], lambda engine, now: engine.retry(now)) == 1
    net.run()
    assert message(bob, file_id).file.size_bytes == len(LARGE)


def test_a_source_that_is_another_after_a_break_is_sent_anew(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    source = alice.folder / "outbox" / "film.bin"
    mtime_ns = identity_of(source).mtime_ns
    while not any(isinstance(one, Progressed) for one in alice.hauler.told):
        some_turns(net, 1)
    alice.crash()
    other = bytes([LARGE[0] ^ 1]) + LARGE[1:]
    source.write_bytes(other)
    os.utime(source, ns=(mtime_ns, mtime_ns))  # as if nothing had been
    alice.start()
    net.run()
    ask(bob, "fetch", file_id, None)
    net.run()
    assert (bob.hauler.folder / "film.bin").read_bytes() == other


def test_a_file_past_the_quota_fails_with_the_reason(make):
    net = make(BrokerSettings(blob_quota_bytes=1_000_000))
    alice, _bob = net.peer("alice"), net.peer("bob")
    net.run()
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    assert alice.states(file_id) == ["failed"]
    assert "quota" in stand_reason(alice, file_id)


def test_a_file_that_the_broker_no_longer_has_says_so(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    ask(alice, "cancel", file_id)
    net.run()
    assert blobs(net) == 0
    ask(bob, "fetch", file_id, None)
    net.run()
    assert states(bob, file_id)[-1] == "failed"
    assert "does not have the file" in stand_reason(bob, file_id)
    assert fetched(bob) == []


def test_a_file_that_was_altered_at_the_broker_leaves_nothing_here(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    (path,) = (net.folder / "broker" / "blobs").iterdir()
    content = bytearray(path.read_bytes())
    content[5 * CHUNK_BYTES] ^= 1
    path.write_bytes(content)
    ask(bob, "fetch", file_id, None)
    net.run()
    assert states(bob, file_id)[-1] == "failed"
    assert fetched(bob) == []


def test_asking_for_what_is_no_file_is_an_error_in_words(net, two):
    alice, bob = two
    own = send(alice, "bob")
    words = bob.send("alice", "hello")
    net.run()
    for peer, named in ((bob, words), (bob, "00" * 16), (alice, own)):
        with pytest.raises(UnknownFileError):
            ask(peer, "fetch", named, None)


# --- the end of a file ---------------------------------------------------------------------------------------


def test_a_file_that_is_cancelled_on_the_way_is_gone_everywhere(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    some_turns(net, 8)
    ask(alice, "cancel", file_id)
    net.run()
    assert states(alice, file_id)[-1] == "cancelled"
    assert alice.states(file_id) == ["failed"]
    assert blobs(net) == 0
    assert bob.texts() == []
    assert alice.turn([], lambda engine, now: engine.retry(now)) == 0  # a person gave it up


def test_a_fetch_that_is_cancelled_leaves_nothing_and_can_begin_again(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    ask(bob, "fetch", file_id, None)
    some_turns(net, 8)
    ask(bob, "cancel", file_id)
    net.run()
    assert fetched(bob) == []
    ask(bob, "fetch", file_id, str(bob.folder / "here.bin"))
    net.run()
    assert (bob.folder / "here.bin").read_bytes() == LARGE


def test_taking_a_message_back_takes_its_file_along_on_both_sides(net, two):
    alice, bob = two
    file_id = send(alice, "bob")
    net.run()
    assert fetched(bob) == ["note.txt"]
    alice.turn([], lambda engine, now: engine.words.delete("bob", file_id, now))
    net.run()
    assert fetched(bob) == []
    assert message(bob, file_id).deleted
    assert message(bob, file_id).file is None
    assert (alice.folder / "outbox" / "note.txt").exists()  # the source is the person's own


def test_a_message_taken_back_before_it_was_fetched_leaves_the_broker(net, two):
    alice, _bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    assert blobs(net) == 1
    alice.turn([], lambda engine, now: engine.words.delete("bob", file_id, now))
    net.run()
    assert blobs(net) == 0


def test_a_file_saved_elsewhere_stays_when_its_message_goes(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    ask(bob, "fetch", file_id, str(bob.folder / "mine.bin"))
    net.run()
    bob.turn([], lambda engine, now: engine.words.delete("alice", file_id, now, for_everyone=False))
    net.run()
    assert (bob.folder / "mine.bin").read_bytes() == LARGE


def test_a_blob_is_dropped_even_if_the_broker_was_away_when_it_should_go(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "film.bin")
    net.run()
    net.kill_broker()
    ask(alice, "cancel", file_id)
    alice.crash()
    net.start_broker()
    assert blobs(net) == 1
    alice.start()
    net.run()
    net.advance(10)
    assert blobs(net) == 0
    assert bob.store.files_moving() == []


def test_a_message_that_disappears_takes_its_file_along(net, two):
    alice, bob = two
    alice.turn([], lambda engine, now: engine.words.set_timer("bob", 60, now))
    file_id = send(alice, "bob")
    net.run()
    assert fetched(bob) == ["note.txt"]
    bob.turn([], lambda engine, now: engine.mail.mark_read(1 << 40, now))
    net.advance(90)
    bob.turn([])
    assert fetched(bob) == []
    assert bob.store.files_of(bytes.fromhex(file_id)) == []


# --- groups --------------------------------------------------------------------------------------------------


@pytest.fixture
def group(net):
    """alice's group with bob and carol in it; dave is not."""
    keys = {"carol": "mallory", "dave": "alice"}
    people = {name: net.peer(name, keys.get(name)) for name in ("alice", "bob", "carol", "dave")}
    net.run()
    company = Company(net, people["alice"])
    company.join(people["alice"], people["bob"], people["carol"])
    return company, people


def test_one_blob_serves_a_whole_group_and_goes_when_every_device_has_it(net, group):
    company, people = group
    file_id = send(people["alice"], company.conversation, LARGE, "plan.pdf", caption="the plan")
    company.settle()
    assert blobs(net) == 1
    assert people["alice"].states(file_id)[-1] == "delivered"
    for name in ("bob", "carol"):
        assert message(people[name], file_id).text == "the plan"
        ask(people[name], "fetch", file_id, None)
        company.settle()
        assert (people[name].hauler.folder / "plan.pdf").read_bytes() == LARGE
        assert blobs(net) == (1 if name == "bob" else 0)
    assert not [e for e in people["dave"].events if isinstance(e, Message)]


def test_a_small_file_in_a_group_comes_by_itself(net, group):
    company, people = group
    send(people["bob"], company.conversation)
    company.settle()
    assert fetched(people["alice"]) == fetched(people["carol"]) == ["note.txt"]


def test_who_was_removed_is_offered_nothing_more(net, group):
    company, people = group
    company.remove(people["alice"], "bob")
    company.settle()
    file_id = send(people["alice"], company.conversation)
    company.settle()
    assert fetched(people["carol"]) == ["note.txt"]
    assert not [e for e in people["bob"].events if isinstance(e, Message) and e.id == file_id]
    assert blobs(net) == 0  # carol's was the only device left to have it


def moves(net, turns):
    """A few turns in which a large file is still on its way."""
    for _ in range(turns):
        net._pass(0.001)
        net._turn()


def test_what_comes_from_somebody_ends_when_they_are_blocked_and_nothing_of_it_stays(net, two):
    alice, bob = two
    file_id = send(alice, "bob", LARGE, "large.bin")
    net.run()
    ask(bob, "fetch", file_id, None)
    moves(net, 5)
    assert stand(bob, file_id).state == "receiving"
    bob.turn([], lambda engine, _now: engine.people.block("alice", True))
    net.advance(5)
    assert stand(bob, file_id).state == "cancelled"
    assert fetched(bob) == []
    bob.crash()
    bob.start()
    net.advance(5)
    assert fetched(bob) == [], "and no start goes on with it"


def test_a_file_for_a_group_that_put_its_sender_out_meanwhile_fails_and_leaves_the_broker(net, group):
    company, people = group
    alice, bob = people["alice"], people["bob"]
    file_id = send(bob, company.conversation, LARGE, "large.bin")
    moves(net, 5)
    company.act(alice, Kind.REMOVE, "bob")
    net.advance(60)
    assert company.state(bob) == "removed"
    assert states(bob, file_id)[-1] == "failed"
    assert bob.states(file_id) == ["failed"]
    assert blobs(net) == 0
    assert bob.store.outbox_rows() == []
