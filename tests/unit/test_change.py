import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.change import STAT_FILES, ChangeClass, Diff, FileChange, classify_path, matches, parse_numstat, protected
from contracts.errors import Unavailable

DOCS, TEST, DEPENDENCY, CONFIG, SOURCE, SCHEMA = ChangeClass

NAMES = st.text(st.characters(exclude_characters="\0/\t", exclude_categories=["Cs"]), min_size=1, max_size=8)
PATHS = st.one_of(st.sampled_from(["a.md", "a.lock", "a.py", "a.sql"]), st.lists(NAMES, min_size=1).map("/".join))
COUNTS = st.integers(0, 10_000)
FILES = st.one_of(
    st.builds(FileChange, path=PATHS, added=COUNTS, removed=COUNTS),
    st.builds(FileChange, path=PATHS, binary=st.sampled_from([True])),
)
DIFFS = st.lists(FILES, max_size=8).map(lambda files: Diff(files=files))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("README.md", DOCS),
        ("LICENSE", DOCS),
        ("LICENSE-MIT", DOCS),
        ("CHANGELOG", DOCS),
        ("docs/conf.py", DOCS),
        ("src/shop/guide.rst", DOCS),
        ("src/docs/render.py", SOURCE),
        ("license.py", SOURCE),
        ("notes.mdx", SOURCE),
        ("tests/test_cart.py", TEST),
        ("tests/data/cart.json", TEST),
        ("src/main/test/CartTest.java", TEST),
        ("cart_test.go", TEST),
        ("src/cart.spec.ts", TEST),
        ("src/cart.test.jsx", TEST),
        ("spec/cart_spec.rb", TEST),
        ("src/conftest.py", TEST),
        ("src/spec/parser.py", SOURCE),
        ("src/latest.py", SOURCE),
        ("src/test.py", SOURCE),
        ("uv.lock", DEPENDENCY),
        ("poetry.lock", DEPENDENCY),
        ("web/package.json", DEPENDENCY),
        ("package-lock.json", DEPENDENCY),
        ("pnpm-lock.yaml", DEPENDENCY),
        ("go.mod", DEPENDENCY),
        ("Cargo.toml", DEPENDENCY),
        ("requirements-dev.txt", DEPENDENCY),
        ("requirements/base.in", DEPENDENCY),
        ("docs/requirements.txt", DEPENDENCY),
        ("requirements.py", SOURCE),
        ("pyproject.toml", CONFIG),
        ("setup.cfg", CONFIG),
        ("deploy/values.yaml", CONFIG),
        ("Dockerfile", CONFIG),
        ("Dockerfile.worker", CONFIG),
        ("Makefile", CONFIG),
        (".env", CONFIG),
        (".github/workflows/release.sh", CONFIG),
        (".github/README.md", CONFIG),
        ("tests/.coveragerc", CONFIG),
        ("AGENTS.md", CONFIG),
        ("docs/SKILL.md", CONFIG),
        ("src/shop/cart.py", SOURCE),
        ("CMakeLists.txt", SOURCE),
        ("run", SOURCE),
        ("README.md\n", SOURCE),
        ("shop/migrations/0001_cart.py", SCHEMA),
        ("db/schema.SQL", SCHEMA),
        ("docs/openapi.yaml", SCHEMA),
        ("tests/migrations/0001.py", SCHEMA),
        ("api/cart.proto", SCHEMA),
        ("api/cart.graphql", SCHEMA),
        ("events/cart.avsc", SCHEMA),
        ("migrations/a\nb.py", SCHEMA),
        ("migrations.py", SOURCE),
    ],
)
def test_a_path_has_one_class(path: str, kind: ChangeClass) -> None:
    assert classify_path(path) is kind


def test_the_classes_stand_in_the_order_of_their_consequence() -> None:
    ordered = ["docs", "test", "dependency", "config", "source", "schema"]
    assert [kind.value for kind in sorted(ChangeClass, key=ChangeClass.rank)] == ordered
    assert [kind.rank() for kind in ChangeClass] == [0, 1, 2, 3, 4, 5]


@given(st.text())
def test_every_text_has_a_class(path: str) -> None:
    assert classify_path(path) in ChangeClass


def test_an_empty_change_has_no_highest_class() -> None:
    diff = Diff()
    assert (diff.lines, diff.classes, diff.highest, diff.stat()) == (0, [], None, "no file changed")


@given(DIFFS, FILES)
def test_another_file_never_lowers_the_class_or_the_size(diff: Diff, more: FileChange) -> None:
    larger = Diff(files=[more, *diff.files])
    assert larger.lines >= diff.lines
    assert larger.highest is not None
    assert diff.highest is None or larger.highest.rank() >= diff.highest.rank()
    assert larger.highest.rank() == max(classify_path(file.path).rank() for file in larger.files)


def test_numstat_as_git_prints_it() -> None:
    rows = ["2\t1\ta b.py", "0\t0\tempty", "1\t0\tnew\nline\té.md", "0\t1\trun.sh", "-\t-\tx.bin", ""]
    assert parse_numstat("\0".join(rows)).files == [
        FileChange(path="a b.py", added=2, removed=1),
        FileChange(path="empty"),
        FileChange(path="new\nline\té.md", added=1),
        FileChange(path="run.sh", removed=1),
        FileChange(path="x.bin", binary=True),
    ]


def test_no_output_is_an_empty_change() -> None:
    assert parse_numstat("") == Diff()


def test_a_path_that_is_not_utf_8_survives_json() -> None:
    raw = b"1\t0\tcaf\xe9.py\0".decode("utf-8", "surrogateescape")
    diff = parse_numstat(raw)
    assert diff.files[0].path == "caf\\xe9.py"
    assert Diff.model_validate_json(diff.model_dump_json()) == diff


@pytest.mark.parametrize(
    "printed",
    [
        "1\t0\ta.py",
        "1\t0\ta.py\x002\t1\tb",
        "1\t0\ta.py\n",
        "0\t0\t\0old.py\0new.py\0",
        "1\ta.py\0",
        "-\t0\ta.py\0",
        "1.5\t0\ta.py\0",
        "-1\t0\ta.py\0",
        "²\t0\ta.py\0",
        "\0",
    ],
)
def test_output_that_is_cut_off_or_of_another_form_is_no_change(printed: str) -> None:
    with pytest.raises(Unavailable):
        parse_numstat(printed)


@given(DIFFS)
def test_what_git_prints_is_read_back(diff: Diff) -> None:
    rows = ((("-", "-") if file.binary else (str(file.added), str(file.removed)), file.path) for file in diff.files)
    assert parse_numstat("".join(f"{added}\t{removed}\t{path}\0" for (added, removed), path in rows)) == diff


def test_the_stat_shows_a_line_a_file() -> None:
    files = [
        FileChange(path="src/cart.py", added=3, removed=1),
        FileChange(path="logo.png", binary=True),
        FileChange(path="run\nrm.sh"),
    ]
    assert Diff(files=files).stat().splitlines() == [
        "src/cart.py | 4 +++-",
        "logo.png    | binary",
        "run\\nrm.sh  | 0",
        "files changed: 3, lines added: 3, lines removed: 1",
    ]


def test_the_stat_ends_after_fifty_files() -> None:
    rows = Diff(files=[FileChange(path=f"f{number}.py", added=1) for number in range(57)]).stat().splitlines()
    assert len(rows) == STAT_FILES + 2
    assert rows[-2:] == ["… and 7 more files", "files changed: 57, lines added: 57, lines removed: 0"]


@given(DIFFS)
def test_the_stat_stays_small(diff: Diff) -> None:
    rows = diff.stat().split("\n")
    assert len(rows) == (len(diff.files) + 1 if diff.files else 1)
    assert all(row.isprintable() for row in rows)
    assert all(len(re.sub(r"[^+-]", "", row.rpartition("| ")[2])) <= 42 for row in rows[:-1])


@pytest.mark.parametrize(
    ("pattern", "covered", "free"),
    [
        ("infra", ["infra", "infra/a.tf", "infra/x/a.tf"], ["infra2", "src/infra", "infrared/a"]),
        ("infra/", ["infra/a.tf", "infra/x/a.tf"], ["infra2/a.tf", "x/infra/a.tf"]),
        ("/infra", ["infra/a.tf"], ["src/infra/a.tf"]),
        ("./infra", ["infra/a.tf"], ["src/infra/a.tf"]),
        ("*.toml", ["a.toml", ".toml"], ["src/a.toml", "a.toml.py"]),
        ("**/*.toml", ["a.toml", "src/a.toml", "src/x/a.toml"], ["a.py"]),
        ("src/*", ["src/a.py", "src/.env"], ["src/x/a.py", "a.py", "src"]),
        ("src/**", ["src/a.py", "src/x/a.py"], ["srcs/a.py", "x/src/a.py"]),
        ("src/**/auth", ["src/auth", "src/x/auth", "src/x/y/auth/a.py"], ["auth", "src/author"]),
        ("**/auth/**", ["auth/a.py", "x/auth/a.py", "x/auth/y/a.py"], ["x/author/a.py"]),
        ("**", ["a", "a/b", ".a/.b"], []),
        ("a**b.py", ["ab.py", "axxb.py"], ["a/b.py"]),
        ("a?.py", ["ab.py"], ["a.py", "abc.py", "a/.py"]),
        ("a[0-9].py", ["a1.py"], ["ax.py"]),
        ("a[!0-9].py", ["ax.py"], ["a1.py", "a/.py"]),
        ("a[.py", ["a[.py"], ["a.py"]),
        ("a.py", ["a.py"], ["aXpy", "A.py", "b/a.py"]),
        ("a+(b).py", ["a+(b).py"], ["aab.py"]),
        ("**/**/a", ["a", "x/a", "x/y/z/a"], ["b"]),
        ("new\nline", ["new\nline"], ["new"]),
        ("", [], ["a", "a/b"]),
        (" / ", [], ["a", "a/b"]),
    ],
)
def test_a_pattern_covers_paths(pattern: str, covered: list[str], free: list[str]) -> None:
    assert [path for path in [*covered, *free] if matches(path, pattern)] == covered


def regex_of(pattern: str) -> re.Pattern[str]:
    """Translate a pattern of parts without brackets by a second, independent way."""
    out = ""
    for part in pattern.split("/"):
        inner = "".join({"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign)) for sign in part)
        out += "(?:[^/]+/)*" if part == "**" else f"{inner}/"
    last = pattern.rpartition("/")[2]
    return re.compile(out if set(last) & set("*?") else f"{out}(?:[^/]+/)*")


PARTS = st.sampled_from(["a", "b", "ab", ".a"])
WILD = st.sampled_from(["a", "b", "*", "**", "a*", "?", "?b"])


@given(st.lists(PARTS, min_size=1, max_size=5).map("/".join), st.lists(WILD, min_size=1, max_size=5).map("/".join))
def test_patterns_agree_with_a_regular_expression(path: str, pattern: str) -> None:
    assert matches(path, pattern) is bool(regex_of(pattern).fullmatch(f"{path}/"))


def test_many_wildcards_take_no_exponential_time() -> None:
    assert not matches("/".join(["a"] * 300), "/".join(["**", "a"] * 150 + ["b"]))


@given(PATHS, st.text(max_size=12))
def test_every_pattern_is_readable(path: str, pattern: str) -> None:
    assert matches(path, pattern) in {True, False}


def test_the_protected_paths_of_a_change() -> None:
    diff = Diff(files=[FileChange(path=path) for path in ("b/x.tf", "src/a.py", ".github/workflows/ci.yml")])
    assert protected(diff, [".github", "**/*.tf"]) == ["b/x.tf", ".github/workflows/ci.yml"]
    assert protected(diff, []) == []
