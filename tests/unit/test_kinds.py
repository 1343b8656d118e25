import pytest

from contracts.kinds import KINDS, Family, Kind, Output, Surface, nearest

ALL = list(KINDS.values())


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_kind_is_whole(kind: Kind) -> None:
    assert KINDS[kind.name] is kind
    assert kind.role.endswith(".")
    assert (kind.family is Family.COMPANION) == bool(kind.targets) == (kind.output is Output.VERDICT)
    assert all(KINDS[target].family is Family.PRODUCER for target in kind.targets)
    assert not kind.helper or KINDS[kind.helper].family is Family.HELPER
    assert (kind.surface is Surface.NONE) == (not kind.needs_agent)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_only_what_produces_or_helps_may_write(kind: Kind) -> None:
    if kind.surface is Surface.WRITE:
        assert kind.family in (Family.PRODUCER, Family.HELPER)


@pytest.mark.parametrize("name", ["coder", "tester", "conflicts", "ci", "merger", "task-estimator", "reviewer"])
def test_what_guards_a_merge_is_skipped_by_no_estimate(name: str) -> None:
    assert KINDS[name].gatable is (name == "reviewer")


def test_every_name_is_there_once() -> None:
    assert len({kind.name for kind in ALL}) == len(KINDS) == len(ALL)


def test_every_helper_is_called_by_somebody() -> None:
    called = {kind.helper for kind in ALL if kind.helper}
    assert called == {kind.name for kind in ALL if kind.family is Family.HELPER}


@pytest.mark.parametrize(
    ("name", "near"),
    [("codr", "coder"), ("tests", "tester"), ("review", "reviewer"), ("merg", "merge"), ("qqqq", ""), ("", "")],
)
def test_nearest(name: str, near: str) -> None:
    assert nearest(name) == near


def test_every_kind_is_nearest_to_itself() -> None:
    assert all(nearest(name) == name for name in KINDS)
