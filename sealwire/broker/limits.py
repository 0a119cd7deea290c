"""Limits that change while the broker runs: those of everybody, and those of single accounts.

All of the broker reads one :class:`BrokerSettings`; this alone changes it, in line with frames. Whoever keeps a copy of
a value has an ``adopt`` that is called after each change. What is changed here for everybody ends with the process: the
settings file stays the truth about what a broker starts with. What is set for one account is stored.

Source: protocol.md §5.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Final

from sealwire.broker.links import Account, OwnLimits
from sealwire.broker.port import BrokerSettings, LimitValue

NOT_LIMITS: Final = ("bind", "public_address", "registration")
"""Settings of the broker that are no limits."""
AT_START: Final = ("ballast_bytes", "blob_keep_free_bytes")
"""Limits that are applied when the broker starts, to files that exist by then."""
OWN: Final = tuple(field.name for field in fields(OwnLimits))
"""Limits that one account may have of its own."""

Overrides = Mapping[str, LimitValue]


class Limits:
    """The limits in force.

    Args:
        settings: the router's own copy; it is changed here.
        accounts: the router's, by name.
        own: what was set for single accounts, by name.
        adopters: called with the settings after each change.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        accounts: Mapping[str, Account],
        own: Mapping[str, Overrides],
        adopters: Iterable[Callable[[BrokerSettings], None]],
    ) -> None:
        self._settings = settings
        self._configured = replace(settings)
        self._accounts = accounts
        self._own = {name: dict(overrides) for name, overrides in own.items()}
        self._adopters = tuple(adopters)

    # --- for everybody ---------------------------------------------------------------------------------------

    def shown(self) -> dict[str, tuple[LimitValue, LimitValue]]:
        """Return (in force, as configured) of each limit."""
        names = [field.name for field in fields(BrokerSettings) if field.name not in NOT_LIMITS]
        return {name: (getattr(self._settings, name), getattr(self._configured, name)) for name in names}

    def set(self, values: Overrides) -> dict[str, LimitValue]:
        """Put checked values in force from now on; returns what was in force before."""
        before = {name: getattr(self._settings, name) for name in values}
        for name, value in values.items():
            setattr(self._settings, name, value)
        for adopt in self._adopters:
            adopt(self._settings)
        for name in self._own:
            self.apply(name)
        if "account_units_burst" in values:
            for account in self._accounts.values():
                self._spend_surplus(account)
        return before

    def reset(self, names: Iterable[str]) -> dict[str, LimitValue]:
        """Go back to the configured values; returns what was in force before."""
        return self.set({name: getattr(self._configured, name) for name in names})

    # --- for one account -------------------------------------------------------------------------------------

    def own(self, account: str) -> dict[str, LimitValue]:
        """Return what was set for this account."""
        return dict(self._own.get(account, {}))

    def stored(self, account: str, overrides: Overrides) -> None:
        """The store has taken what this account has of its own."""
        self._own[account] = dict(overrides)
        self.apply(account)
        if not overrides:
            del self._own[account]

    def forget(self, account: str) -> None:
        """The account is deleted: whoever gets its name begins with what everybody has."""
        self._own.pop(account, None)

    def apply(self, name: str) -> None:
        """Give an account that is there what it has of its own."""
        account, overrides = self._accounts.get(name), self._own.get(name)
        if account is None or overrides is None:
            return
        usual = {limit: getattr(self._settings, limit) for limit in OWN}
        account.own = OwnLimits(**{**usual, **overrides}) if overrides else None
        self._spend_surplus(account)

    def _spend_surplus(self, account: Account) -> None:
        """Nobody keeps more than may be saved up; what was saved before would outlast the change by hours."""
        account.units = min(account.units, (account.own or self._settings).account_units_burst)
