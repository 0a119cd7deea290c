"""Prometheus Alertmanager's webhook: one message for each group of alerts.

    python examples/alertmanager.py --name alerts --to ops --port 8643

In alertmanager.yml: ``receivers: [{name: sealwire, webhook_configs: [{url: http://127.0.0.1:8643/}]}]``.
Alertmanager tries again until it is answered with 2xx, which happens once the message is durable here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from webhook_bridge import serve  # beside this file

from sealwire import connect

MAX_ALERTS = 20


def message(payload: dict[str, Any]) -> str:
    """What people read of a notification (Alertmanager's webhook, version 4)."""
    alerts = payload["alerts"]
    firing = sum(alert["status"] == "firing" for alert in alerts)
    title = ", ".join(f"{key}={value}" for key, value in sorted(payload.get("groupLabels", {}).items()))
    lines = [f"*{payload['status'].upper()}* {title or 'alerts'} ({firing} firing, {len(alerts) - firing} resolved)"]
    for alert in alerts[:MAX_ALERTS]:
        labels, notes = alert.get("labels", {}), alert.get("annotations", {})
        words = notes.get("summary") or notes.get("description") or labels.get("alertname", "alert")
        where = labels.get("instance", "")
        lines.append(f"- {alert['status']}: {words}" + (f" ({where})" if where else ""))
    if len(alerts) > MAX_ALERTS:
        lines.append(f"- and {len(alerts) - MAX_ALERTS} more")
    return "\n".join(lines)


async def run(name: str, to: str, port: int) -> None:
    """Pass alerts on until cancelled."""
    async with connect(name) as peer:

        async def take(_path: str, body: bytes) -> None:
            try:
                text = message(json.loads(body))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"not a notification of Alertmanager: {error!r}") from error
            await peer.send(to, text, wait="queued")

        server = serve(port, take, asyncio.get_running_loop())
        print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="alerts")
    parser.add_argument("--to", required=True, metavar="NAME")
    parser.add_argument("--port", type=int, default=8643)
    chosen = parser.parse_args()
    try:
        asyncio.run(run(chosen.name, chosen.to, chosen.port))
    except KeyboardInterrupt:
        pass
