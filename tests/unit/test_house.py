"""Rules of the house that no single module can check: borders, sizes, citations, what may never be imported."""

from __future__ import annotations

import ast
import configparser
import importlib
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from scripts.readme_command import command
from sealwire.config import KEYS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sealwire"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60

FORBIDDEN_IMPORTS = {
    "pickle": "runs what it reads",
    "marshal": "runs what it reads",
    "shelve": "is pickle",
    "zlib": "length after compression tells content",
    "gzip": "length after compression tells content",
    "bz2": "length after compression tells content",
    "lzma": "length after compression tells content",
    "Crypto.Cipher.PKCS1_v1_5": "is a padding oracle",
    "Crypto.Hash.SHA1": "is broken",
    "Crypto.Hash.MD5": "is broken",
    "Crypto.Random.random": "is not what the protocol calls random",
    "ssl": "every connection is CURVE",
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def looked_at(path: Path) -> list[ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef]:
    """What the tests below look at, picked out once: a walk through every tree takes seconds."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree(path)) if isinstance(node, kinds)]


@cache
def imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in looked_at(path):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return names


# --- borders -------------------------------------------------------------------------------------------------


def test_the_layers_hold() -> None:
    # A process of its own: import-linter sets up logging for the whole interpreter.
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


SHELLS = {
    "sealwire.broker.admin",
    "sealwire.broker.backup",
    "sealwire.broker.blobstore",
    "sealwire.broker.blobsync",
    "sealwire.broker.catalog",
    "sealwire.broker.doctor",
    "sealwire.broker.errands",
    "sealwire.broker.health",
    "sealwire.broker.keyfiles",
    "sealwire.broker.metrics",
    "sealwire.broker.monitor",
    "sealwire.broker.porter",
    "sealwire.broker.server",
    "sealwire.broker.sockets",
    "sealwire.broker.store",
    "sealwire.broker.warden",
    "sealwire.broker.zap",
    "sealwire.peer.backup",
    "sealwire.peer.client",
    "sealwire.peer.connection",
    "sealwire.peer.hauler",
    "sealwire.peer.inflow",
    "sealwire.peer.keystore",
    "sealwire.peer.link",
    "sealwire.peer.meetings",
    "sealwire.peer.opening",
    "sealwire.peer.parcels",
    "sealwire.peer.profile",
    "sealwire.peer.publisher",
    "sealwire.peer.store",
    "sealwire.peer.thumbs",
    "sealwire.peer.turns",
}
"""The modules of broker and peer that touch the world; every other one is a core."""


def contract(name: str, option: str) -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", "utf-8")
    return set(parser[f"importlinter:contract:{name}"][option].split())


def test_every_module_of_broker_and_peer_is_a_core_under_contract_or_a_known_shell() -> None:
    found = {module_name(path) for side in ("broker", "peer") for path in (PACKAGE / side).glob("[!_]*.py")}
    assert found - SHELLS == contract("cores-do-no-io", "source_modules") & found


def test_interfaces_see_of_the_peer_only_what_is_meant_for_them() -> None:
    allowed = ("sealwire.peer.api", "sealwire.peer.events", "sealwire.peer.client")
    for path in (PACKAGE / "ui").rglob("*.py"):
        seen = {name for name in imports(path) if name.startswith("sealwire.peer")}
        assert all(name.startswith(allowed) for name in seen), (path, seen)


# --- sizes and words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_FILE_LINES
    for node in looked_at(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_nothing_dangerous_is_imported(path: Path) -> None:
    for name in imports(path):
        for forbidden, reason in FORBIDDEN_IMPORTS.items():
            assert not f"{name}.".startswith(f"{forbidden}."), f"{forbidden} {reason}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_nothing_is_left_undone(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError", path.read_text("utf-8"))


def test_every_public_function_that_cites_the_protocol_cites_a_section_that_exists() -> None:
    document = ROOT / "docs" / "protocol.md"
    sections = set(re.findall(r"^#+ (?:§ ?)?(\d+(?:\.\d+)*)\b", document.read_text("utf-8"), re.MULTILINE))
    assert sections
    for path in MODULES:
        for line in re.findall(r"protocol\.md ([^\n;]*)", path.read_text("utf-8")):
            cited = re.findall(r"§(\d+(?:\.\d+)*)", line)
            assert set(cited) <= sections, (path, line)


# --- tests ---------------------------------------------------------------------------------------------------

ROUTER = "tests/property/test_router.py"
STORY = "tests/scenario/test_network_story.py"
PAGES = "tests/unit/ui/terminal/test_pages.py"
PROCESSES = "tests/scenario/test_process_story.py"
GROUPS = "tests/scenario/test_groups_story.py"
FILES = "tests/scenario/test_file_client_story.py"

HELD_BY = {
    "sealwire.broker.refusals": "tests/unit/broker/test_bounds.py",
    "sealwire.cli.broker_backup": "tests/unit/test_cli_broker_care.py",
    "sealwire.broker.catalog": ROUTER,
    "sealwire.broker.clock": ROUTER,
    "sealwire.broker.descriptors": "tests/fault/test_bad_input.py",
    "sealwire.broker.directory": ROUTER,
    "sealwire.broker.ledger": ROUTER,
    "sealwire.broker.lobby": ROUTER,
    "sealwire.broker.monitor": PROCESSES,
    "sealwire.broker.watching": "tests/unit/test_cli_broker.py",
    "sealwire.broker.zap": PROCESSES,
    "sealwire.cli.peer_talk": "tests/ui/test_words.py",
    "sealwire.peer.desks.talk": "tests/ui/test_words.py",
    "sealwire.cli.demo_cast": "tests/ui/test_demo.py",
    "sealwire.bots.peer": "tests/examples/test_examples.py",
    "sealwire.cli.peer_past": "tests/ui/test_past_verbs.py",
    "sealwire.cli.peer_restore": "tests/ui/test_past_verbs.py",
    "sealwire.cli.peer_daemon": "tests/ui/test_daemon.py",
    "sealwire.cli.peer_handover": "tests/ui/test_daemon.py",
    "sealwire.cli.peer_session": "tests/ui/test_daemon.py",
    "sealwire.cli.peer_socket": "tests/ui/test_daemon.py",
    "sealwire.cli.streams": "tests/ui/test_daemon.py",
    "sealwire.cli.limits_desk": "tests/unit/test_cli_broker_limits.py",
    "sealwire.cli.demo_screen": "tests/ui/test_screen.py",
    "sealwire.cli.plain": "tests/ui/test_terminal.py",
    "sealwire.cli.screen_choice": "tests/ui/test_screen.py",
    "sealwire.cli.serve": "tests/unit/test_cli_broker.py",
    "sealwire.config.kinds": "tests/unit/test_config.py",
    "sealwire.files": "tests/unit/broker/test_keyfiles.py",
    "sealwire.peer.client": PROCESSES,
    "sealwire.peer.desks.copies": "tests/unit/peer/test_desks_past.py",
    "sealwire.peer.keeprecords": "tests/unit/peer/test_keeping.py",
    "sealwire.broker.porter": "tests/unit/broker/test_admin.py",
    "sealwire.ui.desktop.parts": "tests/unit/ui/desktop/test_bubble.py",
    "sealwire.ui.rpc.past": "tests/unit/ui/rpc/test_rpc_rooms.py",
    "sealwire.ui.rpc.people": "tests/unit/ui/rpc/test_rpc_rooms.py",
    "sealwire.peer.connection": PROCESSES,
    "sealwire.peer.desks.files": FILES,
    "sealwire.peer.directory": STORY,
    "sealwire.errors.access": "tests/unit/peer/test_keystore.py",
    "sealwire.errors.base": "tests/unit/test_i18n.py",
    "sealwire.errors.files": "tests/unit/test_i18n.py",
    "sealwire.errors.groups": "tests/unit/test_i18n.py",
    "sealwire.errors.operation": "tests/unit/test_i18n.py",
    "sealwire.errors.words": "tests/unit/test_i18n.py",
    "sealwire.peer.engine": STORY,
    "sealwire.peer.groups.acts": GROUPS,
    "sealwire.peer.groups.chain": GROUPS,
    "sealwire.peer.groups.hall": GROUPS,
    "sealwire.peer.groups.keys": GROUPS,
    "sealwire.peer.groups.logs": GROUPS,
    "sealwire.peer.groups.news": GROUPS,
    "sealwire.peer.groups.seats": "tests/scenario/test_typing_story.py",
    "sealwire.peer.groups.states": GROUPS,
    "sealwire.peer.groups.talk": GROUPS,
    "sealwire.peer.groups.tidings": GROUPS,
    "sealwire.peer.desks.groups": "tests/scenario/test_groups_process_story.py",
    "sealwire.peer.shelves.groups": GROUPS,
    "sealwire.peer.filebook": FILES,
    "sealwire.peer.filerecords": FILES,
    "sealwire.peer.hauler": FILES,
    "sealwire.peer.link": PROCESSES,
    "sealwire.peer.login": STORY,
    "sealwire.peer.mail": STORY,
    "sealwire.peer.publisher": PROCESSES,
    "sealwire.peer.shelves.base": "tests/unit/peer/test_store.py",
    "sealwire.peer.shelves.past": STORY,
    "sealwire.peer.trust": STORY,
    "sealwire.peer.turn": STORY,
    "sealwire.peer.shelves.files": FILES,
    "sealwire.testing.carriage": "tests/scenario/test_file_story.py",
    "sealwire.thumbnailer": "tests/unit/peer/test_thumbs.py",
    "sealwire.peer.shelves.words": "tests/unit/peer/test_words.py",
    "sealwire.ui.terminal.acts": PAGES,
    "sealwire.ui.terminal.demo": "tests/ui/test_screen.py",
    "sealwire.ui.terminal.message_acts": PAGES,
    "sealwire.ui.terminal.palette": PAGES,
    "sealwire.ui.terminal.people_acts": PAGES,
    "sealwire.ui.terminal.screens.help": PAGES,
    "sealwire.ui.terminal.screens.trust": PAGES,
}
"""Modules that no test names, and the tests that go through them."""


def test_every_module_is_named_by_a_test_or_held_by_one_listed_here() -> None:
    files = list((ROOT / "tests").rglob("*.py"))
    names = {path.name for path in files}
    imported = {name for path in files for name in imports(path)}
    for path in MODULES:
        name = module_name(path)
        parts = name.split(".")[1:]
        own = names & {f"test_{'_'.join(parts[n:])}.py" for n in range(len(parts))}
        own |= {i for i in imported if f"{i}.".startswith(f"{name}.")}
        held = name in HELD_BY and (ROOT / HELD_BY[name]).exists()
        assert own or held or is_empty(path), f"no test names {name}"


def is_empty(path: Path) -> bool:
    """Nothing that runs: docstrings, names passed on, and classes that only declare fields and methods."""
    return all(declares(node) for node in tree(path).body)


def declares(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.ImportFrom() | ast.Import() | ast.Assign() | ast.AnnAssign():
            return True
        case ast.ClassDef(body=body) | ast.If(test=ast.Name("TYPE_CHECKING"), body=body):
            return all(declares(inner) for inner in body)
        case ast.FunctionDef(body=[ast.Expr(value=ast.Constant())]):
            return True
        case ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant())]):
            return True
    return False


# --- what is promised outside the code -----------------------------------------------------------------------


def test_the_console_scripts_lead_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for target in (project["scripts"] | project["gui-scripts"]).values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.section != "metrics"], ids=lambda k: k.full_name)
def test_every_setting_is_read_by_something(key) -> None:
    others = [path for path in MODULES if "config" not in path.parts]
    assert any(re.search(rf"\.{key.name}\b", path.read_text("utf-8")) for path in others)


def test_the_readme_holds_the_command_that_ci_runs() -> None:
    found = command((ROOT / "README.md").read_text("utf-8"), "test-command")
    assert "python -m pytest" in found
    assert "requirements.txt" in found


def test_a_command_is_found_by_its_marker_and_only_once() -> None:
    text = "a\n<!-- x -->\n```sh\none\ntwo\n```\nb\n"
    assert command(text, "x") == "one\ntwo"
    for wrong in ("", text + text, "<!-- x -->\nwords\n```\none\n```\n"):
        with pytest.raises(ValueError, match="one fenced block"):
            command(wrong, "x")
