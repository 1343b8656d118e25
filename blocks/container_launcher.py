"""Starts one job in a container and leaves none of its processes behind; a stand-alone script beside `supervise`.

Usage: `DELIVERY_TOKEN=… python3 container_launcher.py JOBS SCRATCH…`. It runs as the jobs' user, shows the token at
the keeper's socket JOBS, hands its pipes over and then supervises the command of the plan that comes on them. The
folders SCRATCH are emptied before and after, but for what is mounted in them.
"""

import errno
import os
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path

from blocks.supervise import Plan, end_all, prepare, read_plan, start, wait


def hand_over(jobs: str, token: str) -> tuple[int, int]:
    """Give the keeper one end of each pipe; return control and status, standard streams are in place."""
    control, control_theirs = os.pipe()
    stdin, stdin_theirs = os.pipe()
    (status_theirs, status), (out_theirs, out), (err_theirs, err) = os.pipe(), os.pipe(), os.pipe()
    theirs = [control_theirs, stdin_theirs, status_theirs, out_theirs, err_theirs]
    with socket.socket(socket.AF_UNIX) as keeper:
        keeper.connect(jobs)
        socket.send_fds(keeper, [token.encode()], theirs)
    for number, descriptor in enumerate((stdin, out, err)):
        os.dup2(descriptor, number)
    for descriptor in (*theirs, stdin, out, err):
        os.close(descriptor)
    return control, status


def empty(folder: str) -> None:
    """Remove everything below a folder but what is mounted there; links are not followed."""
    with suppress(OSError):
        device = os.lstat(folder).st_dev
        with os.scandir(folder) as entries:
            for entry in entries:
                _remove(entry, device)


def _remove(entry: "os.DirEntry[str]", device: int) -> None:
    with suppress(OSError):
        status = entry.stat(follow_symlinks=False)
        if status.st_dev != device:
            return
        if not stat.S_ISDIR(status.st_mode):
            Path(entry.path).unlink()
            return
        if status.st_uid == os.getuid():
            Path(entry.path).chmod(0o700)
        empty(entry.path)
        Path(entry.path).rmdir()


def program_of(plan: Plan) -> bytes:
    """Return the absolute path of the plan's program, as its own PATH has it; empty when there is none."""
    if b"/" in plan.program:
        return plan.directory + b"/" + plan.program if plan.program[:1] != b"/" else plan.program
    for folder in plan.environment.get(b"PATH", os.defpath.encode()).split(b":"):
        path = folder + b"/" + plan.program
        if folder.startswith(b"/") and os.access(path, os.X_OK) and not Path(os.fsdecode(path)).is_dir():
            return path
    return b""


def run(control: int, status: int, wake: int) -> None:
    """Run the plan on CONTROL and report on STATUS, as `supervise` does."""
    os.write(status, b"started\n")
    plan = read_plan(control)
    if plan is None:
        return
    program = program_of(plan)
    if not program:
        os.write(status, b"unusable %d\n" % errno.ENOENT)
        return
    command, failed = start(plan._replace(program=program))
    exited = None if failed else wait(command, control, wake)
    killed = end_all(command, wake)
    for folder in sys.argv[2:]:
        empty(folder)
    with suppress(BrokenPipeError):
        os.write(
            status, b"unusable %d\n" % failed if failed else b"ended %d\n" % (killed if exited is None else exited)
        )


if __name__ == "__main__":
    shown = os.environ.pop("DELIVERY_TOKEN")
    woken = prepare()
    for one in sys.argv[2:]:
        empty(one)
    run(*hand_over(sys.argv[1], shown), woken)
