"""Burst: 10,000 messages alice → bob through real processes, encrypted, persisted on both sides, delivered.

    python -m benchmarks.burst [--count 10000]

Alice and bob are ``peer.py --json`` processes, the broker is ``broker.py``; everything runs on this machine over
loopback with CURVE and fsync. The clock starts with the first ``send`` written to alice and stops with the last
message that bob wrote out (stored with fsync and acknowledged), and again with alice's last ``delivered``.
"""

from __future__ import annotations

import argparse
import json
import time

from benchmarks.figures import table
from sealwire.testing.processes import Stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    count = parser.parse_args().count
    with Stage() as stage:
        alice, bob = stage.peer("alice"), stage.peer("bob")
        alice.wait_for("ready")
        bob.wait_for("ready")
        alice.request("send", to="bob", text="warm up", wait="delivered")
        bob.wait_for("message")
        cpu = {process.name: process.cpu_s() for process in stage.processes}
        start = time.perf_counter()
        requests = b"".join(
            json.dumps(
                {"jsonrpc": "2.0", "id": n, "method": "send", "params": {"to": "bob", "text": f"m{n:06}"}}
            ).encode()
            + b"\n"
            for n in range(count)
        )
        alice.write_later(requests)
        texts = [bob.wait_for("message")["text"] for _ in range(count)]
        received_s = time.perf_counter() - start
        delivered = 0
        while delivered < count:
            delivered += alice.wait_for("delivery")["state"] == "delivered"
        delivered_s = time.perf_counter() - start
        spent = {process.name: process.cpu_s() - cpu[process.name] for process in stage.processes}
        assert texts == [f"m{n:06}" for n in range(count)], "lost, doubled or reordered"
        rows = [
            ["bob has them on disk", f"{count / received_s:,.0f}/s", f"{count / received_s / 2500:.2f} x"],
            ["alice saw 'delivered' for each", f"{count / delivered_s:,.0f}/s", f"{count / delivered_s / 2500:.2f} x"],
        ]
        print(table(f"{count:,} messages alice to bob", ["until", "rate", "of the 2,500/s asked for"], rows))
        rows = [[name, f"{used / count * 1e6:,.0f} µs"] for name, used in spent.items()]
        print(table("CPU per message", ["process", "CPU"], rows))


if __name__ == "__main__":
    main()
