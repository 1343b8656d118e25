"""The work item: what is to be delivered, on which repository."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

ItemKind = Literal["feature", "bug", "document", "spike", "review", "recurring"]

REFERENCE = re.compile(r"^[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*$")
"""A block reference: type slug and document name, as Prefect spells them."""

_BRANCH = re.compile(r"(?!HEAD$|.*(\.\.|//|/\.|\.lock(/|$)))[A-Za-z0-9_][A-Za-z0-9_./-]*(?<![./])")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")

_ISSUE = re.compile(r"issue-(\d+)")


def check_reference(value: str) -> str:
    """Return `value` if it is a block reference `type/name`; raise ValueError with an example otherwise."""
    if not REFERENCE.fullmatch(value):
        raise ValueError(f"{value!r} is not a block reference; write type/name, such as 'local-forge/main'")
    return value


class Repository(BaseModel):
    """A repository: the block that reaches its forge, and its name there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forge: str = Field(default="local-forge/main", description="Reference of the forge block, type/name.")
    name: str = Field(description="Name of the repository on that forge, such as shop or acme/shop.", max_length=200)

    _forge = field_validator("forge")(check_reference)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or {".", ".."} & set(value.split("/")):
            raise ValueError(f"{value!r} is not a repository name; use letters, digits, . _ - and / between parts")
        return value


class Remark(BaseModel):
    """What a person wrote about the work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str = Field(description="Name of the person in the tracker.", max_length=200)
    at: AwareDatetime = Field(description="When it was written.")
    text: str = Field(description="What was written.", max_length=10_000)


class WorkItem(BaseModel):
    """An issue, a ticket or a prompt that is to become a merged change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: Repository = Field(description="Where the change is made.")
    title: str = Field(description="One line that names the work.", min_length=1, max_length=200)
    description: str = Field(default="", description="What is wanted and how it is recognised.", max_length=100_000)
    kind: ItemKind = Field(default="feature", description="What sort of work it is.")
    base: str = Field(default="main", description="Branch that the change is merged into.")
    links: list[str] = Field(default_factory=list, description="Addresses of linked material.", max_length=50)
    labels: list[str] = Field(default_factory=list, description="Labels of the issue.", max_length=50)
    key: str = Field(
        default="",
        description="Identity of the work for admission, such as issue-42; empty: derived from the title.",
        max_length=200,
    )
    conversation: list[Remark] = Field(
        default_factory=list[Remark],
        description="What people wrote about it, oldest first; a run with a tracker reads it from the issue.",
        max_length=50,
    )

    @field_validator("title")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if len(value.strip().splitlines()) != 1:
            raise ValueError("the title must be one line that is not blank")
        return value.strip()

    @field_validator("base")
    @classmethod
    def _branch_name(cls, value: str) -> str:
        if not _BRANCH.fullmatch(value):
            raise ValueError(f"{value!r} is not a branch name; use letters, digits, . _ - and /")
        return value

    @property
    def slug(self) -> str:
        """The title as 1 to 40 characters of a-z, 0-9 and -, safe in a branch and in a run's name."""
        plain = unicodedata.normalize("NFKD", self.title).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "work"

    @property
    def issue(self) -> str:
        """Address of the issue that the work is: the link whose number the key `issue-<number>` names, or empty."""
        number = _ISSUE.fullmatch(self.key)
        if number is None:
            return ""
        return next((link for link in self.links if link.endswith(f"/{self.repository.name}/issues/{number[1]}")), "")

    @property
    def identity(self) -> str:
        """What admission compares: two live runs with one identity would do the same work twice.

        Without a key it is the whole title, because the slug of titles in other scripts, or with the same first
        40 characters, is the same.
        """
        title = " ".join(unicodedata.normalize("NFKC", self.title).casefold().split())
        return f"{self.repository.forge}:{self.repository.name}:{self.key or title}"
