"""A peer without an interface: it keeps the link, takes what comes, and serves the scripts of its user."""

from __future__ import annotations

from sealwire import localsocket
from sealwire.cli.streams import say
from sealwire.errors import NoLocalSocketError
from sealwire.i18n import _
from sealwire.peer.api import ClientApi
from sealwire.peer.events import Connection, Contact, Ready, Warning
from sealwire.ui import views


async def run(client: ClientApi) -> int:
    """Run until told to stop; alarms go to standard error.

    Raises:
        NoLocalSocketError: this system has no local socket that only its user can open.
        SealwireError: a first start that the broker refuses.
    """
    if not localsocket.is_possible():
        raise NoLocalSocketError
    view, is_ready = views.View(name=client.name), False
    async for event in client.events():
        if isinstance(event, Ready):
            is_ready = True
            say(_("{name} is running. Stop it with Ctrl+C.").format(name=client.name))
        elif isinstance(event, Connection) and not is_ready and views.is_refusal(event):
            await client.online(0)  # raises the reason
        elif isinstance(event, Warning | Connection | Contact):
            view, lines = views.reduce(view, event, 0)
            for line in lines:
                if line.voice == "alert" or isinstance(event, Connection):
                    say(line.text)
    return 0
