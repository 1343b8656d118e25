import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.work import Repository, WorkItem, check_reference

TITLES = st.text(min_size=1, max_size=200).filter(lambda text: len(text.strip().splitlines()) == 1)


def item(title: str = "Add a cart", key: str = "", repository: str = "shop") -> WorkItem:
    return WorkItem(repository=Repository(name=repository), title=title, key=key)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Add a cart", "add-a-cart"),
        ("  Größe: 5 € / Stück!  ", "groe-5-stuck"),
        ("Café au lait", "cafe-au-lait"),
        ("../../etc/passwd", "etc-passwd"),
        ("-rf --force", "rf-force"),
        ("a.lock", "a-lock"),
        ("修复登录", "work"),
        ("🙂", "work"),
        ("x" * 60, "x" * 40),
        (f"{'x' * 39} and more", "x" * 39),
    ],
)
def test_slug(title: str, slug: str) -> None:
    assert item(title).slug == slug


@given(TITLES)
def test_every_slug_is_safe_in_a_branch_and_in_a_name(title: str) -> None:
    slug = item(title).slug
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 40


@pytest.mark.parametrize("title", ["Add a cart", "a..b~^:?*[\\", "@{-1}", ".lock", "修复登录", "refs/heads/main.lock"])
def test_git_accepts_the_branch_of_a_slug(title: str) -> None:
    name = f"delivery/{item(title).slug}-12345678"
    git = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, text=True, check=True)
    assert git.stdout.strip() == name


@pytest.mark.parametrize("title", ["", "   ", "two\nlines", "two\rlines", "two\u2028lines", "x" * 201])
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValidationError):
        item(title)


def test_a_title_is_trimmed() -> None:
    assert item(" Add a cart\n").title == "Add a cart"


@pytest.mark.parametrize("base", ["main", "release/1.2", "a_b-c", "v1.0"])
def test_bases(base: str) -> None:
    assert WorkItem(repository=Repository(name="shop"), title="t", base=base).base == base


NO_BASES = [
    "-x",
    "--force",
    "a..b",
    "a//b",
    "a/",
    "/a",
    ".a",
    "a/.b",
    "a.",
    "a.lock",
    "a.lock/b",
    "HEAD",
    "a~1",
    "a^",
    "a:b",
    "a?b",
    "a*",
    "a[b",
    "a\\b",
    "a@{1}",
]


@pytest.mark.parametrize("base", ["", "main\n", "a b", *NO_BASES])
def test_a_base_that_git_would_refuse_or_read_as_something_else_is_refused(base: str) -> None:
    with pytest.raises(ValidationError, match="is not a branch name"):
        WorkItem(repository=Repository(name="shop"), title="t", base=base)


@pytest.mark.parametrize("name", ["shop", "acme/shop", "acme/.github", "a-b_c.d/e/f"])
def test_repository_names(name: str) -> None:
    assert Repository(name=name).name == name


NO_NAMES = ["/", "/shop", "shop/", "a//b", "..", "../shop", "a/../b", ".", "a/.", "-x", "--upload-pack"]


@pytest.mark.parametrize("name", ["", "a b", "s\n", *NO_NAMES])
def test_a_repository_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a repository name"):
        Repository(name=name)


@pytest.mark.parametrize("value", ["local-forge/main", "a/b", "git-hub2/x-1"])
def test_references(value: str) -> None:
    assert check_reference(value) == value


@pytest.mark.parametrize("value", ["", "main", "a/b/c", "A/b", "-a/b", "a/-b", "a/b\n", " a/b", "a_b/c"])
def test_what_is_no_reference_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ValueError, match="write type/name, such as"):
        check_reference(value)


def test_identity_is_the_key_when_there_is_one() -> None:
    assert item("Add a cart", key="issue-42").identity == "local-forge/main:shop:issue-42"
    assert item("Add a cart", key="issue-42").identity == item("Renamed", key="issue-42").identity


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (item("Add a cart"), item("add  a CART "), True),
        (item("修复登录"), item("添加搜索"), False),
        (item(f"{'x' * 40} first"), item(f"{'x' * 40} second"), False),
        (item("Add a cart"), item("Add a cart", repository="other"), False),
        (item("Add a cart", key="issue-1"), item("Add a cart", key="issue-2"), False),
    ],
)
def test_two_runs_of_the_same_work_have_one_identity(one: WorkItem, other: WorkItem, *, same: bool) -> None:
    assert (one.identity == other.identity) is same


@given(TITLES, TITLES)
def test_different_titles_are_different_work(one: str, other: str) -> None:
    if item(one).slug != item(other).slug:
        assert item(one).identity != item(other).identity


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        WorkItem.model_validate({"repository": {"name": "shop"}, "title": "t", "branch": "x"})


@pytest.mark.parametrize(
    ("key", "links", "issue"),
    [
        ("issue-7", ["https://github.com/acme/shop/issues/7"], "https://github.com/acme/shop/issues/7"),
        ("issue-7", ["https://github.com/acme/shop/issues/17", "https://github.com/acme/other/issues/7"], ""),
        ("issue-7", [], ""),
        ("JIRA-7", ["https://github.com/acme/shop/issues/7"], ""),
        ("", ["https://github.com/acme/shop/issues/"], ""),
    ],
)
def test_the_issue_is_the_link_that_the_key_names(key: str, links: list[str], issue: str) -> None:
    item = WorkItem(repository=Repository(name="acme/shop"), title="t", key=key, links=links)
    assert item.issue == issue
