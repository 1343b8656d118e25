"""A JSON Schema in the strict form that some providers demand: every property required, and no others allowed."""

from __future__ import annotations

from typing import Any, cast

from contracts.agent import as_object

_KEPT = frozenset(
    {"type", "description", "enum", "const", "minimum", "maximum", "minItems", "maxItems", "pattern", "format", "$ref"}
)


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return a schema in its strict form, or none when it has none.

    What is stricter is no harm: an answer that follows the strict form follows the schema. Keywords that providers
    refuse, such as defaults and lengths of texts, are left out; whoever reads the answer holds it against all of them.
    An object whose properties are not known beforehand has no strict form.
    """
    try:
        return _strict(schema) if schema.get("type") == "object" else None
    except ValueError:
        return None


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in schema.items() if name in _KEPT}
    if "items" in schema:
        made["items"] = _strict(_object(schema["items"]))
    if "anyOf" in schema:
        made["anyOf"] = [_strict(_object(one)) for one in cast(list[Any], schema["anyOf"])]
    if "$defs" in schema:
        made["$defs"] = {name: _strict(_object(one)) for name, one in _object(schema["$defs"]).items()}
    if schema.get("type") == "object":
        properties = as_object(schema.get("properties"))
        if not properties or schema.get("additionalProperties"):
            raise ValueError("an object without fixed properties")
        made["properties"] = {name: _strict(_object(one)) for name, one in properties.items()}
        made |= {"required": list(properties), "additionalProperties": False}
    if not made:
        raise ValueError("a value of any type")
    return made


def _object(value: Any) -> dict[str, Any]:
    found = as_object(value)
    if found is None:
        raise ValueError("no schema")
    return found
