"""Runs one command and leaves none of its processes behind; a stand-alone script, standard library only.

Usage: `python -I -S supervise.py CONTROL STATUS`, both numbers of inherited file descriptors.

On CONTROL comes the length of the plan (decimal, ended by a newline) and the plan (see `Plan`). After it CONTROL
stays open; its end, SIGTERM, SIGINT or SIGHUP ends the command and all its descendants by SIGKILL.
On STATUS go lines: `started`; then `unusable ERRNO` when the command could not be executed, or `ended CODE` with the
exit code (negative: the signal) once no descendant is left. Standard input, output and error are the command's.

Descendants are found by parent process in /proc, and this process adopts the orphans among them, so daemons and new
sessions are found too. Without prctl (not Linux) only the command's own process group is ended.
"""

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress
from typing import NamedTuple

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVILEGES = 1, 4, 36, 38
"""Operations of prctl(2), from linux/prctl.h."""
_FORCED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ROUND_SECONDS = 0.05
_LINUX = sys.platform == "linux"


class Plan(NamedTuple):
    """What to execute; on the wire: fields joined by NUL bytes, `directory, program, len(argv), *argv, *NAME=VALUE`."""

    directory: bytes
    program: bytes
    argv: list[bytes]
    environment: dict[bytes, bytes]

    def encode(self) -> bytes:
        """Return the plan as CONTROL carries it; no field may contain a NUL byte."""
        variables = [name + b"=" + value for name, value in self.environment.items()]
        body = b"\0".join([self.directory, self.program, b"%d" % len(self.argv), *self.argv, *variables])
        return b"%d\n%s" % (len(body), body)


def read_plan(control: int) -> Plan | None:
    """Return the plan that CONTROL carries, or none when it ends too early."""
    received = b""
    while chunk := os.read(control, 65_536):
        received += chunk
        length, newline, body = received.partition(b"\n")
        if newline and len(body) == int(length):
            directory, program, count, *rest = body.split(b"\0")
            argv, variables = rest[: int(count)], rest[int(count) :]
            pairs = (variable.partition(b"=") for variable in variables)
            return Plan(directory, program, argv, {name: value for name, _, value in pairs})
    return None


def prctl(operation: int, value: int) -> None:
    """Set a property of this process; nothing happens where there is no prctl."""
    if _LINUX:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(operation, value, 0, 0, 0)


def start(plan: Plan) -> tuple[int, int]:
    """Start the command as the leader of a session; return its process id and 0, or the errno of its failure."""
    failure, report = os.pipe()
    process = os.fork()
    if process == 0:
        become(plan, report)
    os.close(report)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    return process, int(os.read(failure, 16) or b"0")


def become(plan: Plan, report: int) -> None:
    """Turn this new process into the command; write the errno to `report` when that fails."""
    code = 0
    try:
        os.setsid()
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for number in (*_FORCED, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(plan.directory)
        os.execve(plan.program, plan.argv, plan.environment)  # noqa: S606 - a shell is what must not run
    except OSError as error:
        code = error.errno or 1
    finally:
        os.write(report, b"%d" % code)
        os._exit(127)


def reap() -> tuple[dict[int, int], bool]:
    """Collect ended children; return their exit codes, and whether a child is left."""
    codes: dict[int, int] = {}
    with suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return codes, True
            codes[process] = os.waitstatus_to_exitcode(status)
    return codes, False


def wait(command: int, control: int, wake: int) -> int | None:
    """Return the command's exit code when it ends, or none when its end is demanded first."""
    while True:
        codes, _ = reap()
        if command in codes:
            return codes[command]
        ready, _, _ = select.select([control, wake], [], [])
        if control in ready or (wake in ready and not set(_FORCED).isdisjoint(os.read(wake, 4_096))):
            return None


def parent_of(process: str) -> int:
    """Return the parent's process id, 0 when the process is gone."""
    try:
        stat = os.open(f"/proc/{process}/stat", os.O_RDONLY)
    except OSError:
        return 0
    try:
        # The program's name, in parentheses, may itself contain spaces and parentheses.
        return int(os.read(stat, 4_096).rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0
    finally:
        os.close(stat)


def descendants() -> set[int]:
    """Return the process ids of all descendants of this process."""
    children: dict[int, list[int]] = {}
    with os.scandir("/proc") as entries:
        for name in [entry.name for entry in entries if entry.name.isdecimal()]:
            children.setdefault(parent_of(name), []).append(int(name))
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


def send(processes: set[int], number: signal.Signals) -> None:
    """Send a signal to each process that still exists."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def kill_all(command: int) -> None:
    """Kill every descendant, or without Linux the command's process group."""
    if not _LINUX:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(command, signal.SIGKILL)
        return
    stopped: set[int] = set()
    # Stopped processes cannot fork, so what the last look found is everything.
    while new := descendants() - stopped:
        send(new, signal.SIGSTOP)
        stopped |= new
    send(stopped, signal.SIGKILL)


def end_all(command: int, wake: int) -> int:
    """Kill every descendant and wait until none is left; return the command's exit code if it was still running."""
    code, left = -signal.SIGKILL, True
    while left:
        codes, left = reap()
        code = codes.get(command, code)
        if left or not _LINUX:
            kill_all(command)
        if left and select.select([wake], [], [], _ROUND_SECONDS)[0]:
            os.read(wake, 4_096)
    return code


def prepare() -> int:
    """Adopt orphans, survive signals and give up privileges; return a descriptor on which signals arrive as bytes."""
    wake, awaken = os.pipe()
    os.set_blocking(awaken, False)
    signal.set_wakeup_fd(awaken, warn_on_full_buffer=False)
    for number in (*_FORCED, signal.SIGCHLD):
        signal.signal(number, on_signal)
    prctl(_SET_DUMPABLE, 0)
    prctl(_SET_CHILD_SUBREAPER, 1)
    prctl(_SET_NO_NEW_PRIVILEGES, 1)
    # The first process of a namespace keeps bubblewrap's SIGKILL; a parent outside of it ends once it has started us.
    if os.getpid() != 1 and os.getppid() != 0:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    return wake


def on_signal(number: int, frame: object) -> None:
    """Do nothing: the byte on the wake-up descriptor is what counts."""


def supervise(control: int, status: int) -> None:
    """Run the plan on CONTROL and report on STATUS."""
    wake = prepare()
    os.write(status, b"started\n")
    plan = read_plan(control)
    if plan is None:
        return
    command, errno = start(plan)
    exited = None if errno else wait(command, control, wake)
    killed = end_all(command, wake)
    with suppress(BrokenPipeError):
        code = killed if exited is None else exited
        os.write(status, b"unusable %d\n" % errno if errno else b"ended %d\n" % code)


if __name__ == "__main__":
    for descriptor in sys.argv[1:]:
        os.set_inheritable(int(descriptor), False)  # noqa: FBT003 - it takes no keyword
    supervise(*map(int, sys.argv[1:]))
