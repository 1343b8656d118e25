"""A run's container: reused, found again when the flow process died, and gone when the run is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from bench.docker_engine import Dockerd
from blocks.docker_engine import Engine
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Ending
from contracts.agent import Limits
from contracts.errors import Unavailable
from tests.integration.docker.commands import shell
from tests.integration.docker.conftest import Make
from tests.integration.docker.unconfirmed import unconfirmed

PROJECT = Path(__file__).parents[3]
FLOW = """
import sys
from pathlib import Path
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Command

folder = Path(sys.argv[1])
sandbox = DockerSandbox.model_validate_json(sys.argv[2])
command = Command(argv=["sh", "-c", sys.argv[3]], directory=folder, writable=[folder], run="r", job="j")
sandbox.run(command, lambda line: print(line, flush=True))
"""
SLOW = "echo begun; echo ready >&2; echo x >> begun; while [ ! -e go ]; do sleep 0.05; done; echo ended; exit 4"


def killed_flow(sandbox: DockerSandbox, folder: Path, script: str = SLOW) -> None:
    """Begin a job in another process and kill that process when the job says that it is ready."""
    fields = sandbox.model_dump_json()
    argv = [sys.executable, "-c", FLOW, str(folder), fields, script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as flow:
        assert flow.stdout is not None
        assert flow.stdout.readline() == "ready\n"
        flow.send_signal(signal.SIGKILL)
        assert flow.wait() == -signal.SIGKILL


def containers(sandbox: DockerSandbox) -> set[str]:
    mine = {"prefect-delivery.run": "r", "prefect-delivery.installation": sandbox.installation}
    return {seen.name for seen in Engine(sandbox.engine).containers(mine)}


def test_commands_of_a_run_share_a_container(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert shell(sandbox, tmp_path, "true", run="r", job="1").succeeded
    first = containers(sandbox)
    assert shell(sandbox, tmp_path, "true", run="r", job="2").succeeded
    assert containers(sandbox) == first
    assert len(first) == 1
    assert sandbox.runs() == ["r"]


def test_what_another_command_may_not_see_is_in_another_container(sandbox: DockerSandbox, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert shell(sandbox, tmp_path / name, "true", run="r", job=name).succeeded
    assert len(containers(sandbox)) == 2


def test_a_lost_turn_goes_on_and_is_collected_from_its_beginning(sandbox: DockerSandbox, tmp_path: Path) -> None:
    killed_flow(sandbox, tmp_path)
    assert sandbox.holds("r", "j")
    assert not sandbox.holds("r", "another")
    heard: list[str] = []
    (tmp_path / "go").touch()
    result = shell(sandbox, tmp_path, SLOW, heard.append, run="r", job="j")
    assert (result.ending, result.code, result.stdout) == (Ending.EXITED, 4, "begun\nended\n")
    assert heard == ["ready"]
    assert (tmp_path / "begun").read_text() == "x\n"
    assert (tmp_path / "begun").stat().st_uid == os.getuid()


def test_an_ended_job_waits_until_it_is_forgotten(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert shell(sandbox, tmp_path, "echo x >> done; echo said", run="r", job="j").stdout == "said\n"
    assert sandbox.holds("r", "j")
    assert shell(sandbox, tmp_path, "echo x >> done; echo said", run="r", job="j").stdout == "said\n"
    assert (tmp_path / "done").read_text() == "x\n"
    sandbox.forget("r", "j")
    assert not sandbox.holds("r", "j")
    sandbox.forget("r", "j")


def test_a_process_whose_start_the_engine_did_not_confirm_is_heard_and_started_once(
    sandbox: DockerSandbox, tmp_path: Path
) -> None:
    with unconfirmed(sandbox.engine, started=True) as address:
        mute = sandbox.model_copy(update={"engine": address})
        result = shell(mute, tmp_path, "echo x >> begun; echo said", run="r", job="j")
    assert (result.ending, result.stdout) == (Ending.EXITED, "said\n")
    assert (tmp_path / "begun").read_text() == "x\n"


def test_a_process_that_the_engine_did_not_start_is_told_with_the_engines_words(
    sandbox: DockerSandbox, tmp_path: Path
) -> None:
    with unconfirmed(sandbox.engine, started=False) as address, pytest.raises(Unavailable) as told:
        shell(sandbox.model_copy(update={"engine": address}), tmp_path, "echo x >> begun", run="r", job="j")
    assert "could not start a process" in told.value.message
    assert "the Docker engine did not do what was asked" in told.value.detail
    assert not (tmp_path / "begun").exists()
    assert containers(sandbox) == set()


def test_the_limits_hold_without_a_flow(sandbox: DockerSandbox, tmp_path: Path) -> None:
    script = "echo ready >&2; yes | head -c 50000000"
    killed_flow(sandbox, tmp_path, script)
    result = shell(sandbox, tmp_path, script, run="r", job="j")
    assert (result.ending, len(result.stdout) + len(result.stderr)) == (Ending.OUTPUT_LIMIT, Limits().output_bytes)


def test_a_new_turn_ends_a_lost_one(sandbox: DockerSandbox, tmp_path: Path) -> None:
    killed_flow(sandbox, tmp_path, "echo ready >&2; while :; do echo x >> beat; sleep 0.05; done")
    result = shell(sandbox, tmp_path, "a=$(wc -l < beat); sleep 0.5; test $a = $(wc -l < beat)", run="r", job="k")
    assert result.succeeded


def test_release_removes_everything_of_the_run(sandbox: DockerSandbox, tmp_path: Path) -> None:
    killed_flow(sandbox, tmp_path, "echo ready >&2; while :; do echo x >> beat; sleep 0.05; done")
    assert shell(sandbox, tmp_path, "true", run="other", job="1").succeeded
    sandbox.release("r")
    assert sandbox.runs() == ["other"]
    beats = (tmp_path / "beat").read_text()
    assert (tmp_path / "beat").read_text() == beats
    sandbox.release("r")


def test_a_container_whose_folder_is_gone_is_removed(sandbox: DockerSandbox, tmp_path: Path) -> None:
    folder = tmp_path / "turn"
    folder.mkdir()
    assert shell(sandbox, folder, "true", run="r", job="1").succeeded
    folder.rmdir()
    sandbox.forget("r", "1")
    assert sandbox.runs() == []


@pytest.fixture(scope="module")
def image(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the slim image, for engines of a test's own."""
    file = tmp_path_factory.mktemp("image") / "tests.tar"
    subprocess.run(["docker", "-H", engine, "save", "-o", file, "prefect-delivery-tests"], check=True)
    return file


@pytest.mark.parametrize("live_restore", [True, False])
def test_a_restarted_engine(make: Make, tmp_path: Path, image: Path, live_restore: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="engine-"))  # a socket's path has 107 bytes at most
    daemon = Dockerd(folder, *(["--live-restore"] if live_restore else []), apart=True)
    work = tmp_path / "work"
    work.mkdir()
    daemon.start()
    restarts: list[threading.Thread] = []

    def restart() -> None:
        daemon.stop()
        daemon.start()
        (work / "go").touch()

    def begin(line: str) -> None:
        restarts.append(threading.Thread(target=restart))
        restarts[0].start()

    try:
        subprocess.run(["docker", "-H", daemon.address, "load", "-q", "-i", image], check=True)
        sandbox = make(engine=daemon.address)
        result = shell(sandbox, work, SLOW, begin, run="r", job="j", wall_seconds=100)
        if live_restore:
            assert (result.ending, result.code, result.stdout) == (Ending.EXITED, 4, "begun\nended\n")
        else:
            assert result.ending is Ending.KILLED
            assert "was lost: it ended with code" in result.stderr
        assert shell(sandbox, work, "echo again", run="r", job="k").stdout == "again\n"
        sandbox.release("r")
    finally:
        for restarting in restarts:
            restarting.join()
        daemon.remove()
