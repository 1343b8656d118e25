"""Pull requests of a local repository: one JSON record each, and a Markdown page beside it for people."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blocks.local_files import locked, read_text, write_text
from contracts.errors import Misconfigured, Refused


class Pull(BaseModel):
    """The durable record of a pull request; `head` and `state` may lag behind Git until they are looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(description="Its number in the repository, from 1.")
    branch: str = Field(description="The branch with the change.")
    base: str = Field(description="The branch that it goes to.")
    base_commit: str = Field(description="Tip of the base when it was opened.")
    head: str = Field(description="Last tip of the branch that was seen.")
    title: str = Field(description="One line.")
    body: str = Field(description="Description, Markdown.")
    state: Literal["open", "merged", "closed"] = Field(default="open", description="Its state.")
    merge_commit: str = Field(default="", description="The commit that merged it.")
    comments: dict[str, str] = Field(default_factory=dict, description="Comment texts by marker.")


class LocalPulls:
    """The records of one repository.

    Args:
        folder: where the forge keeps its records of the repository; created with the first record.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = folder / "lock"
        self._folder = folder / "pulls"

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the repository's lock; every change of a record, and every look that leads to one, needs it."""
        with locked(self._lock):
            yield

    def page(self, number: int) -> Path:
        """Return the Markdown page of a pull request."""
        return self._folder / f"{number}.md"

    def get(self, number: int) -> Pull:
        """Return a record.

        Raises:
            Refused: there is no such pull request.
            Misconfigured: its file is damaged.
        """
        path = self._folder / f"{number}.json"
        text = read_text(path)
        if not text and not path.exists():
            raise Refused(f"there is no pull request {number!r} in {str(self._folder)!r}; open one for the branch")
        try:
            return Pull.model_validate_json(text)
        except ValidationError as error:
            message = f"the pull request record {str(path)!r} cannot be read; restore it from a backup or delete it"
            raise Misconfigured(message, detail=str(error)[:2_000]) from error

    def newest(self, branch: str) -> Pull | None:
        """Return the newest record of a branch, or none."""
        for number in sorted(self._numbers(), reverse=True):
            pull = self.get(number)
            if pull.branch == branch:
                return pull
        return None

    def next_number(self) -> int:
        """Return the number for the next pull request."""
        return max(self._numbers(), default=0) + 1

    def save(self, pull: Pull) -> None:
        """Write a record and its page, each only when its content changed."""
        for suffix, text in (("json", pull.model_dump_json(indent=2) + "\n"), ("md", render(pull))):
            path = self._folder / f"{pull.number}.{suffix}"
            if read_text(path) != text:
                write_text(path, text)

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal()]


def render(pull: Pull) -> str:
    """Return the Markdown page of a pull request: title, state, description, comments in order of creation."""
    merged = f" by `{pull.merge_commit}`" if pull.merge_commit else ""
    state = f"**{pull.state}**{merged} · `{pull.branch}` → `{pull.base}` · head `{pull.head}`"
    parts = [f"# {pull.title} (#{pull.number})", state, pull.body]
    parts += [f"---\n\n{body}" for body in pull.comments.values()]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
