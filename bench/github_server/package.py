"""Descriptions that GitHub publishes of its interfaces, fetched once as npm packages of pinned versions."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from bench.node import NODE, NPM
from blocks.local_files import locked, write_text

CACHE = Path(__file__).parents[2] / ".delivery" / "openapi"
"""Where the descriptions are kept between runs of the tests."""
_NOT_CHECKED = frozenset({"example", "examples", "description", "summary", "externalDocs", "x-github", "tags"})
_LONG_TEXT = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""', re.DOTALL)


@dataclass(frozen=True)
class Package:
    """One file of a package.

    Args:
        name: name of the package.
        version: its version.
        sha512: digest of its archive, base64.
        member: path of the file in the archive.
    """

    name: str
    version: str
    sha512: str
    member: str


REST = Package(
    "@octokit/openapi",
    "23.0.2",
    "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    "package/generated/api.github.com.json",
)
"""The interface over HTTP, version 2022-11-28, with the payloads of webhooks."""
GRAPHQL = Package(
    "@octokit/graphql-schema",
    "15.26.1",
    "RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
    "package/schema.graphql",
)

EXAMPLES = Package(
    "@octokit/webhooks-examples",
    "7.6.1",
    "De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
    "package/api.github.com/index.json",
)
"""Recorded payloads of webhooks: a list of events, each with its name and its examples."""


def webhook_examples() -> list[tuple[str, dict[str, Any]]]:
    """Return recorded payloads of webhooks, each with the name of its event."""
    events = json.loads(_kept(EXAMPLES, lambda text: text))
    return [(one["name"], payload) for one in events for payload in one["examples"]]


def rest_document() -> dict[str, Any]:
    """Return the description of the REST interface as JSON Schema 2020-12: no `nullable`, no examples."""
    return json.loads(_kept(REST, _plain))


def graphql_document() -> str:
    """Return the schema of the GraphQL interface without its descriptions."""
    return _kept(GRAPHQL, lambda text: _LONG_TEXT.sub("", text))


def _kept(package: Package, convert: Callable[[str], str]) -> str:
    path = CACHE / f"{package.name.rpartition('/')[2]}-{package.version}-{Path(package.member).name}"
    if not path.exists():
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                write_text(path, convert(_fetched(package)))
    return path.read_text(encoding="utf-8")


def _fetched(package: Package) -> str:
    """Return the file out of the package's archive; its digest is the pinned one."""
    with TemporaryDirectory(prefix="delivery-npm-") as folder:
        named = f"{package.name}@{package.version}"
        arguments = [str(NODE), str(NPM), "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, named]
        subprocess.run(arguments, cwd=folder, env=os.environ, check=True, capture_output=True, timeout=300)
        archive = next(Path(folder).glob("*.tgz"))
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != package.sha512:
            raise RuntimeError(f"{named!r} has the digest {digest!r}, not the pinned one; look at what changed")
        with tarfile.open(archive) as files:
            member = files.extractfile(package.member)
            if member is None:
                raise RuntimeError(f"{named!r} has no file {package.member!r}; correct the path")
            return member.read().decode()


def _plain(text: str) -> str:
    document = json.loads(text)
    kept = {name: document[name] for name in ("paths", "x-webhooks", "components")}
    return json.dumps(_converted(kept, names=False))


def _converted(value: Any, *, names: bool) -> Any:
    """Return a part of the description; where the keys are `names` and no keywords, none is left out."""
    if isinstance(value, list):
        return [_converted(one, names=False) for one in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    given = cast(dict[str, Any], value)
    kept = {key: one for key, one in given.items() if names or key not in _NOT_CHECKED}
    made = {key: _converted(one, names=key == "properties" and not names) for key, one in kept.items()}
    if names:
        return made
    if isinstance(made.get("$ref"), str):
        made["$ref"] = f"urn:github{made['$ref']}"
    return _with_null(made) if made.pop("nullable", False) is True else made


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str) and "$ref" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
