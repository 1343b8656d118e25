"""What the fake remembers: people, apps and repositories."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

from blocks.git import Git, init_bare

Json = dict[str, Any]


def now() -> str:
    """Return the present time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class User:
    """A person, an organisation or a bot."""

    login: str
    id: int
    type: str = "User"


@dataclass
class App:
    """A GitHub App with its public key; `installations`: id → owner that it is installed for."""

    id: int
    slug: str
    public_key: str
    installations: dict[int, str] = field(default_factory=dict[int, str])
    token_seconds: float = 3_600


@dataclass
class Token:
    """A credential: whose it is, and until when."""

    login: str
    expires: datetime | None = None


@dataclass
class Issue:
    """An issue, or the half of a pull request that is one."""

    id: int
    number: int
    title: str
    body: str | None
    user: str
    state: str = "open"
    state_reason: str | None = None
    labels: list[str] = field(default_factory=list[str])
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    closed_at: str | None = None
    closed_by: str | None = None
    comments: list[int] = field(default_factory=list[int])


@dataclass
class Pull:
    """The other half of a pull request."""

    issue: Issue
    head: str
    base: str
    head_sha: str
    draft: bool = False
    merged_at: str | None = None
    merged_by: str | None = None
    merge_commit: str | None = None
    queued: bool = False
    computed: tuple[str, str] | None = None
    """Tips of head and base for which the mergeability is known."""
    looks: int = 0
    """How often it was looked at since the tips moved."""
    reviews: list[Json] = field(default_factory=list[Json])
    threads: list[Json] = field(default_factory=list[Json])


@dataclass
class Repository:
    """A repository with all that belongs to it; `people`: login → admin, maintain, write, triage or read."""

    owner: str
    name: str
    id: int
    git: Git
    private: bool = False
    archived: bool = False
    has_issues: bool = True
    drafts: bool = True
    delete_branch_on_merge: bool = False
    methods: set[str] = field(default_factory=lambda: {"merge", "squash", "rebase"})
    people: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, Json] = field(default_factory=dict[str, Json])
    issues: dict[int, Issue] = field(default_factory=dict[int, Issue])
    pulls: dict[int, Pull] = field(default_factory=dict[int, Pull])
    comments: dict[int, Json] = field(default_factory=dict[int, Json])
    checks: dict[int, Json] = field(default_factory=dict[int, Json])
    statuses: list[Json] = field(default_factory=list[Json])
    logs: dict[int, str] = field(default_factory=dict[int, str])
    protection: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Branch → contexts that must be green before it is merged into."""
    rules: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """Branch → rules of rulesets as GET rules/branches/{branch} shows them."""

    @property
    def full_name(self) -> str:
        """Owner and name."""
        return f"{self.owner}/{self.name}"

    def tip(self, branch: str) -> str:
        """Return the commit of a branch, or an empty text."""
        return self.git.commit_of(f"refs/heads/{branch}")

    def required(self, branch: str) -> list[str]:
        """Return the contexts that protection and rulesets require of a branch."""
        rules = [one for one in self.rules.get(branch, []) if one["type"] == "required_status_checks"]
        named = [one["context"] for rule in rules for one in rule["parameters"]["required_status_checks"]]
        return [*self.protection.get(branch, []), *named]

    def has_rule(self, branch: str, kind: str) -> bool:
        """Return whether a ruleset has a rule of a kind for a branch."""
        return any(one["type"] == kind for one in self.rules.get(branch, []))


class World:
    """Everything. Handlers hold `lock` while they look at it or change it.

    Args:
        root: folder of the Git repositories, <owner>/<name>.git.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = RLock()
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.apps: dict[int, App] = {}
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        """Former full name → present one."""
        self.lazy_looks = 1
        """How many looks at a pull request find its mergeability not computed yet."""
        self._ids = count(1001)

    def next_id(self) -> int:
        """Return an id that nothing has yet."""
        return next(self._ids)

    def user(self, login: str, kind: str = "User") -> User:
        """Return a user, made now unless there is one."""
        if login not in self.users:
            self.users[login] = User(login, self.next_id(), kind)
        return self.users[login]

    def token(self, login: str, seconds: float | None = None, prefix: str = "ghp_") -> str:
        """Return a new token of a user; it never expires unless `seconds` says so."""
        value = prefix + secrets.token_hex(20)
        expires = datetime.now(UTC) + timedelta(seconds=seconds) if seconds is not None else None
        self.tokens[value] = Token(self.user(login).login, expires)
        return value

    def whose(self, token: str) -> str | None:
        """Return whose token it is; none: nobody's, or it has expired."""
        found = self.tokens.get(token)
        expired = found is not None and found.expires is not None and found.expires < datetime.now(UTC)
        return None if found is None or expired else found.login

    def create(self, full_name: str, kind: str = "Organization") -> Repository:
        """Return a new, empty repository."""
        owner, name = full_name.split("/")
        git = init_bare(self.root / f"{full_name}.git")
        made = Repository(self.user(owner, kind).login, name, self.next_id(), git)
        self.repositories[full_name.lower()] = made
        return made

    def rename(self, old: str, new: str) -> None:
        """Give a repository another owner or name; the former one leads to it."""
        repository = self.repositories.pop(old.lower())
        owner, name = new.split("/")
        target = self.root / f"{new}.git"
        target.parent.mkdir(parents=True, exist_ok=True)
        repository.git.directory.rename(target)
        repository.owner, repository.name, repository.git = self.user(owner, "Organization").login, name, Git(target)
        self.repositories[new.lower()] = repository
        self.renamed[old.lower()] = new.lower()

    def find(self, full_name: str) -> Repository | None:
        """Return a repository by its present name."""
        return self.repositories.get(full_name.lower())


def closes(body: str | None) -> list[int]:
    """Return the numbers of the issues that a pull request's text closes."""
    pattern = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+)", re.IGNORECASE)
    return [int(number) for number in pattern.findall(body or "")]
