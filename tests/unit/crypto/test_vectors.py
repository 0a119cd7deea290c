"""The published vectors hold: whoever builds another client can check it against these files."""

from sealwire.crypto.card import Card
from sealwire.crypto.group_entry import SignedBody
from sealwire.crypto.group_log import Head, LogEntry, follow
from sealwire.crypto.identity import login_transcript, realm_of, verify_login
from sealwire.crypto.log_keys import LogKey
from sealwire.crypto.membership import apply, encode_membership
from sealwire.crypto.prekeys import Bundle, OneTimeSecret, PrekeySecret
from sealwire.crypto.primitives import H, L, hkdf, hkdf_expand
from sealwire.crypto.safety import safety_number
from sealwire.crypto.sender_keys import Place, ReceiverKey
from sealwire.crypto.session import Session
from sealwire.errors import RefusedError
from sealwire.ids import GroupId
from sealwire.wire.header import decode_envelope
from tests.vectors.people import REALM, accept_with, load, person


def test_derivations():
    case = load("derivations")
    assert L("card", b"\x00\xff").hex() == case["L"]["output"]
    assert H("card", b"\x00\xff").hex() == case["H"]["output"]
    assert hkdf(b"\x01" * 32, "rsa", b"\x02" * 64, 80).hex() == case["hkdf"]["output"]
    assert hkdf_expand(b"\x03" * 32, b"sealwire/v1/msg", 88).hex() == case["message_keys"]["output"]
    assert realm_of(b"\x04" * 32) == case["realm"]["realm"]


def test_card_and_its_names():
    case = load("derivations")["card"]
    card = Card.decode(bytes.fromhex(case["encoded"]))
    assert card == person("alice").card.card
    assert (card.hash.hex(), card.mailbox.hex(), card.fingerprint.hex()) == (
        case["hash"],
        case["mailbox"],
        case["fingerprint"],
    )


def test_login():
    case = load("derivations")["login"]
    transcript = login_transcript(REALM, b"B" * 32, b"O" * 32, b"c" * 32, b"s" * 32, b"t" * 8, b"hello", b"challenge")
    assert transcript.hex() == case["transcript"]
    verify_login(person("alice").card.card, transcript, bytes.fromhex(case["signature"]))


def test_safety_number():
    case = load("derivations")["safety"]
    number = safety_number(person("alice").card.card, person("bob").card.card)
    assert (number.digits, number.qr_payload().hex()) == (case["digits"], case["qr"])


def test_handshake_gives_the_recorded_session():
    case = load("handshake")
    bob = person("bob")
    Bundle.decode(bytes.fromhex(case["bundle"])).verify(bob.card.card.mailbox)
    secret = PrekeySecret.decode(bytes.fromhex(case["prekey_secret"]))
    one_time = OneTimeSecret.decode(bytes.fromhex(case["one_time_secret"]))
    accepted = accept_with(bob, bytes.fromhex(case["hs"]), secret, one_time, case["now_ms"])
    session = accepted.session
    assert session.encode().hex() == case["responder"]
    assert (session.T.hex(), session.tag_in.hex(), session.tag_out.hex()) == (case["T"], case["tag_a"], case["tag_b"])
    assert accepted.card == person("alice").card


def test_recorded_conversation_leads_to_the_recorded_states():
    case = load("handshake")
    states = {"alice": case["opener"], "bob": case["responder"]}
    for message in case["messages"]:
        sender = message["from"]
        receiver = "bob" if sender == "alice" else "alice"
        parts = decode_envelope(bytes.fromhex(message["envelope"]))
        key = bytes.fromhex(message["receiver_random"])
        session = Session.decode(bytes.fromhex(states[receiver]))
        session, plaintext = session.decrypt(parts.message, lambda _, key=key: key)
        assert plaintext.hex() == message["plaintext"]
        assert session.encode().hex() == message["receiver_after"]
        states |= {sender: message["sender_after"], receiver: message["receiver_after"]}


def test_a_recorded_log_leads_to_the_recorded_members():
    case = load("group")
    group = GroupId(bytes.fromhex(case["group"]))
    keys = {key.writer: key for key in (LogKey(group, bytes.fromhex(secret)) for secret in case["log_keys"])}
    head, state, skipped = Head(group), None, []
    for recorded in case["entries"]:
        entry = LogEntry.decode(bytes.fromhex(recorded["entry"]))
        key = keys[head.writer or entry.writer]
        head = follow(head, entry)
        assert head.hash.hex() == recorded["head"]
        try:
            state, _ = apply(state, SignedBody.decode(key.open(entry)), entry.start, entry.sequence, bool(entry.link))
        except RefusedError:
            skipped.append(entry.sequence)
    assert skipped == case["skipped"]
    assert encode_membership(state).hex() == case["state"]


def test_recorded_group_messages_are_read_with_the_recorded_key():
    case = load("group")
    where = case["sender"]
    head, card_hash = bytes.fromhex(where["head"]), bytes.fromhex(where["card_hash"])
    place = Place(GroupId(bytes.fromhex(case["group"])), where["epoch"], head, card_hash)
    key = ReceiverKey(place, bytes.fromhex(case["chain_key"]), 0, bytes.fromhex(case["verify_key"]))
    assert key.tag.hex() == case["tag"]
    for number, message in enumerate(case["messages"]):
        key, plaintext, iteration = key.decrypt(bytes.fromhex(message["envelope"]))
        assert (plaintext.hex(), iteration) == (message["plaintext"], number)
