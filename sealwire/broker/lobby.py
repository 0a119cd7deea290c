"""Connections that are not link sessions: before their login, and after their end.

QUIET, GREETED and PROVEN of protocol.md §5.1 live here, and so does the second between the last frame to a
connection and its shutdown.

Source: protocol.md §5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from sealwire.broker.links import AUTOMATIC_ID_BYTES, Connection, Door, Greeted, VersionError
from sealwire.broker.port import BrokerSettings, Register, Result
from sealwire.errors import RefusedError, RemoteProtocolError
from sealwire.ids import Mailbox as MailboxId
from sealwire.ids import Millis, RoutingId, Token
from sealwire.wire.frames import Code, Reset, encode_reject, encode_reset

LOGIN_UNITS = 64
"""Units of a HELLO or LOGIN in a drain turn: signatures cost that much more than frames."""

MAX_LAST_WORDS = 2_048
"""Frames of a connection whose link session has ended: twice the SENDs a peer may have under way. Without it one that
was ended for a flood goes on with it until its last word has had its time, and each frame costs a look."""


class Leaving(Struct):
    """A connection that is seen off: when it is shut down, and how often it was heard meanwhile."""

    due: float
    connection: Connection
    heard: int = 0


class Gate(Protocol):
    """What the lobby tells admission."""

    def charge(self, curve: bytes, address: str, now: float) -> None:
        """A connection misbehaved."""

    def ban(self, curve: bytes, until: float) -> None:
        """Keep this CURVE key out until then."""


class Lobby:
    """Greets connections, judges their logins, sees them off.

    Args:
        is_known: whether a mailbox is registered.
        is_barred: whether the operator keeps this device, its account or its address out.
        admit: called with a proven connection of a registered device; it becomes a link session.
        enter: called with the operation that registers a new device.
        sends: the router's list of frames to send.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        door: Door,
        gate: Gate,
        is_known: Callable[[MailboxId], bool],
        is_barred: Callable[[Greeted], bool],
        admit: Callable[[Greeted, Token], None],
        enter: Callable[[Register], None],
        sends: list[tuple[RoutingId, bytes]],
    ) -> None:
        self._settings = settings
        self._door = door
        self._gate = gate
        self._is_known = is_known
        self._is_barred = is_barred
        self._admit = admit
        self._enter = enter
        self._sends = sends
        self.greeted: dict[RoutingId, Greeted] = {}
        self.leaving: dict[RoutingId, Leaving] = {}
        self.kicks: list[Connection] = []
        self.logins = 0
        self.refused_logins = 0
        self.kicked = 0

    def first_frame(self, connection: Connection, frame: bytes, now: float) -> None:
        """HELLO, or the end of it."""
        if connection.chosen_id or len(connection.rid) != AUTOMATIC_ID_BYTES or connection.rid[0] != 0:
            # A peer that names itself can aim at another's routing id: never with us, and not again soon.
            self._gate.ban(connection.curve, now + self._settings.key_ban_s)
            self.kick(connection, now)
            return
        try:
            greeted = self._door.hello(connection, frame, self._is_known)
        except VersionError:
            self._sends.append((connection.rid, encode_reset(Reset.VERSION)))
            self.leave(connection, now)
        except (RemoteProtocolError, RefusedError):
            self.kick(connection, now)
        else:
            greeted.since = now
            self.greeted[connection.rid] = greeted
            self._sends.append((connection.rid, greeted.challenge))

    def login(self, rid: RoutingId, frame: bytes, now: float, at_ms: Millis, room: bool) -> None:
        """The second frame: LOGIN. Whatever else comes ends the connection.

        Args:
            room: whether one more device may register.
        """
        greeted = self.greeted.get(rid)
        if greeted is None:
            self._hear_leaving(rid)
            return
        if greeted.proven is not None:
            self.kick(greeted.connection, now)
            return
        try:
            token, body = self._door.login(greeted, frame)
            if self._is_barred(greeted):
                raise RefusedError("banned")
            if self._is_known(greeted.card.mailbox):
                self._let_in(greeted, token)
                return
            if greeted.kind != "main":
                raise RemoteProtocolError("a device registers by its main connection")
            operation = self._door.registration(greeted, body, at_ms)
        except (RemoteProtocolError, RefusedError):
            self.refuse(greeted, Code.LOGIN, now)
            return
        if not room:
            self.refuse(greeted, Code.STORAGE, now)
            return
        greeted.proven = token
        self._enter(operation)

    def _hear_leaving(self, rid: RoutingId) -> None:
        """What a connection still says after its end changes nothing; too much of it is shut down at once."""
        leaving = self.leaving.get(rid)
        if leaving is not None:
            leaving.heard += 1
            if leaving.heard == MAX_LAST_WORDS:
                self.kicks.append(leaving.connection)

    def registered(self, result: Result, now: float) -> None:
        """The store has decided about a new device."""
        greeted = result.op.ref
        assert isinstance(greeted, Greeted)
        assert greeted.proven is not None
        if self.greeted.get(greeted.connection.rid) is not greeted:
            return  # gone meanwhile; the next login finds the device known
        if result.outcome == "done" and not self._is_barred(greeted):
            self._let_in(greeted, greeted.proven)
        else:
            self.refuse(greeted, _REGISTRATION.get(result.outcome, Code.LOGIN), now)

    def _let_in(self, greeted: Greeted, token: Token) -> None:
        del self.greeted[greeted.connection.rid]
        self.logins += greeted.kind == "main"
        self._admit(greeted, token)

    def refuse(self, greeted: Greeted, code: Code, now: float) -> None:
        """Answer a login that failed: one code and one delay for every cause an attacker could probe."""
        self.refused_logins += 1
        connection = greeted.connection
        self._gate.charge(connection.curve, connection.address, now)
        self._sends.append((connection.rid, encode_reject(0, code)))
        self.leave(connection, now)

    def leave(self, connection: Connection, now: float) -> None:
        """Shut this connection down a little later, so that what was sent arrives."""
        self.greeted.pop(connection.rid, None)
        self.leaving.pop(connection.rid, None)
        self.leaving[connection.rid] = Leaving(now + self._settings.kick_delay_s, connection)

    def kick(self, connection: Connection, now: float) -> None:
        """Shut this connection down at once and charge its address."""
        self.kicked += 1
        self._gate.charge(connection.curve, connection.address, now)
        self.kicks.append(connection)
        self.leave(connection, now)

    def tick(self, now: float) -> None:
        """Look at the deadlines of those who have said HELLO."""
        for greeted in list(self.greeted.values()):
            if now - greeted.since > self._settings.hello_timeout_s and greeted.proven is None:
                self.kick(greeted.connection, now)

    def see_off(self, now: float) -> None:
        """Shut down those whose last word has had its time."""
        while self.leaving:  # in order of their deadlines: the delay is the same for all
            rid, leaving = next(iter(self.leaving.items()))
            if leaving.due > now:
                break
            del self.leaving[rid]
            self.kicks.append(leaving.connection)


_REGISTRATION = {"taken": Code.TAKEN, "full": Code.STORAGE}
