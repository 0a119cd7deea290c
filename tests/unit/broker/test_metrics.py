"""What the broker counts, and what it must never name."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from sealwire.broker.metrics import COUNTERS, GAUGES, LABELLED, PREFIXES, Metrics
from sealwire.config.settings import KEYS
from tests.unit.broker.rig import Rig

OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
DASHBOARD = Path(__file__).parents[3] / "packaging" / "grafana" / "sealwire.json"


def samples(metrics: Metrics) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found[sample.name + "".join(f"/{value}" for value in sample.labels.values())] = sample.value
    return found


class Turning(Rig):
    """A rig whose turns are shown to the metrics, as the server's are."""

    metrics = Metrics()

    def carry_out(self) -> None:
        router = self.router
        self.metrics.turn(router.sends, router.links, router.relay.now)
        super().carry_out()


def turning(folder: Path) -> Turning:
    rig = Turning(folder)
    rig.metrics = Metrics(rig.router.status)
    return rig


def test_refusals_are_counted_by_their_reason(tmp_path):
    rig = turning(tmp_path)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bytes(16), b"to nobody")
    alice.fanout([bob.mailbox, b"x" * 16], b"to one and nobody")
    found = samples(rig.metrics)
    assert found["sealwire_rejections_total/unknown"] == 2
    assert found["sealwire_rejections_total/quota"] == 0
    rig.store.close()


def test_a_delivery_is_timed_from_hand_over_to_acknowledgement(tmp_path):
    rig = turning(tmp_path)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bob.mailbox, b"envelope")
    assert samples(rig.metrics)["sealwire_delivery_seconds_count"] == 0
    rig.now += 3.0 - 1.5
    bob.ack(1)
    found = samples(rig.metrics)
    assert found["sealwire_delivery_seconds_count"] == 1
    assert 1.0 < found["sealwire_delivery_seconds_sum"] < 2.0
    rig.store.close()


def test_a_device_that_goes_is_no_delivery(tmp_path):
    rig = turning(tmp_path)
    alice, bob = rig.login("alice"), rig.login("bob", "bob")
    alice.send(bob.mailbox, b"one")
    bob.vanish()
    alice.send(bob.mailbox, b"two")
    alice.send(bob.mailbox, b"three")
    assert samples(rig.metrics)["sealwire_delivery_seconds_count"] == 0
    rig.store.close()


def test_the_router_knows_what_the_tables_ask_for(tmp_path):
    rig = turning(tmp_path)
    rig.login("alice")
    found = samples(rig.metrics)
    assert found["sealwire_link_sessions"] == 1
    assert found["sealwire_logins_total/ok"] == 1
    assert found["sealwire_devices"] == 1
    rig.store.close()


def test_no_label_can_hold_a_name(tmp_path):
    rig = turning(tmp_path)
    rig.login("alice")
    text = rig.metrics.text().decode()
    assert "alice" not in text
    assert set(re.findall(r'([a-z_]+)="', text)) <= {"result", "reason", "le"}
    rig.store.close()


def names_of_metrics() -> set[str]:
    names = {name for name, _ in GAUGES.values()} | {f"{name}_total" for name, _ in COUNTERS.values()}
    names |= {f"{name}_total" for name, _, _ in LABELLED.values()}
    timed = [f"sealwire_{what}_seconds" for what in ("commit", "delivery")]
    return names | {name + part for name in timed for part in ("", "_bucket", "_sum", "_count")}


def test_every_limit_is_explained_and_has_a_counter_that_exists(tmp_path):
    """The table of docs/operations.md: | code | limits | what happens | counter |."""
    rig = turning(tmp_path)
    counters = set(rig.router.status()) | {"zap_later", "zap_refused", "zap_admitted"} | set(GAUGES) | set(COUNTERS)
    counters |= {"shut_full", "shut_silent", "shut_overfull"}
    rig.store.close()
    rows = [line.split("|") for line in OPERATIONS.splitlines() if line.count("|") == 5]
    table = rows[next(n for n, row in enumerate(rows) if row[2].strip() == "Limit") + 2 :]
    explained = {limit for row in table for cell in row[2:4] for limit in re.findall(r"`([a-z_]+)`", cell)}
    limits = {name.removeprefix("limits.") for name in KEYS if name.startswith("limits.")}
    assert limits <= explained, limits - explained
    named = [set(re.findall(r"`([a-z_]+)`", row[4])) for row in table]
    for row, names in zip(table, named, strict=True):
        assert names, row
        assert names <= counters | names_of_metrics(), row
    reasons = {name for name in counters if name.startswith(tuple(PREFIXES.values()))}
    assert reasons <= set().union(*named), "a reason without its sentence"


def test_every_number_that_deserves_an_alarm_exists():
    used = set(re.findall(r"\bsealwire_[a-z_]+", OPERATIONS))
    assert len(used) >= 15
    assert used <= names_of_metrics(), used - names_of_metrics()


def test_every_count_of_the_router_is_a_metric(tmp_path):
    """Nothing is counted that monitoring cannot see."""
    rig = turning(tmp_path)
    status = rig.router.status()
    rig.store.close()
    prefixes = tuple(PREFIXES.values())
    unseen = {name for name in status if name not in GAUGES and name not in COUNTERS and not name.startswith(prefixes)}
    assert unseen == {"realm", "logins", "logins_refused", "rejected"}


def test_every_number_of_the_dashboard_exists():
    names = names_of_metrics()
    text = json.dumps(json.loads(DASHBOARD.read_text("utf-8")))
    used = set(re.findall(r"\bsealwire_[a-z_]+", text))
    assert len(used) > 15
    assert used <= names, used - names


def test_every_alarm_can_be_seen_on_the_dashboard():
    alarms = [line.split("|")[1] for line in OPERATIONS.splitlines() if line.startswith("| `sealwire_")]
    numbers = {name for cell in alarms for name in re.findall(r"\bsealwire_[a-z_]+", cell)}
    assert len(numbers) >= 15
    shown = DASHBOARD.read_text("utf-8")
    assert not [name for name in sorted(numbers) if name not in shown]
