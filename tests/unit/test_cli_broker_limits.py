"""Limits from the operator's side: what is checked, what is said, and the verbs against a running broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sealwire.cli import broker_limits
from sealwire.cli.broker_office import AUDIT_NAME
from sealwire.config.settings import KEYS
from sealwire.errors import UnknownPeerError, UsageError
from tests.unit.test_cli_broker import Start, run, start
from tests.unit.test_cli_broker_admin import office, rig

__all__ = ["office", "rig", "start"]


def set_to(office: Callable[..., dict[str, Any]], **values: str) -> dict[str, Any]:
    return office("limits set", values=values)


# --- what is checked -----------------------------------------------------------------------------------------


def test_a_value_is_read_as_in_the_settings_file(office: Any) -> None:
    assert set_to(office, quota_bytes="1 GiB", trusted_networks="10.0.0.0/8, ::1/128") == {
        "changed": {
            "quota_bytes": {"was": 128 << 20, "now": 1 << 30},
            "trusted_networks": {"was": ("127.0.0.0/8", "::1/128"), "now": ("10.0.0.0/8", "::1/128")},
        },
        "until": "restart",
    }
    shown = office("limits")
    assert shown["limits"]["quota_bytes"] == 1 << 30
    assert shown["configured"] == {"quota_bytes": 128 << 20, "trusted_networks": ("127.0.0.0/8", "::1/128")}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("quota_mesages", "5", "limits.quota_mesages: is not a setting; did you mean limits.quota_messages?"),
        ("quota_messages", "0", "limits.quota_messages: must be a whole number from 1 to 10000000 (got '0')"),
        ("quota_messages", "many", "must be a whole number"),
        ("trusted_networks", "10.0.0.1/8", "must be a network"),
        ("max_unclaimed", "13000", "limits.max_unclaimed: must not be above limits.max_connections (13000 and 12000)"),
        ("max_connections", "30000", "may not open enough files for more than 20000 connections"),
        ("ballast_bytes", "1 MiB", "ballast_bytes is applied when the broker starts"),
        ("bind", "tcp://127.0.0.1:1", "is not a setting"),
    ],
)
def test_a_wrong_value_is_refused_in_words_and_nothing_changes(office: Any, name: str, text: str, said: str) -> None:
    before = office("limits")
    with pytest.raises(UsageError) as refused:
        set_to(office, **{"quota_days": "9", name: text})
    assert said in str(refused.value)
    assert office("limits") == before


def test_two_limits_that_belong_together_change_together(office: Any) -> None:
    set_to(office, max_unclaimed="13000", max_connections="14000")
    assert office("limits")["limits"]["max_unclaimed"] == 13_000
    with pytest.raises(UsageError, match="must not be above"):
        office("limits reset", names=["max_connections"])
    office("limits reset", names=[])
    assert office("limits")["configured"] == {}
    assert office("limits reset", names=["max_connections"])["changed"] == {}


def test_a_name_that_is_no_limit_is_not_reset(office: Any) -> None:
    with pytest.raises(UsageError, match=r"did you mean limits\.grace_ms"):
        office("limits reset", names=["grace"])


def test_all_limits_of_the_settings_are_shown(office: Any) -> None:
    assert {f"limits.{name}" for name in office("limits")["limits"]} == {k for k in KEYS if k.startswith("limits.")}


# --- one account ---------------------------------------------------------------------------------------------


def test_one_account_has_what_was_set_for_it_and_the_rest_of_everybody(rig: Any, office: Any) -> None:
    rig.login("bob", "bob")
    changed = office("user limits set", target="bob", values={"quota_messages": "7", "account_units_per_s": "50"})
    assert changed["changed"]["quota_messages"] == {"was": None, "now": 7}
    office("limits set", values={"quota_bytes": "1 GiB"})
    shown = office("user limits", target="bob")
    assert shown["own"] == {"quota_messages": 7, "account_units_per_s": 50}
    assert shown["limits"]["quota_bytes"] == 1 << 30
    back = office("user limits set", target="bob", values={"quota_messages": "default", "quota_bytes": "default"})
    assert back["changed"] == {"quota_messages": {"was": 7, "now": None}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"max_devices": "5"}, "max_devices is for everybody; one account may have: quota_messages, quota_bytes"),
        ({"quota_mesages": "5"}, "did you mean limits.quota_messages"),
        ({"quota_messages": "-1"}, "must be a whole number"),
    ],
)
def test_what_an_account_cannot_have_is_refused(rig: Any, office: Any, values: dict[str, str], said: str) -> None:
    rig.login("bob", "bob")
    with pytest.raises(UsageError) as refused:
        office("user limits set", target="bob", values=values)
    assert said in str(refused.value)
    assert office("user limits", target="bob")["own"] == {}


@pytest.mark.parametrize("do", ["user limits", "user limits set"])
def test_nobody_registered_has_limits(office: Any, do: str) -> None:
    with pytest.raises(UnknownPeerError):
        office(do, target="nobody", values={"quota_messages": "7"})


def test_changes_are_in_the_audit_log_with_what_was_before(rig: Any, office: Any, tmp_path: Path) -> None:
    rig.login("bob", "bob")
    office("limits set", values={"quota_messages": "5"})
    office("user limits set", target="bob", values={"quota_messages": "7"})
    office("limits reset", names=[])
    office("limits")
    office("user limits", target="bob")
    lines = [json.loads(line) for line in (tmp_path / AUDIT_NAME).read_text("utf-8").splitlines()]
    assert [(line["action"], line["result"], line["changed"]["quota_messages"]) for line in lines] == [
        ("limits set", "done", {"was": 20_000, "now": 5}),
        ("user limits set", "done", {"was": None, "now": 7}),
        ("limits reset", "done", {"was": 5, "now": 20_000}),
    ]


# --- what is typed and said ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["quota_messages", "5"], {"quota_messages": "5"}),
        (["quota_messages=5", "quota_bytes=1 GiB"], {"quota_messages": "5", "quota_bytes": "1 GiB"}),
        (["quota_messages=5"], {"quota_messages": "5"}),
        (["limits.quota_messages", "5"], {"quota_messages": "5"}),
        (["limits.quota_messages=5"], {"quota_messages": "5"}),
    ],
)
def test_a_limit_and_its_value_are_two_words_or_one(words: list[str], values: dict[str, str]) -> None:
    assert broker_limits.pairs(words) == values


@pytest.mark.parametrize("words", [[], ["quota_messages"], ["quota_messages", "5", "6"]])
def test_a_limit_without_a_value_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        broker_limits.pairs(words)


@pytest.mark.process
def test_the_verbs_reach_a_running_broker_and_say_how_long_it_lasts(start: Start, tmp_path: Path) -> None:
    broker = start()
    said = run(tmp_path, "limits", "set", "quota_messages", "50000")
    assert (said.returncode, said.stdout) == (0, "")
    assert "quota_messages is 50000 now; it was 20000." in said.stderr
    assert "This lasts until the broker ends." in said.stderr
    assert "from now on" in run(tmp_path, "limits", "set", "send_window_messages=512").stderr
    shown = run(tmp_path, "limits").stdout
    assert "quota_messages              50000  (until the broker ends; the settings say 20000)" in shown
    assert json.loads(run(tmp_path, "limits", "--json").stdout)["quota_messages"] == 50_000
    assert json.loads(run(tmp_path, "status", "--json").stdout)["limits_changed"] == 2
    wrong = run(tmp_path, "limits", "set", "quota_mesages", "1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean limits.quota_messages?" in wrong.stderr
    assert run(tmp_path, "user", "limits", "nobody").returncode == 5
    assert run(tmp_path, "user", "list", "nobody", "more").returncode == 2
    reset = json.loads(run(tmp_path, "limits", "reset", "limits.quota_messages", "--json").stdout)
    assert reset == {"ok": True, "changed": {"quota_messages": {"was": 50_000, "now": 20_000}}, "until": "restart"}
    broker.end()
    start()
    assert json.loads(run(tmp_path, "limits", "--json").stdout)["send_window_messages"] == 1_024
