from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.admission import Ceiling, refuses, said
from contracts.policy import Policy

KINDS = st.sampled_from(["build", "bugfix", "simple"])


@pytest.mark.parametrize(
    ("live", "ahead", "ceiling", "refused"),
    [
        ([], [], Ceiling(), None),
        (["build"] * 99, [], Ceiling(), None),
        (["bugfix"], [], Ceiling(shared=1), (1, 1, "")),
        (["bugfix"], [], Ceiling(shared=2), None),
        ([], [], Ceiling(shared=0), (0, 0, "")),
        (["build"], [], Ceiling(kinds={"build": 1}), (1, 1, "build")),
        (["bugfix"], [], Ceiling(kinds={"build": 1}), None),
        (["bugfix", "bugfix"], [], Ceiling(shared=5, kinds={"bugfix": 1}), None),
        (["bugfix"], ["bugfix"], Ceiling(shared=2), (2, 2, "")),
        (["bugfix"], ["bugfix"], Ceiling(shared=2, kinds={"bugfix": 1}), None),
        ([], ["build"], Ceiling(kinds={"build": 1}), (1, 1, "build")),
    ],
)
def test_who_is_let_in(live: list[str], ahead: list[str], ceiling: Ceiling, refused: tuple[int, int, str]) -> None:
    assert refuses("build", live, ahead, ceiling) == refused


@given(st.lists(KINDS, max_size=12), KINDS, st.integers(0, 5), st.dictionaries(KINDS, st.integers(1, 3)))
def test_no_order_of_arrivals_exceeds_a_limit_or_leaves_room_unused(
    arrivals: list[str], last: str, shared: int, kinds: dict[str, int]
) -> None:
    ceiling = Ceiling(shared=shared, kinds=kinds)
    inside: list[str] = []
    for kind in [*arrivals, last]:
        refusal = refuses(kind, inside, [], ceiling)
        has_room = len(inside) < shared and inside.count(kind) < kinds.get(kind, 99)
        assert (refusal is None) is has_room
        inside += [kind] if refusal is None else []
    assert len(inside) <= shared
    assert all(inside.count(kind) <= most for kind, most in kinds.items())


def test_a_refusal_says_whose_limit_it_is_and_what_to_do() -> None:
    ceiling = Policy(running_by_pipeline={"build": 1}).ceiling
    refusal = refuses("build", ["build"], [], ceiling)
    assert refusal is not None
    assert said("acme/shop", refusal, ceiling) == (
        "the repository 'acme/shop' has 1 live runs of 'build' and the limit is 1; "
        "wait until one of them ends, or raise the limit in the policy"
    )
    waiting = Policy(running=1, when_full="queue").ceiling
    refusal = refuses("build", ["build"], [], waiting)
    assert refusal is not None
    assert "this run waits for room and begins by itself" in said("acme/shop", refusal, waiting)
