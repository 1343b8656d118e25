"""The checks of a local repository: each runs once for a commit, in a clean clone in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from blocks.git import Git, init_bare
from blocks.local_files import locked, read_text, write_text
from blocks.local_repository import LocalRepository
from blocks.sandbox import Command, Ending, Sandbox
from contracts.agent import Limits
from contracts.ci import Check
from contracts.errors import Unavailable

_SUMMARY = 4_000


class Result(BaseModel):
    """How a check of a commit ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str] = Field(description="What was run; another command is another check.")
    conclusion: str = Field(description="success, failure or timed_out.")
    summary: str = Field(description="The last 4,000 characters of its output.")


_RESULTS = TypeAdapter(dict[str, Result])


@dataclass(frozen=True)
class LocalChecks:
    """The configured checks of one repository.

    Args:
        repository: whose commits are checked.
        commands: program and arguments by name of the check.
        seconds: wall clock of each check.
        sandbox: where they run.
    """

    repository: LocalRepository
    commands: Mapping[str, list[str]]
    seconds: float
    sandbox: Sandbox

    def of(self, commit: str) -> list[Check]:
        """Return the checks of a commit by name, run now unless they are recorded.

        While another process runs them, those without a result are `in_progress`.

        Raises:
            Unavailable: the commit is not in the repository.
        """
        if not self.commands:
            return []
        with self.repository.view() as view:
            sha = view.commit_of(commit)
        if not sha:
            raise Unavailable(f"the commit {commit!r} is not in {self.repository.name!r}; push it first")
        path = self.repository.folder / "checks" / f"{sha}.json"
        with locked(path.with_suffix(".lock"), wait=False) as mine:
            results = self._recorded(path)
            for name in self._missing(results) if mine else []:
                results[name] = self._run(sha, self.commands[name])
                write_text(path, _RESULTS.dump_json(results, indent=2).decode())
        return [self._check(name, results.get(name), path) for name in sorted(self.commands)]

    def _recorded(self, path: Path) -> dict[str, Result]:
        try:
            results = _RESULTS.validate_json(read_text(path) or "{}")
        except ValidationError:
            return {}  # a check has no effect outside, so a damaged record is run again
        return {name: result for name, result in results.items() if self.commands.get(name) == result.command}

    def _missing(self, results: Mapping[str, Result]) -> list[str]:
        return sorted(set(self.commands) - set(results))

    def _run(self, commit: str, argv: list[str]) -> Result:
        limits = Limits(wall_seconds=self.seconds, quiet_seconds=self.seconds)
        with TemporaryDirectory(prefix="delivery-check-", ignore_cleanup_errors=True) as folder:
            clone = _clone(self.repository, commit, Path(folder) / "repository")
            result = self.sandbox.run(Command(argv=argv, directory=clone, writable=[clone], limits=limits))
        forced = result.ending in {Ending.WALL_CLOCK, Ending.QUIET}
        conclusion = "success" if result.succeeded else "timed_out" if forced else "failure"
        return Result(command=argv, conclusion=conclusion, summary=(result.stdout + result.stderr)[-_SUMMARY:])

    def _check(self, name: str, result: Result | None, path: Path) -> Check:
        if result is None:
            return Check(name=name, status="in_progress")
        conclusion, summary = result.conclusion, result.summary
        return Check(name=name, status="completed", conclusion=conclusion, summary=summary, url=path.as_uri())


def _clone(repository: LocalRepository, commit: str, tree: Path) -> Path:
    """Make a clone of one commit without its history, shared objects or remotes at `tree`, and return `tree`."""
    git = init_bare(tree / ".git")
    git.run("config", "core.bare", "false")
    repository.fetch_into(git, "--depth=1", "--", commit)
    Git(git.directory, tree).run("checkout", "--quiet", "--detach", commit)
    return tree
