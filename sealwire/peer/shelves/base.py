"""What every shelf stands on: one connection, and a statement in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw


class Shelf:
    """Part of the database; every write is inside the transaction that the shell has opened."""

    _db: apsw.Connection
    _sql: Callable[..., Any]
    _wiped = False
    """Words were taken away in this transaction: what still holds them beside the database has to go after it."""

    def _one(self, sql: str, *args: Any) -> Any:
        return self._sql(sql, args).fetchone()

    def _all(self, sql: str, *args: Any) -> list[Any]:
        rows: list[Any] = self._sql(sql, args).fetchall()
        return rows
