"""How often an account takes bundles: a few of each device at once, then one each ten minutes, in bounded memory."""

from __future__ import annotations

from sealwire.broker.fetches import MAX_FETCH_BUCKETS, Fetches
from sealwire.broker.port import BrokerSettings
from sealwire.ids import Mailbox

SETTINGS = BrokerSettings()
PAUSE_S = SETTINGS.bundle_fetch_pause_s


def mailbox(number: int) -> Mailbox:
    return Mailbox(number.to_bytes(16, "big"))


def test_a_few_at_once_then_one_each_pause():
    fetches = Fetches()
    assert [fetches.wait_ms(mailbox(1), SETTINGS, 0.0) for _ in range(SETTINGS.bundle_fetches)] == [0] * 6
    assert fetches.wait_ms(mailbox(1), SETTINGS, 0.0) == PAUSE_S * 1000
    assert fetches.wait_ms(mailbox(1), SETTINGS, PAUSE_S / 2) == PAUSE_S / 2 * 1000
    assert fetches.wait_ms(mailbox(1), SETTINGS, PAUSE_S) == 0
    assert fetches.wait_ms(mailbox(1), SETTINGS, PAUSE_S) > 0


def test_each_device_is_counted_apart():
    fetches = Fetches()
    for _ in range(SETTINGS.bundle_fetches):
        fetches.wait_ms(mailbox(1), SETTINGS, 0.0)
    assert fetches.wait_ms(mailbox(2), SETTINGS, 0.0) == 0


def test_past_the_bound_no_further_device_is_asked_for_until_a_count_has_run_out():
    fetches = Fetches()
    for number in range(MAX_FETCH_BUCKETS):
        assert fetches.wait_ms(mailbox(number), SETTINGS, 0.0) == 0
    assert fetches.wait_ms(mailbox(MAX_FETCH_BUCKETS), SETTINGS, PAUSE_S / 2) == PAUSE_S / 2 * 1000
    assert len(fetches._buckets) == MAX_FETCH_BUCKETS
    assert fetches.wait_ms(mailbox(0), SETTINGS, PAUSE_S / 2) == 0, "those that are counted go on"
    assert fetches.wait_ms(mailbox(MAX_FETCH_BUCKETS), SETTINGS, PAUSE_S) == 0
    assert set(fetches._buckets) == {mailbox(0), mailbox(MAX_FETCH_BUCKETS)}


def test_without_a_pause_nothing_is_counted():
    fetches, settings = Fetches(), BrokerSettings(bundle_fetch_pause_s=0.0)
    assert [fetches.wait_ms(mailbox(1), settings, 0.0) for _ in range(20)] == [0] * 20
