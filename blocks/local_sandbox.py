"""The sandbox on this host: one command in its own session, with bubblewrap's file protection where it works."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from prefect.settings import get_current_settings
from pydantic import Field, field_validator

from blocks.bubblewrap import View, bubblewrap, obstacle
from blocks.command_check import check_command
from blocks.confined_process import SUPERVISOR, ConfinedProcess
from blocks.process_watch import Hearing, Observed, Watch
from blocks.sandbox import Command, CommandResult, Sandbox
from blocks.supervise import Plan
from contracts.errors import Misconfigured, Unavailable

_PASSED_ON = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "NO_COLOR", "TZ")
_SECRET = re.compile(r"^PREFECT_|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|(^|_)KEY$|APIKEY", re.IGNORECASE)
_RESOLVER = Path("/etc/resolv.conf")


class LocalSandbox(Sandbox):
    """Runs commands on this host, each in its own session, and ends everything that a command started.

    With bubblewrap the host's files are read-only but for the command's writable paths and its own home and
    temporary directory, hidden directories are empty, and the command sees no process but its own. It still reads
    every other file that the flow's user can read, and with `network` it reaches whatever this host reaches.

    WITHOUT bubblewrap (isolation `process`, or `auto` where bubblewrap does not work) only the environment, the
    limits and the clean-up hold. The command can read and change every file of the flow's user, read the
    environment of the flow process and so its credentials, signal every process of that user (its supervisor too),
    and use the network. Run nothing there that you would not run in your own shell.
    """

    _block_type_name = "Local Sandbox"
    _block_type_slug = "local-sandbox"
    _description = "Runs commands on this host with an own environment, limits, and bubblewrap where it works."

    isolation: Literal["auto", "bubblewrap", "process"] = Field(
        default="auto",
        description="auto: bubblewrap where it works, else process; process: no protection of files and processes.",
    )
    environment: list[str] = Field(
        default=list(_PASSED_ON),
        description="Names of variables that are passed on from the flow process; none with a credential.",
    )
    path: list[str] = Field(default=[], description="Directories in front of PATH, absolute.")
    hidden: list[Path] = Field(
        default=[Path("/run")],
        description="Directories that are empty under bubblewrap, beside the home and temporary directories.",
    )
    readable: list[Path] = Field(
        default=[],
        description="Paths below hidden directories that every command may read, such as tool chains.",
    )
    network: bool = Field(default=True, description="Whether the network can be reached; false needs bubblewrap.")

    @field_validator("environment")
    @classmethod
    def _without_credentials(cls, names: list[str]) -> list[str]:
        secret = [name for name in names if _SECRET.search(name)]
        if secret:
            raise ValueError(f"variables {secret!r} look like credentials; give them to the agent's block instead")
        return names

    def run(
        self,
        command: Command,
        on_line: Callable[[str], None] | None = None,
        on_output: Callable[[str], bool] | None = None,
    ) -> CommandResult:
        """Run a command to its end and leave no process behind.

        A command that ends by SIGKILL, but not at a limit, was killed from outside: its ending is `killed`. Other
        signals are exits with a negative code. An exception in `on_line` ends the command and is raised here.
        Lines longer than 16,384 characters are passed to `on_line` in pieces.

        Raises:
            Misconfigured: the program or a path does not exist, the environment is not acceptable, or bubblewrap
                is demanded (by `isolation`, or by `network` being false) and does not work.
            Unavailable: the supervisor could not start, or a process could not be ended.
        """
        check_command(command, self.readable)
        protected = self._protected()
        with _scratch() as scratch:
            tmp = Path("/tmp") if protected else scratch / "tmp"  # noqa: S108 - bubblewrap mounts the scratch there
            environment = {**self._environment(command.home or scratch / "home", tmp), **command.environment}
            program = _program(command, environment.get("PATH", os.defpath))
            prefix = bubblewrap(self._view(command, environment, program, scratch)) if protected else []
            plan = _plan(command, program, environment)
            try:
                process = ConfinedProcess(prefix)
            except OSError as error:
                raise Unavailable(
                    f"The sandbox could not start ({error}); check bwrap and {sys.executable!r}"
                ) from error
            with process:
                observed = Watch(process, command.limits, Hearing(on_line, on_output)).run(plan, command.stdin.encode())
        return _result(command, observed)

    def has(self, program: str) -> bool:
        """Return whether a program can be started; see `Sandbox.has`."""
        return shutil.which(program, path=self._environment(Path(), Path())["PATH"]) is not None

    def _protected(self) -> bool:
        """Return whether bubblewrap is used; refuse when it is demanded and does not work."""
        reason = "isolation is 'process'" if self.isolation == "process" else obstacle(network=self.network)
        if reason and (self.isolation == "bubblewrap" or not self.network):
            demand = "bubblewrap" if self.network else "no network"
            raise Misconfigured(
                f"The sandbox demands {demand!r} and bubblewrap does not work here ({reason}); install bubblewrap "
                "and allow user namespaces, or change the fields isolation and network of the block"
            )
        return not reason

    def _environment(self, home: Path, tmp: Path) -> dict[str, str]:
        """Return the variables of a command before its own are added."""
        passed = {name: os.environ[name] for name in self.environment if name in os.environ}
        path = [*self.path, *passed.get("PATH", os.defpath).split(os.pathsep)]
        locale = {} if {"LANG", "LC_ALL", "LC_CTYPE"} & passed.keys() else {"LANG": "C.UTF-8"}
        return {
            **passed,
            **locale,
            "PATH": os.pathsep.join(dict.fromkeys(entry for entry in path if Path(entry).is_absolute())),
            "HOME": str(home),
            "TMPDIR": str(tmp),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def _view(self, command: Command, environment: dict[str, str], program: str, scratch: Path) -> View:
        """Return what a command sees of the host under bubblewrap."""
        entries = [Path(entry) for entry in environment.get("PATH", "").split(os.pathsep) if entry]
        # A `shims` directory holds launchers for the tools of the directory that it lies in.
        found = [entry.parent if entry.name == "shims" else entry for entry in entries]
        interpreter = [Path(sys.executable), Path(sys.prefix), Path(sys.base_prefix), SUPERVISOR]
        return View(
            tmp=scratch / "tmp",
            hidden=[*_homes(), Path(tempfile.gettempdir()), *self.hidden],
            writable=[command.home or scratch / "home", *command.writable],
            readable=[command.directory, *command.readable, *self.readable],
            tools=[*interpreter, *found, Path(program), _RESOLVER],
            network=self.network,
        )


def _homes() -> list[Path]:
    """Return the home directories of the installation, of Prefect and of the flow's user, if it has an account."""
    homes = [get_current_settings().home]
    if os.environ.get("DELIVERY_HOME"):
        homes.append(Path(os.environ["DELIVERY_HOME"]).absolute())
    with suppress(KeyError):
        homes.append(Path(pwd.getpwuid(os.getuid()).pw_dir))
    with suppress(RuntimeError):
        homes.append(Path.home())
    return homes


@contextmanager
def _scratch() -> Generator[Path]:
    """Make a directory with an empty `home` and `tmp`; remove it whatever the command left there."""
    scratch = Path(tempfile.mkdtemp(prefix="sandbox-")).resolve()
    try:
        for name in ("home", "tmp"):
            (scratch / name).mkdir(mode=0o700)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if scratch.exists():
            _unlock(scratch)
            shutil.rmtree(scratch, ignore_errors=True)


def _unlock(tree: Path) -> None:
    """Make all directories of a tree removable by their owner; symbolic links are not followed."""
    tree.chmod(0o700)
    for parent, directories, _ in os.walk(tree):
        for path in (Path(parent, name) for name in directories):
            if not path.is_symlink():
                path.chmod(0o700)


def _program(command: Command, path: str) -> str:
    """Return the absolute path of the command's program."""
    name = command.argv[0]
    found = shutil.which(str(command.directory / name) if os.sep in name else name, path=path)
    if found is None:
        raise Misconfigured(
            f"The program {name!r} does not exist or is not executable; install it or add its directory to the path "
            "of the sandbox block",
            detail=f"PATH={path}",
        )
    return str(Path(found).absolute())


def _plan(command: Command, program: str, environment: dict[str, str]) -> Plan:
    """Return the command as the supervisor takes it."""
    return Plan(
        directory=os.fsencode(command.directory.absolute()),
        program=os.fsencode(program),
        argv=[argument.encode() for argument in command.argv],
        environment={name.encode(): value.encode("utf-8", "surrogateescape") for name, value in environment.items()},
    )


def _result(command: Command, observed: Observed) -> CommandResult:
    """Return what was observed as the contract of all sandboxes."""
    if observed.unusable:
        raise Misconfigured(
            f"The program {command.argv[0]!r} could not be executed ({os.strerror(observed.unusable)}); check the "
            "program, and that it and the working directory are visible in the sandbox"
        )
    return CommandResult(
        ending=observed.ending,
        code=observed.code,
        stdout=observed.stdout.decode(errors="replace"),
        stderr=observed.stderr.decode(errors="replace"),
        seconds=observed.seconds,
    )
