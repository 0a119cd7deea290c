"""Settings of both programs: flags, then ``SEALWIRE_SECTION__KEY``, then a YAML file, then defaults.

Every source is checked as a whole, so a typo is found even where another source overrides it, and all problems are
told at once: ``config.yaml:2:10: log.level: must be one of debug, info, warning, error (got 'verbose')``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sealwire.config.settings import (
    KEYS,
    SECTIONS,
    BrokerSection,
    Key,
    LimitsSection,
    LogSection,
    MetricsSection,
    NotifySection,
    PathsSection,
    PeerSection,
    Settings,
)
from sealwire.config.source import (
    Entry,
    Place,
    Problem,
    Source,
    find_file,
    from_environ,
    from_flags,
    shown,
    unknown,
)
from sealwire.errors import ConfigError
from sealwire.i18n import _

__all__ = [
    "KEYS",
    "BrokerSection",
    "LimitsSection",
    "LogSection",
    "MetricsSection",
    "NotifySection",
    "PathsSection",
    "PeerSection",
    "Settings",
    "contradictions",
    "is_public",
    "load",
    "reachable",
    "read",
]


def load(
    environ: Mapping[str, str],
    cwd: Path,
    config: Path | None = None,
    flags: Mapping[str, tuple[str, str]] | None = None,
) -> Settings:
    """Return the settings in force.

    Args:
        environ: environment variables.
        cwd: the folder that relative flags, variables and defaults start from; absolute.
        config: the file named by ``--config``; it must exist.
        flags: ``{"broker.bind": ("--bind", "tcp://…")}`` for every flag that was given.

    Raises:
        ConfigError: one line for each problem of any source.
    """
    found = find_file(config, environ, cwd)
    sources = [
        _from_file(*found) if found else Source(),
        from_environ(environ, cwd),
        from_flags(flags or {}, cwd),
    ]
    problems: list[str] = []
    values: dict[str, object] = {}
    for source in sources:  # lowest precedence first: later ones replace
        for entry in source.entries:
            _take(entry, values, source.problems)
        problems += [str(problem) for problem in sorted(source.problems, key=_in_file_order)]
    problems = problems or contradictions(values)
    if problems:
        raise ConfigError(problems)
    return _completed(_built(values), cwd)


def _from_file(path: Path, name: str) -> Source:
    from sealwire.config.settingsfile import from_file  # YAML: 25 ms that whoever has no such file does without

    return from_file(path, name)


def _in_file_order(problem: Problem) -> tuple[int, int]:
    return problem.place.line, problem.place.column


def _take(entry: Entry, values: dict[str, object], problems: list[Problem]) -> None:
    """Check one entry and keep its value; what is wrong becomes a problem."""
    key = KEYS[entry.key]
    if entry.is_null and key.optional:
        values[entry.key] = key.default
        return
    got = _("a list") if entry.is_list and not key.is_list else _("nothing") if entry.is_null else None
    if got is not None:
        problems.append(_must_be(key, entry.place, got))
        return
    read: list[object] = []
    for item in entry.items:
        try:
            read.append(key.kind.read(item.text, entry.base))
        except ValueError:
            problems.append(_must_be(key, item.place, shown(item.text)))
    if len(read) == len(entry.items):
        values[entry.key] = tuple(read) if key.is_list else read[0]


def _must_be(key: Key, place: Place, got: str) -> Problem:
    rule = _("must be {allowed} (got {got})").format(allowed=key.kind.allowed(), got=got)
    return Problem(place, f"{key.full_name}: {rule}")


def read(name: str, text: str) -> object:
    """Return the value of one setting, given as text by an operator; checked as in every other place.

    Raises:
        ConfigError: one line.
    """
    if name not in KEYS:
        raise ConfigError([f"{name}: {unknown(name)}"])
    source, values = from_flags({name: ("", text)}, Path.cwd()), dict[str, object]()
    for entry in source.entries:
        _take(entry, values, source.problems)
    if source.problems:
        raise ConfigError([problem.text for problem in source.problems])
    return values[name]


def contradictions(values: Mapping[str, object]) -> list[str]:
    """Say which settings are right alone and wrong together.

    Args:
        values: by full name; what is missing has its default.
    """

    def value(name: str) -> float:
        number = values.get(name, KEYS[name].default)
        assert isinstance(number, (int, float))
        return number

    ordered = [
        ("peer.reconnect_first_s", "peer.reconnect_max_s"),
        ("limits.max_unclaimed", "limits.max_connections"),
    ]
    return [
        _("{low}: must not be above {high} ({a} and {b})").format(low=low, high=high, a=value(low), b=value(high))
        for low, high in ordered
        if value(low) > value(high)
    ]


def _built(values: Mapping[str, object]) -> Settings:
    chosen = {
        section: cls(**{KEYS[name].name: value for name, value in values.items() if KEYS[name].section == section})
        for section, cls in SECTIONS.items()
    }
    return Settings(**chosen)


def _completed(settings: Settings, cwd: Path) -> Settings:
    """Fill in what follows from other settings and make the default paths absolute."""
    paths = PathsSection(cwd / settings.paths.keys, cwd / settings.paths.data)
    peer = replace(
        settings.peer,
        broker=settings.peer.broker or reachable(settings.broker.bind),
        broker_key=settings.peer.broker_key or paths.keys / "broker.pub",
    )
    return replace(settings, peer=peer, paths=paths)


def _split(endpoint: str) -> tuple[str, str]:
    host, _colon, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host, port


def reachable(bind: str) -> str:
    """Return the address at which this machine reaches a broker bound to ``bind``."""
    host, port = _split(bind)
    host = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - compared only
    return f"tcp://{host}:{port}"


def is_public(bind: str) -> bool:
    """Whether other machines can reach what is bound to this endpoint."""
    host, _port = _split(bind)
    return not (host.startswith("127.") or host == "[::1]")
