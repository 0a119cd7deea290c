"""What the running broker answers about its limits: shows and changes them, for everybody and for single accounts.

Every value is checked by the table of the settings, so that nothing gets in here that a settings file could not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sealwire import config
from sealwire.broker.limits import AT_START, OWN
from sealwire.broker.orders import ListLimits, ListOwnLimits, ResetLimits, SetLimits, SetOwnLimits
from sealwire.broker.port import Command, LimitValue, Result
from sealwire.errors import ConfigError, StoreError, UnknownPeerError, UsageError
from sealwire.i18n import _

Request = Mapping[str, Any]
Handler = Callable[[Request], dict[str, Any]]

DEFAULT = "default"
"""Instead of a value: what everybody has."""


class LimitsDesk:
    """The operator's verbs about limits.

    Args:
        folder: ``data/broker``.
        submit: hands a command to the relay and waits for its answer.
        reach: how many connections this process can carry, at most the number given.
    """

    def __init__(self, folder: Path, submit: Callable[[Command], Any], reach: Callable[[int], int]) -> None:
        self._folder = folder
        self._submit = submit
        self._reach = reach

    def showing(self) -> dict[str, Handler]:
        """Handlers that change nothing, by the request's ``do``."""
        return {"limits": lambda _request: self._show(), "user limits": self._show_own}

    def changing(self) -> dict[str, Handler]:
        """Handlers that change something."""
        return {"limits set": self._set, "limits reset": self._reset, "user limits set": self._set_own}

    # --- for everybody ---------------------------------------------------------------------------------------

    def _show(self) -> dict[str, Any]:
        shown: dict[str, tuple[LimitValue, LimitValue]] = self._submit(ListLimits())
        known = {name: pair for name, pair in shown.items() if f"limits.{name}" in config.KEYS}
        return {
            "limits": {name: now for name, (now, _configured) in known.items()},
            "configured": {name: configured for name, (now, configured) in known.items() if now != configured},
        }

    def _set(self, request: Request) -> dict[str, Any]:
        values = {name: _checked(name, text) for name, text in _texts(request).items()}
        self._check_together(values)
        self._check_connections(values.get("max_connections"))
        return self._changed(self._submit(SetLimits(tuple(values.items()))))

    def _reset(self, request: Request) -> dict[str, Any]:
        shown = self._show()
        names = [str(name) for name in request["names"]] or list(shown["configured"])
        for name in names:
            _key(name)
        self._check_together({name: shown["configured"].get(name, shown["limits"][name]) for name in names})
        return self._changed(self._submit(ResetLimits(tuple(names))))

    def _changed(self, before: Mapping[str, LimitValue]) -> dict[str, Any]:
        now = self._show()["limits"]
        changed = {name: {"was": was, "now": now[name]} for name, was in before.items() if was != now[name]}
        return {"changed": changed, "until": "restart"}

    def _check_together(self, values: Mapping[str, LimitValue]) -> None:
        in_force = self._show()["limits"] | values
        wrong = config.contradictions({f"limits.{name}": value for name, value in in_force.items()})
        if wrong:
            raise UsageError("\n".join(wrong))

    def _check_connections(self, wanted: LimitValue | None) -> None:
        if isinstance(wanted, int) and (most := self._reach(wanted)) < wanted:
            sentence = _("This process may not open enough files for more than {most} connections.")
            raise UsageError(sentence.format(most=most), _("Raise the limit: ulimit -Hn, or LimitNOFILE."))

    # --- for one account -------------------------------------------------------------------------------------

    def _show_own(self, request: Request) -> dict[str, Any]:
        name = str(request["target"]).lower()
        own = self._own(name)
        usual = self._show()["limits"]
        return {"own": own, "limits": {limit: own.get(limit, usual[limit]) for limit in OWN}}

    def _set_own(self, request: Request) -> dict[str, Any]:
        name = str(request["target"]).lower()
        own = self._own(name)
        before = dict(own)
        for limit, text in _texts(request).items():
            if limit not in OWN:
                _key(limit)
                listed = ", ".join(OWN)
                raise UsageError(
                    _("{limit} is for everybody; one account may have: {own}.").format(limit=limit, own=listed)
                )
            own.pop(limit, None)
            if text != DEFAULT:
                own[limit] = _checked(limit, text)
        numbers = tuple((limit, value) for limit, value in own.items() if isinstance(value, int | float))
        check_stored(self._submit(SetOwnLimits(None, name, numbers)), name, self._folder)
        changed = {limit: {"was": before.get(limit), "now": own.get(limit)} for limit in {**before, **own}}
        return {"changed": {limit: pair for limit, pair in changed.items() if pair["was"] != pair["now"]}}

    def _own(self, name: str) -> dict[str, LimitValue]:
        own = self._submit(ListOwnLimits(name))
        if not isinstance(own, dict):
            raise UnknownPeerError(name=name)
        return own


def check_stored(result: Result, name: str, folder: Path) -> None:
    """Make sure that an order about ``name`` is on the disk.

    Raises:
        UnknownPeerError: nobody has that name.
        StoreError: there is no room.
    """
    if result.outcome == "unknown":
        raise UnknownPeerError(name=name)
    if result.outcome != "done":
        raise StoreError(path=folder, detail=_("there is no room for it"))


def _texts(request: Request) -> dict[str, str]:
    values = request["values"]
    if not isinstance(values, dict) or not values:
        raise ValueError("no values")
    return {name: str(text) for name, text in values.items()}


def _key(name: str) -> None:
    """Refuse a name that is no limit, in the settings' own words."""
    if f"limits.{name}" not in config.KEYS:
        try:
            config.read(f"limits.{name}", "")
        except ConfigError as error:
            raise UsageError(str(error)) from None


def _checked(name: str, text: str) -> LimitValue:
    try:
        value = config.read(f"limits.{name}", text)
    except ConfigError as error:
        raise UsageError(str(error)) from None
    if name in AT_START:
        raise UsageError(_("{name} is applied when the broker starts: change it in config.yaml.").format(name=name))
    assert isinstance(value, int | float | tuple)
    return value
