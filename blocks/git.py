"""Git, called so that nothing which a repository or an agent left behind can run on the host.

Every call ignores the user's and the system's configuration, hooks, file-system monitors, external diff
programs, credential helpers and filters; repositories that an agent could write to are never used as a Git
directory by the host.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Literal

from contracts.errors import Unavailable

_SAFE = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.autocrlf=false"),
    *("-c", "core.symlinks=true"),
    *("-c", "core.attributesFile=/dev/null"),  # attributes choose filters and merge drivers, which are programs
    *("-c", "core.alternateRefsCommand=true"),  # a program that a receiver with alternates starts
    *("-c", "core.sshCommand=ssh"),
    *("-c", "core.askPass="),
    *("-c", "log.showSignature=false"),  # would start the repository's gpg.program
    *("-c", "credential.helper="),
    *("-c", "diff.external="),
    *("-c", "diff.ignoreSubmodules=all"),
    *("-c", "submodule.recurse=false"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "protocol.git.allow=never"),  # would start the repository's core.gitProxy
    *("-c", "safe.directory=*"),
)
_RECEIVE = (
    *("-c", "receive.denyCurrentBranch=refuse"),  # updateInstead would change a person's files
    *("-c", "receive.denyNonFastForwards=false"),  # shared repositories set it; a delivery branch is replaced
)
AUTHOR = ("prefect-delivery", "delivery@localhost")
"""Name and address on the commits that the flow makes."""


class GitFailed(Unavailable):
    """A Git command ended with an error; `detail` holds what it printed."""

    def __init__(self, args: tuple[str, ...], code: int, output: str) -> None:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
        super().__init__(f"git {args[0]!r} ended with code {code}: {last.strip()[:300]}", detail=output[-4_000:])
        self.code = code


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a Git process: nothing of the caller's but PATH."""
    name, address = AUTHOR
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",  # a partial clone fetches missing objects through programs of its own choice
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        **(extra or {}),
    }


def serving(program: Literal["upload-pack", "receive-pack"]) -> str:
    """Return the command line that starts the other side of a local transport as guarded as `Git` itself.

    Git clears the caller's `-c` settings before it starts that side, so its hooks would run without this.
    """
    receive = _RECEIVE if program == "receive-pack" else ()
    return shlex.join(["env", "GIT_ALLOW_PROTOCOL=", "git", *_SAFE, *receive, program])


class Git:
    """Git commands on one Git directory, with an optional work tree elsewhere.

    Args:
        directory: the Git directory (a bare repository or a `.git`), never one that an agent can write to.
        tree: the work tree, if the commands need one.
    """

    def __init__(self, directory: Path, tree: Path | None = None) -> None:
        self.directory = directory
        self.tree = tree

    def run(self, *args: str, stdin: str = "", env: dict[str, str] | None = None, ok: tuple[int, ...] = (0,)) -> str:
        """Run one command and return its standard output without the last newline.

        Raises:
            GitFailed: the exit code is not in `ok`.
        """
        return self.call(*args, stdin=stdin, env=env, ok=ok)[1]

    def call(
        self, *args: str, stdin: str = "", env: dict[str, str] | None = None, ok: tuple[int, ...] = (0,)
    ) -> tuple[int, str]:
        """Like `run`, and return the exit code as well."""
        where = [f"--git-dir={self.directory}", *([f"--work-tree={self.tree}"] if self.tree else [])]
        process = subprocess.run(
            ["git", *_SAFE, *where, *args],
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            env=environment(env),
            cwd=self.tree or self.directory,
            check=False,
        )
        output = process.stdout.decode("utf-8", "surrogateescape")
        if process.returncode not in ok:
            raise GitFailed(args, process.returncode, output + process.stderr.decode("utf-8", "replace"))
        return process.returncode, output.removesuffix("\n")

    def commit_of(self, revision: str) -> str:
        """Return the commit sha of a revision, or an empty text when there is none."""
        code, sha = self.call("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", ok=(0, 1, 128))
        return sha if code == 0 else ""

    def tree_of(self, revision: str) -> str:
        """Return the tree sha of a revision."""
        return self.run("rev-parse", "--verify", f"{revision}^{{tree}}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Return whether `older` is reachable from `newer`."""
        return self.call("merge-base", "--is-ancestor", older, newer, ok=(0, 1))[0] == 0


def init_bare(directory: Path) -> Git:
    """Create an empty bare repository whose first branch is main; keep one that exists."""
    directory.mkdir(parents=True, exist_ok=True)
    git = Git(directory)
    git.run("init", "--quiet", "--bare", "--initial-branch=main")
    return git
