"""The part of JSON Schema that docs/jsonrpc.schema.json uses, in a page: enough to hold every line to it."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}

_KNOWN = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required", "items", "enum",
    "const", "pattern", "oneOf", "anyOf", "minimum", "maximum", "format", "additionalProperties", "default",
    "maxLength",
}  # fmt: skip


def problems(value: Any, root: dict[str, Any], schema: dict[str, Any] | None = None, at: str = "$") -> list[str]:
    """Return what is wrong with ``value``, a path for each."""
    schema = root if schema is None else schema
    assert set(schema) <= _KNOWN, f"the checker does not know {set(schema) - _KNOWN}"
    if "$ref" in schema:
        return problems(value, root, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], at)
    return (
        _type(value, schema, at)
        + _values(value, schema, at)
        + _choices(value, root, schema, at)
        + _inside(value, root, schema, at)
    )


def _type(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    if "type" not in schema:
        return []
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    fits = any(isinstance(value, _TYPES[name]) and (name == "boolean") == isinstance(value, bool) for name in names)
    return [] if fits else [f"{at}: not {names}"]


def _values(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} not in {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not {schema['const']!r}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{at}: {value} out of range")
    return found


def _choices(value: Any, root: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
    options = schema.get("oneOf", schema.get("anyOf"))
    if options is None:
        return []
    results = [problems(value, root, option, at) for option in options]
    fitting = sum(not result for result in results)
    if fitting == 1 or (fitting and "anyOf" in schema):
        return []
    return [f"{at}: fits {fitting} of {len(options)}: {min(results, key=len)}"]


def _inside(value: Any, root: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if isinstance(value, dict):
        found += [f"{at}: no {key}" for key in schema.get("required", []) if key not in value]
        inner = schema.get("properties", {})
        if schema.get("additionalProperties") is False:
            found += [f"{at}: unexpected {key}" for key in value if key not in inner]
        for key, part in inner.items():
            if key in value:
                found += problems(value[key], root, part, f"{at}.{key}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += problems(item, root, schema["items"], f"{at}[{index}]")
    return found
