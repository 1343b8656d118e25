"""Which paths of a repository are tests, configure the test run, or stand in for a tool of the test run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from contracts.integrity.module_names import DISTRIBUTIONS, TEST_TOOLS

_DIRECTORIES = frozenset({"test", "tests", "testing", "__tests__", "testdata", "__snapshots__", "__mocks__"})
_NAMED_AS_TEST = re.compile(
    r"""
      test_[^/]*\.py | [^/]*_test\.py | tests?\.py                           # pytest, unittest, Django
    | [^/]+[._-](test|spec)\.[cm]?[jt]sx?                                     # jest, vitest, mocha
    | [^/]+_test\.(go|rs|exs|dart|cc|cpp|rb) | [^/]+_spec\.rb | [^/]+\.bats   # one convention a language
    | [^/]+Tests?\.(java|kt|scala|groovy|cs|fs|swift|php) | [^/]+Spec\.(scala|groovy|kt)
    """,
    re.VERBOSE,
)
_CODE = re.compile(
    r"\.([cm]?[jt]sx?|go|rs|java|kts?|scala|groovy|rb|php|cs|fs|swift|mm?|c|cc|cpp|cxx|h|hpp|exs?|erl|clj|dart"
    r"|lua|sh|bats|pl|t|feature|vue|svelte)$",
    re.IGNORECASE,
)
_COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
_IMPORTABLE = (".py", *_COMPILED)
_SOURCE_ROOTS = ((), ("src",))

_CONFIGURATION = re.compile(
    r"""
      conftest\.py | noxfile\.py | setup\.py | (site|user)customize\.py | [^/]*\.pth
    | \.?pytest\.(ini|toml) | tox\.(ini|toml) | setup\.cfg | pyproject\.toml | \.coveragerc
    | (jest|vitest|vite|karma|playwright|cypress|wdio|ava)\.(config|conf|workspace|setup)\.[a-z]+
    | jest\.setup\.[a-z]+ | \.mocharc(\.[a-z]+)? | \.nycrc(\.[a-z]+)? | package\.json
    """,
    re.VERBOSE | re.IGNORECASE,
)
_INSTALLED = re.compile(r"(^|/)([^/]+\.(egg-info|dist-info)|(site|user)customize)(/|$)", re.IGNORECASE)


def is_test(path: str) -> bool:
    """Return whether a path is a test, or code or data that belongs to the tests.

    Args:
        path: path in the repository, with forward slashes.

    True for everything below a directory that is called test, tests, testing, __tests__ or the like, and for files that
    are named as tests in the conventions of Python, JavaScript, TypeScript, Go, Rust, Java and their neighbours.
    """
    return has_test_name(path) or any(part.lower() in _DIRECTORIES for part in PurePosixPath(path).parts[:-1])


def is_test_configuration(path: str) -> bool:
    """Return whether a path can change which tests run, or how, without being a test itself."""
    return bool(_CONFIGURATION.fullmatch(PurePosixPath(path).name) or _INSTALLED.search(path))


def shadows_test_tool(path: str) -> bool:
    """Return whether something new at this path would be imported instead of what the test run needs.

    Args:
        path: path in the repository, with forward slashes.

    True for modules and packages that are called as the standard library or a test tool at the root, in `src/` and
    anywhere below a test directory, or as a well-known distribution at the root, in `src/` and right in a test
    directory. A path without a suffix may be a link to a package.
    """
    pure = PurePosixPath(path)
    if not (pure.name.endswith(_IMPORTABLE) or "." not in pure.name):
        return False
    stem = pure.name.split(".")[0]
    parts = pure.parts[:-1]
    name, place = (parts[-1], parts[:-1]) if stem == "__init__" and parts else (stem, parts)
    in_tests = any(part.lower() in _DIRECTORIES for part in place)
    if name in TEST_TOOLS:
        return in_tests or place in _SOURCE_ROOTS
    return name in DISTRIBUTIONS and (place in _SOURCE_ROOTS or (in_tests and len(place) == 1))


def has_test_name(path: str) -> bool:
    """Return whether a file is named as a test, so that a test tool collects it by its name."""
    return bool(_NAMED_AS_TEST.fullmatch(PurePosixPath(path).name))


def is_python(path: str) -> bool:
    """Return whether a path is a Python module in source form."""
    return path.endswith(".py")


def is_compiled(path: str) -> bool:
    """Return whether a path is a module that Python or its tests would load without any source to read."""
    return path.endswith(_COMPILED)


def is_code(path: str) -> bool:
    """Return whether a path is source of a language other than Python, as opposed to data."""
    return bool(_CODE.search(path))


def suite_root(path: str) -> str:
    """Return the directory down to the first test directory, or the file's own directory when there is none."""
    parts = PurePosixPath(path).parts[:-1]
    for depth, part in enumerate(parts, start=1):
        if part.lower() in _DIRECTORIES:
            return "/".join(parts[:depth])
    return "/".join(parts)
