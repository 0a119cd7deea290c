"""Who is in a group: each kind of entry, each right, and everything that changes nothing."""

import itertools
import os

import pytest

from sealwire.crypto.group_entry import Body, Invited, Kind, Role, SignedBody, encode_device, encode_text, is_plain
from sealwire.crypto.identity import Identity
from sealwire.crypto.membership import (
    MAX_INVITED_MS,
    RIGHTS,
    addresses,
    decode_membership,
    encode_membership,
)
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import DeviceId
from sealwire.testing.network import reissue
from sealwire.wire.header import Reader
from tests.book import Book
from tests.vectors.people import NOW_MS, REALM, person

ROLES = {Role.OWNER: "alice", Role.ADMIN: "adam", Role.MEMBER: "mia", Role.READ_ONLY: "rob"}


def someone(name: str, keys: str = "bob") -> Identity:
    return reissue(person(keys), REALM, name, DeviceId(os.urandom(16)), NOW_MS)


@pytest.fixture(scope="module")
def people():
    return {name: person("alice") if name == "alice" else someone(name) for name in (*ROLES.values(), "guest", "new")}


@pytest.fixture
def book(people):
    """One member of each role, and one who is invited."""
    book = Book(people["alice"])
    for role, name in ROLES.items():
        if name != "alice":
            book.join(book.owner, people[name], role)
    book.invite(book.owner, people["guest"])
    return book


def roles(book: Book) -> dict[str, Role]:
    return {name: Role(member.role) for name, member in book.state.joined().items()}


def test_a_group_begins_with_its_owner():
    book = Book(person("alice"), "no")
    assert roles(book) == {"alice": Role.OWNER}
    assert (book.state.name, book.state.epoch, book.state.timer_s) == ("no", 1, 0)
    assert list(addresses(book.state).values()) == ["alice"]


def test_whoever_is_invited_is_no_member_until_accepting(book, people):
    assert "guest" not in roles(book)
    assert people["guest"].card.card.mailbox not in addresses(book.state)
    assert book.accept(people["guest"]) is not None
    assert roles(book)["guest"] is Role.MEMBER
    assert people["guest"].card.card.mailbox in addresses(book.state)


VALUES = {
    Kind.RENAME: encode_text("other"),
    Kind.TOPIC: encode_text("of this and that"),
    Kind.TIMER: (60).to_bytes(4, "big"),
    Kind.HISTORY: b"\1",
    Kind.REKEY: b"",
    Kind.ROLE: bytes((Role.MEMBER,)),
    Kind.REMOVE: b"",
    Kind.LEAVE: b"",
}


@pytest.mark.parametrize(("kind", "role"), list(itertools.product(VALUES, Role)))
def test_each_kind_is_for_those_who_may(book, people, kind, role):
    subject = "mia" if kind in (Kind.ROLE, Kind.REMOVE) else ""
    if role is Role.MEMBER and kind is Kind.REMOVE:
        subject = "rob"
    if kind is Kind.LEAVE and role is Role.OWNER:
        book.write(book.owner, Kind.ROLE, "adam", bytes((Role.OWNER,)))
    changed = book.write(people[ROLES[role]], kind, subject, VALUES[kind])
    assert (changed is not None) == (role in RIGHTS[kind])


@pytest.mark.parametrize(("inviter", "given"), list(itertools.product(Role, Role)))
def test_owners_invite_as_anything_and_admins_only_below_themselves(book, people, inviter, given):
    changed = book.invite(people[ROLES[inviter]], people["new"], given)
    allowed = inviter is Role.OWNER or (inviter is Role.ADMIN and given > Role.ADMIN)
    assert (changed is not None) == allowed
    assert ("new" in book.state.members) == allowed


@pytest.mark.parametrize("name", ["alice", "adam", "mia", "rob", "guest"])
def test_an_admin_removes_those_below_and_an_owner_everybody_but_oneself(book, people, name):
    by_admin = book.write(people["adam"], Kind.REMOVE, name)
    assert (by_admin is not None) == (name in ("mia", "rob", "guest"))
    if by_admin is None:
        assert (book.write(book.owner, Kind.REMOVE, name) is not None) == (name != "alice")


def test_nobody_is_removed_invited_or_given_a_role_who_is_not_there(book, people):
    assert book.write(book.owner, Kind.REMOVE, "nobody") is None
    assert book.write(book.owner, Kind.ROLE, "guest", bytes((Role.ADMIN,))) is None
    assert book.invite(book.owner, people["mia"]) is None
    assert book.invite(book.owner, people["guest"]) is None


def test_the_last_owner_stays_one_and_leaves_only_as_the_last_member(people):
    book = Book(people["alice"])
    book.join(book.owner, people["mia"])
    assert book.write(book.owner, Kind.LEAVE) is None
    assert book.write(book.owner, Kind.ROLE, "alice", bytes((Role.MEMBER,))) is None
    assert book.write(people["mia"], Kind.LEAVE) is not None
    assert book.write(book.owner, Kind.LEAVE) is not None
    assert roles(book) == {}


def test_nobody_joins_a_group_without_an_owner(people):
    book = Book(people["alice"])
    book.invite(book.owner, people["guest"])
    book.write(book.owner, Kind.LEAVE)
    assert book.accept(people["guest"]) is None


def test_epochs_rise_with_those_who_go_with_devices_and_with_rekey_and_with_nothing_else(book, people):
    second = someone("mia")
    steps = [
        (book.owner, Kind.RENAME, "", encode_text("x"), 0),
        (book.owner, Kind.ROLE, "mia", bytes((Role.MEMBER,)), 0),
        (book.owner, Kind.REMOVE, "guest", b"", 0),
        (people["mia"], Kind.REKEY, "", b"", 1),
        (people["mia"], Kind.DEVICE, "", encode_device(second.card), 1),
        (people["mia"], Kind.DEVICE, "", encode_device(None, second.card.card.hash), 1),
        (book.owner, Kind.REMOVE, "rob", b"", 1),
        (people["mia"], Kind.LEAVE, "", b"", 1),
    ]
    for author, kind, subject, value, more in steps:
        before = book.state.epoch
        assert book.write(author, kind, subject, value) is not None, kind
        assert book.state.epoch == before + more, kind


@pytest.mark.parametrize("wrong", [-1, 1, 7])
def test_an_entry_that_names_another_epoch_changes_nothing(book, wrong):
    before = book.state
    assert book.write(book.owner, Kind.RENAME, value=encode_text("x"), epoch=before.epoch + wrong) is None
    assert book.state == before


@pytest.mark.parametrize(("kind", "rotate"), [(Kind.REMOVE, False), (Kind.RENAME, True), (Kind.REKEY, False)])
def test_the_log_key_changes_with_removals_and_rekeys_of_those_who_lead_and_never_else(book, kind, rotate):
    subject = "mia" if kind is Kind.REMOVE else ""
    assert book.write(book.owner, kind, subject, VALUES[kind], rotate=rotate) is None


def test_a_member_begins_an_epoch_without_changing_the_log_key(book, people):
    assert book.write(people["mia"], Kind.REKEY, rotate=True) is None
    assert book.write(people["mia"], Kind.REKEY, rotate=False) is not None


def test_the_log_says_that_somebody_outside_knows_its_key_until_that_changes(book, people):
    assert not book.state.is_known_outside
    book.write(people["guest"], Kind.DECLINE, value=people["guest"].card.encode())
    assert book.state.is_known_outside
    book.write(book.owner, Kind.REKEY)
    assert not book.state.is_known_outside
    book.write(people["mia"], Kind.LEAVE)
    assert book.state.is_known_outside
    book.write(book.owner, Kind.REMOVE, "rob")
    assert not book.state.is_known_outside


def test_a_newcomer_sees_the_past_only_if_the_log_said_so_before(book, people):
    book.accept(people["guest"])
    book.write(book.owner, Kind.HISTORY, value=b"\1")
    book.join(book.owner, people["new"])
    assert not book.state.members["guest"].sees_past
    assert book.state.members["new"].sees_past


# --- forgeries -------------------------------------------------------------------------------------------------


def test_an_entry_by_somebody_else_changes_nothing(book, people):
    before = book.state
    forged = [
        book.entry(people["mia"], Kind.RENAME, value=encode_text("x"), account="alice"),
        book.entry(
            people["mia"],
            Kind.RENAME,
            value=encode_text("x"),
            account="alice",
            card_hash=book.owner.card.card.hash,
        ),
        book.entry(someone("alice", "bob"), Kind.RENAME, value=encode_text("x")),
        book.entry(people["new"], Kind.ACCEPT, value=people["new"].card.encode()),
        book.entry(people["new"], Kind.ACCEPT, value=people["new"].card.encode(), account="guest"),
        book.entry(people["guest"], Kind.ACCEPT, value=people["new"].card.encode()),
        book.entry(people["guest"], Kind.CREATE, value=b""),
    ]
    for entry in forged:
        assert book.head.sequence + 1 == entry.sequence
        head = book.head
        assert book.take(entry) is None
        book.head = head
        book.entries.pop()
    assert book.state == before


def test_another_account_key_under_an_invited_name_cannot_accept(book):
    assert book.accept(someone("guest", "mallory")) is None


def test_an_invitation_is_used_once_not_after_its_end_and_not_after_it_was_taken_back(people):
    book = Book(people["alice"])
    book.invite(book.owner, people["guest"], days=1)
    book.time_ms += 25 * 3600 * 1000
    assert book.accept(people["guest"]) is None
    book.write(book.owner, Kind.REMOVE, "guest")
    assert book.accept(people["guest"]) is None
    book.join(book.owner, people["guest"])
    assert book.accept(people["guest"]) is None
    card = people["new"].card.card
    for until_ms in (0, book.time_ms, book.time_ms + MAX_INVITED_MS + 1000):
        value = Invited(card.fingerprint, Role.MEMBER, until_ms).encode()
        assert book.write(book.owner, Kind.INVITE, "new", value) is None


def test_an_accept_of_one_group_is_worth_nothing_in_another(people):
    one, other = Book(people["alice"]), Book(people["alice"])
    for book in (one, other):
        book.invite(book.owner, people["guest"])
    accept = one.entry(people["guest"], Kind.ACCEPT, value=people["guest"].card.encode())
    signed = SignedBody.decode(one.key.open(accept))
    moved = other.entry(people["guest"], Kind.ACCEPT, value=people["guest"].card.encode())
    with pytest.raises(RefusedError, match="unsigned"):
        signed.verify(moved.start, people["guest"].card.card.sk)


def test_a_second_device_comes_with_the_accounts_signature_and_one_always_stays(book, people):
    second = someone("mia")
    third = reissue(person("mallory"), REALM, "mia", DeviceId(os.urandom(16)), NOW_MS)
    assert book.write(third, Kind.DEVICE, value=encode_device(third.card)) is None, "another account key"
    assert book.write(second, Kind.DEVICE, value=encode_device(second.card)) is not None
    assert len(book.state.members["mia"].devices) == 2
    assert book.write(second, Kind.DEVICE, value=encode_device(second.card)) is None
    assert book.rename(second, "x") is None, "a member's device may not rename either"
    assert book.write(people["mia"], Kind.DEVICE, value=encode_device(None, second.card.card.hash)) is not None
    own = people["mia"].card.card.hash
    assert book.write(people["mia"], Kind.DEVICE, value=encode_device(None, own)) is None


def test_a_card_of_another_realm_does_not_join(people):
    book = Book(people["alice"])
    stranger = reissue(person("bob"), "zzzzzzzzzzzzzzzz", "guest", DeviceId(os.urandom(16)), NOW_MS)
    book.invite(book.owner, stranger)
    assert book.accept(stranger) is None


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", " x", "x\n", "x\u202ey", "\u2066x", "e\u0301", "x" * 129, "ü" * 65])
def test_a_name_that_would_not_be_shown_as_it_is_changes_nothing(book, name):
    assert book.rename(book.owner, name) is None


def test_names_may_be_in_any_language():
    assert all(is_plain(name) for name in ("Küche", "台所", "مطبخ", "👨‍👩‍👧 home", "a b"))


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\0\0\0\0", b"\0\0\0\4", (366 * 24 * 3600 + 1).to_bytes(4, "big")])
def test_a_timer_is_four_bytes_five_seconds_to_a_year(book, value):
    assert book.write(book.owner, Kind.TIMER, value=value) is None


@pytest.mark.parametrize("junk", [b"", b"\0" * 64, os.urandom(300)])
def test_junk_inside_changes_nothing(book, junk):
    with pytest.raises(RemoteProtocolError):
        SignedBody.decode(junk)


def test_a_body_reads_back_and_unknown_kinds_are_none():
    body = Body(3, "alice", bytes(32), Kind.ROLE, "bob", b"\2", NOW_MS)
    assert Body.read(Reader(body.encode())) == body
    unknown = bytearray(body.encode())
    unknown[4 + 2 + 5 + 32] = 99
    with pytest.raises(RemoteProtocolError):
        Body.read(Reader(bytes(unknown)))


def test_a_state_is_kept_and_read_back(book):
    assert decode_membership(encode_membership(book.state)) == book.state
    with pytest.raises(RemoteProtocolError):
        decode_membership(b"\x93")
