"""The operator's verbs as they are typed, against a broker process; and the log they leave."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sealwire.broker.admin import MAX_ANSWER_BYTES
from sealwire.broker.orders import Ban
from sealwire.broker.port import AddInvite
from sealwire.cli import broker, broker_admin
from sealwire.cli.broker_office import AUDIT_NAME, AuditLog, Office
from sealwire.errors import UnknownPeerError, UsageError
from tests.unit.broker.test_bans import order
from tests.unit.test_cli_broker import Start, run, start

__all__ = ["start"]


@pytest.fixture
def office(rig: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    handlers = Office(tmp_path, lambda command: order(rig, command), lambda wanted: min(wanted, 20_000)).handlers()
    return lambda do, **fields: handlers[do]({"do": do, **fields})


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    from tests.unit.broker.rig import Rig

    rig = Rig(tmp_path / "store")
    yield rig
    rig.store.close()


def audit(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / AUDIT_NAME).read_text().splitlines()]


def test_every_order_that_changes_something_is_in_the_audit_log(office: Any, rig: Any, tmp_path: Path) -> None:
    rig.login("alice")
    rig.login("bob", "bob")
    office("user list")
    office("user disable", target="Bob")
    office("user enable", target="bob")
    office("ban add", kind="address", target="203.0.113.9", days=1, reason="a flood")
    office("ban remove", kind="address", target="203.0.113.9")
    assert office("link kick", target="alice") == {"count": 1}
    assert office("queue purge", target="alice") == {"count": 0}
    assert office("user delete", target="bob", release=False) == {"released": False}
    assert office("user reset-key", target="alice") == {"released": True}
    for action in ("user disable", "link kick", "queue purge"):
        with pytest.raises(UnknownPeerError):
            office(action, target="Nobody")
    lines = audit(tmp_path)
    assert [(line["action"], line["target"], line["result"]) for line in lines] == [
        ("user disable", "Bob", "done"),
        ("user enable", "bob", "done"),
        ("ban add", "203.0.113.9", "done"),
        ("ban remove", "203.0.113.9", "done"),
        ("link kick", "alice", "done"),
        ("queue purge", "alice", "done"),
        ("user delete", "bob", "done"),
        ("user reset-key", "alice", "done"),
        ("user disable", "Nobody", "unknown-peer"),
        ("link kick", "Nobody", "unknown-peer"),
        ("queue purge", "Nobody", "unknown-peer"),
    ]
    assert [line["count"] for line in lines if "count" in line] == [1, 0]
    assert stat.S_IMODE((tmp_path / AUDIT_NAME).stat().st_mode) == 0o600


def test_a_ban_is_listed_with_its_end_and_reason(office: Any) -> None:
    row = office("ban add", kind="device", target="AB" * 16, days=2, reason="x" * 200)
    assert (row["target"], len(row["reason"])) == ("ab" * 16, 200)
    assert office("ban list") == {"rows": [row], "next": None}


def test_lists_of_any_length_fit_into_answers(office: Any, rig: Any) -> None:
    bans = [Ban("account", f"n{number:03}", 0, "\N{CROSS MARK}" * 200) for number in range(450)]
    for ban in bans:
        rig.router._bans.add(ban)
    for number in range(201):
        order(rig, AddInvite(None, number.to_bytes(32, "big"), 1, 2_000_000_000_000 - number))
    for what, count in (("ban list", 450), ("invite list", 201)):
        rows, after = [], ""
        while after is not None:
            answer = office(what, after=after)
            assert len(json.dumps(answer)) < MAX_ANSWER_BYTES
            rows += answer["rows"]
            after = answer["next"]
        assert len(rows) == count
    assert [row["expires_ms"] for row in rows] == sorted(row["expires_ms"] for row in rows)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "account", "target": "no name"},
        {"kind": "device", "target": "ab"},
        {"kind": "address", "target": "bob"},
        {"kind": "account", "target": "bob", "days": -1},
        {"kind": "account", "target": "bob", "days": 9_999},
        {"kind": "account", "target": "bob", "reason": "x" * 201},
    ],
)
def test_a_ban_on_nothing_is_refused(office: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        office("ban add", **fields)


@pytest.mark.parametrize("values", [None, 0, 1.5, True, [], {}, "", "x", ["a"], [["quota_days", 3]]])
@pytest.mark.parametrize("action", ["limits set", "user limits set"])
def test_limits_without_values_are_no_request(office: Any, rig: Any, action: str, values: object) -> None:
    rig.login("bob")
    with pytest.raises(ValueError, match="no values"):
        office(action, target="bob", values=values)


@pytest.mark.parametrize("fields", [{"kind": "x", "target": "bob"}, {"kind": "account", "target": ""}])
def test_what_is_no_request_is_refused(office: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"x|target"):
        office("ban add", **fields)


def test_whoever_cannot_be_banned_as_that_hears_what_else_there_is(office: Any) -> None:
    with pytest.raises(UsageError) as refused:
        office("ban add", kind="account", target="203.0.113.9/24x")
    assert refused.value.params["hint"] == "Say with --kind what it is: account, device or address."


def test_lifting_a_ban_that_is_not_there_says_so(office: Any) -> None:
    with pytest.raises(UsageError):
        office("ban remove", kind="account", target="bob")
    with pytest.raises(UsageError):
        office("invite revoke", target="00000000")


def test_an_audit_log_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    AuditLog(tmp_path / "log").note("user list", "done", {})
    assert "could not be written" in caplog.text
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("user disable bob --release", "--release"),
        ("ban list --kind address", "--kind"),
        ("ban remove bob --days 3", "--days"),
        ("ban list --reason x", "--reason"),
        ("invite list --uses 3", "--uses"),
        ("invite revoke ab --qr-file a.svg", "--qr-file"),
    ],
)
def test_a_flag_of_another_action_is_not_passed_over(
    line: str, flag: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert broker.main([*line.split(), "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{flag} does not go with this.\n"


def test_lists_are_asked_for_page_by_page(capsys: pytest.CaptureFixture[str]) -> None:
    pages = {"": {"rows": [{"name": "a"}], "next": "a"}, "a": {"rows": [{"name": "b"}], "next": None}}
    broker_admin.show_list("user", True, lambda request: pages[request["after"]])
    assert json.loads(capsys.readouterr().out) == {"users": [{"name": "a"}, {"name": "b"}]}


def test_a_table_names_its_columns_and_writes_times_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "ab", "uses_left": 1, "expires_ms": 0}, {"id": "c", "uses_left": 22, "expires_ms": None}]
    broker_admin.show_list("invite", False, lambda _request: {"rows": rows})
    assert capsys.readouterr().out.splitlines() == [
        "id  uses left  expires",
        "ab  1          1970-01-01 00:00 UTC",
        "c   22         -",
    ]


@pytest.mark.process
def test_no_reason_of_a_ban_drives_the_terminal_or_looks_like_another_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"kind": "account", "target": "bob", "until_ms": None, "reason": "a\naccount  eve\x1b[2J\u202e"}]
    broker_admin.show_list("ban", False, lambda _request: {"rows": rows})
    assert capsys.readouterr().out.splitlines()[1:] == ["account  bob     -      a\\naccount  eve\\x1b[2J\\u202e"]


def test_the_verbs_reach_a_running_broker(start: Start, tmp_path: Path) -> None:
    start(SEALWIRE_BROKER__REGISTRATION="invite")

    def said(*arguments: str) -> dict[str, Any]:
        result = run(tmp_path, *arguments, "--json")
        assert result.returncode == 0, result.stderr
        answer = json.loads(result.stdout)
        assert isinstance(answer, dict)
        return answer

    made = said("invite", "create", "--uses", "2")
    assert made["invite"].startswith("sealwire:")
    (row,) = said("invite", "list")["invites"]
    assert (row["uses_left"], row["id"]) == (2, made["id"])
    assert audit(tmp_path / "data" / "broker")[-1]["id"] == made["id"]
    assert said("invite", "revoke", row["id"])["ok"]
    assert said("invite", "list") == {"invites": []}
    banned = said("ban", "add", "mallory", "--days", "3")
    assert (banned["target"], banned["is_known"]) == ("mallory", False)
    mistyped = subprocess_of(tmp_path, "ban", "add", "mallory")
    assert "Nobody is registered under that name now" in mistyped.stderr
    assert [ban["target"] for ban in said("ban", "list")["bans"]] == ["mallory"]
    banned = subprocess_of(tmp_path, "ban", "add", "--kind", "address", "2001:db8::1")
    assert banned.stderr == "2001:db8::/64 is kept out.\n"
    assert said("limits")["quota_messages"] == 20_000
    assert said("user", "list") == {"users": []}
    unknown = subprocess_of(tmp_path, "user", "delete", "bob")
    assert (unknown.returncode, unknown.stdout) == (5, "")
    assert "There are none." in subprocess_of(tmp_path, "queue", "list").stderr
    lines = audit(tmp_path / "data" / "broker")
    assert [line["action"] for line in lines] == ["invite", "invite revoke", *["ban add"] * 3, "user delete"]
    token = "".join(json.dumps(line) for line in lines)
    assert "sealwire:" not in token


def subprocess_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, *arguments)
