"""The rules by which deliveries start runs, as their file says them; every error of a file is named at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from contracts.errors import Misconfigured
from contracts.intake.condition import OPERATORS, Condition, Path, Scalar
from contracts.intake.payload import check_path, is_path
from contracts.intake.webhook import Source
from contracts.work import ItemKind, check_reference

_DEPLOYMENT = re.compile(r"[^/\s][^/]*/[^/]*[^/\s]")


def _check_text(text: str) -> str:
    return check_path(text) if is_path(text) else text


def _check_deployment(name: str) -> str:
    if not _DEPLOYMENT.fullmatch(name):
        raise ValueError(f"{name!r} is not a deployment; write flow/deployment, such as build/on-demand")
    return name


Reference = Annotated[str, AfterValidator(check_reference)]
Text = Annotated[str, AfterValidator(_check_text)]
Texts = Annotated[list[Text], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]
"""A text of a work item: a path, whose value is taken as it is, or words; or several of them, one after the other."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Labels(_Part):
    """Which labels the work must have and must not have."""

    path: Path = Field(default="$.issue.labels[*].name", description="Where the labels stand.")
    any: list[str] = Field(default=[], description="One of these must be there; empty: none needs to.")
    none: list[str] = Field(default=[], description="None of these may be there.")


class Authors(_Part):
    """Who may start work: people by name, or by what they may do in the repository; one of both suffices."""

    login: Path = Field(default="$.sender.login", description="Where the name of whoever acts stands.")
    allow: list[str] = Field(default=[], description="Names that may.")
    association: Path = Field(
        default="$.comment.author_association", description="Where their relation to the repository stands."
    )
    permission: list[Literal["OWNER", "MEMBER", "COLLABORATOR"]] = Field(
        default=[], description="Relations that may, as GitHub calls them."
    )


class Place(_Part):
    """The repository of the work item."""

    forge: Reference = Field(description="Reference of the forge's block.")
    name: Text = Field(default="$.repository.full_name", description="Where its name stands, or the name.")


class Item(_Part):
    """How a work item is made of a payload."""

    repository: Place = Field(description="Where the change is made.")
    title: Texts = Field(description="One line that names the work.")
    description: Texts = Field(default=[], description="What is wanted.")
    kind: ItemKind = Field(default="feature", description="What sort of work it is.")
    base: Text = Field(default="$.repository.default_branch", description="Branch that the change is merged into.")
    key: Texts = Field(default=[], description="Identity of the work for admission, such as issue-42.")
    labels: Text | None = Field(default=None, description="Where labels stand.")
    links: list[Text] = Field(default=[], description="Where addresses of linked material stand.")


class Concurrency(_Part):
    """How many runs that a rule started may live at a time."""

    limit: int = Field(ge=1, le=1_000, description="How many.")
    per: Literal["repository", "rule"] = Field(default="repository", description="What shares the limit.")
    when_full: Literal["queue", "refuse"] = Field(default="queue", description="What becomes of one more delivery.")


class TriggerRule(_Part):
    """What starts which deployment."""

    name: Name = Field(description="Name of the rule, its own in the file.")
    source: Source = Field(strict=False, description="Who sends the deliveries.")
    event: str = Field(
        min_length=1, description="What happened, such as push, or issues.labeled for one action of an event."
    )
    when: list[Condition] = Field(default=[], description="All of these must hold.")
    labels: Labels | None = Field(default=None, description="Labels of the work.")
    authors: Authors | None = Field(default=None, description="Who may; left out: anybody whose event it is.")
    bots: bool = Field(default=False, description="Events that programs cause count as well, but never our own.")
    item: Item = Field(description="The work item.")
    deployment: Annotated[str, AfterValidator(_check_deployment)] = Field(description="What is started.")
    policy: Reference = Field(default="delivery-policy/main", description="Policy that the run obeys.")
    dedupe: list[Path] = Field(
        default=[],
        description="Deliveries with the same values at these paths start one run in all; empty: each delivery one.",
    )
    concurrency: Concurrency | None = Field(default=None, description="How many runs at a time; left out: no limit.")


class Ignored(_Part):
    """Whose events start nothing."""

    own: list[str] = Field(default=[], description="Names under which this installation acts.")
    login: Path = Field(default="$.sender.login", description="Where the name of whoever acts stands.")
    type: Path = Field(default="$.sender.type", description="Where the sort of that account stands.")
    bot: Scalar = Field(default="Bot", description="What stands there for a program.")


class Rules(_Part):
    """The whole file."""

    version: Literal[1] = Field(default=1, description="Version of the format.")
    retention_days: int = Field(default=30, ge=1, le=3_650, description="How long bodies of deliveries are kept.")
    ignore: Ignored = Field(default=Ignored(), description="Whose events start nothing.")
    rules: list[TriggerRule] = Field(min_length=1, description="The rules; all that fit count.")


def read_rules(raw: Any) -> Rules:
    """Return the rules that a file holds.

    Args:
        raw: the file's content, read as YAML or JSON.

    Raises:
        Misconfigured: the message counts what is wrong, the detail has a line for each with its path in the file.
    """
    problems = list(_beyond_fields(raw))
    rules: Rules | None = None
    try:
        rules = Rules.model_validate(raw)
    except ValidationError as error:
        problems += [f"{_place(one['loc'])}: {_reason(one)}" for one in error.errors()]
    if problems or rules is None:
        found = sorted(set(problems))
        raise Misconfigured(
            f"the rules of triggers have {len(found)} errors: {'; '.join(found)}"[:2_000], detail="\n".join(found)
        )
    return rules


def _beyond_fields(raw: Any) -> Iterator[str]:
    """What no field can see by itself: names that are used twice, and conditions with no or several operators."""
    given = _dict(raw).get("rules")
    rules = [_dict(one) for one in cast(list[Any], given)] if isinstance(given, list) else []
    names = Counter(one["name"] for one in rules if isinstance(one.get("name"), str))
    for at, rule in enumerate(rules):
        if names[rule.get("name")] > 1:
            yield f"rules[{at}].name: {rule['name']!r} is used twice; give each rule its own"
        when = rule.get("when")
        for number, condition in enumerate(cast(list[Any], when) if isinstance(when, list) else []):
            used = [one for one in OPERATORS if _dict(condition).get(one) is not None]
            if isinstance(condition, dict) and len(used) != 1:
                said = f"has {' and '.join(used)}" if used else "has none"
                yield f"rules[{at}].when[{number}]: {said}; give exactly one of {', '.join(OPERATORS)}"


def _dict(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _place(location: tuple[int | str, ...]) -> str:
    """A place in the file: rules[0].when[1].path."""
    parts = [f"[{one}]" if isinstance(one, int) else f".{one}" for one in location if not _is_branch(one)]
    return "".join(parts).removeprefix(".") or "the file"


def _is_branch(part: int | str) -> bool:
    """Whether a part of a location is pydantic's name of a branch of a union, which nobody has written."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "bool"))


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field; correct its name or remove it"
    if error["type"] == "missing":
        return "is missing"
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"{reason} (it is {error['input']!r})"[:300] if error["type"] != "value_error" else reason
