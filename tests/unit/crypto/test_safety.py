import pytest

from sealwire.crypto.safety import SafetyNumber, digits, fingerprint, safety_number, typed_digits
from sealwire.errors import RemoteProtocolError
from tests.vectors.people import person

# Published by Signal: libsignal, rust/protocol/src/fingerprint.rs, fingerprint_test_v1 and _v2.
ALICE_KEY = bytes.fromhex("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868")
BOB_KEY = bytes.fromhex("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b")
SIGNALS_DIGITS = "300354477692869396892869876765458257569162576843440918079131"
SIGNALS_ALICE = "1e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada305d62a7bd61df"
SIGNALS_BOB = "d62cbf73a11592015b6b9f1682ac306fea3aaf3885b84d12bca631e9d4fb3a4d"


def test_signals_published_vector():
    alice, bob = fingerprint(b"+14152222222", ALICE_KEY), fingerprint(b"+14153333333", BOB_KEY)
    assert digits(alice, bob) == digits(bob, alice) == SIGNALS_DIGITS
    assert (alice[:32].hex(), bob[:32].hex()) == (SIGNALS_ALICE, SIGNALS_BOB)


@pytest.fixture(scope="module")
def numbers() -> tuple[SafetyNumber, SafetyNumber]:
    alice, bob = person("alice").card.card, person("bob").card.card
    return safety_number(alice, bob), safety_number(bob, alice)


def test_both_sides_see_the_same_digits(numbers):
    ours, theirs = numbers
    assert ours.digits == theirs.digits
    assert len(ours.digits) == 60
    assert ours.groups == [ours.digits[at : at + 5] for at in range(0, 60, 5)]


def test_digits_are_read_however_they_are_spaced_and_nothing_else_is(numbers):
    ours, _theirs = numbers
    assert typed_digits(" ".join(ours.groups) + "\n") == ours.digits
    assert typed_digits(ours.digits[:-1] + "x") is None
    assert typed_digits(ours.digits[:-1]) is None


def test_scanned_code_matches_from_the_other_side_only(numbers):
    ours, theirs = numbers
    assert ours.matches_qr(theirs.qr_payload())
    assert not ours.matches_qr(ours.qr_payload())


def test_somebody_in_the_middle_shows_another_number(numbers):
    mallory = safety_number(person("mallory").card.card, person("bob").card.card)
    assert mallory.digits != numbers[0].digits
    assert not numbers[0].matches_qr(mallory.qr_payload())


@pytest.mark.parametrize("change", ["purpose", "version", "short", "long", "empty"])
def test_code_for_another_purpose_is_no_comparison(numbers, change):
    ours, theirs = numbers
    code = theirs.qr_payload()
    other = {
        "purpose": b"\x02" + code[1:],
        "version": code[:1] + b"\x02" + code[2:],
        "short": code[:-1],
        "long": code + b"\x00",
        "empty": b"",
    }[change]
    with pytest.raises(RemoteProtocolError):
        ours.matches_qr(other)


def test_a_code_from_the_other_side_is_judged() -> None:
    alice, bob, eve = bytes([1]) * 64, bytes([2]) * 64, bytes([3]) * 64
    ours = SafetyNumber(alice, bob)
    assert ours.judge(SafetyNumber(bob, alice).code()) == "same"
    assert ours.judge("  " + SafetyNumber(bob, alice).code() + "\n") == "same"
    assert ours.judge(SafetyNumber(eve, alice).code()) == "different", "they show another key than we know"
    assert ours.judge(SafetyNumber(bob, eve).code()) == "different", "they know another key of us"
    assert ours.judge(SafetyNumber(eve, eve).code()) == "other-person"
    assert ours.judge(ours.code()) == "other-person", "our own code proves nothing"


@pytest.mark.parametrize(
    "text",
    ["", "sealwire-compare:", "sealwire:host:1#x", "sealwire-compare:" + "A" * 88, "x" * 10_000, "sealwire-compare:é"],
)
def test_anything_else_is_not_a_code(text: str) -> None:
    assert SafetyNumber(bytes([1]) * 64, bytes([2]) * 64).judge(text) == "not-a-code"
