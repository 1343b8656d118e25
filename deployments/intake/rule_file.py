"""The file with the rules of triggers: read strictly, and read again when it has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from contracts.errors import Misconfigured
from contracts.intake.trigger import Rules, read_rules

DEFAULT = Path(__file__).parent.with_name("triggers.yaml")
"""The rules that apply when no other file is named."""


class _Strict(yaml.SafeLoader):
    """Refuses a name that stands twice in one mapping: the second would silently take the place of the first."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = sorted({name for name in names if isinstance(name, str) and names.count(name) > 1})
        if twice:
            place = f"line {node.start_mark.line + 1}"
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} stands twice in one mapping at {place}")
        return super().construct_mapping(node, deep)


def read_rule_file(path: Path) -> Rules:
    """Return the rules of a file.

    Raises:
        Misconfigured: it cannot be read, or rules in it are wrong; every error is named.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Strict)  # noqa: S506 - it is a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise Misconfigured(f"the rules of triggers in {str(path)!r} cannot be read: {said}") from None
    return read_rules(raw)


class RuleFile:
    """Rules that follow their file; while it is wrong, those before stay.

    Args:
        path: the file.

    Raises:
        Misconfigured: it is wrong from the beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self._seen = _stamp(path)
        self._rules = read_rule_file(path)

    def current(self) -> Rules:
        """Return the rules as they are now; `trouble` says what is wrong with the file, if anything is."""
        stamp = _stamp(self.path)
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._rules, self.trouble = read_rule_file(self.path), ""
            except Misconfigured as error:
                self.trouble = f"{error.message}\n{error.detail}".strip()
        return self._rules


def _stamp(path: Path) -> tuple[int, int]:
    try:
        seen = path.stat()
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_size
