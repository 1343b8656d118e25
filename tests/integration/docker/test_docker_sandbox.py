"""What a command in a container sees and may change, whose its files are, and what is told of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.docker_engine import Engine
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Ending
from contracts.errors import Misconfigured, Unavailable
from tests.integration.docker.commands import python, shell
from tests.integration.docker.conftest import Make


def test_command_gets_input_and_gives_output_and_code(sandbox: DockerSandbox, tmp_path: Path) -> None:
    result = shell(sandbox, tmp_path, "cat; pwd; echo problem >&2; exit 3", stdin="said\n")
    assert (result.ending, result.code) == (Ending.EXITED, 3)
    assert result.stdout == f"said\n{tmp_path}\n"
    assert result.stderr == "problem\n"


def test_large_input_and_output_arrive_whole(sandbox: DockerSandbox, tmp_path: Path) -> None:
    text = "0123456789abcdef" * 200_000
    assert shell(sandbox, tmp_path, "cat", stdin=text).stdout == text


def test_lines_are_heard_as_they_come(sandbox: DockerSandbox, tmp_path: Path) -> None:
    errors: list[str] = []
    outputs: list[str] = []

    def hear(line: str) -> bool:
        outputs.append(line)
        (tmp_path / "go").touch()
        return True

    script = "echo first; echo told >&2; while [ ! -e go ]; do sleep 0.05; done; printf 'second\\nrest'"
    assert shell(sandbox, tmp_path, script, errors.append, hear).succeeded
    assert (errors, outputs) == (["told"], ["first", "second", "rest"])


def test_command_is_nobody_special(sandbox: DockerSandbox, tmp_path: Path) -> None:
    result = shell(sandbox, tmp_path, "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status")
    assert int(result.stdout.split()[0]) not in (0, 64_321)
    fields = dict(line.split(":\t") for line in result.stdout.splitlines()[1:])
    assert fields == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}


def test_files_belong_to_the_host_user_again(sandbox: DockerSandbox, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("old")
    script = "echo new > given; mkdir -p made/deep; echo x > made/deep/file; chmod 000 made; ln -s /etc/passwd link"
    assert shell(sandbox, tmp_path, script).succeeded
    for path in (tmp_path / "given", tmp_path / "made", tmp_path / "link"):
        assert path.lstat().st_uid == os.getuid()
    (tmp_path / "made").chmod(0o755)
    assert (tmp_path / "made/deep/file").stat().st_uid == os.getuid()
    assert Path("/etc/passwd").stat().st_uid == 0


def test_set_user_bits_do_not_come_back(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert shell(sandbox, tmp_path, "cp /bin/sh s; chmod 6755 s").succeeded
    assert (tmp_path / "s").stat().st_mode & 0o6000 == 0 or os.getuid()


def test_only_named_paths_are_there_and_only_writable_ones_change(sandbox: DockerSandbox, tmp_path: Path) -> None:
    work, other, hidden = tmp_path / "work", tmp_path / "other", tmp_path / "hidden"
    for folder in (work, other, hidden):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    script = f"cat {other}/file; touch {other}/new; cat {hidden}/file; touch /new /usr/new; ls {tmp_path}"
    result = shell(sandbox, work, script, readable=[other])
    assert result.stdout == "otherother\nwork\n"
    assert result.stderr.count("Read-only file system") == 3
    assert "No such file" in result.stderr
    assert not (other / "new").exists()


def test_directory_alone_cannot_be_changed(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert not shell(sandbox, tmp_path, "touch new", writable=[]).succeeded
    assert list(tmp_path.iterdir()) == []


def test_environment_is_the_images_and_the_commands(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TOKEN", "secret-of-the-flow")
    sandbox = make(environment={"OF_THE_BLOCK": "1"}, path=["/opt/tools"])
    result = shell(sandbox, tmp_path, "env", environment={"MODEL_KEY": "k"})
    found = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert found["PATH"].startswith("/opt/tools:/usr/local/sbin:")
    assert {"OF_THE_BLOCK", "MODEL_KEY", "HOME", "TMPDIR"} <= found.keys()
    assert not {name for name in found if name.startswith(("PREFECT", "DELIVERY", "FORGE"))}


def test_a_secret_is_in_no_listing_and_on_no_command_line(sandbox: DockerSandbox, tmp_path: Path) -> None:
    secret = "s3cret-of-the-model"
    shown: list[str] = []

    def look(line: str) -> None:
        names = [seen.name for seen in Engine(sandbox.engine).containers({"prefect-delivery.run": "looked-at"})]
        shown.append(
            subprocess.run(
                ["docker", "-H", sandbox.engine, "inspect", *names], check=True, capture_output=True, text=True
            ).stdout
        )
        lines = subprocess.run(["ps", "axww", "-o", "args"], check=True, capture_output=True, text=True)
        shown.append(lines.stdout)
        (tmp_path / "go").touch()

    script = "echo ready >&2; while [ ! -e go ]; do sleep 0.05; done; echo $MODEL_KEY"
    given: dict[str, Any] = {"environment": {"MODEL_KEY": secret}, "stdin": secret, "run": "looked-at", "job": "j"}
    result = shell(sandbox, tmp_path, script, look, **given)
    assert result.stdout == f"{secret}\n"
    assert "looked-at" in shown[0]
    assert not [text for text in shown if secret in text]


def test_home_is_empty_unless_it_is_kept(sandbox: DockerSandbox, tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    names: dict[str, Any] = {"run": "r", "home": home}
    assert shell(sandbox, work, "cd; pwd; echo kept > note; echo x > /tmp/left", job="1", **names).stdout == f"{home}\n"
    assert shell(sandbox, work, "cd; ls; ls /tmp/left", job="2", **names).stdout == "note\n"
    assert (home / "note").read_text() == "kept\n"
    assert shell(sandbox, work, "cd; pwd; ls -A; test ! -e /tmp/left").stdout == "/home/sandbox\n"


def test_temporary_files_end_with_their_command_and_mounts_stay(sandbox: DockerSandbox, tmp_path: Path) -> None:
    names: dict[str, Any] = {"run": "r"}
    script = "mkdir -p ~/a/b /tmp/x; touch ~/a/b/c /tmp/x/y /dev/shm/z; chmod 000 /tmp/x; touch kept"
    assert shell(sandbox, tmp_path, script, job="1", **names).succeeded
    result = shell(sandbox, tmp_path, "ls -A ~ /dev/shm; ls kept; ls /tmp", job="2", **names)
    assert "kept" in result.stdout
    assert not {"a", "x", "z"} & set(result.stdout.split())
    assert (tmp_path / "kept").exists()


@pytest.mark.parametrize("path", ["/", "/etc", "/proc", "/usr"])
def test_a_path_that_covers_the_containers_own_is_refused(sandbox: DockerSandbox, tmp_path: Path, path: str) -> None:
    with pytest.raises(Misconfigured, match="would cover"):
        shell(sandbox, tmp_path, "true", readable=[Path(path)])


def test_a_link_is_never_mounted(sandbox: DockerSandbox, tmp_path: Path) -> None:
    work, link = tmp_path / "work", tmp_path / "link"
    work.mkdir()
    link.symlink_to("/etc")
    assert not shell(sandbox, work, f"ls {link}", readable=[link]).succeeded
    with pytest.raises(Misconfigured, match="is a link"):
        shell(sandbox.model_copy(update={"readable": [link]}), work, "true")
    with pytest.raises(Misconfigured, match="is a link"):
        shell(sandbox, link, "true", writable=[])


def test_programs_of_the_image_are_not_covered_by_the_hosts(sandbox: DockerSandbox, tmp_path: Path) -> None:
    named = [Path("/usr/bin/env"), Path(sys.executable)]
    result = shell(sandbox, tmp_path, "grep -c /usr/bin /proc/self/mounts", readable=named)
    assert result.stdout == "0\n"


def test_what_a_command_put_below_its_home_is_not_mounted(sandbox: DockerSandbox, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    host = tmp_path / "host"
    host.mkdir()
    (home / "empty").symlink_to(host)
    with pytest.raises(Misconfigured, match="could not be executed"):
        shell(sandbox, home / "empty", "touch reached", home=home, writable=[home / "empty"])
    assert list(host.iterdir()) == []


def test_unknown_program_and_unknown_image_are_named(sandbox: DockerSandbox, make: Make, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="'no-such-program' could not be executed"):
        shell(sandbox, tmp_path, "", argv=["no-such-program"])
    with pytest.raises(Misconfigured, match="no image 'no-such-image'"):
        shell(make(image="no-such-image"), tmp_path, "true")
    with pytest.raises(Misconfigured, match="no-such-image"):
        make(image="no-such-image").check()
    assert sandbox.has("git")
    assert not sandbox.has("no-such-program")


def test_engine_that_does_not_answer_is_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="check that it runs"):
        shell(make(engine=f"unix://{tmp_path}/none", engine_seconds=0), tmp_path, "true")


def test_nothing_is_left_of_a_command_without_a_run(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert python(sandbox, tmp_path, "print('done')").stdout == "done\n"
    left = Engine(sandbox.engine).containers({"prefect-delivery.installation": sandbox.installation})
    assert left == []


FLOW = """
import sys
from pathlib import Path
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Command

folder = Path(sys.argv[1])
command = Command(argv=["sh", "-c", "id -u > who; echo done"], directory=folder, writable=[folder])
sandbox = DockerSandbox(image="prefect-delivery-tests", network="none", engine=sys.argv[2])
print(sandbox.run(command).stdout)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_a_flow_that_is_not_root_keeps_its_user(engine: str, tmp_path: Path) -> None:
    work = Path("/var/tmp") / tmp_path.name
    work.mkdir(mode=0o755)
    shutil.chown(work, 1000, 1000)
    try:
        socket = Path(engine.removeprefix("unix://"))
        group = socket.stat().st_gid
        argv = [
            "setpriv",
            "--reuid=1000",
            "--regid=1000",
            f"--groups={group}",
            sys.executable,
            "-c",
            FLOW,
            str(work),
            engine,
        ]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(work),
            "PREFECT_HOME": str(work / "p"),
            "TMPDIR": str(work),
        }
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[3]
        )
        assert done.stdout == "done\n\n", done.stderr
        assert (work / "who").read_text() == "1000\n"
        assert (work / "who").stat().st_uid == 1000
    finally:
        shutil.rmtree(work)
