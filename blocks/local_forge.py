"""A forge on one machine: a folder of Git repositories, with pull requests and checks kept beside their objects."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from blocks.forge import PLAIN, Forge, Mergeability, PullRequest, PullRequestOptions, check_delivery
from blocks.git import Git
from blocks.local_checks import LocalChecks
from blocks.local_merging import merge, mergeability, observe, require_git
from blocks.local_pulls import LocalPulls, Pull
from blocks.local_repository import LocalRepository, find_repository
from blocks.local_sandbox import LocalSandbox
from contracts.ci import Check
from contracts.errors import Misconfigured, Refused


class LocalForge(Forge):
    """Reaches bare repositories and people's own clones in one folder.

    A person's own clone is used through its `.git` directory; its files are never changed, and a branch that is
    checked out is left for the person to merge.
    """

    _block_type_name = "Local Forge"
    _block_type_slug = "local-forge"
    _description = "Reaches Git repositories in a folder of this machine, with pull requests and checks beside them."

    root: Path = Field(description="Folder with the repositories: <name> for a bare one or a clone, else <name>.git.")
    check_commands: dict[str, list[str]] = Field(
        default_factory=dict, description="Program and arguments of each check, by its name; none by default."
    )
    check_seconds: float = Field(default=900, gt=0, description="Wall clock of each check, in seconds.")
    sandbox: LocalSandbox = Field(default_factory=LocalSandbox, description="Where checks run.")

    def check_repository(self, repository: str, base: str) -> None:
        """Raise Misconfigured when the repository cannot be used, or its base is absent or has uncommitted changes."""
        local = self._find(repository)
        require_git(local)
        branches = local.branches()
        if not branches:
            raise Misconfigured(f"the repository {repository!r} is empty; push a first commit to {base!r}")
        if base not in branches:
            names = ", ".join(sorted(branches)[:10])
            raise Misconfigured(f"the repository {repository!r} has no branch {base!r}; choose one of: {names}")
        tip, checkout = branches[base].tip, branches[base].checkout
        own = local.tree is not None and bool(checkout) and Path(checkout) == local.tree.resolve()
        paths = local.changes(tip) if own else []
        if paths:
            raise Misconfigured(
                f"{str(local.tree)!r} has uncommitted changes on {base!r} (dirty base): {', '.join(paths[:10])}; "
                "commit or stash them"
            )

    def fetch(self, repository: str, directory: Path) -> None:
        """Bring all branches to `refs/remotes/origin/*` of the bare repository at `directory`, and drop gone ones."""
        options = ("--prune", "--no-write-fetch-head", "--")
        self._find(repository).fetch_into(Git(directory), *options, "+refs/heads/*:refs/remotes/origin/*")

    def push(self, repository: str, directory: Path, branch: str, commit: str) -> None:
        """Put `commit` at the tip of a delivery branch; see `Forge.push`."""
        check_delivery(branch)
        local = self._find(repository)
        now = local.branch(branch)
        if now is not None and now.tip == commit:
            return
        _check_free(repository, branch, now.checkout if now else "")
        local.receive(Git(directory), branch, commit, now.tip if now else "")

    def find_pull_request(self, repository: str, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch as Git shows it now, or none."""
        local, pulls = self._open(repository)
        with pulls.locked():
            pull = pulls.newest(branch)
            return None if pull is None else _seen(local, pulls, pull)

    def open_pull_request(
        self, repository: str, branch: str, base: str, title: str, body: str, options: PullRequestOptions = PLAIN
    ) -> PullRequest:
        """Return the branch's pull request, opened now unless one exists; its `url` is a page on this machine.

        It is never a draft, and what it closes is only named.
        """
        local, pulls = self._open(repository)
        with pulls.locked():
            pull = pulls.newest(branch)
            if pull is None:
                head, base_commit = _change(local, branch, base)
                pull = Pull(
                    number=pulls.next_number(),
                    branch=branch,
                    base=base,
                    base_commit=base_commit,
                    head=head,
                    title=title,
                    body=f"{body}\n\nCloses {options.closes}" if options.closes else body,
                )
            return _seen(local, pulls, pull)

    def comment(self, repository: str, number: int, marker: str, body: str) -> None:
        """Write the pull request's one comment that carries `marker`, or edit it in place."""
        _, pulls = self._open(repository)
        with pulls.locked():
            pull = pulls.get(number)
            pulls.save(pull.model_copy(update={"comments": {**pull.comments, marker: body}}))

    def checks(self, repository: str, commit: str) -> list[Check]:
        """Return the checks of a commit by name, run now unless their results are recorded.

        Raises:
            Unavailable: the commit is not in the repository, or the sandbox could not start.
            Misconfigured: the program of a check does not exist.
        """
        return LocalChecks(self._find(repository), self.check_commands, self.check_seconds, self.sandbox).of(commit)

    def mergeability(self, repository: str, number: int) -> Mergeability:
        """Return whether the pull request can be merged now; `blocked` when a person has the base checked out."""
        local, pulls = self._open(repository)
        require_git(local)
        with pulls.locked():
            pull = observe(local, pulls.get(number))
            pulls.save(pull)
        return mergeability(local, pull)

    def merge(self, repository: str, number: int, head: str, message: str) -> PullRequest:
        """Merge the pull request with a merge commit; see `Forge.merge`. A base that moves is merged anew."""
        local, pulls = self._open(repository)
        require_git(local)
        return _shown(pulls, merge(local, pulls, number, head, message))

    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a delivery branch; nothing to do if it is gone.

        Raises:
            Refused: it is not a delivery branch, or it is checked out.
        """
        check_delivery(branch)
        local, pulls = self._open(repository)
        now = local.branch(branch)
        if now is None:
            return
        _check_free(repository, branch, now.checkout)
        with pulls.locked():
            pull = pulls.newest(branch)
            if pull is not None:
                _seen(local, pulls, pull)
            local.delete(branch, now.tip)

    def _find(self, repository: str) -> LocalRepository:
        return find_repository(self.root, repository)

    def _open(self, repository: str) -> tuple[LocalRepository, LocalPulls]:
        local = self._find(repository)
        return local, LocalPulls(local.folder)


def _seen(local: LocalRepository, pulls: LocalPulls, pull: Pull) -> PullRequest:
    """Save the record as Git shows it now, and return it."""
    pull = observe(local, pull)
    pulls.save(pull)
    return _shown(pulls, pull)


def _shown(pulls: LocalPulls, pull: Pull) -> PullRequest:
    return PullRequest(
        number=pull.number,
        url=pulls.page(pull.number).as_uri(),
        branch=pull.branch,
        base=pull.base,
        head=pull.head,
        state=pull.state,
        merge_commit=pull.merge_commit,
    )


def _change(local: LocalRepository, branch: str, base: str) -> tuple[str, str]:
    """Return the tips of branch and base; raise Refused when the branch has nothing that the base lacks."""
    head, target = local.branch(branch), local.branch(base)
    if head is None or target is None:
        gone = branch if head is None else base
        raise Refused(f"the repository {local.name!r} has no branch {gone!r}; push it first")
    with local.view() as view:
        if view.is_ancestor(head.tip, target.tip):
            raise Refused(f"the branch {branch!r} has no commit that {base!r} lacks; there is nothing to merge")
    return head.tip, target.tip


def _check_free(repository: str, branch: str, checkout: str) -> None:
    if checkout:
        raise Refused(
            f"the branch {branch!r} of {repository!r} is checked out in {checkout!r}; switch to another branch there"
        )
