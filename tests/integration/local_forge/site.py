"""A local forge with one repository, a person who works on it, and a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from blocks.forge import PullRequest
from blocks.git import init_bare
from blocks.local_forge import LocalForge

REAL_GIT = shutil.which("git") or "git"
PERSON = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
BRANCH = "delivery/one"


def git(place: Path, *args: str, check: bool = True) -> str:
    command = [REAL_GIT, "-c", "safe.directory=*", *args]
    done = subprocess.run(command, cwd=place, env=PERSON, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def commit(tree: Path, files: dict[str, str], message: str = "change") -> str:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(tree, "rev-parse", "HEAD")


@dataclass
class Site:
    """A forge with the repository `shop`, a person's work tree, and the bare repository of a run."""

    forge: LocalForge
    shop: Path
    person: Path
    run: Path

    @property
    def git_dir(self) -> Path:
        return self.shop / ".git" if (self.shop / ".git").is_dir() else self.shop

    def change(self, files: dict[str, str], branch: str = BRANCH, start: str = "origin/main") -> str:
        """Make a commit and push it to a delivery branch."""
        git(self.person, "fetch", "--quiet", "origin")
        git(self.person, "checkout", "--quiet", "--detach", start)
        sha = commit(self.person, files)
        git(self.person, "push", "--quiet", "--force", str(self.run), f"HEAD:refs/heads/{branch}")
        self.forge.push("shop", self.run, branch, sha)
        return sha

    def advance(self, files: dict[str, str]) -> str:
        """Move the base as somebody else would."""
        git(self.person, "fetch", "--quiet", "origin")
        git(self.person, "checkout", "--quiet", "--detach", "origin/main")
        sha = commit(self.person, files, "somebody else")
        git(self.person, "push", "--quiet", "origin", "HEAD:main")
        return sha

    def open(self, branch: str = BRANCH) -> PullRequest:
        return self.forge.open_pull_request("shop", branch, "main", "Add a thing", "What and why.")

    def tip(self, branch: str = "main") -> str:
        return git(self.git_dir, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False)

    def merges(self) -> list[str]:
        return git(self.git_dir, "rev-list", "--merges", "main").split()

    def record(self, number: int = 1) -> Path:
        return self.git_dir / "delivery" / "pulls" / f"{number}.json"


def make_site(tmp_path: Path, bare: bool) -> Site:
    root = tmp_path / "forge"
    shop = root / ("shop.git" if bare else "shop")
    seed = tmp_path / "seed.git"
    for place in (shop, seed) if bare else (seed,):
        place.mkdir(parents=True)
        git(place, "init", "--quiet", "--bare", "--initial-branch=main")
    person = tmp_path / "person"
    git(tmp_path, "clone", "--quiet", str(shop if bare else seed), str(person))
    git(person, "checkout", "--quiet", "-B", "main")
    commit(person, {"a.txt": "1\n2\n3\n", ".gitignore": "*.log\n"}, "first")
    git(person, "push", "--quiet", "origin", "main")
    if not bare:
        root.mkdir()
        git(tmp_path, "clone", "--quiet", str(seed), str(shop))
        git(shop, "config", "receive.denyCurrentBranch", "ignore")
        git(person, "remote", "set-url", "origin", str(shop))
    return Site(LocalForge(root=root), shop, person, init_bare(tmp_path / "run.git").directory)


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def script(site: Site, body: str, **environment: str) -> subprocess.Popen[str]:
    """Start a Python process with `forge` and `run` defined; it says ready, then waits for a line."""
    head = (
        "import sys; from pathlib import Path; from blocks.local_forge import LocalForge\n"
        f"forge = LocalForge(root=Path({str(site.forge.root)!r}))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + body],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, **environment},
    )


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def wrap_git(folder: Path, before: str = "", after: str = "") -> str:
    """Put a git on PATH that does something around each push; return that PATH."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(
        f'#!/bin/sh\nG={REAL_GIT}\ncase " $* " in\n*" push "*)\n{before}\n$G "$@" || exit $?\n{after}\nexit 0;;\nesac\n'
        'exec $G "$@"\n'
    )
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def with_checks(site: Site, seconds: float = 60, **commands: list[str]) -> LocalForge:
    return LocalForge(root=site.forge.root, check_commands=commands, check_seconds=seconds)
