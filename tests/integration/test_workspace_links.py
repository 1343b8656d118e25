"""Links and files in the place of folders lead no write of the host out of the checkout or of an export."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from blocks.git import init_bare
from contracts.errors import AgentFailed
from tests.integration.checkout import Checkout, Make, read_all


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda files: Checkout(tmp_path / "run", files)


def test_a_tree_that_became_a_link_is_not_followed(make: Make, tmp_path: Path) -> None:
    site = make({"a.txt": "a\n"})
    persons = tmp_path / "person"
    persons.mkdir()
    init_bare(persons / ".git")
    (persons / "mine.txt").write_text("m\n")
    for act in (lambda: site.workspace.restore(site.base), site.begin, site.workspace.create):
        shutil.rmtree(site.tree)
        site.tree.symlink_to(persons)
        with pytest.raises(AgentFailed, match="replaced its checkout"):
            site.workspace.snapshot("m", site.base)
        act()
        assert not site.tree.is_symlink()
        assert sorted(path.name for path in persons.iterdir()) == [".git", "mine.txt"]
    assert (persons / ".git/HEAD").exists()


@pytest.mark.parametrize("moved", [True, False])
def test_folders_that_became_links_lead_no_write_out(make: Make, tmp_path: Path, *, moved: bool) -> None:
    files = {"src/a.txt": "a\n", "src/deep/b.txt": "b\n", "c.txt": "c\n"}
    site = make(files)
    outside = tmp_path / "outside"
    if moved:  # the files keep inode and times, so that Git takes them for unchanged
        shutil.move(site.tree / "src", outside)
    else:
        shutil.copytree(site.tree / "src", outside)
        shutil.rmtree(site.tree / "src")
        (outside / "a.txt").write_text("outside\n")
    (outside / "more.txt").write_text("more\n")
    (site.tree / "src").symlink_to(outside)
    (site.tree / "c.txt").unlink()
    (site.tree / "c.txt").symlink_to(outside / "more.txt")
    before = read_all(outside)
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    assert sorted(site.workspace.paths(made.commit)) == ["c.txt", "src"]
    site.workspace.restore(site.base)
    assert site.seen() == files
    assert not (site.tree / "src").is_symlink()
    assert read_all(outside) == before


@pytest.mark.parametrize("sort", ["link", "file", "link in between"])
def test_sealed_paths_come_from_the_base_whatever_stands_in_their_place(make: Make, tmp_path: Path, sort: str) -> None:
    site = make({"a.txt": "a\n", "tests/test_a.py": "base\n", "tests/sub/test_b.py": "base\n"})
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "test_a.py").write_text("outside\n")
    place = site.tree / ("tests/sub" if sort == "link in between" else "tests")
    shutil.rmtree(place)
    if sort == "file":
        place.write_text("in the way\n")
    else:
        place.symlink_to(outside)
    site.write({"a.txt": "changed\n"})
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    sealed = ["tests/test_a.py", "tests/sub/test_b.py", "tests/conftest.py"]
    site.workspace.export(made.commit, tmp_path / "out", sealed=sealed, base=site.base)
    expected = {"a.txt": "changed\n", "tests/test_a.py": "base\n", "tests/sub/test_b.py": "base\n"}
    assert read_all(tmp_path / "out") == expected
    assert read_all(outside) == {"test_a.py": "outside\n"}
    site.workspace.export(made.commit, tmp_path / "plain")
    assert (tmp_path / "plain/tests").is_symlink() == (sort == "link")


def test_a_sealed_path_that_the_base_lacks_is_absent(make: Make, tmp_path: Path) -> None:
    site = make({"a.txt": "a\n"})
    head = site.record({"tests/conftest.py": "new\n", "b.txt": "b\n"})
    site.workspace.export(head, tmp_path / "out", sealed=["tests/conftest.py"], base=site.base)
    assert read_all(tmp_path / "out") == {"a.txt": "a\n", "b.txt": "b\n"}
    assert not list(site.workspace.home.glob("index-*"))
