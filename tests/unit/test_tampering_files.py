"""Tables of paths, of test configuration and of tests that are compared by their lines."""

import pytest

from contracts.integrity.suite_files import is_test, is_test_configuration, shadows_test_tool
from contracts.integrity.tampering import UNREADABLE_TEXT, Change, Tampering, classify


def changes(found: list[Tampering]) -> list[Change]:
    """Return what was found."""
    return [tampering.change for tampering in found]


@pytest.mark.parametrize(
    ("path", "test", "configuration"),
    [
        ("tests/test_cart.py", True, False),
        ("src/shop/tests/cart.json", True, False),
        ("src/shop/cart_test.py", True, False),
        ("test_cart.py", True, False),
        ("shop/tests.py", True, False),
        ("src/Cart.test.tsx", True, False),
        ("src/cart.spec.js", True, False),
        ("src/__tests__/cart.js", True, False),
        ("pkg/cart_test.go", True, False),
        ("crate/tests/cart.rs", True, False),
        ("src/test/java/CartTest.java", True, False),
        ("src/shop/cart.py", False, False),
        ("src/latest/cart.py", False, False),
        ("contest_results.py", False, False),
        ("README.md", False, False),
        ("conftest.py", False, True),
        ("tests/unit/conftest.py", True, True),
        ("pytest.ini", False, True),
        (".pytest.ini", False, True),
        ("tox.ini", False, True),
        ("setup.cfg", False, True),
        ("sub/pyproject.toml", False, True),
        ("noxfile.py", False, True),
        (".coveragerc", False, True),
        ("vitest.config.ts", False, True),
        ("jest.config.js", False, True),
        ("src/sitecustomize.py", False, True),
        ("usercustomize/__init__.py", False, True),
        ("zzz.pth", False, True),
        ("evil.egg-info/entry_points.txt", False, True),
        ("evil-1.dist-info/METADATA", False, True),
        ("src/myconftest.py", False, False),
    ],
)
def test_paths(path: str, test: bool, configuration: bool) -> None:
    assert (is_test(path), is_test_configuration(path)) == (test, configuration)


@pytest.mark.parametrize(
    ("path", "shadows"),
    [
        ("pytest.py", True),
        ("_pytest/__init__.py", True),
        ("src/unittest/__init__.py", True),
        ("src/json.py", True),
        ("tests/unit/types.py", True),
        ("tests/pluggy/__init__.py", True),
        ("random.cpython-311-x86_64-linux-gnu.so", True),
        ("src/shop/json.py", False),
        ("src/shop/types/__init__.py", False),
        ("tests/json/test_dump.py", False),
        ("test/__init__.py", False),
        ("__init__.py", False),
        ("pytest.md", False),
        ("tests/test_json.py", False),
    ],
)
def test_shadows(path: str, shadows: bool) -> None:
    assert shadows_test_tool(path) is shadows
    found = classify({}, {path: "x = 1\n"})
    assert (Change.NEUTERED in changes(found)) is shadows


def test_a_module_that_was_there_before_shadows_nothing_new() -> None:
    assert classify({"src/json.py": "x = 1"}, {"src/json.py": "x = 2"}) == []


CONFTEST = "import pytest\n\n@pytest.fixture\ndef cart():\n    return 1\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (CONFTEST, CONFTEST + "# end\n", Change.EQUIVALENT),
        (CONFTEST, CONFTEST + "@pytest.fixture(scope='session')\ndef order():\n    return 2\n", Change.ADDED),
        (None, CONFTEST, Change.ADDED),
        (CONFTEST, CONFTEST + "@pytest.fixture(autouse=True)\ndef order():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "@pytest.fixture\ndef cart():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "@pytest.fixture\ndef tmp_path():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "@pytest.fixture\ndef used_elsewhere():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "@pytest.fixture(name='used_elsewhere')\ndef b():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "@pytest.fixture(name=NAME)\ndef b():\n    return 2\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "def pytest_collection_modifyitems(items):\n    items.clear()\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "from shop import pytest_runtest_call\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "from unittest import *\n", Change.NEUTERED),
        (CONFTEST, CONFTEST + "collect_ignore = ['a.py']\n", Change.NEUTERED),
        (CONFTEST, CONFTEST.replace("return 1", "return 2"), Change.NEUTERED),
        (CONFTEST, "def (", Change.NEUTERED),
        (CONFTEST, UNREADABLE_TEXT, Change.NEUTERED),
        (CONFTEST, None, Change.NEUTERED),
        (None, "collect_ignore_glob = ['*']\n", Change.NEUTERED),
    ],
)
def test_conftest(before: str | None, after: str | None, expected: Change) -> None:
    context = {"tests/test_a.py": "def test_a(used_elsewhere):\n    assert used_elsewhere\n"}
    found = classify({"tests/conftest.py": before} | context, {"tests/conftest.py": after} | context)
    assert changes(found) == [expected]


PYPROJECT = (
    '[build-system]\nbuild-backend = "hatchling.build"\n[project]\nversion = "1"\n'
    '[tool.pytest.ini_options]\naddopts = "-ra"\n[tool.coverage.report]\nfail_under = 90\n'
)
SETUP_CFG = "[metadata]\nname = a\n[tool:pytest]\naddopts =\n    -ra\n    -q\n[coverage:report]\nfail_under = 90\n"
TOX = "[tox]\nenvlist = a\n[testenv]\ncommands = pytest\n"
PACKAGE = '{"version": "1", "scripts": {"test": "jest", "build": "tsc"}, "jest": {"bail": 1}}'


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "blocked"),
    [
        ("pyproject.toml", PYPROJECT, 'version = "1"', 'version = "2"', False),
        ("pyproject.toml", PYPROJECT, '"-ra"', '"-ra --ignore=tests/unit"', True),
        ("pyproject.toml", PYPROJECT, "= 90", "= 95", False),
        ("pyproject.toml", PYPROJECT, "= 90", "= 80", True),
        ("pyproject.toml", PYPROJECT, "= 90", "= nan", True),
        ("pyproject.toml", PYPROJECT, "fail_under = 90\n", "", True),
        ("pyproject.toml", PYPROJECT, '"hatchling.build"', '"backend"', True),
        ("pyproject.toml", PYPROJECT, "[tool.cov", '[project.entry-points.pytest11]\na = "a"\n[tool.cov', True),
        ("pyproject.toml", PYPROJECT, "[tool.cov", '[tool.hatch]\nenvs = 3\n[tool.cov', False),
        ("pyproject.toml", PYPROJECT, "[project]", "[project", True),
        ("setup.cfg", SETUP_CFG, "name = a", "name = b", False),
        ("setup.cfg", SETUP_CFG, "    -ra\n    -q", "     -ra\n     -q", False),
        ("setup.cfg", SETUP_CFG, "-ra", "-k nothing", True),
        ("setup.cfg", SETUP_CFG, "= 90", "= 89", True),
        ("setup.cfg", SETUP_CFG, "[metadata]", "[options.entry_points]\npytest11 =\n    a = a\n[metadata]", True),
        ("setup.cfg", SETUP_CFG, "[metadata]", "[metadata]\n[metadata]", True),
        ("tox.ini", TOX, "envlist = a", "envlist = b", False),
        ("tox.ini", TOX, "= pytest", "= true", True),
        ("tox.ini", TOX, "[tox]", "[pytest]\n[tox]", True),
        ("pytest.ini", "[pytest]\naddopts = -ra\n", "-ra", "-x", True),
        (".coveragerc", "[report]\nfail_under = 90\n", "90", "91", False),
        (".coveragerc", "[report]\nfail_under = 90\n", "90", "many", True),
        ("package.json", PACKAGE, '"version": "1"', '"version": "2"', False),
        ("package.json", PACKAGE, '"tsc"', '"babel"', False),
        ("package.json", PACKAGE, '"jest",', '"true",', True),
        ("package.json", PACKAGE, '"bail": 1', '"testMatch": []', True),
        ("package.json", PACKAGE, '{"version"', '["version"', True),
        ("noxfile.py", "a = 1\n", "1", "1  # one", False),
        ("noxfile.py", "a = 1\n", "1", "2", True),
        ("jest.config.js", "module.exports = {}\n", "{}", "{bail: 1}", True),
        ("setup.py", "setup(name='a')\n", "'a'", "'b'", False),
        ("setup.py", "setup(name='a')\n", "'a'", "'a', entry_points={'pytest11': ['a = a']}", True),
        ("a.egg-info/entry_points.txt", "[x]\n", "[x]", "[pytest11]\na = a", True),
    ],
)  # fmt: skip
def test_settings(path: str, before: str, old: str, new: str, blocked: bool) -> None:
    assert before.count(old) == 1
    found = classify({path: before}, {path: before.replace(old, new)})
    assert (changes(found) == [Change.NEUTERED]) is blocked
    assert any(t.blocks for t in found) is blocked


@pytest.mark.parametrize("path", ["pytest.ini", ".pytest.ini", "x.pth", "sitecustomize.py", "src/usercustomize.py"])
def test_new_configuration_takes_precedence_even_when_empty(path: str) -> None:
    assert changes(classify({}, {path: ""})) == [Change.NEUTERED]


def test_configuration_inside_the_tests_is_test_data_too() -> None:
    path = "tests/data/pyproject.toml"
    assert changes(classify({path: "[project]\n"}, {path: "[project]\nname = 'a'\n"})) == [Change.WEAKENED]


JEST = "describe('cart', () => {\n  it('adds', () => {\n    expect(add(1, 2)).toBe(3);\n  });\n});\n"
EXPECT = "    expect(add(1, 2)).toBe(3);\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (EXPECT, EXPECT + "    expect(add(0, 0)).toBe(0);\n", Change.STRENGTHENED),
        ("  });\n});\n", "  });\n  it('more', () => {\n    return check();\n  });\n});\n", Change.STRENGTHENED),
        (EXPECT, "", Change.WEAKENED),
        ("toBe(3)", "toBeDefined()", Change.WEAKENED),
        (EXPECT, "    /*\n" + EXPECT + "    */\n", Change.WEAKENED),
        (EXPECT, "    if (false) {\n" + EXPECT + "    }\n", Change.WEAKENED),
        (EXPECT, "    return;\n" + EXPECT, Change.WEAKENED),
        ("});\n});\n", "});\n});\ndescribe.only('x', () => {});\n", Change.SKIPPED),
        ("});\n});\n", "});\n});\nxit('x', () => {});\n", Change.SKIPPED),
    ],
)
def test_lines_of_other_languages(old: str, new: str, expected: Change) -> None:
    assert JEST.count(old) == 1
    assert changes(classify({"a.test.js": JEST}, {"a.test.js": JEST.replace(old, new)})) == [expected]


@pytest.mark.parametrize(
    "line", ['\tt.Skip("x")', "#[ignore]", "@Disabled", "@Ignore", "  it.skip('x', f)", "GTEST_SKIP();"]
)
def test_skip_marks_of_other_languages(line: str) -> None:
    assert changes(classify({"tests/a.rs": "a\nb\n"}, {"tests/a.rs": f"a\n{line}\nb\n"})) == [Change.SKIPPED]


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("tests/cart.json", None, "1", [Change.ADDED]),
        ("tests/cart.json", "1", "2", [Change.WEAKENED]),
        ("tests/cart.json", "1", None, [Change.WEAKENED]),
        ("tests/cart.png", None, UNREADABLE_TEXT, [Change.ADDED]),
        ("tests/cart.png", UNREADABLE_TEXT, UNREADABLE_TEXT, [Change.WEAKENED]),
        ("tests/__pycache__/a.pyc", None, UNREADABLE_TEXT, [Change.NEUTERED]),
        ("a.test.js", JEST, None, [Change.DELETED]),
        ("a.test.js", None, JEST, [Change.ADDED]),
        ("a.test.js", JEST, UNREADABLE_TEXT, [Change.WEAKENED]),
        ("src/cart.py", "assert a", "", []),
        ("README.md", "a", None, []),
        ("logo.png", UNREADABLE_TEXT, UNREADABLE_TEXT, []),
    ],
)
def test_other_files(path: str, before: str | None, after: str | None, expected: list[Change]) -> None:
    assert changes(classify({path: before}, {path: after})) == expected


def test_a_moved_test_of_another_language_is_kept_only_when_it_is_still_a_test() -> None:
    assert changes(classify({"src/a.test.js": JEST}, {"src/b.test.js": JEST})) == [Change.EQUIVALENT]
    assert changes(classify({"src/a.test.js": JEST}, {"src/b.js": JEST})) == [Change.DELETED]
