import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agent import AgentTurn, Comment, Decision, Prior, Revision, Workspace
from contracts.markers import COMMIT, NO_CHANGE, QUESTION
from contracts.prompt import render
from contracts.work import Repository, WorkItem

ROLE = "Make the change."
OUTSIDE = st.text(alphabet="~#ab \n\r-`>|", max_size=30)
EARLIER = [{"rating": 0.5, "summary": "meagre"}]


def turn(text: str = "outside", **changed: Any) -> AgentTurn:
    """Return a turn in which everything from outside says the same."""
    item = WorkItem(
        repository=Repository(name="acme/shop"), title="Add a cart", description=text, labels=[text], links=[text]
    )
    comment = Comment(severity="major", body=text or "x", file="cart.py", line=3)
    prior = Prior(step="architect", kind="architect", output=text)
    fields: dict[str, Any] = {
        "kind": "coder",
        "session": "s",
        "prompt": "",
        "item": item,
        "schema": {"type": "object"},
        "target": prior,
        "diff": text,
        "prior": [prior, prior],
        "decisions": [Decision(question="Which colour?", answer="Red.")],
        "revision": Revision(previous=text, feedback=text, comments=[comment]),
        "earlier": [{"summary": text}],
        "workspace": Workspace(path="/w", writable=True, base="main", base_commit="1", branch="delivery/x"),
    }
    return AgentTurn(**{**fields, **changed})


def bare(**changed: Any) -> AgentTurn:
    """Return a turn that knows nothing but its title."""
    item = WorkItem(repository=Repository(name="shop"), title="Add a cart")
    return AgentTurn(kind="coder", session="s", prompt="", item=item, **changed)


def headings(prompt: str) -> list[str]:
    return [line for line in skeleton(prompt) if re.match("#+ ", line)]


def skeleton(prompt: str) -> list[str]:
    """Return the lines outside of fences, a fence closing as in CommonMark: by a run that is at least as long."""
    lines: list[str] = []
    mark = ""
    for line in prompt.split("\n"):
        run = line.strip() if re.fullmatch("~{4,}", line.strip()) else ""
        if mark:
            mark = "" if len(run) >= len(mark) else mark
        elif run:
            mark = run
            lines.append("~~~~")
        else:
            lines.append(line)
    assert not mark
    return lines


def test_the_order_of_sections() -> None:
    assert headings(render(turn(), ROLE, "simple")) == [
        "# coder",
        "## Work item",
        "## What you grade",
        "### architect (architect)",
        "## The diff",
        "## Your earlier verdicts",
        "## Environment",
        "## Decisions",
        "## Prior work",
        "### architect (architect)",
        "### architect (architect)",
        "## Answer",
        "## Do it again, better",
    ]


def test_what_is_not_there_has_no_section() -> None:
    prompt = render(bare(), ROLE, "simple")
    assert headings(prompt) == ["# coder", "## Work item", "## Environment", "## Answer"]
    assert "No checkout belongs to this turn." in prompt
    assert "\n## Answer\nAnswer in prose.\n" in prompt


def test_what_is_not_known_is_said() -> None:
    prompt = render(bare(), ROLE, "simple")
    assert "Add a cart\n\nnot stated\n" in prompt
    assert "Labels:\n~~~~\nnot stated\n" in prompt
    assert "Links:\n~~~~\nnot stated\n" in prompt
    revision = Revision(previous="", feedback=" ")
    assert render(bare(revision=revision), ROLE, "simple").count("not stated") == 5


@given(OUTSIDE)
def test_nothing_from_outside_leaves_its_fence(text: str) -> None:
    assert skeleton(render(turn(f"x{text}"), ROLE, "simple")) == skeleton(render(turn(), ROLE, "simple"))


@given(OUTSIDE, OUTSIDE)
def test_a_decision_is_one_line(question: str, answer: str) -> None:
    decided = turn(decisions=[Decision(question=question, answer=answer)])
    lines, known = skeleton(render(decided, ROLE, "simple")), skeleton(render(turn(), ROLE, "simple"))
    assert len(lines) == len(known)
    assert len([1 for line, usual in zip(lines, known, strict=True) if line != usual]) <= 1


@pytest.mark.parametrize(
    ("longest", "mark"), [("", "~~~~"), ("~~~", "~~~~"), ("~~~~", "~~~~~"), ("a\n~~~~~~\nb ~~", "~~~~~~~")]
)
def test_a_fence_is_longer_than_what_it_holds(longest: str, mark: str) -> None:
    assert f"## The diff\n{mark}\nx{longest}\n{mark}\n" in render(turn(diff=f"x{longest}"), ROLE, "simple")


@pytest.mark.parametrize(
    ("file", "line", "place"),
    [("", 0, ""), ("", 3, ""), ("cart.py", 0, " at cart.py"), ("cart.py", 3, " at cart.py:3")],
)
def test_a_remark_names_its_place_as_far_as_it_is_known(file: str, line: int, place: str) -> None:
    comment = Comment(severity="major", body="untested", file=file, line=line)
    revision = Revision(previous="p", feedback="f", comments=[comment])
    assert f"\n- major{place}: untested\n" in render(turn(revision=revision), ROLE, "simple")


@pytest.mark.parametrize(("writable", "says"), [(True, "You may change files"), (False, "are thrown away")])
def test_the_environment_says_what_happens_to_changes(writable: Any, says: str) -> None:
    place = Workspace(path="/w", writable=writable, base="main", base_commit="1", branch="b")
    assert says in render(turn(workspace=place), ROLE, "simple")


def test_a_grader_sees_its_own_earlier_verdicts_and_a_producer_none() -> None:
    assert json.dumps(EARLIER[0], indent=1) in render(turn(earlier=EARLIER), ROLE, "simple")
    assert "meagre" not in render(turn(earlier=EARLIER, target=None), ROLE, "simple")


def test_the_head_states_the_facts() -> None:
    lines = skeleton(render(turn(), ROLE, "simple"))
    assert lines[:2] == ["# coder", ROLE]
    assert "Pipeline: simple. Repository: acme/shop. Base branch: main. Kind: feature." in lines


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("coder", [COMMIT, NO_CHANGE, QUESTION]),
        ("fixer", [COMMIT, NO_CHANGE]),
        ("conflict-resolver", []),
        ("architect", [QUESTION]),
        ("researcher", [QUESTION]),
        ("requirements-writer", []),
    ],
)
def test_an_agent_is_told_of_the_marked_lines_that_count_for_its_kind(kind: str, marks: list[str]) -> None:
    prompt = render(bare().model_copy(update={"kind": kind}), ROLE, "simple")
    assert [mark for mark in (COMMIT, NO_CHANGE, QUESTION) if f"- `{mark} " in prompt] == marks
    assert prompt.endswith("Answer in prose.") is not bool(marks)


def test_an_answer_by_a_schema_has_no_marked_lines() -> None:
    assert QUESTION not in render(turn(), ROLE, "simple")


def test_the_schema_stands_in_the_prompt() -> None:
    assert '{\n "type": "object"\n}' in render(turn(), ROLE, "simple")
