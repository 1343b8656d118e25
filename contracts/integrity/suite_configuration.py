"""What a change does to the files that configure a test run."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import cast

from contracts.integrity.python_additions import object_to_conftest
from contracts.integrity.python_tests import compare_statements
from contracts.integrity.strictness import Change, Judgement
from contracts.integrity.syntax_shape import UNREADABLE, names_in, parse, shape

_Settings = Mapping[str, object]
_NOTHING: _Settings = {}
_LINE_ENDS = re.compile(r"\r\n?|\n")
_COVERAGE = frozenset({
    "omit", "include", "exclude_lines", "exclude_also", "partial_branches", "plugins", "run_omit", "disable_warnings",
})  # fmt: skip
_COVERAGE_SECTIONS = ("DEFAULT", "coverage", "run", "report")
_COMMANDS = frozenset({"commands", "commands_pre", "commands_post", "setenv", "set_env", "allowlist_externals"})


def judge_configuration(path: str, before: str | None, after: str | None, fixtures: set[str]) -> list[Judgement]:
    """Return what a change does to a file that configures the tests; empty when it touches no setting of theirs.

    Args:
        path: path for which `is_test_configuration` holds.
        before: the old text; none when the file is new.
        after: the new text; none when the file is gone.
        fixtures: names that the tests use, which no added fixture may take.
    """
    name = PurePosixPath(path).name.lower()
    try:
        if name == "conftest.py":
            return [_conftest(before or "", after, fixtures)]
        if name in _READERS:
            return _settings(_READERS[name], before, after)
        if (
            before is not None
            and after is not None
            and name.endswith(".py")
            and shape(parse(before)) == shape(parse(after))
        ):
            return [Judgement(Change.EQUIVALENT, "only its form changed")]
    except (*UNREADABLE, configparser.Error):
        return [Judgement(Change.NEUTERED, "it cannot be read, so nothing is known about how the tests now run")]
    return [Judgement(Change.NEUTERED, f"it configures the test run and was {_fate(before, after)}")]


def _fate(before: str | None, after: str | None) -> str:
    return "added" if before is None else "deleted" if after is None else "changed"


def _conftest(before: str, after: str | None, fixtures: set[str]) -> Judgement:
    if after is None:
        return Judgement(Change.NEUTERED, "the conftest was deleted, and with it what the tests relied on")
    old, new = parse(before), parse(after)
    if before and shape(old) == shape(new):
        return Judgement(Change.EQUIVALENT, "only its form changed")
    taken = names_in(old.body) | fixtures
    objection = compare_statements(old, new, lambda statement: object_to_conftest(statement, taken))
    if objection:
        return Judgement(Change.NEUTERED, f"the conftest acts on every test below it: {objection.why}")
    return Judgement(Change.ADDED, "plain fixtures were added")


def _settings(read: Callable[[str], _Settings], before: str | None, after: str | None) -> list[Judgement]:
    old = read(before) if before is not None else _NOTHING
    new = read(after) if after is not None else _NOTHING
    for key in sorted(old.keys() | new.keys()):
        if key == "fail_under":
            if not _number(new.get(key)) >= _number(old.get(key)):
                return [Judgement(Change.NEUTERED, "the least coverage was lowered or removed")]
        elif old.get(key) != new.get(key):
            return [Judgement(Change.NEUTERED, f"the setting {key!r} of the test run was {_verb(key, old, new)}")]
    return []


def _verb(key: str, old: _Settings, new: _Settings) -> str:
    return "added" if key not in old else "removed" if key not in new else "changed"


def _number(value: object) -> float:
    """Return a bound as a number; one that cannot be read bounds nothing."""
    try:
        return float(str(value))
    except ValueError:
        return float("-inf")


def _whole(text: str) -> _Settings:
    return {"the whole file": [line.rstrip() for line in text.splitlines()]}


class _Sections(configparser.RawConfigParser):
    """Sections as pytest reads them: none lends its options to the others, and upper and lower case differ."""

    def optionxform(self, optionstr: str) -> str:
        """Return the name of an option as it is written."""
        return optionstr


def _ini(text: str) -> _Settings:
    parser = _Sections(default_section="")
    parser.read_string("\n".join(text.splitlines()))
    unclear = [line for line in _LINE_ENDS.split(text) if len(line.splitlines()) > 1]
    found: dict[str, object] = {"lines that end for some readers only": unclear} if unclear else {}
    for section in parser.sections():
        for option, value in parser.items(section):
            if _counts_in_ini(section, option, value):
                place = "fail_under" if option.lower() == "fail_under" else f"{section}.{option}"
                found[place] = [line.strip() for line in (value or "").splitlines() if line.strip()]
        if section.startswith(("pytest", "tool:pytest")):
            found[section] = True
    bound = cast("list[str]", found.get("fail_under", []))
    return found | ({"fail_under": "".join(bound)} if bound else {})


def _counts_in_ini(section: str, option: str, value: str | None) -> bool:
    if section.startswith(("pytest", "tool:pytest")) or "pytest11" in f"{section}.{option} {value}":
        return True
    name = option.lower()
    if section.startswith("testenv") and name in _COMMANDS:
        return True
    return name == "fail_under" or (section.startswith(_COVERAGE_SECTIONS) and name in _COVERAGE)


def _pyproject(text: str) -> _Settings:
    document = tomllib.loads(text)
    tool, build = _table(document, "tool"), _table(document, "build-system")
    found: dict[str, object] = {f"tool.{key}": tool[key] for key in tool if key.startswith("pytest") or key == "tox"}
    found |= {f"build-system.{key}": build[key] for key in ("build-backend", "backend-path") if key in build}
    for place in (("project", "entry-points", "pytest11"), ("tool", "poetry", "plugins", "pytest11")):
        if table := _table(document, *place):
            found[".".join(place)] = table
    for name in _table(tool, "hatch", "envs"):
        found[f"tool.hatch.envs.{name}.scripts"] = _table(tool, "hatch", "envs", name).get("scripts")
    coverage = _table(tool, "coverage")
    for section in coverage:
        table = _table(coverage, section)
        found |= {f"tool.coverage.{section}.{key}": table[key] for key in table if key in _COVERAGE}
        found |= {"fail_under": table["fail_under"]} if "fail_under" in table else {}
    return found


def _table(document: _Settings, *keys: str) -> dict[str, object]:
    table = dict(document)
    for key in keys:
        value = table.get(key)
        table = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return table


def _package(text: str) -> _Settings:
    settings = _table({"package": json.loads(text)}, "package")
    runners = {key: settings[key] for key in ("jest", "vitest", "mocha", "ava", "nyc", "c8") if key in settings}
    scripts = _table(settings, "scripts")
    return runners | {f"scripts.{key}": scripts[key] for key in scripts if re.search(r"test|spec|coverage", key)}


def _setup(text: str) -> _Settings:
    lines = [line.strip() for line in text.splitlines() if re.search(r"pytest11|test_suite|cmdclass", line)]
    return {"setup": lines} if lines else {}


_READERS: Mapping[str, Callable[[str], _Settings]] = {
    "pytest.ini": _whole,
    ".pytest.ini": _whole,
    "pytest.toml": _whole,
    ".pytest.toml": _whole,
    "tox.ini": _ini,
    "setup.cfg": _ini,
    ".coveragerc": _ini,
    "pyproject.toml": _pyproject,
    "tox.toml": _whole,
    "package.json": _package,
    "setup.py": _setup,
}
