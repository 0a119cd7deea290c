"""What the broker counts, and what it must never name."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from sealwire.broker.metrics import COUNTERS, GAUGES, LABELLED, Metrics
from tests.unit.broker.rig import Rig

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


def test_every_number_of_the_dashboard_exists():
    names = {name for name, _ in GAUGES.values()} | {f"{name}_total" for name, _ in COUNTERS.values()}
    names |= {f"{name}_total" for name, _, _ in LABELLED.values()}
    names |= {
        f"sealwire_{what}_seconds_{part}" for what in ("commit", "delivery") for part in ("bucket", "sum", "count")
    }
    text = json.dumps(json.loads(DASHBOARD.read_text("utf-8")))
    used = set(re.findall(r"\bsealwire_[a-z_]+", text))
    assert len(used) > 15
    assert used <= names, used - names
