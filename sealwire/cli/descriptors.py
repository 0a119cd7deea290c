"""Enough open files for all the connections that are allowed, or fewer connections.

A listener that cannot accept for want of descriptors stays readable, and libzmq's thread turns in circles at full speed
while everyone else waits. So the broker's own cap has to come first.
"""

from __future__ import annotations

import dataclasses
import sys

from sealwire.broker.port import BrokerSettings
from sealwire.cli.common import say
from sealwire.i18n import _

if sys.platform != "win32":
    import resource

OWN_DESCRIPTORS = 256
"""For the database, the admin socket, monitoring, libzmq's own, and connections accepted but not yet refused."""
FEWEST_CONNECTIONS = 8
"""Less would be no broker; the limits of the setting itself."""


def reach(connections: int) -> int:
    """Raise the soft limit of open files as far as this many connections need; return how many it will carry."""
    if sys.platform == "win32":  # has no such limit
        return connections
    wanted = connections + OWN_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    reachable = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < reachable:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    return max(FEWEST_CONNECTIONS, reachable - OWN_DESCRIPTORS)


def fitted(settings: BrokerSettings) -> BrokerSettings:
    """Make room for the connections that are allowed, or allow fewer."""
    most = reach(settings.max_connections)
    if most >= settings.max_connections:
        return settings
    say(
        _(
            "WARNING: this process may open {files} files, so at most {most} connections are let in instead of "
            "{wanted} (limits.max_connections). Raise the limit: ulimit -Hn, or LimitNOFILE in the service."
        ).format(files=most + OWN_DESCRIPTORS, most=most, wanted=settings.max_connections)
    )
    return dataclasses.replace(settings, max_connections=most, max_unclaimed=min(settings.max_unclaimed, most))
