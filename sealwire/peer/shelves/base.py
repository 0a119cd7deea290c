"""What every shelf stands on: one connection, and a statement in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import apsw

STATEMENTS: Final = 512
"""So many executions of others a prepared statement outlives unused; more apsw does not offer. At its own 100 the
receipts of a crowd drove out whatever one message needs, and each of those was parsed and planned anew. BEGIN and
COMMIT cost next to nothing to prepare, so they take no place."""


class Shelf:
    """Part of the database; every write is inside the transaction that the shell has opened."""

    _db: apsw.Connection
    _sql: Callable[..., Any]
    asks_first = True
    """Whether strangers' messages are requests until they are answered; else none of them is."""
    _wiped = False
    """Words were taken away in this transaction: what still holds them beside the database has to go after it."""
    mortals = 0
    """Own messages with a timer that were added since it was opened: they are looked for only when there are more."""
    wipes = 0
    """How often since it was opened: what a message carried goes with it, and is looked for only then."""

    def _wipe(self) -> None:
        self._wiped = True
        self.wipes += 1

    def _one(self, sql: str, *args: Any) -> Any:
        return self._sql(sql, args).fetchone()

    def _all(self, sql: str, *args: Any) -> list[Any]:
        rows: list[Any] = self._sql(sql, args).fetchall()
        return rows
