"""What every kind is told, compared with tests/unit/snapshots.

After an intended change write them anew with `RENEW_SNAPSHOTS=1 .venv/bin/pytest tests/unit/test_prompts.py`, and read
their diff: it is what every agent of the kind will read.
"""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from contracts.agent import AgentTurn, Comment, Decision, Prior, Revision, Workspace
from contracts.kinds import KINDS, Family, Surface
from contracts.outputs import schema_of
from contracts.prompt import render
from contracts.prompts import instructions
from contracts.work import Repository, WorkItem

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).with_name("snapshots")
TOLD = sorted(name for name, kind in KINDS.items() if kind.needs_agent or kind.family is Family.TESTER)
"""A tester runs without an agent, and a policy may give it one."""
DIFF = "diff --git a/shop.py b/shop.py\n--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-total = 0\n+total = Decimal(0)"
SHAPES = re.compile(
    r"\b(gpt-?\d|o\d-(mini|pro|preview)|claude-(\d|opus|sonnet|haiku|fable)|(opus|sonnet|haiku)-?\d|gemini-\d|llama-?\d|"
    r"(mi|mix|code|mini)stral-\w|deepseek-\w|qwen-?\d|grok-\d|command-r\b|phi-\d)",
    re.IGNORECASE,
)
"""What names of models look like."""
CODE = ("contracts", "blocks", "tasks", "flows", "deployments", "agents")


def turn(name: str) -> AgentTurn:
    """Return the turn that a kind is shown with: everything that its kind can get, once."""
    kind = KINDS[name]
    sees, grades = kind.surface is not Surface.INLINE, kind.family is Family.COMPANION
    judges = sees and kind.family is not Family.PRODUCER
    prior = Prior(step="earlier", kind="researcher", output="There are two ways.")
    remark = Comment(severity="major", body="An empty cart is not tested.", file="shop.py", line=3)
    fields: dict[str, Any] = {
        "kind": name,
        "session": "run/step/1",
        "prompt": "",
        "item": WorkItem(
            repository=Repository(name="acme/shop"), title="Add a cart", description="Customers collect articles."
        ),
        "schema": schema_of(kind.output),
        "prior": [prior],
        "decisions": [Decision(question="Which currency?", answer="Euro only.")],
        "diff": DIFF if judges else "",
    }
    if sees:
        writes = kind.surface is Surface.WRITE
        fields["workspace"] = Workspace(path="/w", writable=writes, base="main", base_commit="1", branch="delivery/x")
    if grades:
        fields["target"] = Prior(step=kind.targets[0], kind=kind.targets[0], output="It is done so and so.")
        fields["earlier"] = [{"rating": 0.6, "summary": "Good, but untested.", "comments": [remark.model_dump()]}]
    if kind.family in (Family.PRODUCER, Family.HELPER):
        fields["revision"] = Revision(previous="It is done so.", feedback="Almost.", comments=[remark])
    return AgentTurn(**fields)


@pytest.mark.parametrize("name", TOLD)
def test_what_a_kind_is_told_is_what_was_agreed(name: str) -> None:
    told = f"{render(turn(name), instructions(name), 'build')}\n"
    snapshot = SNAPSHOTS / f"{name}.md"
    if os.environ.get("RENEW_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(told, encoding="utf-8")
    assert told == snapshot.read_text(encoding="utf-8")


def test_every_kind_of_agent_is_told_and_nothing_else_is() -> None:
    folder = files("contracts.prompts")
    expected = {f"{name}.md" for name in TOLD}
    assert {one.name for one in folder.iterdir() if one.name.endswith(".md")} == expected
    assert {one.name for one in SNAPSHOTS.iterdir()} == expected


@pytest.mark.parametrize("name", TOLD)
def test_instructions_are_short_plain_and_complete(name: str) -> None:
    lines = instructions(name).splitlines()
    assert 15 <= len(lines) <= 45
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if line.startswith("## ")][:4] == [
        "## What you get",
        "## How to work",
        "## What good looks like",
        "## Never",
    ]
    assert not any(line.startswith("# ") for line in lines)
    assert not any("~" in line for line in lines)


@pytest.mark.parametrize("name", TOLD)
def test_whoever_sees_a_checkout_is_pointed_at_the_repositorys_own_guide(name: str) -> None:
    assert ("AGENTS.md" in instructions(name)) is (KINDS[name].surface is not Surface.INLINE)


def test_a_kind_without_instructions_is_refused() -> None:
    with pytest.raises(LookupError, match="'gate'"):
        instructions("gate")


@pytest.mark.parametrize("room", CODE)
def test_no_code_depends_on_the_name_of_a_model(room: str) -> None:
    written = [
        one for one in (ROOT / room).rglob("*") if one.suffix in (".py", ".md", ".yaml", ".yml", ".toml", ".json")
    ]
    assert written
    named = [
        f"{one.relative_to(ROOT)}: {found[0]}"
        for one in written
        if (found := SHAPES.search(one.read_text(encoding="utf-8")))
    ]
    assert not named


@pytest.mark.parametrize("name", ["gpt-5", "claude-opus-4-8", "gemini-2.5-pro", "o3-mini", "deepseek-chat"])
def test_names_of_models_are_recognised(name: str) -> None:
    assert SHAPES.search(f'model = "{name}"')
