"""What the source tree imports, for tests that forbid something everywhere."""

import ast
from functools import cache
from pathlib import Path

import sealwire

SOURCE = Path(sealwire.__file__).parent


@cache
def imports() -> frozenset[str]:
    """Every name imported anywhere, on whatever level; all tests look at one reading."""
    names: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return frozenset(names)
