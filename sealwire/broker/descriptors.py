"""Which link session stands behind which descriptor: what the system says of a connection names it by nothing else.

Source: protocol.md §2.
"""

from __future__ import annotations

from sealwire.broker.bulk import BulkLink
from sealwire.broker.links import Connection, Link


class Descriptors:
    """Link sessions of both kinds by descriptor, and those whose connection seems to be gone.

    That a descriptor closed is heard beside the frames: ZeroMQ may still take a frame for that connection, and nobody
    would ask again. So whoever is asked then is asked once more, a second later at least.
    """

    def __init__(self) -> None:
        self._links: dict[int, Link | BulkLink] = {}
        self._asked: list[Link | BulkLink] = []
        self._due: list[Link | BulkLink] = []

    def put(self, link: Link | BulkLink) -> None:
        """This link session is open; another one on the descriptor has lost its connection, or it were not free."""
        older = self._links.get(link.connection.fd)
        if older is not None and older.rid != link.rid:
            self._asked.append(older)
        self._links[link.connection.fd] = link

    def closed(self, fd: int) -> Link | BulkLink | None:
        """Return the link session to ask because this descriptor closed; a newcomer on it is asked without harm."""
        link = self._links.get(fd)
        if link is not None:
            self._asked.append(link)
        return link

    def again(self) -> list[Link | BulkLink]:
        """Return those to ask once more. Called once a second."""
        due, self._due, self._asked = self._due, self._asked, []
        return [link for link in due if link.open]

    def drop(self, connection: Connection) -> None:
        """The link session on this connection is over; the descriptor may stand for another by now."""
        ended = self._links.get(connection.fd)
        if ended is not None and ended.rid == connection.rid:
            del self._links[connection.fd]

    def get(self, fd: int) -> Link | BulkLink | None:
        """Return the link session behind a descriptor, None for none."""
        return self._links.get(fd)

    def of(self, connection: Connection) -> Link | BulkLink | None:
        """Return the link session on this very connection, under whatever id it calls itself."""
        link = self._links.get(connection.fd)
        return link if link is not None and link.connection.peer == connection.peer else None

    def heard(self, fd: int) -> float:
        """Return when the link session behind a descriptor last said something, 0 for none."""
        link = self._links.get(fd)
        return 0.0 if link is None else link.heard
