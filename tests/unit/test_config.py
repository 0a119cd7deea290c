"""Settings: precedence, every problem at once with its place, and config.yaml as the mirror of the table."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sealwire import config
from sealwire.broker.port import BrokerSettings
from sealwire.config import KEYS, reference, settings, settingsfile, source
from sealwire.errors import ConfigError
from tests.conftest import shut_out

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str | bytes | None = None, environ=None, **flags: str) -> config.Settings:
    if text is not None:
        (folder / "config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    given = {key.replace("__", "."): (f"--{key.split('__')[1]}", value) for key, value in flags.items()}
    return config.load(environ or {}, folder, None, given)


def problems(folder: Path, text: str | bytes | None = None, environ=None, **flags: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ, **flags)
    assert caught.value.exit == 3
    return caught.value.problems


# --- what is in force ----------------------------------------------------------------------------------------


def test_defaults_are_in_force_without_any_source(folder: Path) -> None:
    found = load(folder)
    assert found.broker.bind == "tcp://127.0.0.1:5555"
    assert found.broker.registration == "open"
    assert (found.paths.keys, found.paths.data) == (folder / "keys", folder / "data")
    assert found.peer.broker == found.broker.bind
    assert found.peer.broker_key == folder / "keys" / "broker.pub"
    assert found.metrics.listen == "off"


def test_flags_win_over_variables_over_the_file(folder: Path) -> None:
    text = "log: {level: error, format: json}\nbroker: {bind: 'tcp://127.0.0.1:1'}"
    environ = {"SEALWIRE_LOG__LEVEL": "debug", "SEALWIRE_BROKER__BIND": "tcp://127.0.0.1:2"}
    found = load(folder, text, environ, broker__bind="tcp://127.0.0.1:3")
    assert (found.log.format, found.log.level, found.broker.bind) == ("json", "debug", "tcp://127.0.0.1:3")


def test_the_named_file_wins_over_the_one_here_and_that_over_ones_own(folder: Path) -> None:
    own = folder / "xdg" / "sealwire"
    own.mkdir(parents=True)
    (own / "config.yaml").write_text("log: {level: error}")
    environ = {"XDG_CONFIG_HOME": str(folder / "xdg")}
    assert config.load(environ, folder).log.level == "error"
    (folder / "config.yaml").write_text("log: {level: warning}")
    assert config.load(environ, folder).log.level == "warning"
    (folder / "other.yaml").write_text("log: {level: debug}")
    assert config.load(environ, folder, Path("other.yaml")).log.level == "debug"


def test_ones_own_file_lies_in_the_home_folder_without_xdg(folder: Path) -> None:
    assert source.user_file({"HOME": "/home/a"}) == Path("/home/a/.config/sealwire/config.yaml")
    assert source.user_file({"HOME": "/home/a", "XDG_CONFIG_HOME": "x"}) == Path("/home/a/.config/sealwire/config.yaml")
    assert source.user_file({}) is None


def test_a_link_that_leads_nowhere_is_told_and_no_default_stands_in_for_it(folder: Path) -> None:
    (folder / "config.yaml").symlink_to("gone.yaml")
    with pytest.raises(ConfigError, match=r"config\.yaml: is a link to what is not there"):
        config.load({}, folder)


def test_the_home_folder_of_somebody_else_holds_no_settings_and_a_hidden_folder_here_is_told(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(0o700)
    with shut_out(theirs):
        assert source.find_file(None, {"HOME": str(theirs)}, Path("/")) is None
        with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read: Permission denied"):
            config.load({}, theirs)


def test_a_variable_that_misses_an_underscore_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean SEALWIRE_BROKER__REGISTRATION"):
        config.load({"SEALWIRE_BROKER_REGISTRATION": "invite", "SEALWIRE_BROKER_PORT": "tcp://10.0.0.1:80"}, folder)


def test_paths_are_relative_to_the_file_they_stand_in(folder: Path) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "s.yaml").write_text("paths: {keys: k}\npeer: {broker_key: b.pub}")
    found = config.load({"SEALWIRE_PATHS__DATA": "d"}, folder, Path("etc/s.yaml"))
    assert found.paths.keys == folder / "etc" / "k"
    assert found.paths.data == folder / "d"
    assert found.peer.broker_key == folder / "etc" / "b.pub"


def test_the_broker_key_follows_the_keys_folder(folder: Path) -> None:
    assert load(folder, paths__keys="/elsewhere").peer.broker_key == Path("/elsewhere/broker.pub")


@pytest.mark.parametrize(
    ("bind", "peer"),
    [
        ("tcp://0.0.0.0:7", "tcp://127.0.0.1:7"),
        ("tcp://*:7", "tcp://127.0.0.1:7"),
        ("tcp://[::]:7", "tcp://[::1]:7"),
        ("tcp://10.0.0.1:7", "tcp://10.0.0.1:7"),
        ("tcp://localhost:7", "tcp://127.0.0.1:7"),
    ],
)
def test_a_peer_follows_the_bound_address(folder: Path, bind: str, peer: str) -> None:
    assert load(folder, broker__bind=bind).peer.broker == peer


@pytest.mark.parametrize(
    ("bind", "public"),
    [("tcp://127.0.0.1:1", False), ("tcp://[::1]:1", False), ("tcp://0.0.0.0:1", True), ("tcp://eth0:1", True)],
)
def test_public_is_whatever_is_not_loopback(bind: str, public: bool) -> None:
    assert config.is_public(bind) is public


def test_values_are_read_as_text_not_as_yaml_types(folder: Path) -> None:
    text = """
limits:
  quota_bytes: 1 GiB
  quota_messages: 1_000_000
  grace_ms: 0
  trusted_networks: [10.0.0.0/8, "fd00::/8"]
metrics: {listen: off}
peer: {broker: null, kdf_passes: "4"}
log:
"""
    found = load(folder, text)
    assert found.limits.quota_bytes == 2**30
    assert found.limits.quota_messages == 1_000_000
    assert found.limits.trusted_networks == ("10.0.0.0/8", "fd00::/8")
    assert (found.limits.grace_ms, found.peer.kdf_passes) == (0, 4)


def test_a_list_in_a_variable_has_commas(folder: Path) -> None:
    environ = {"SEALWIRE_LIMITS__TRUSTED_NETWORKS": "10.0.0.0/8, 192.168.0.0/16"}
    assert load(folder, environ=environ).limits.trusted_networks == ("10.0.0.0/8", "192.168.0.0/16")


def test_an_empty_file_and_a_byte_order_mark_are_fine(folder: Path) -> None:
    assert load(folder, "").log.level == "info"
    assert load(folder, "\ufefflog: {level: debug}").log.level == "debug"


# --- what is wrong -------------------------------------------------------------------------------------------


def test_every_problem_of_every_source_is_told_at_once_with_its_place(folder: Path) -> None:
    text = "log:\n  level: verbose\n  fromat: json\nlimits:\n  quota_days: 400\n"
    environ = {"SEALWIRE_BROKER__REGISTRATION": "maybe", "SEALWIRE_LOG__LEVL": "info"}
    assert problems(folder, text, environ, broker__bind="nowhere") == [
        "config.yaml:2:10: log.level: must be one of debug, info, warning, error (got 'verbose')",
        "config.yaml:3:3: log.fromat: is not a setting; did you mean log.format?",
        "config.yaml:5:15: limits.quota_days: must be a whole number from 1 to 90 (got '400')",
        "SEALWIRE_LOG__LEVL: is not a setting; did you mean SEALWIRE_LOG__LEVEL?",
        "SEALWIRE_BROKER__REGISTRATION: broker.registration: must be one of open, invite, closed (got 'maybe')",
        "--bind: broker.bind: must be an address like tcp://127.0.0.1:5555 (IPv6 in brackets, port at most 65535) "
        "(got 'nowhere')",
    ]


def test_a_wrong_value_is_told_even_where_another_source_overrides_it(folder: Path) -> None:
    assert len(problems(folder, "log: {level: x}", {"SEALWIRE_LOG__LEVEL": "info"})) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("log:\n  level: info\n  level: debug", "config.yaml:3:3: log.level: is set twice (first on line 2)"),
        ("log: {}\nlog: {}", "config.yaml:2:1: log: is set twice (first on line 1)"),
        ("level: info", "config.yaml:1:1: level: is not a setting; did you mean log.level?"),
        ("log_level: info", "config.yaml:1:1: log_level: is not a setting; did you mean log.level?"),
        ("zz: {}", "zz: is not a setting; the sections are broker, "),
        ("log: {zz: 3}", "log.zz: is not a setting; the keys of log are level, format"),
        ("brokr: {}", "config.yaml:1:1: brokr: is not a setting; did you mean broker?"),
        ("log: {level: [info]}", "log.level: must be one of debug, info, warning, error (got a list)"),
        ("log: {level: {a: 1}}", "log.level: must be one of debug, info, warning, error (got keys below it)"),
        ("log: {level: }", "log.level: must be one of debug, info, warning, error (got nothing)"),
        ("log: 3", "config.yaml:1:6: log: must be a section with keys of its own"),
        ("- log", "config.yaml:1:1: must be sections with keys"),
        ("just words", "config.yaml:1:1: must be sections with keys"),
        ("log:\n\tlevel: info", "config.yaml:2:1: a tab; indent with spaces"),
        ("log: {level: info", "config.yaml:1:18: "),
        ("a: &x 1\nb: *x", "config.yaml:1:4: anchors and aliases are not allowed"),
        ("log: *x", "config.yaml:1:6: anchors and aliases are not allowed"),
        ("[" * 100_000, "is nested too deep"),
        ("? [a]\n: b", "config.yaml:1:3: a key must be one word"),
        ("--- {}\n--- {}", "config.yaml:2:1: "),
        ("log: \x00", "config.yaml:1:6: has a character that may not stand in a settings file"),
        ("log: !!python/object/apply:os.system [id]", "log: must be a section with keys of its own"),
        ("limits: {grace_ms: 1e3}", "limits.grace_ms: must be a number from 0 to 1000 (got '1e3')"),
        ("limits: {grace_ms: .nan}", "limits.grace_ms: must be a number"),
        ("limits: {quota_bytes: 128 MB}", "limits.quota_bytes: must be a size from 1 MiB to 1024 GiB (got '128 MB')"),
        ("limits: {trusted_networks: [10.0.0.1/8]}", "limits.trusted_networks: must be a network"),
        ("paths: {keys: ''}", "paths.keys: must be a path (got '')"),
        ("peer: {reconnect_first_s: 9}", "peer.reconnect_first_s: must not be above peer.reconnect_max_s"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(folder: Path, text: str, complaint: str) -> None:
    (told,) = problems(folder, text)
    assert complaint in told


@pytest.mark.parametrize(
    "bind",
    [
        "127.0.0.1:5555",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:65536",
        "ipc:///tmp/x",
        "tcp://[zz]:1",
        "tcp://::1:1",
        "tcp://a b:1",
        "tcp://127.0.0.1:5555;tcp://0.0.0.0:1",
        "tcp://127.0.0.1:٣",
    ],
)
def test_an_address_is_one_tcp_endpoint(folder: Path, bind: str) -> None:
    assert len(problems(folder, broker__bind=bind)) == 1


@pytest.mark.parametrize("address", ["tcp://*:5555", "tcp://127.0.0.1:0"])
def test_a_peer_cannot_connect_to_a_wildcard(folder: Path, address: str) -> None:
    assert len(problems(folder, peer__broker=address)) == 1


def test_text_that_is_not_utf8_is_told_with_its_byte(folder: Path) -> None:
    (told,) = problems(folder, b"log:\n  level: \xff")
    assert told == "config.yaml:2:10: is not UTF-8 text (byte 0xff); save the file as UTF-8"


def test_a_named_file_must_exist_and_be_a_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")  # nobody writes: to wait for it would be to hang
    not_read = "cannot be read: it is not a file"
    for name, reason in [("none.yaml", "there is no such file"), (".", not_read), ("pipe.yaml", not_read)]:
        with pytest.raises(ConfigError) as caught:
            config.load({}, folder, Path(name))
        assert f"{name}: {reason}" in str(caught.value)


def test_an_empty_device_is_an_empty_file(folder: Path) -> None:
    assert config.load({}, folder, Path(os.devnull)) == config.load({}, folder)


def test_a_huge_file_is_not_read_into_memory(folder: Path) -> None:
    (told,) = problems(folder, "#" * (settingsfile.MAX_FILE_BYTES + 1))
    assert "larger than a settings file may be" in told


def test_a_long_value_is_shortened_and_escaped_in_the_message(folder: Path) -> None:
    (told,) = problems(folder, environ={"SEALWIRE_LOG__LEVEL": "\x1b[31m" + "x" * 500})
    assert "\x1b" not in told
    assert len(told) < 200


@hypothesis.settings(deadline=None)  # the first file of a process pays for the YAML package
@given(st.one_of(st.binary(max_size=80), st.text(alphabet="abglo: {}[]\n-&*!|>'\"#%@?,\t1", max_size=80)))
def test_any_bytes_either_load_or_are_told_as_problems(tmp_path_factory, data: bytes | str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    told: list[str] = []
    try:
        config.load({}, path.parent, path)
    except ConfigError as error:
        told = error.problems
    assert all(problem.startswith(str(path)) for problem in told)


# --- the table and its mirrors -------------------------------------------------------------------------------


def test_config_yaml_is_printed_from_the_table() -> None:
    assert (ROOT / "config.yaml").read_text("utf-8") == reference.text()


def test_config_yaml_sets_every_key_to_its_default(folder: Path) -> None:
    defaults = load(folder)
    assert load(folder, reference.text()) == defaults
    tree = yaml.safe_load(reference.text())
    assert {f"{section}.{name}" for section, keys in tree.items() for name in keys} == set(KEYS)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.full_name)
def test_every_key_has_a_reason_a_unit_where_it_counts_and_a_default_it_allows(key: settings.Key) -> None:
    assert key.reason.endswith(".")
    if isinstance(key.default, (int, float)) and not isinstance(key.default, bool):
        assert key.unit
    if not key.optional:
        shown = reference.value_of(key).strip("[]").replace('"', "")
        for text in filter(None, shown.split(", ")) if key.is_list else [shown]:
            key.kind.read(text, Path("/"))


def test_the_relay_has_the_same_defaults() -> None:
    ours = {f.name: f.default for s in (settings.BrokerSection, settings.LimitsSection) for f in dataclasses.fields(s)}
    theirs = {f.name: f.default for f in dataclasses.fields(BrokerSettings)}
    assert set(ours) <= set(theirs)
    assert {name: theirs[name] for name in ours} == ours


NOT_SETTINGS = {"envelope_bytes"}
"""Fixed by the protocol."""


def test_every_limit_of_the_relay_is_a_setting_or_fixed_for_a_reason() -> None:
    theirs = {f.name for f in dataclasses.fields(BrokerSettings)}
    assert theirs - {key.name for key in KEYS.values()} == NOT_SETTINGS
