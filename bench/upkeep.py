"""Whether `tech_debt` repairs well-known packages and leaves their behaviour alone: `make upkeep`.

Each package comes as a source archive from the package index and becomes a repository of its own. The keyless agent of
`agents/ruff_agent` does the work of every step; the sandbox, the forge with its check and the limits of a merge are
those of any installation. What the base holds in the end is judged here, by the package's own suite.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import agents.ruff_agent
from blocks import CommandAgent, DeliveryPolicy, LocalForge, LocalSandbox
from blocks.git import Git, init_bare
from blocks.sandbox import Command
from contracts.agent import Limits
from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.policy import Policy
from contracts.report import render
from contracts.work import Repository, WorkItem
from deployments.bootstrap import bootstrap, python_folder, save
from deployments.server import local_server
from flows.tech_debt import tech_debt

PACKAGES = ("boltons==26.2.0", "toolz==1.2.0")
CHECK = "suite"
"""Name of the forge's check, which must be there and pass."""
SUITE = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
SUITE_SECONDS = 900.0
_COUNTS = re.compile(r"ruff findings: (\d+) before, (\d+) after")
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+_-]+)")


@dataclass(frozen=True)
class Kept:
    """What came of one package.

    Args:
        package: name==version.
        merged: whether its main holds the change of a run that ended as merged.
        tests: tests that passed before.
        same: whether every test ended on main as it did before, and at least one passed.
        findings: findings before and after, as the report tells them; none when it does not.
        report: the report of the run, in Markdown; when there is none, why.
        seconds: wall clock of the run.
    """

    package: str
    merged: bool
    tests: int
    same: bool
    findings: tuple[int, int] | None
    report: str
    seconds: float

    @property
    def right(self) -> bool:
        """Whether everything is as it must be."""
        return self.merged and self.same and self.findings is not None

    @property
    def line(self) -> str:
        """What came of it, in one line."""
        suite = "every test as before" if self.same else "TESTS DIFFER"
        counts = "no counts" if self.findings is None else f"findings {self.findings[0]} → {self.findings[1]}"
        merged = "merged" if self.merged else "NOT MERGED"
        return f"{self.package}: {merged}, {suite} ({self.tests} passed), {counts} ({self.seconds:.0f} s)"


def read_package(text: str) -> str:
    """Return `text` when it is name==version; raise ArgumentTypeError otherwise."""
    if not _PACKAGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a package; write name==version, such as {PACKAGES[0]}")
    return text


def _name(package: str) -> str:
    return package.partition("==")[0].lower()


def make_installer(folder: Path) -> Path:
    """Make a virtual environment with pip in a folder that does not exist yet, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin/python"


def download(package: str, installer: Path, folder: Path) -> Path:
    """Unpack the source archive of a package into an empty folder, and return where its files are.

    Args:
        package: name==version.
        installer: a Python with pip, which finds the package index as it is set up on this machine.
        folder: made here.

    Raises:
        Unavailable: there is no such archive, or the package index did not answer.
    """
    folder.mkdir(parents=True)
    pip = [str(installer), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = ["--no-binary", _name(package), "--dest", str(folder), package]
    result = subprocess.run([*pip, *source], capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tar.gz"))
    if result.returncode or len(archives) != 1:
        raise Unavailable(
            f"no source archive of {package!r} could be had; check the name and the package index",
            detail=f"{result.stdout}\n{result.stderr}"[-4_000:],
        )
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder / "files", filter="data")
    return next((folder / "files").iterdir())


def make_repository(files: Path, directory: Path) -> Git:
    """Make a bare repository with everything of a folder in one commit on main."""
    git = Git(init_bare(directory).directory, files)
    git.run("add", "--all", "--force")
    commit = git.run("commit-tree", git.run("write-tree"), stdin="The released source\n")
    git.run("update-ref", "refs/heads/main", commit)
    return Git(directory)


def results(git: Git, commit: str, folder: Path) -> dict[str, str]:
    """Run the suite of a commit in a folder that does not exist yet; return test → how it ended."""
    tree, junit = folder / "tree", folder / "out/junit.xml"
    tree.mkdir(parents=True)
    junit.parent.mkdir()
    export, index = Git(git.directory, tree), {"GIT_INDEX_FILE": str(folder / "index")}
    export.run("read-tree", commit, env=index)
    export.run("checkout-index", "--all", env=index)
    command = Command(
        argv=[*SUITE, f"--junitxml={junit}"],
        directory=tree,
        writable=[tree, junit.parent],
        limits=Limits(wall_seconds=SUITE_SECONDS, quiet_seconds=SUITE_SECONDS),
    )
    LocalSandbox(path=[python_folder()]).run(command)
    cases = ET.parse(junit).iter("testcase") if junit.is_file() else ()
    return {f"{case.get('classname')}::{case.get('name')}": _ended(case) for case in cases}


def _ended(case: ET.Element) -> str:
    return next((part.tag for part in case if part.tag in ("failure", "error", "skipped")), "passed")


def deliver(name: str) -> tuple[Delivery | None, str]:
    """Carry one repository of the installation through `tech_debt`; return what it ended with, and its report."""
    item = WorkItem(repository=Repository(name=name), title=f"Upkeep of {name}", kind="recurring")
    state = tech_debt(item, return_state=True)
    ended = state.result(raise_on_failure=False)
    if not isinstance(ended, Delivery):
        return None, state.message or "the run failed without a word"
    return ended, render(ended)


def keep_up(package: str, files: Path, home: Path) -> Kept:
    """Deliver one package whose source is in `files`, and look at what its main holds afterwards."""
    name = _name(package)
    git = make_repository(files, home / "forge" / f"{name}.git")
    base = git.commit_of("main")
    before = results(git, base, home / "judged" / name / "before")
    begun = time.monotonic()
    ended, report = deliver(name)
    seconds = time.monotonic() - begun
    tip = git.commit_of("main")
    after = results(git, tip, home / "judged" / name / "after")
    passed = [test for test, how in before.items() if how == "passed"]
    counts = _COUNTS.findall(report)
    return Kept(
        package=package,
        merged=_holds(git, base, tip, ended),
        tests=len(passed),
        same=before == after and bool(passed),
        findings=(int(counts[0][0]), int(counts[-1][1])) if counts else None,
        report=report,
        seconds=seconds,
    )


def _holds(git: Git, base: str, tip: str, ended: Delivery | None) -> bool:
    """Whether main moved on and holds the head that the run says it merged."""
    if ended is None or ended.status is not DeliveryStatus.MERGED or tip == base:
        return False
    return git.is_ancestor(base, tip) and git.is_ancestor(ended.head, tip)


def install(home: Path) -> None:
    """Save the blocks of an installation whose one agent repairs what ruff finds."""
    bootstrap(home)
    sandbox = LocalSandbox(path=[python_folder()])
    save(sandbox)
    save(LocalForge(root=home / "forge", check_commands={CHECK: SUITE}, sandbox=sandbox))
    save(CommandAgent(command=[sys.executable, str(Path(agents.ruff_agent.__file__).parent)]))
    save(DeliveryPolicy(policy=Policy(workspaces=home / "runs", required_checks=[CHECK], attended=False)))


def run(packages: list[str], home: Path) -> list[Kept]:
    """Carry packages through a Prefect server of their own, printing the report of each and a line about it."""
    os.environ["DELIVERY_HOME"] = str(home)
    logging.disable(logging.WARNING)
    installer = make_installer(home / "installer")
    sources = {package: download(package, installer, home / "packages" / _name(package)) for package in packages}
    kept: list[Kept] = []
    with local_server(home / "server"):
        install(home)
        for package, files in sources.items():
            kept.append(keep_up(package, files, home))
            print(f"{kept[-1].report}\n\n{kept[-1].line}\n", flush=True)
    return kept


def summary(kept: list[Kept]) -> str:
    """Return the last line."""
    found = [one.findings for one in kept if one.findings is not None]
    return (
        f"packages={len(kept)} merged={sum(one.merged for one in kept)} suites_kept={sum(one.same for one in kept)} "
        f"findings_before={sum(before for before, _ in found)} findings_after={sum(after for _, after in found)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Keep packages up; return 0 when each is merged, its suite as before, and its report tells the counts."""
    parser = argparse.ArgumentParser(prog="upkeep", description=__doc__)
    parser.add_argument("packages", nargs="*", type=read_package, default=list(PACKAGES), help="name==version")
    packages: list[str] = parser.parse_args(arguments).packages
    if len(set(map(_name, packages))) < len(packages):
        raise Misconfigured(f"a package stands twice in {packages!r}; name each once")
    with tempfile.TemporaryDirectory(prefix="upkeep-", ignore_cleanup_errors=True) as folder:
        kept = run(packages, Path(folder).resolve())
    print("\n".join(one.line for one in kept))
    print(summary(kept))
    return 0 if all(one.right for one in kept) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"{error.message}\n{error.detail}".strip())
