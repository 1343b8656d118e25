"""The demonstration with a real agent's program, in a Docker sandbox: `make demo AGENT=claude-code`.

The program is real, and so are its container, its tools and its edits; the model behind it is a server on this
machine that plays the sample's script, so that no account is needed.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import blocks
from bench.conformance_subjects import SUBJECTS, Subject
from bench.docker_engine import build_images, docker_engine
from bench.model_server import Final, ModelServer, Move, Roles, Say, Shell
from blocks.scripted_agent import Play
from contracts.errors import DeliveryError
from contracts.markers import COMMIT
from contracts.policy import Policy, SuitePolicy
from deployments import demo
from deployments.bootstrap import save
from deployments.sample import sample_agent

SUITE = ["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={junit}"]
"""The sample's suite in the containers of an agent."""


def agent_url(port: int) -> str:
    """Return the address of a server on this machine as an agent in a container calls it."""
    return f"http://host.docker.internal:{port}"


def moves(plays: list[Play]) -> Iterator[Move]:
    """Yield what a model does that takes the turns of a script: each file by the shell, then the answer."""
    for play in plays:
        for path, text in play.files.items():
            file = shlex.quote(path)
            yield Shell(f"rm {file}" if text is None else f"printf %s {shlex.quote(text)} > {file}")
        if play.structured is not None:
            yield Final(dict(play.structured))
        else:
            yield Say("\n".join([play.text, f"{COMMIT} {play.commit_message}"] if play.commit_message else [play.text]))


def prepare(subject: Subject, engine: str, port: int, home: Path) -> None:
    """Save the blocks of the demonstration, with the program as the agent of every step.

    Args:
        subject: the program.
        engine: address of the Docker engine.
        port: of the model server.
        home: folder of the installation.
    """
    demo.set_up(home)
    sandbox = blocks.DockerSandbox(engine=engine, installation="demo", image=f"prefect-delivery-{subject.name}")
    suite = SuitePolicy(command=SUITE, single=[*SUITE, "-k", "{test}"])
    policy = Policy(
        agents={"default": save(subject.block(agent_url(port), {}))},
        sandbox=save(sandbox),
        suite=suite,
        workspaces=home / "runs",
        settle_seconds=1,
    )
    save(blocks.DeliveryPolicy(policy=policy))


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration with the named program; return 0 when the change was merged."""
    named = sys.argv[1:] if arguments is None else arguments
    subject = next((one for one in SUBJECTS if [one.name] == named), None)
    if subject is None:
        sys.exit(f"AGENT is {' '.join(named)!r}; choose one of {', '.join(one.name for one in SUBJECTS)}")
    script = Roles({role: list(moves(plays)) for role, plays in sample_agent().script.items()})
    claim = f"{subject.title} fixes a bug in a small shop, in a container, with a model that plays a script."
    with docker_engine() as engine, ModelServer(script) as server:
        print("building the images of the sandbox, once …", flush=True)
        build_images(engine, "egress", subject.name)
        return 0 if demo.show(claim, partial(prepare, subject, engine, server.port)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"{error.message}\n{error.detail}".strip())
