"""What stands around an installation in `make team`: GitHub, Slack and a model on this machine, and their people."""

from __future__ import annotations

import sys
import tarfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import yaml

from bench.agent_demo import SUITE, agent_url, moves
from bench.conformance_subjects import KEY, SUBJECTS
from bench.docker_engine import build_images, docker_engine
from bench.github_server import Hook
from bench.github_server.people import NAME, GitHub, github
from bench.installation_scene import Installation, installation
from bench.model_server import ModelServer, Roles
from bench.slack_server import Person, SlackServer
from blocks.scripted_agent import Play
from deployments.sample import FOLDER, sample_agent

ADA = "U0ADA"
CHECK = "unit-tests"
PATIENCE_SECONDS = 300.0
_Found = TypeVar("_Found")
_DESIGN = "discount() takes the code's share off the sum of the prices, once; basket() stays as it is."
_SMALL = {"complexity": 0.1, "risk": 0.1, "impact": 0.1, "rationale": "One function of three lines."}


@dataclass
class Team:
    """An installation with everything around it.

    Args:
        made: the installation.
        hub: GitHub with one repository.
        slack: Slack with one channel.
    """

    made: Installation
    hub: GitHub
    slack: SlackServer

    @property
    def ada(self) -> Person:
        """Who answers in Slack."""
        return Person(self.slack, ADA)

    def question(self) -> dict[str, Any] | None:
        """Return the message that can be answered just now."""
        asked = (one for one in self.slack.workspace.messages() if _has_buttons(one))
        return next(asked, None)


def soon(what: str, look: Callable[[], _Found | None]) -> _Found:
    """Return what a look finds, as soon as it finds something.

    Args:
        what: what is looked for, in words.
        look: returns it, or nothing.

    Raises:
        TimeoutError: it found nothing in five minutes.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} was not seen within {PATIENCE_SECONDS:.0f} s")


@contextmanager
def team() -> Generator[Team]:
    """Run an installation with GitHub, Slack and a model for the time of the block."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="team-"))) / "home"
        engine = stack.enter_context(docker_engine())
        build_images(engine, "egress", "claude-code")
        model = stack.enter_context(ModelServer(Roles({role: list(moves(all_)) for role, all_ in _script().items()})))
        hub = stack.enter_context(github(home.parent / "github", _files()))
        slack = stack.enter_context(SlackServer())
        slack.workspace.add_user(ADA, "Ada Lovelace")
        hub.repository.protection["main"] = [CHECK]
        hub.reactions |= {"pull_request.opened": _build, "pull_request.synchronize": _build}
        made = stack.enter_context(installation(home, workers=0))
        _furnish(made, hub, slack, _agent(agent_url(model.port)), engine)
        _start(made, stack)
        hub.server.hooks.registered.append(
            Hook(NAME, f"http://127.0.0.1:{made.receiving}/webhooks/github", made.secret("github_webhook"))
        )
        slack.socket.wait_for(1)
        yield Team(made, hub, slack)


def _script() -> dict[str, list[Play]]:
    """What the model says: the sample's script, and what `build` asks beyond it."""
    played = sample_agent().script
    design: dict[str, list[Play]] = {
        "requirements-review": [Play(structured={"findings": []})],
        "task-estimator": [Play(structured=_SMALL)],
        "architect": [Play(text=_DESIGN)],
        "architect-companion": [Play(structured={"rating": 0.9, "summary": "Small and right.", "comments": []})],
    }
    return {**played, **design}


def _files() -> dict[str, str]:
    paths = [one for one in FOLDER.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
    return {str(one.relative_to(FOLDER)): one.read_text() for one in paths}


def _agent(url: str) -> dict[str, Any]:
    subject = next(one for one in SUBJECTS if one.name == "claude-code")
    fields = subject.block(url, {}).model_dump(mode="json", include={"base_url", "retries"})
    return {**fields, "environment": {"ANTHROPIC_API_KEY": "${file:SECRETS/model_key}"}}


def _furnish(made: Installation, hub: GitHub, slack: SlackServer, agent: dict[str, Any], engine: str) -> None:
    """Write secrets and document of the installation, and let the service `bootstrap` bring the server to them."""
    space = slack.workspace
    given = {"github_token": hub.token, "slack_bot_token": space.token, "slack_app_token": space.app_token}
    for name, value in {**given, "model_key": KEY}.items():
        (made.secrets / name).chmod(0o644)
        (made.secrets / name).write_text(value)
    here: dict[str, Any] = {"base_url": hub.server.api, "token": "${file:SECRETS/github_token}"}
    tokens = {"token": "${file:SECRETS/slack_bot_token}", "app_token": "${file:SECRETS/slack_app_token}"}
    policy = {
        "agents": {"default": "claude-code-agent/main"},
        "sandbox": "docker-sandbox/main",
        "workspaces": str(made.home / "runs"),
        "channel": "slack-channel/main",
        "slack_approvers": [ADA],
        "tracker": "github-issues/main",
        "suite": {"command": SUITE, "single": [*SUITE, "-k", "{test}"]},
        "attentive_minutes": 0,
    }
    fields: dict[str, dict[str, Any]] = {
        "ledger/main": {
            "url": made.ledger.replace(made.secret("delivery_password"), "${file:SECRETS/delivery_password}")
        },
        "github-forge/main": here,
        "github-issues/main": here,
        "slack-channel/main": {**tokens, "channel": space.channel.id, "address": slack.url},
        "docker-sandbox/main": {"engine": engine, "installation": "team", "image": "prefect-delivery-claude-code"},
        "claude-code-agent/main": agent,
        "delivery-policy/main": {"policy": policy},
    }
    document = {
        "work_pools": [{"name": "delivery", "concurrency_limit": 8}],
        "paused": ["recover/every-minute", "escalate/every-five-minutes"],
        "blocks": [{"block": block, "fields": values} for block, values in fields.items()],
    }
    file = made.home / "installation.yaml"
    file.write_text(yaml.safe_dump(document).replace("SECRETS", str(made.secrets)))
    made.process("bootstrap", ["delivery", "bootstrap", str(file)], made.settings_of("bootstrap")).run()


def _start(made: Installation, stack: ExitStack) -> None:
    """Start what compose.yaml starts beside server and databases."""
    rules = Path(__file__).resolve().parent.parent / "deployments/triggers.yaml"
    started = [made.receiver(rules), made.service("slack", DELIVERY_TRIGGERS=str(rules)), made.service("janitor")]
    for one in started:
        stack.callback(one.stop)
        one.start()
    made.await_receiver(started[0])
    for _ in range(2):
        made.worker()


def _build(hub: GitHub, payload: dict[str, Any]) -> None:
    """Run the tests of a commit in a copy of it, as a build machine does, and tell GitHub how they went."""
    sha = str(payload["pull_request"]["head"]["sha"])
    asked = ["git", "--git-dir", str(hub.repository.git.directory), "archive", sha]
    tree = run(asked, capture_output=True, check=True).stdout
    with TemporaryDirectory(prefix="team-build-") as folder:
        with tarfile.open(fileobj=BytesIO(tree)) as archive:
            archive.extractall(folder, filter="data")
        tested = run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=folder,
            check=False,
            capture_output=True,
        )
    state = "failure" if tested.returncode else "success"
    hub.say("POST", f"/statuses/{sha}", state=state, context=CHECK)


def _has_buttons(message: dict[str, Any]) -> bool:
    return any(block["type"] == "actions" for block in message.get("blocks", []))
