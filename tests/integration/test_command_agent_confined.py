"""What an executable agent sees and may change: its secrets, its checkout and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.command_agent import CommandAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from blocks.workspace import Workspace
from contracts.agent import Workspace as Place
from contracts.errors import AgentFailed
from tests.integration.agent_program import Program, a_turn, take, write_program

KEY = "k3y-of-the-model-0123456789"


@pytest.fixture(params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest) -> LocalSandbox:
    return LocalSandbox(isolation=request.param)


@pytest.fixture
def bubblewrap() -> LocalSandbox:
    return LocalSandbox(isolation="bubblewrap")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return lambda script: write_program(tmp_path / "agent.py", script)


@pytest.fixture
def checkout(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "run")
    workspace.create()
    (workspace.tree / "a.txt").write_text("a\n")
    workspace.git.run("add", "--all")
    commit = workspace.commit(workspace.git.run("write-tree"), "first")
    workspace.expose("delivery/x", commit, "main", commit)
    return workspace


def place(workspace: Workspace, *, writable: bool) -> Place:
    return Place(path=str(workspace.tree), writable=writable, base="main", base_commit="0" * 40, branch="delivery/x")


def test_the_secrets_of_the_block_reach_the_agents_environment_and_nothing_else(
    sandbox: LocalSandbox, program: Program
) -> None:
    script = (
        "found = [name for name, value in os.environ.items() if turn['prompt'] and MARK in value]\n"
        "shown = json.dumps(turn)\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    try: shown += open(f'/proc/{pid}/cmdline').read()\n"
        "    except OSError: pass\n"
        "reply['structured'] = {'found': found, 'shown': MARK in shown, 'looked': 'agent.py' in shown}"
    ).replace("MARK", repr(KEY[:4]) + "+" + repr(KEY[4:]))
    agent = CommandAgent(command=program(script), environment={"MODEL_KEY": SecretStr(KEY)})
    reply = agent.take(a_turn(), Seat(sandbox), lambda _: None)
    assert reply.structured == {"found": ["MODEL_KEY"], "shown": False, "looked": True}
    assert KEY not in os.environ.values()
    assert KEY not in repr(agent)
    assert KEY not in agent.model_dump_json()


def test_what_an_agent_tells_of_its_secrets_is_masked(bubblewrap: LocalSandbox, program: Program) -> None:
    script = "key = os.environ['MODEL_KEY']; print(f'I use {key}', file=sys.stderr); print(f'{key}'); sys.exit(1)"
    agent, lines = CommandAgent(command=program(script), environment={"MODEL_KEY": SecretStr(KEY)}), list[str]()
    with pytest.raises(AgentFailed) as caught:
        agent.take(a_turn(), Seat(bubblewrap), lines.append)
    assert lines == ["I use [redacted]"]
    assert caught.value.detail == "[redacted]\n\nI use [redacted]"


def test_nothing_of_the_flows_environment_reaches_the_agent(
    sandbox: LocalSandbox, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "GITHUB_TOKEN", "DELIVERY_HOME", "SLACK_BOT_TOKEN"):
        monkeypatch.setenv(name, KEY)
    reply = take(program("reply['text'] = json.dumps(sorted(os.environ.values()))"), sandbox)
    assert KEY not in reply.text


def test_a_read_only_checkout_cannot_be_changed(
    bubblewrap: LocalSandbox, program: Program, checkout: Workspace
) -> None:
    script = (
        "import subprocess, errno\n"
        "def attempt(act):\n"
        "    try: act(); return 'done'\n"
        "    except OSError as error: return errno.errorcode[error.errno]\n"
        "acts = [lambda: open('a.txt', 'a'), lambda: open('new', 'w'), lambda: os.unlink('a.txt'), "
        "lambda: open('.git/config', 'a'), lambda: os.chmod('a.txt', 0), lambda: os.rename('a.txt', 'b')]\n"
        "log = ['git', '-c', 'safe.directory=*', 'log', '--format=%s']\n"
        "history = subprocess.run(log, capture_output=True, text=True).stdout.strip()\n"
        "reply['structured'] = {'tried': [attempt(act) for act in acts], 'history': history}"
    )
    before = (checkout.tree / "a.txt").stat()
    reply = take(program(script), bubblewrap, a_turn(place(checkout, writable=False)))
    assert reply.structured == {"tried": ["EROFS"] * 6, "history": "first"}
    assert (checkout.tree / "a.txt").stat() == before
    assert sorted(path.name for path in checkout.tree.iterdir()) == [".git", "a.txt"]


def test_a_writable_checkout_is_the_working_directory_and_all_that_can_be_changed(
    bubblewrap: LocalSandbox, program: Program, checkout: Workspace
) -> None:
    outside = f"open({str(checkout.home / 'outside')!r}, 'w')"
    objects = f"open({str(checkout.repository / 'objects/outside')!r}, 'w')"
    script = (
        "open('new', 'w').write('n'); tried = []\n"
        f"for act in (lambda: {outside}, lambda: {objects}):\n"
        "    try: act()\n"
        "    except OSError as error: tried.append(type(error).__name__)\n"
        "reply['structured'] = {'cwd': os.getcwd(), 'refused': len(tried)}"
    )
    reply = take(program(script), bubblewrap, a_turn(place(checkout, writable=True)))
    assert reply.structured is not None
    assert reply.structured["cwd"] == str(checkout.tree)
    assert (checkout.tree / "new").read_text() == "n"
    assert not (checkout.home / "outside").exists()
    assert not (checkout.repository / "objects/outside").exists()


def test_a_turn_without_a_checkout_has_an_empty_folder_of_its_own_that_is_gone_afterwards(
    sandbox: LocalSandbox, program: Program
) -> None:
    script = "reply['structured'] = {'cwd': os.getcwd(), 'seen': os.listdir()}; open('notes', 'w').write('n')"
    reply = take(program(script), sandbox)
    assert reply.structured is not None
    assert reply.structured["seen"] == []
    assert not Path(reply.structured["cwd"]).exists()
