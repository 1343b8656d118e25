"""Hostile commands that are judged from the host: what they left there, how they ended, what comes of it later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from bench.escape_pipeline import by_pipeline
from bench.escapes import Site, Verdict
from blocks.agent_home import plant
from blocks.command_agent import CommandAgent
from blocks.sandbox import Ending, Seat
from contracts.agent import AgentTurn
from contracts.errors import AgentFailed
from contracts.work import Repository, WorkItem

_TRAPS = {
    "leave Git hooks for the host": """
mkdir -p .git/hooks
for hook in post-commit pre-commit post-checkout post-index-change; do
    printf '#!/bin/sh\\ntouch {mark}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook
done
""",
    "leave a Git configuration for the host": """
mkdir -p .git
printf '[core]\\n fsmonitor=touch {mark}\\n pager=touch {mark}\\n sshCommand=touch {mark}\\n' > .git/config
printf '[diff]\\n external=touch {mark}\\n' >> .git/config
cp .git/config .gitconfig
""",
    "leave filters and attributes for the host": """
echo '* filter=x diff=x merge=x' > .gitattributes; mkdir -p .git/info; cp .gitattributes .git/info/attributes
printf '[filter "x"]\\n clean=touch {mark}\\n smudge=touch {mark}\\n' > .git/config
printf '[diff "x"]\\n textconv=touch {mark}\\n' >> .git/config; echo y > some.txt
""",
}
_PRINTS_KEY = "import os, sys; print(os.environ['MODEL_KEY'], file=sys.stderr); print(os.environ['MODEL_KEY'])"
_FORGES_JOB = """
import os, socket
for token in ("a" * 32, "", "escapes", "j"):
    with socket.socket(socket.AF_UNIX) as keeper:
        keeper.connect("/run/jobs/s")
        fds = [os.open("/dev/null", os.O_RDWR) for _ in range(5)]
        socket.send_fds(keeper, [token.encode() or b"x"], fds)
print("sent")
"""


def by_host(site: Site) -> Generator[Verdict]:
    """Try everything that a look from outside judges."""
    for attempt in (_exhaust, _traps, _links, _output, _processes, by_pipeline):
        yield from attempt(site)


def _well(site: Site) -> bool:
    """Whether the host and the run's next command are as they were."""
    return site.attack("print('well')").stdout == "well\n"


def _exhaust(site: Site) -> Generator[Verdict]:
    """Take more than there is to take."""
    files = "i=0; while :; do i=$((i+1)); mkdir d$i; touch d$i/$(seq -s ' d'$i'/' 500); done"
    attacks: dict[str, tuple[str, dict[str, Any]]] = {
        "fork without end": ("sh:b() { sleep 60 & b | b & }; b; sleep 60", {"wall_seconds": 3}),
        "use all memory": ("b = [bytearray(10_000_000) for _ in range(500)]; print('ESCAPED')", {}),
        "fill the temporary directory": ("open('/tmp/f', 'wb').write(bytes(200_000_000)); print('ESCAPED')", {}),
        "fill the disk through the checkout": ("sh:while :; do head -c 9000000 /dev/zero >> f; done", {}),
        "fill it with empty files": (f"sh:{files}", {}),
        "write without end": ("sh:yes", {}),
        "write bytes that are no text": (
            "sh:head -c 3000000 /dev/urandom; head -c 3000000 /dev/urandom >&2; exit 7",
            {},
        ),
    }
    for attempt, (script, limits) in attacks.items():
        result = site.attack(script, limits=limits)
        said = [line for line in result.stderr.splitlines() if line.startswith(("[sandbox]", "OSError", "MemoryError"))]
        why = f"ended as {result.ending} with code {result.code}; {said[-1][:120] if said else 'host and run are well'}"
        yield Verdict(attempt, not result.succeeded and "ESCAPED" not in result.stdout and _well(site), why)
        site.attack("sh:rm -rf ./* /tmp/*")


def _traps(site: Site) -> Generator[Verdict]:
    """Leave something in the checkout that the host's Git would start."""
    workspace = site.workspace
    (site.tree / "a.txt").write_text("first\n")
    workspace.git.run("add", "--all")
    base = workspace.commit(workspace.git.run("write-tree"), "first")
    for attempt, script in _TRAPS.items():
        mark = site.folder / f"mark-{secrets.token_hex(4)}"
        workspace.restore(base)
        workspace.expose("delivery/x", base, "main", base)
        result = site.attack("sh:" + script.replace("{mark}", str(mark)))
        made = workspace.snapshot("change", base)
        workspace.diff(base, made.commit if made else base)
        workspace.restore(base)
        yield Verdict(attempt, result.code == 0 and not mark.exists(), "the agent's .git is deleted, programs are off")
    workspace.restore(base)
    site.attack("sh:git init -q sub; cd sub; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x")
    try:
        workspace.snapshot("change", base)
        yield Verdict("leave a repository in the checkout", stopped=False, why="it was committed")
    except AgentFailed as error:
        yield Verdict("leave a repository in the checkout", stopped=True, why=error.message)
    workspace.restore(base)
    site.attack(f"sh:ln -s {site.canary} link; ln -s {site.other} folder; mkdir sub; ln -s {site.folder} sub/up")
    made = workspace.snapshot("change", base)
    shown = workspace.git.run("show", f"{made.commit}:link") if made else "nothing"
    stopped = shown == str(site.canary) and workspace.paths(made.commit if made else base).count("folder") == 1
    yield Verdict(
        "have the host's Git read through links", stopped, "Git records where a link points, not what is there"
    )
    workspace.restore(base)


def _links(site: Site) -> Generator[Verdict]:
    """Have root on the host follow a link."""
    site.attack(f"sh:ln -s {site.canary} a; ln -s {site.other} b; ln -s /etc/passwd c; mkfifo d")
    owners = {path.stat().st_uid for path in (site.canary, site.other, site.other / "file", Path("/etc/passwd"))}
    yield Verdict("have the host give away files through links", owners == {0}, "chown does not follow links")
    home = site.folder / "home"
    home.mkdir()
    site.attack(f"sh:cd; mkdir .a; ln -s {site.other} .b; ln -s {site.canary} .a/settings.json", home=home)
    plant(home, ".a/settings.json", "of the host")
    plant(home, ".b/file", "of the host, written")
    unharmed = site.canary.read_text() == "secret of the host\n" and (site.other / "file").read_text() == "of the host"
    yield Verdict("have the host write through links in an agent's home", unharmed, "links in a home are replaced")
    site.attack(f"sh:cd; rm -rf empty; ln -s {site.other} empty", home=home)
    result = site.attack("sh:touch got", home=home, directory=home)
    yield Verdict(
        "have the host mount a folder through a link",
        not (site.other / "got").exists() and result.succeeded,
        "nothing below a writable mount is mounted again, and no link ever",
    )
    site.attack("sh:rm -rf ./*")


def _output(site: Site) -> Generator[Verdict]:
    """Get the model's key into a log."""
    key, said = f"plain-{secrets.token_hex(12)}", list[str]()
    item = WorkItem(repository=Repository(name="shop"), title="x", kind="bug")
    turn = AgentTurn(kind="researcher", session="r/s/1", item=item, prompt="")
    agent = CommandAgent.model_validate({"command": ["python3", "-c", _PRINTS_KEY], "environment": {"MODEL_KEY": key}})
    try:
        agent.take(turn, Seat(site.sandbox), said.append)
    except AgentFailed as error:
        said.append(error.message + error.detail)
    yield Verdict("get the model's key into the log", key not in "".join(said), f"it is taken out: {said[0]}")


def _processes(site: Site) -> Generator[Verdict]:
    """Outlive the turn, or answer for a later one."""
    beat = site.tree / "beat"
    loop = "while :; do date +%N > beat; sleep 0.05; done"
    site.attack(f"sh:(setsid sh -c 'trap \"\" TERM HUP; {loop}' &) ; while [ ! -s beat ]; do sleep 0.05; done")
    yield Verdict("leave a daemon behind", _still(beat), "every process below the supervisor is killed")
    killed = site.attack(f"sh:(setsid sh -c '{loop}' &); sleep 0.3; kill -9 -1; kill -9 $PPID; {loop}")
    why = f"ended as {killed.ending}, and the container went with it"
    yield Verdict("kill the supervisor and go on", killed.ending is not Ending.EXITED and _still(beat), why)
    site.attack(_FORGES_JOB, run="escapes", job="forging")
    held = [job for job in ("a" * 32, "escapes", "j") if site.sandbox.holds("escapes", job)]
    yield Verdict("answer for a later turn", not held and _well(site), "a launcher's token is a secret of the flow")
    result = site.attack("sh:echo forged > /proc/$PPID/fd/1; printf 'ended 0\\n' > /proc/$PPID/fd/4; exit 9")
    yield Verdict("forge the exit code", result.code == 9, f"the code that counts was {result.code}")
    site.attack("sh:rm -rf ./*")


def _still(path: Path) -> bool:
    """Whether nobody writes a file any more."""
    found: Callable[[], str] = path.read_text
    before = found()
    time.sleep(0.3)
    return found() == before
