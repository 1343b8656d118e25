"""Command line agents in a real sandbox: sessions begun, lost, resumed and begun anew; a home that nobody trusts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import PrivateAttr

from blocks.agent_home import folder_in, plant
from blocks.claude_code_agent import ClaudeCodeAgent
from blocks.cli_agent import CliAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command, CommandResult, Seat
from contracts.agent import AgentReply, AgentTurn
from contracts.errors import Misconfigured
from contracts.failure import FailureKind
from tests.integration.agent_program import a_turn
from tests.integration.cli_program import ForgetfulAgent, TellingAgent

KEY = "a-key-of-no-known-shape"


class Noting(LocalSandbox):
    """A local sandbox that remembers its commands."""

    _block_type_name = "Noting"
    _block_type_slug = "noting"
    _heard: list[Command] = PrivateAttr(default_factory=list[Command])

    _forgotten: list[str] = PrivateAttr(default_factory=list[str])

    def forget(self, run: str, job: str) -> None:
        self._forgotten.append(job)

    @property
    def forgotten(self) -> list[str]:
        return self._forgotten

    @property
    def commands(self) -> list[Command]:
        return self._heard

    def run(
        self,
        command: Command,
        on_line: Callable[[str], None] | None = None,
        on_output: Callable[[str], bool] | None = None,
    ) -> CommandResult:
        self._heard.append(command)
        return super().run(command, on_line, on_output)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "agents" / "telling"


@pytest.fixture
def sandbox() -> Noting:
    return Noting()


@pytest.fixture
def seat(sandbox: Noting, home: Path) -> Seat:
    return Seat(sandbox, run="run", job="run/coder/1", home=home)


def agent(kind: type[CliAgent] = TellingAgent, **fields: object) -> CliAgent:
    return kind.model_validate({"program": "python3", "environment": {"KEY": KEY}, **fields})


def take(
    seat: Seat, kind: type[CliAgent] = TellingAgent, turn: AgentTurn | None = None
) -> tuple[AgentReply, list[str]]:
    log: list[str] = []
    return agent(kind).take(turn or a_turn(), seat, log.append), log


def lose(seat: Seat, kind: type[CliAgent] = TellingAgent) -> None:
    """Take a turn whose process dies in its midst."""
    assert seat.home is not None
    seat.home.mkdir(parents=True, exist_ok=True)
    (seat.home / "dies").touch()
    trouble = take(seat, kind)[0].trouble
    assert trouble is not None
    assert trouble.kind is FailureKind.EVICTED


def notes(home: Path) -> list[Path]:
    return list(home.parent.glob("*.begun"))


def test_a_turn_is_heard_and_its_secrets_are_not(seat: Seat, home: Path) -> None:
    reply, log = take(seat)
    assert log == ["begun", '{"a": 1}', "[redacted] (1 of 2)"]
    assert reply.text == "Do it.\n\n[redacted]"
    assert reply.structured == {"answer": ["Do it.\n\n[redacted]"]}
    assert reply.usage.input_tokens == 7
    assert notes(home) == []


def test_a_lost_turn_goes_on_in_its_session_and_is_charged_once_for_all(seat: Seat, home: Path) -> None:
    lose(seat)
    assert agent().goes_on(seat)
    reply, _ = take(seat)
    assert reply.text.startswith("Do it.\n\nYour process was lost")
    assert reply.usage.input_tokens == 5 + 7
    assert notes(home) == []
    assert not agent().goes_on(seat)


def test_another_turn_begins_a_session_of_its_own(seat: Seat) -> None:
    lose(seat)
    other = Seat(seat.sandbox, seat.run, "run/coder/2", seat.home)
    assert not agent().goes_on(other)
    assert take(other)[0].text == "Do it.\n\n[redacted]"


def test_a_session_that_is_gone_is_begun_anew_and_what_it_cost_is_charged(seat: Seat, home: Path) -> None:
    lose(seat)
    for kept in home.glob("*.session"):
        kept.unlink()
    reply, _ = take(seat)
    assert reply.text == "Do it.\n\n[redacted]"
    assert reply.usage.input_tokens == 5 + 7


def test_a_session_that_is_there_already_is_gone_on_with(seat: Seat, sandbox: Noting) -> None:
    take(seat)
    assert sandbox.forgotten == []
    assert take(seat)[0].text.startswith("Do it.\n\nYour process was lost")
    assert sandbox.forgotten == [seat.job]  # else the sandbox would give the first try's end again


def test_an_agent_without_sessions_begins_anew(seat: Seat, home: Path) -> None:
    lose(seat, ForgetfulAgent)
    assert not agent(ForgetfulAgent).goes_on(seat)
    for kept in home.glob("*.session"):
        kept.unlink()
    reply, _ = take(seat, ForgetfulAgent)
    assert reply.text == "Do it.\n\n[redacted]"
    assert reply.usage.input_tokens == 5 + 7


def test_a_damaged_note_is_none(seat: Seat, home: Path) -> None:
    lose(seat)
    notes(home)[0].write_text("{")
    assert take(seat)[0].text.startswith("Do it.\n\nYour process was lost")


@pytest.mark.parametrize(
    ("fields", "hosts"),
    [
        ({}, ["api.example.com"]),
        ({"hosts": ["pypi.example"]}, ["api.example.com", "pypi.example"]),
        ({"base_url": "https://gateway.example/v1/"}, ["gateway.example"]),
        ({"base_url": "http://127.0.0.1:8080", "hosts": ["pypi.example"]}, ["127.0.0.1:8080", "pypi.example"]),
    ],
)
def test_only_its_models_host_and_named_ones_are_reached(
    seat: Seat, sandbox: Noting, fields: dict[str, object], hosts: list[str]
) -> None:
    agent(TellingAgent, **fields).take(a_turn(), seat, print)
    assert sandbox.commands[-1].hosts == hosts


@pytest.mark.parametrize("url", ["gateway", "ftp://gateway", "https://", "https://user:pass@gateway", "file:///etc"])
def test_a_base_url_is_the_address_of_a_host(url: str) -> None:
    with pytest.raises(ValueError, match="must be an address like"):
        agent(base_url=url)


def test_a_program_that_is_not_there_is_told_before_anything_is_paid(sandbox: Noting) -> None:
    with pytest.raises(Misconfigured, match="'no-such-program' is not in the sandbox"):
        agent(program="no-such-program").check(sandbox)


def test_a_link_in_the_agents_home_leads_nowhere(seat: Seat, home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "own.json").write_text("precious")
    home.mkdir(parents=True)
    (home / "settings").symlink_to(outside)
    (home / "empty").symlink_to(outside)
    _, log = take(seat)
    assert '{"a": 1}' in log
    assert (outside / "own.json").read_text() == "precious"
    assert not (home / "empty").is_symlink()


@pytest.mark.parametrize("way", ["link", "dangling link", "folder", "file", "hard link"])
def test_whatever_stands_in_a_files_way_is_replaced(tmp_path: Path, way: str) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.write_text("precious")
    place = home / "file"
    if way == "folder":
        (place / "in").mkdir(parents=True)
    elif way == "file":
        place.write_text("x" * 100)
    elif way == "hard link":
        place.hardlink_to(outside)
    else:
        place.symlink_to(outside if way == "link" else tmp_path / "absent")
    plant(home, "file", "mine")
    assert (place.read_text(), place.is_symlink(), outside.read_text()) == ("mine", False, "precious")
    assert place.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "absent").exists()


def test_a_folder_in_the_home_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc")
    assert folder_in(tmp_path, "a/b") == tmp_path / "a" / "b"
    assert not (tmp_path / "a").is_symlink()
    assert not Path("/etc/b").exists()


def test_the_name_of_a_session_is_the_turns_and_always_the_same(seat: Seat, sandbox: Noting) -> None:
    for _ in range(2):
        with pytest.raises(Misconfigured):
            ClaudeCodeAgent(program="no-such-program").take(a_turn(), seat, print)
    first, second = (command.argv for command in sandbox.commands)
    assert first[first.index("--session-id") + 1] == second[second.index("--resume") + 1]
