"""What a change touches: its files, its size, the class of each path, and the protected paths among them."""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from math import ceil

from pydantic import Field

from contracts.agent import Frozen
from contracts.errors import Unavailable

STAT_FILES = 50
"""Most files that `Diff.stat` lists; a person reads the rest in the pull request."""

_BAR = 40
_ANYTHING_BELOW = "**"


class ChangeClass(StrEnum):
    """What kind of file a change touches, from the least to the most consequential."""

    DOCS = "docs"
    TEST = "test"
    DEPENDENCY = "dependency"
    CONFIG = "config"
    SOURCE = "source"
    SCHEMA = "schema"

    def rank(self) -> int:
        """Return the place in the order, 0 for docs to 5 for schema."""
        return list(ChangeClass).index(self)


class FileChange(Frozen):
    """One file of a change."""

    path: str = Field(min_length=1, description="Path in the repository, parts separated by /.")
    added: int = Field(default=0, ge=0, description="Lines added; 0 for a binary file.")
    removed: int = Field(default=0, ge=0, description="Lines removed; 0 for a binary file.")
    binary: bool = Field(default=False, description="Git counted no lines, so the size is unknown.")

    @property
    def lines(self) -> int:
        """Lines added and removed."""
        return self.added + self.removed


class Diff(Frozen):
    """A change against its base, file by file; a renamed file is one removed and one added."""

    files: list[FileChange] = Field(default_factory=list[FileChange], description="Changed files in Git's order.")

    @property
    def lines(self) -> int:
        """Lines added and removed in all files."""
        return sum(file.lines for file in self.files)

    @property
    def classes(self) -> list[ChangeClass]:
        """The classes that the change touches, each once, the lowest first."""
        return sorted({classify_path(file.path) for file in self.files}, key=ChangeClass.rank)

    @property
    def highest(self) -> ChangeClass | None:
        """The most consequential class; none for an empty change."""
        return self.classes[-1] if self.files else None

    def stat(self) -> str:
        """Return one line a file, at most `STAT_FILES`, and a line of totals, as `git diff --stat` prints them."""
        if not self.files:
            return "no file changed"
        shown = self.files[:STAT_FILES]
        names = [_printable(file.path) for file in shown]
        width, most = max(map(len, names)), max(file.lines for file in shown)
        rows = [f"{name:<{width}} | {_bar(file, most)}".rstrip() for name, file in zip(names, shown, strict=True)]
        if len(self.files) > STAT_FILES:
            rows.append(f"… and {len(self.files) - STAT_FILES} more files")
        added, removed = sum(file.added for file in self.files), sum(file.removed for file in self.files)
        return "\n".join([*rows, f"files changed: {len(self.files)}, lines added: {added}, lines removed: {removed}"])


_RULES: tuple[tuple[ChangeClass, tuple[str, ...]], ...] = (
    (
        ChangeClass.SCHEMA,
        (
            r"(.*/)?(migrations|migrate|alembic)/.*",
            r".*\.(sql|proto|graphql|gql|avsc|prisma|thrift|xsd)",
            r"(.*/)?(openapi|swagger)[^/]*\.(ya?ml|json)",
        ),
    ),
    (ChangeClass.CONFIG, (r"(.*/)?\..*", r"(.*/)?(agents|claude|gemini|skill)\.md")),
    (
        ChangeClass.DEPENDENCY,
        (
            r".*\.(lock|lockb)",
            r"(.*/)?(requirements|constraints)[^/]*\.(txt|in)",
            r"(.*/)?requirements/[^/]*\.(txt|in)",
            r"(.*/)?(package|package-lock|packages\.lock|npm-shrinkwrap|composer)\.json",
            r"(.*/)?(cargo\.toml|gemfile|go\.mod|go\.sum|pipfile|pnpm-lock\.yaml|pom\.xml|pubspec\.yaml)",
        ),
    ),
    (
        ChangeClass.TEST,
        (
            r"(.*/)?(test|tests|__tests__)/.*",
            r"(.*/)?(conftest\.py|test_[^/]*\.py|[^/]*_test\.\w+|[^/]*_spec\.rb)",
            r".*\.(test|spec)\.[cm]?[jt]sx?",
        ),
    ),
    (
        ChangeClass.DOCS,
        (
            r"docs?/.*",
            r".*\.(md|markdown|rst|adoc)",
            r"(.*/)?(authors|changelog|contributors|copying|notice|readme)(\.txt)?",
            r"(.*/)?licen[cs]e(-(apache|bsd|mit))?(\.txt)?",
        ),
    ),
    (
        ChangeClass.CONFIG,
        (
            r".*\.(cfg|conf|ini|json|properties|toml|ya?ml|dockerfile)",
            r"(.*/)?(docker|container|make|jenkins|proc)file(\.[^/]*)?",
            r"(.*/)?codeowners",
        ),
    ),
)
"""Patterns of whole paths in lower case, tried in this order."""

_CLASSES = tuple((kind, re.compile("|".join(patterns), re.DOTALL)) for kind, patterns in _RULES)


def classify_path(path: str) -> ChangeClass:
    """Return the class of a path in the repository; what no rule knows is source.

    The rules are tried from the ones that must not be missed: a schema, a dot file, an instruction to agents and a
    dependency keep their class inside a folder of tests or documents.
    """
    lower = path.lower()
    return next((kind for kind, pattern in _CLASSES if pattern.fullmatch(lower)), ChangeClass.SOURCE)


def parse_numstat(text: str) -> Diff:
    r"""Return the change that `git diff --numstat -z --no-renames` printed.

    Args:
        text: records `added TAB removed TAB path NUL`; `-` for both numbers of a binary file. Bytes that are not
            UTF-8 stand as surrogates and come out as `\xff`, because JSON holds no surrogates.

    Raises:
        Unavailable: a record is cut off or not of this form, so the change is not known.
    """
    *records, rest = text.split("\0")
    if rest:
        raise Unavailable(f"the list of changed files ends within {rest[:200]!r}; run the step again")
    return Diff(files=[_read_record(record) for record in records])


def protected(diff: Diff, patterns: list[str]) -> list[str]:
    """Return the changed paths that a pattern protects, in the order of the change.

    Patterns are those of `matches`.
    """
    return [file.path for file in diff.files if any(matches(file.path, pattern) for pattern in patterns)]


def matches(path: str, pattern: str) -> bool:
    """Return whether a glob pattern covers a path in the repository; both are read from its root.

    `*`, `?` and `[…]` match within one part, dot files included; `**` as a whole part matches any number of parts,
    none included. A pattern whose last part has no wildcard also covers everything below it, so that `infra` and
    `infra/` protect the folder. A blank pattern covers nothing. Upper and lower case differ.
    """
    wanted = [part for part in pattern.strip().split("/") if part not in {"", "."}]
    if not wanted:
        return False
    if not any(sign in wanted[-1] for sign in "*?["):
        wanted.append(_ANYTHING_BELOW)
    reached = _skip_any(wanted, {0})
    for part in path.split("/"):
        stepped = {at + 1 for at in reached if at < len(wanted) and fnmatchcase(part, wanted[at])}
        waiting = {at for at in reached if at < len(wanted) and wanted[at] == _ANYTHING_BELOW}
        reached = _skip_any(wanted, stepped | waiting)
    return len(wanted) in reached


def _skip_any(wanted: list[str], reached: set[int]) -> set[int]:
    for at, part in enumerate(wanted):
        if at in reached and part == _ANYTHING_BELOW:
            reached.add(at + 1)
    return reached


def _read_record(record: str) -> FileChange:
    parts = record.split("\t", 2)
    if len(parts) != 3 or not parts[2]:
        raise Unavailable(f"{record[:200]!r} is not a changed file; list the change with --numstat -z --no-renames")
    added, removed, raw = parts
    path = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if added == removed == "-":
        return FileChange(path=path, binary=True)
    if not (re.fullmatch(r"[0-9]{1,12}", added) and re.fullmatch(r"[0-9]{1,12}", removed)):
        raise Unavailable(f"{record[:200]!r} has no count of lines; list the change with --numstat -z --no-renames")
    return FileChange(path=path, added=int(added), removed=int(removed))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _bar(file: FileChange, most: int) -> str:
    if file.binary:
        return "binary"
    scale = min(1, _BAR / max(most, 1))
    return f"{file.lines} {'+' * ceil(file.added * scale)}{'-' * ceil(file.removed * scale)}"
