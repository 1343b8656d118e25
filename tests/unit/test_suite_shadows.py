"""Tables of what is added beside the tests to act on them: modules, links, metadata, and settings in odd lines."""

import pytest

from contracts.integrity.suite_files import is_test_configuration, shadows_test_tool
from contracts.integrity.tampering import Change, classify


@pytest.mark.parametrize(
    ("path", "shadows"),
    [
        ("pytest", True),
        ("src/_pytest", True),
        ("tests/unit/json", True),
        ("typing_extensions.py", True),
        ("src/six.py", True),
        ("numpy/__init__.py", True),
        ("setuptools", True),
        ("colorama.pyc", True),
        ("tests/pkg_resources/__init__.py", True),
        ("tests/unit/requests.py", False),
        ("numpy/core.py", False),
        ("src/shop/six.py", False),
        ("LICENSE", False),
        ("Makefile", False),
        ("docs/pytest", False),
        ("pytest.toml.md", False),
    ],
)
def test_modules_and_links_that_take_the_place_of_another(path: str, shadows: bool) -> None:
    assert shadows_test_tool(path) is shadows
    assert any(one.change is Change.NEUTERED for one in classify({}, {path: "quiet"})) is shadows
    assert not any(one.blocks for one in classify({path: "x = 1\n"}, {path: "x = 1\n"}))


def test_a_module_of_that_name_in_the_base_may_change() -> None:
    assert classify({"typing_extensions.py": "x = 1\n"}, {"typing_extensions.py": "x = 2\n"}) == []


@pytest.mark.parametrize(
    ("path", "configures"),
    [
        ("quiet-1.dist-info", True),
        ("src/quiet.egg-info", True),
        ("quiet-1.dist-info/entry_points.txt", True),
        ("sitecustomize", True),
        ("quiet-1.dist-information", False),
        ("quiet", False),
    ],
)
def test_metadata_and_links_to_it(path: str, configures: bool) -> None:
    assert is_test_configuration(path) is configures
    assert any(one.change is Change.NEUTERED for one in classify({}, {path: "quiet"})) is configures


TOX = "[tox]\nenvlist = a\n[testenv]\ncommands = pytest\n"
SETUP_CFG = "[metadata]\nname = a\n[tool:pytest]\naddopts = -ra\n"
LINE_ENDS = ["\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
@pytest.mark.parametrize("path", ["tox.ini", "setup.cfg"])
def test_a_section_after_any_sign_that_ends_a_line(path: str, end: str) -> None:
    section = "pytest" if path == "tox.ini" else "tool:pytest"
    hidden = f"{TOX}[other]\na = b{end}[{section}]{end}addopts = --deselect=tests/test_cart.py::test_total\n"
    assert [one.change for one in classify({path: TOX}, {path: hidden})] == [Change.NEUTERED]


@pytest.mark.parametrize("end", LINE_ENDS[2:], ids=ascii)
def test_an_odd_line_end_that_was_there_before_is_no_finding(end: str) -> None:
    before = f"[tox]\nenvlist = a{end}    b\n[gh]\nc = 1\n"
    assert classify({"tox.ini": before}, {"tox.ini": before.replace("c = 1", "c = 2")}) == []
    assert classify({"tox.ini": before}, {"tox.ini": before.replace(end, "\n")})


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "blocked"),
    [
        ("tox.ini", TOX, "[tox]", "[pytest] # ]\n[tox]", True),
        ("tox.ini", TOX, "[tox]", "[DEFAULT]\na = 1\n[tox]", False),
        ("setup.cfg", SETUP_CFG, "addopts", "ADDOPTS", True),
        ("setup.cfg", SETUP_CFG, "[tool:pytest]\n", "[tool:pytest]\n[DEFAULT]\n", True),
        ("setup.cfg", SETUP_CFG, "[metadata]", "[DEFAULT]\nomit = a\n[metadata]", True),
        ("setup.cfg", SETUP_CFG, "[metadata]", "[report]\nOMIT = a\n[metadata]", True),
        ("setup.cfg", SETUP_CFG, "name = a", "NAME = b", False),
    ],
)
def test_what_pytest_and_coverage_read_differently(path: str, before: str, old: str, new: str, blocked: bool) -> None:
    assert before.count(old) == 1
    assert bool(classify({path: before}, {path: before.replace(old, new)})) is blocked
