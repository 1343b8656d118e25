"""GitHub's description of its REST interface: what a request and an answer must look like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any, cast
from urllib.parse import unquote

import jsonschema_rs

from bench.github_server.package import rest_document

Json = dict[str, Any]

_SLASHES = frozenset({"ref", "path", "basehead"})
"""Parameters that hold slashes without being quoted."""
_ERROR: Json = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
"""What every error that the description leaves out looks like."""


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    method: str
    template: str
    spec: Json
    arguments: dict[str, str]

    @property
    def name(self) -> str:
        """Its id, such as pulls/merge."""
        return str(self.spec["operationId"])


class Description:
    """The description, with a validator for each schema that was asked for.

    Args:
        document: as `package.rest_document` gives it.
    """

    def __init__(self, document: Json) -> None:
        self._document = document
        self._registry = jsonschema_rs.Registry([("urn:github", document)])
        self._validators: dict[str, Any] = {}
        templates = sorted(document["paths"], key=lambda one: (one.count("{"), -len(one)))
        self._paths = [(_pattern(template), template) for template in templates]

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation of a request, or none when GitHub has no such one."""
        for pattern, template in self._paths:
            spec = self._document["paths"][template].get(method.lower())
            if spec and (found := pattern.fullmatch(path)):
                return Operation(method, template, spec, {key: unquote(one) for key, one in found.groupdict().items()})
        return None

    def request(self, operation: Operation, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what is wrong with a request: parameters that do not exist or have another type, and its body."""
        declared = [self._resolved(one) for one in operation.spec.get("parameters", [])]
        known = {one["name"]: one for one in declared if one["in"] == "query"}
        wrong = [f"no parameter {name!r}" for name in query if name not in known]
        wrong += [
            f"parameter {name!r} is missing"
            for name, one in known.items()
            if one.get("required", False) and name not in query
        ]
        for name in query.keys() & known.keys():
            schema = known[name]["schema"]
            wrong += self._wrong(schema, _typed(query[name], self._resolved(schema)), f"parameter {name!r}")
        return wrong + self._body(operation, body)

    def _body(self, operation: Operation, body: Any) -> list[str]:
        given = self._resolved(operation.spec.get("requestBody") or {})
        if not given:
            return ["no body is taken here"] if body is not None else []
        if body is None:
            return ["the body is missing"] if given.get("required", False) else []
        schema = next(iter(given["content"].values()))["schema"]
        unknown = cast(Json, body).keys() - self._properties(schema) if isinstance(body, dict) else set[str]()
        return [*self._wrong(schema, body, "body"), *(f"the body has no field {name!r}" for name in sorted(unknown))]

    def _properties(self, schema: Json) -> set[str]:
        schema = self._resolved(schema)
        several = [*schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", [])]
        return set(schema.get("properties", {})).union(*(self._properties(one) for one in several))

    def answer(self, operation: Operation, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer; an error that is not described needs a message."""
        described = operation.spec["responses"].get(str(status))
        if described is None:
            return self._wrong(_ERROR, body, str(status)) if status >= 400 else [f"{status} is not described"]
        content: Json = self._resolved(described).get("content") or {}
        schema: Json | None = content.get("application/json", {}).get("schema")
        if schema is None:
            return [] if body is None or status >= 300 else [f"{status} has no body"]
        return self._wrong(schema, body, str(status))

    def payload(self, event: str, payload: Json) -> list[str]:
        """Return what is wrong with the payload of a webhook; `event` is such as issues-labeled."""
        return self._wrong(self.webhook(event), payload, event)

    def webhook(self, event: str) -> Json:
        """Return the schema of a webhook's payload."""
        spec = self._document["x-webhooks"][event]["post"]
        return spec["requestBody"]["content"]["application/json"]["schema"]

    def schema(self, name: str) -> Json:
        """Return a schema by its name, such as issue-comment."""
        return self._document["components"]["schemas"][name]

    def complete(self, schema: Json, given: Any, name: str = "") -> Any:
        """Return a value with every field that the schema requires: those that are not given get a neutral one."""
        schema = self._resolved(schema)
        if isinstance(given, list) and "items" in schema:
            return [self.complete(schema["items"], one) for one in cast(list[Any], given)]
        if not isinstance(given, dict):
            return cast(Any, given)
        for one in schema.get("allOf", []):
            given = self.complete(one, given, name)
        alternatives = [
            one for one in [*schema.get("anyOf", []), *schema.get("oneOf", [])] if one.get("type") != "null"
        ]
        if alternatives and "properties" not in schema:
            return self.complete(alternatives[0], given, name)
        fields, made = schema.get("properties", {}), cast(Json, given)
        made = {key: self.complete(fields[key], one, key) if key in fields else one for key, one in made.items()}
        absent = [key for key in schema.get("required", []) if key not in made]
        return {**made, **{key: self._neutral(fields.get(key, {}), key) for key in absent}}

    def _neutral(self, schema: Json, name: str) -> Any:
        schema = self._resolved(schema)
        kinds = schema.get("type", "object")
        alternatives = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        if "null" in kinds or {"type": "null"} in alternatives:
            return None
        if alternatives and "type" not in schema:
            return self._neutral(alternatives[0], name)
        if "enum" in schema:
            return schema["enum"][0]
        kind: str = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "string":
            texts = {"uri": f"https://github.invalid/{name}", "date-time": "2026-01-01T00:00:00Z"}
            return texts["date-time"] if name == "date" else texts.get(schema.get("format", ""), name)
        plain: Json = {"integer": 0, "number": 0, "boolean": False, "array": []}
        return plain[kind] if kind in plain else self.complete(schema, {}, name)

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            found: Any = self._document
            for part in str(schema["$ref"]).removeprefix("urn:github#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema

    def _wrong(self, schema: Json, value: Any, where: str) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                schema, registry=self._registry, validate_formats=True
            )
        errors = self._validators[key].iter_errors(value)
        return [f"{where}{''.join(f'.{part}' for part in one.instance_path)}: {one.message[:300]}" for one in errors]


@cache
def description() -> Description:
    """Return the description; it is read once in a process."""
    return Description(rest_document())


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    named = [f"(?P<{one}>{'.+' if one in _SLASHES else '[^/]+'})" for one in parts[1::2]]
    return re.compile(
        "".join(f"{re.escape(text)}{name}" for text, name in zip_longest(parts[::2], named, fillvalue=""))
    )


def _typed(text: str, schema: Json) -> Any:
    """Return a parameter of a query as the type that its schema names."""
    kind = schema.get("type")
    if kind == "integer" and text.lstrip("-").isdecimal():
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
