import os

import pytest

from sealwire.crypto import ratchet as module
from sealwire.crypto.primitives import x25519_public
from sealwire.crypto.ratchet import MAX_OLD_CHAINS, MAX_SKIP, MAX_SKIPPED_KEYS, OVERHEAD_BYTES, Ratchet
from sealwire.errors import LocalProtocolError, RefusedError, RemoteProtocolError

AD = b"ad"
SECRET, HEADER, NEXT_HEADER, PRIVATE = (bytes([number]) * 32 for number in range(1, 5))


def pair() -> tuple[Ratchet, Ratchet]:
    a = Ratchet.opener(SECRET, HEADER, NEXT_HEADER, x25519_public(PRIVATE), os.urandom)
    return a, Ratchet.responder(SECRET, HEADER, NEXT_HEADER, PRIVATE)


def send(state: Ratchet, count: int = 1) -> tuple[Ratchet, list[bytes]]:
    messages = []
    for number in range(count):
        state, message = state.encrypt(b"%d" % number, AD, os.urandom)
        messages.append(message)
    return state, messages


def receive(state: Ratchet, message: bytes) -> tuple[Ratchet, bytes]:
    return state.decrypt(message, AD, os.urandom)


def kept_keys(state: Ratchet) -> int:
    return sum(len(old.keys) for old in state.skipped)


def test_conversation_goes_both_ways():
    a, b = pair()
    for _ in range(4):
        a, (message,) = send(a)
        b, plaintext = receive(b, message)
        assert plaintext == b"0"
        b, (message,) = send(b)
        a, plaintext = receive(a, message)
        assert plaintext == b"0"


def test_message_is_128_bytes_longer_than_its_plaintext():
    a, _ = pair()
    assert len(a.encrypt(bytes(256), AD, os.urandom)[1]) == 256 + OVERHEAD_BYTES == 384


def test_messages_may_come_in_any_order_and_only_once():
    a, b = pair()
    a, messages = send(a, 5)
    for number in (3, 0, 4, 2, 1):
        b, plaintext = receive(b, messages[number])
        assert plaintext == b"%d" % number
        with pytest.raises(RefusedError) as caught:
            receive(b, messages[number])
    assert caught.value.reason in ("repeated", "undecryptable")
    assert b.skipped == ()


def test_late_messages_of_old_chains_still_open():
    a, b = pair()
    late = []
    for _ in range(3):
        a, (lost, taken) = send(a, 2)
        late.append(lost)
        b, _ = receive(b, taken)
        b, (answer,) = send(b)
        a, _ = receive(a, answer)
    for message in late:
        b, plaintext = receive(b, message)
        assert plaintext == b"0"
    assert b.skipped == ()


def test_late_message_at_the_end_of_an_old_chain_opens():
    a, b = pair()
    a, (first, last) = send(a, 2)
    b, _ = receive(b, first)
    b, (answer,) = send(b)
    a, _ = receive(a, answer)
    a, (fresh,) = send(a)
    b, _ = receive(b, fresh)
    assert receive(b, last)[1] == b"1"


@pytest.mark.parametrize("loss", [MAX_SKIPPED_KEYS, MAX_SKIPPED_KEYS + 5])
def test_kept_keys_are_bounded_and_the_oldest_go_first(loss):
    a, b = pair()
    a, messages = send(a, loss + 1)
    b, _ = receive(b, messages[-1])
    assert kept_keys(b) == MAX_SKIPPED_KEYS
    assert receive(b, messages[-2])[1] == b"%d" % (loss - 1)
    if loss > MAX_SKIPPED_KEYS:
        with pytest.raises(RefusedError):
            receive(b, messages[0])


def test_old_chains_are_bounded_and_the_oldest_goes_first():
    a, b = pair()
    late = []
    for _ in range(MAX_OLD_CHAINS + 2):
        a, (lost, taken) = send(a, 2)
        late.append(lost)
        b, _ = receive(b, taken)
        b, (answer,) = send(b)
        a, _ = receive(a, answer)
    assert len(b.skipped) == MAX_OLD_CHAINS + 1
    with pytest.raises(RefusedError):
        receive(b, late[0])
    assert receive(b, late[1])[1] == b"0"
    assert Ratchet.decode(b.encode()).encode() == b.encode()


def test_keys_over_several_chains_are_bounded_together():
    a, b = pair()
    for _ in range(3):
        a, messages = send(a, 900)
        b, _ = receive(b, messages[-1])
        b, (answer,) = send(b)
        a, _ = receive(a, answer)
        a, (fresh,) = send(a)
        b, _ = receive(b, fresh)
    assert kept_keys(b) == MAX_SKIPPED_KEYS


def test_a_full_mailbox_may_expire():
    a, b = pair()
    a, messages = send(a, 20_001)
    assert receive(b, messages[-1])[1] == b"20000"


def forged(monkeypatch, n: int, pn: int = 0, dh: bytes | None = None) -> bytes:
    """A message by somebody who holds the header key and lies about the numbers."""
    a, _ = pair()
    real = module._HEADER.pack

    class Lying:
        size = module._HEADER.size
        unpack = module._HEADER.unpack

        @staticmethod
        def pack(key, _pn, _n):
            return real(dh or key, pn, n)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_HEADER", Lying)
        return a.encrypt(b"x", AD, os.urandom)[1]


@pytest.mark.parametrize("n", [MAX_SKIP + 1, 2**32 - 1])
def test_a_jump_past_the_limit_costs_nothing(monkeypatch, n):
    _, b = pair()
    message = forged(monkeypatch, n)
    calls = []
    monkeypatch.setattr(module, "hmac_sha256", lambda *_: calls.append(1))
    with pytest.raises(RefusedError):
        receive(b, message)
    assert calls == []


def test_a_new_chain_of_low_order_is_refused(monkeypatch):
    _, b = pair()
    with pytest.raises(RefusedError):
        receive(b, forged(monkeypatch, 0, dh=b"\x01" + bytes(31)))


def test_commitment_is_checked_before_decryption(monkeypatch):
    a, b = pair()
    a, (message,) = send(a)
    altered = message[:80] + bytes([message[80] ^ 1]) + message[81:]
    opened = []
    real = module.aead_open
    monkeypatch.setattr(module, "aead_open", lambda *args: opened.append(len(args[2])) or real(*args))
    with pytest.raises(RefusedError):
        receive(b, altered)
    assert opened == [56]  # the header only


def test_the_direction_is_in_the_associated_data():
    a, b = pair()
    a, (message,) = send(a)
    with pytest.raises(RefusedError):
        b.decrypt(message, b"other", os.urandom)


@pytest.mark.parametrize("size", [0, 79, 127])
def test_what_is_too_short_is_refused(size):
    with pytest.raises(RefusedError):
        receive(pair()[1], bytes(size))


def test_responder_waits_for_the_first_message():
    with pytest.raises(LocalProtocolError):
        pair()[1].encrypt(b"", AD, os.urandom)


def test_state_survives_the_vault():
    a, b = pair()
    a, messages = send(a, 4)
    b, _ = receive(b, messages[2])
    for state in (*pair(), a, b):
        assert Ratchet.decode(state.encode()).encode() == state.encode()
    b = Ratchet.decode(b.encode())
    assert receive(b, messages[0])[1] == b"0"


def test_what_is_no_state_does_not_load():
    encoded = pair()[0].encode()
    flag_at = 5 * 32 + 4
    for other in (
        b"",
        encoded[:-1],
        encoded + b"\x00",
        encoded[:flag_at] + b"\x02" + encoded[flag_at + 1 :],
        encoded[:-1] + b"\x07",
        encoded[:-1] + b"\x01" + bytes(32) + (MAX_SKIPPED_KEYS + 1).to_bytes(4, "big"),
    ):
        with pytest.raises(RemoteProtocolError):
            Ratchet.decode(other)


def test_state_does_not_print_its_keys():
    a, _ = pair()
    assert len(repr(a)) < 40
    for part in (a.roots, a.sending):
        assert a.roots.root.hex()[:8] not in repr(part)
        assert repr(a.sending.key)[2:10] not in repr(part)
