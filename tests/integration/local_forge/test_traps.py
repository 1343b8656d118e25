"""Nothing that a repository holds or configures runs on the host."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from blocks.git import init_bare
from contracts.errors import Unavailable
from tests.integration.local_forge.site import (
    BRANCH,
    Site,
    git,
    make_site,
    with_checks,
)

HOOKS = [
    *("pre-receive", "update", "post-receive", "post-update", "proc-receive", "reference-transaction"),
    *("push-to-checkout", "post-checkout", "pre-merge-commit", "post-merge", "pre-commit", "commit-msg"),
    *("post-commit", "pre-push", "pre-auto-gc", "fsmonitor-watchman"),
]
TRAPS = {
    "core.fsmonitor": "{run} fsmonitor",
    "core.sshCommand": "{run} ssh",
    "core.alternateRefsCommand": "{run} alternates",
    "core.gitProxy": "{run} proxy",
    "core.askPass": "{run} askpass",
    "core.pager": "{run} pager",
    "core.editor": "{run} editor",
    "core.attributesFile": "{attributes}",
    "credential.helper": "!{run} credential",
    "diff.external": "{run} external",
    "diff.trap.textconv": "{run} textconv",
    "diff.trap.command": "{run} diff",
    "filter.trap.clean": "{run} clean",
    "filter.trap.smudge": "{run} smudge",
    "filter.trap.process": "{run} process",
    "filter.trap.required": "true",
    "filter.intree.clean": "{run} intree-clean",
    "filter.intree.smudge": "{run} intree-smudge",
    "merge.trap.driver": "{run} driver",
    "merge.intree.driver": "{run} intree-driver",
    "merge.default": "trap",
    "gpg.program": "{run} gpg",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "uploadpack.packObjectsHook": "{run} pack-objects",
    "receive.denyCurrentBranch": "updateInstead",
    "gc.auto": "1",
    "gc.recentObjectsHook": "{run} gc",
    "remote.origin.uploadpack": "{run} uploadpack",
    "remote.origin.receivepack": "{run} receivepack",
    "remote.trap.url": "{alternate}",
    "remote.trap.uploadpack": "{run} promisor",
    "remote.trap.promisor": "true",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "extensions.partialClone": "trap",
    "core.repositoryFormatVersion": "1",
}


def arm(site: Site, folder: Path) -> Path:
    """Set every trap in the repository; return the folder that a sprung one leaves its mark in."""
    marks = folder / "marks"
    marks.mkdir()
    run = folder / "trap"
    run.write_text(f'#!/bin/sh\n: > {marks}/"${{1##*/}}-${{0##*/}}"\n')
    run.chmod(0o755)
    attributes = folder / "attributes"
    attributes.write_text("* filter=trap merge=trap diff=trap\n")
    hooks = folder / "hooks"
    hooks.mkdir()
    for hook in HOOKS:
        shutil.copy(run, hooks / hook)
        (site.git_dir / "hooks").mkdir(exist_ok=True)
        shutil.copy(run, site.git_dir / "hooks" / hook)
    (site.git_dir / "info").mkdir(exist_ok=True)
    shutil.copy(attributes, site.git_dir / "info" / "attributes")
    other = init_bare(folder / "alternate.git").directory
    (site.git_dir / "objects" / "info" / "alternates").write_text(f"{other / 'objects'}\n")
    included = folder / "included"
    included.write_text("")
    for key, value in TRAPS.items():
        git(
            folder,
            "config",
            "--file",
            str(included),
            key,
            value.format(run=run, attributes=attributes, alternate=other),
        )
    for key in ("extensions.partialClone", "core.repositoryFormatVersion"):
        git(site.git_dir, "config", key, TRAPS[key])
    git(site.git_dir, "config", "include.path", str(included))
    return marks


def everything(site: Site, head: str, sound: str) -> None:
    """Use every method of the forge."""
    forge = with_checks(site, unit=["sh", "-c", "test -f a.txt"])
    forge.check_repository("shop", "main")
    forge.fetch("shop", site.run)
    forge.push("shop", site.run, BRANCH, sound)
    forge.push("shop", site.run, BRANCH, head)
    forge.open_pull_request("shop", BRANCH, "main", "t", "b")
    forge.comment("shop", 1, "m", "b")
    assert [check.conclusion for check in forge.checks("shop", head)] == ["success"]
    if site.shop != site.git_dir:
        assert forge.mergeability("shop", 1).state == "blocked"
        git(site.shop, "symbolic-ref", "HEAD", "refs/heads/elsewhere")
    assert forge.mergeability("shop", 1).state == "clean"
    assert forge.merge("shop", 1, head, "m").state == "merged"
    forge.delete_branch("shop", BRANCH)
    assert forge.find_pull_request("shop", BRANCH) is not None


@pytest.mark.parametrize("bare", [True, False], ids=["bare", "clone"])
def test_nothing_in_a_repository_runs(tmp_path: Path, bare: bool) -> None:
    site = make_site(tmp_path, bare)
    traps = {".gitattributes": "* filter=intree merge=intree\n", "a.txt": "1\n2\n3\n4\n5\n"}
    site.advance(traps)
    if not bare:
        git(site.shop, "reset", "--quiet", "--hard", "main")
    sound = site.change({"a.txt": "1\n2\n3\n4\nfive\n"})
    head = site.change({"a.txt": "1\n2\n3\n4\nfünf\n"})
    site.advance({"a.txt": "one\n2\n3\n4\n5\n"})
    if not bare:
        git(site.shop, "reset", "--quiet", "--hard", "main")
    site.forge.delete_branch("shop", BRANCH)
    marks = arm(site, tmp_path)
    if not bare:
        (site.shop / "a.txt").write_text((site.shop / "a.txt").read_text())
    everything(site, head, sound)
    assert sorted(path.name for path in marks.iterdir()) == []


def test_a_missing_object_is_not_fetched(tmp_path: Path) -> None:
    site = make_site(tmp_path, bare=True)
    head = site.change({"b.txt": "1\n"})
    site.open()
    marks = arm(site, tmp_path)
    (site.shop / "objects" / head[:2] / head[2:]).unlink()
    for call in (
        lambda: site.forge.fetch("shop", site.run.parent / "new.git"),
        lambda: site.forge.mergeability("shop", 1),
        lambda: with_checks(site, unit=["true"]).checks("shop", head),
    ):
        init_bare(site.run.parent / "new.git")
        with pytest.raises(Unavailable):
            call()
    assert sorted(path.name for path in marks.iterdir()) == []


def test_the_traps_are_live(tmp_path: Path) -> None:
    site = make_site(tmp_path, bare=False)
    site.advance({".gitattributes": "* filter=intree merge=intree\n", "a.txt": "1\n2\n3\n4\n5\n"})
    git(site.shop, "reset", "--quiet", "--hard", "main")
    site.change({"a.txt": "1\n2\n3\n4\nfive\n"})
    site.advance({"a.txt": "one\n2\n3\n4\n5\n"})
    git(site.shop, "reset", "--quiet", "--hard", "main")
    marks = arm(site, tmp_path)
    (site.shop / "a.txt").write_text("uno\n2\n3\n4\n5\n")  # the same size, so Git has to read it
    git(site.shop, "status", check=False)
    git(site.shop, "merge-tree", "--write-tree", "main", BRANCH, check=False)
    git(site.person, "push", "--quiet", "origin", "HEAD:refs/heads/other", check=False)
    git(site.shop, "cat-file", "-e", "1" * 40, check=False)
    sprung = {path.name for path in marks.iterdir()}
    for expected in ("fsmonitor-trap", "process-trap", "driver-trap", "alternates-trap", "promisor-trap"):
        assert expected in sprung
    assert any(name.endswith("-post-receive") for name in sprung)
    assert any(name.endswith("-reference-transaction") for name in sprung)
