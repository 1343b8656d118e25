"""The issue of a work item: what is filed, what its one comment says, and what people said there."""

from __future__ import annotations

import hashlib

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.delivery import Delivery, Outcome
from contracts.message import shown
from contracts.report import NEXT, SYMBOLS
from contracts.work import Remark, WorkItem

_SIGN = "<!-- prefect-delivery"
STATE = f"{_SIGN}-state -->"
"""Sign of the one comment that says how the work stands."""
MOST_REMARKS = 50
MOST_REMARK = 4_000
"""Characters of one comment that agents are given."""
MOST_CONVERSATION = 20_000
"""Characters of all comments together; the newest ones are kept."""
_CUT = " [cut]"


class IssueComment(BaseModel):
    """A comment on an issue, as a tracker shows it."""

    model_config = ConfigDict(frozen=True)

    author: str = Field(description="Who wrote it; empty: somebody whose account is gone.")
    bot: bool = Field(description="Whether a program wrote it, this one included.")
    insider: bool = Field(description="Whether the author may decide about the work, or reported it.")
    at: AwareDatetime = Field(description="When it was written.")
    text: str = Field(description="What was written.")


class Entry(BaseModel):
    """An issue that is to be filed."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(description="One line.")
    text: str = Field(description="What is wanted, in Markdown.")
    marks: list[str] = Field(description="Lines by which it is found again; nobody sees them.")


def work_mark(item: WorkItem) -> str:
    """Return the mark of every issue that was filed for this work, by whatever run."""
    return f"{_SIGN} work {hashlib.sha256(item.identity.encode()).hexdigest()[:32]} -->"


def run_mark(run: str) -> str:
    """Return the mark of the issue that a run filed."""
    return f"{_SIGN} run {run} -->"


def entry(item: WorkItem, run: str, findings: str = "") -> Entry:
    """Return the issue of a work item that has none.

    Args:
        item: the work item.
        run: id of the run that files it.
        findings: what an analysis found before; empty: there was none.
    """
    parts = [_unsigned(item.description.strip()), _unsigned(findings.strip()), f"---\nFiled by run `{run}`."]
    text = "\n\n".join(part for part in parts if part)
    return Entry(title=item.title, text=text, marks=[work_mark(item), run_mark(run)])


def is_own(text: str) -> bool:
    """Return whether this project wrote a comment, whoever's credential it used."""
    return text.lstrip().startswith(_SIGN)


def heard(comments: list[IssueComment], description: str) -> list[Remark]:
    """Return what people said about the work, oldest first, at most `MOST_CONVERSATION` characters.

    Programs are left out, and so is whoever neither belongs to the project nor reported the issue, because anybody may
    write on a public one; also what the description says already, such as the comment that started the run.

    Args:
        comments: comments of the issue; those of one time stay in their order.
        description: description of the work item.
    """
    kept: list[Remark] = []
    room = MOST_CONVERSATION
    for one in sorted(comments, key=lambda comment: comment.at)[::-1]:
        text = _fitting(one.text.strip())
        if one.bot or not one.insider or not text or f"\n\n{description}".endswith(f"\n\n{one.text}"):
            continue
        room -= len(text)
        if room < 0 or len(kept) == MOST_REMARKS:
            break
        kept.append(Remark(author=one.author[:200], at=one.at, text=text))
    return kept[::-1]


def issue_of(known: str, timeline: list[Outcome]) -> str:
    """Return the address of a run's issue; empty: it has none.

    Args:
        known: the issue that the work had when the run was opened.
        timeline: what happened since.
    """
    filed = [one.data["issue"] for one in timeline if one.kind == "tracker" and one.data.get("issue")]
    return str(filed[-1]) if filed else known


def progress(run: str, pipeline: str, branch: str, pull_request: str = "") -> str:
    """Return what the comment says while a run goes on.

    Args:
        run: id of the run.
        pipeline: name of its pipeline.
        branch: its branch.
        pull_request: address of its pull request; empty: there is none yet.
    """
    return _told(f"🔵 **In progress**, pipeline {shown(pipeline)}", branch, pull_request, run)


def ending(delivery: Delivery) -> str:
    """Return what the comment says when a run has ended."""
    status, failure = delivery.status, delivery.failure
    where = f", {failure.kind} at {shown(failure.step)}" if failure is not None and failure.step else ""
    why = f": {shown(delivery.reason, 500)}" if delivery.reason.strip() else ""
    following = failure.hint.replace(" below", " in the run's report") if failure is not None else NEXT[status]
    head = f"{SYMBOLS[status]} **{status.value.capitalize()}**{where}{why}\n\n**Next:** {following}"
    branch = delivery.branch if delivery.head and delivery.head != delivery.base else ""
    return _told(head, branch, delivery.pull_request, delivery.run)


def _told(head: str, branch: str, pull_request: str, run: str) -> str:
    named = {"Branch": f"`{branch}`" if branch else "", "Pull request": pull_request, "Run": f"`{run}`"}
    return "\n\n".join([head, "\n".join(f"- {name}: {value}" for name, value in named.items() if value)])


def _fitting(text: str) -> str:
    return text if len(text) <= MOST_REMARK else text[: MOST_REMARK - len(_CUT)] + _CUT


def _unsigned(text: str) -> str:
    """Text from outside must not carry a mark, or the issue of other work would be taken for this one's."""
    return text.replace(_SIGN, _SIGN.replace("--", "-"))
