"""The way of an issue through a team's installation: `make team`.

PostgreSQL, Redis, server, background services, receiver, connector of Slack, janitor and two workers are real and set
as in deployments/compose.yaml, and so are the agent's program, its container, Git and every webhook. GitHub, Slack and
the model are servers on this machine that speak the real formats.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from bench.github_server import Delivery
from bench.team_scene import Team, soon, team
from contracts.errors import DeliveryError
from deployments.sample import DESCRIPTION, TITLE


class Shown:
    """Prints what was observed, each with the time since the beginning, and counts what is not as it should be."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.amiss = 0

    def seen(self, what: str) -> None:
        """Print an observation."""
        print(f"{time.monotonic() - self._begun:6.1f} s  {what}", flush=True)

    def check(self, what: str, found: object, wanted: object) -> None:
        """Print a comparison."""
        right = found == wanted
        self.amiss += not right
        print(f"{'  ok' if right else 'AMISS'}  {what}: {found}" + ("" if right else f", not {wanted}"), flush=True)


def deliver(scene: Team, shown: Shown) -> Delivery:
    """Let Ada label an issue and answer in Slack; return the webhook that began it when the work is merged."""
    hub = scene.hub
    issue = hub.say("POST", "/issues", title=TITLE, body=DESCRIPTION)
    hub.say("POST", f"/issues/{issue['number']}/labels", labels=["deliver"])
    shown.seen(f"GitHub: ada labels issue #{issue['number']} {TITLE!r} with 'deliver'")
    begun = soon(
        "the receiver's answer",
        lambda: next((one for one in hub.server.hooks.deliveries if _is_label(one) and one.status), None),
    )
    shown.seen(f"receiver: answers the webhook with {begun.status}")
    run = soon("a run", lambda: next(iter(runs()), None))
    shown.seen(f"Prefect: a run of build begins, {str(run.id)[:8]}")
    asked = soon("a question in Slack", scene.question)
    shown.seen(f"Slack: {_first_line(asked)}")
    soon("the suspended run", lambda: _present(run).state_name == "Suspended" or None)
    shown.seen(f"Prefect: the run {_present(run).name!r} is suspended and holds no process")
    scene.ada.press(asked["ts"], "Approve")
    shown.seen("Slack: ada presses Approve")
    pull = soon("a pull request", lambda: next(iter(hub.repository.pulls.values()), None))
    shown.seen(f"GitHub: pull request #{pull.issue.number}{' (draft)' if pull.draft else ''}")
    soon("a check", lambda: hub.repository.statuses or None)
    shown.seen(f"GitHub: check {hub.repository.statuses[0]['context']}: {hub.repository.statuses[0]['state']}")
    soon("the merge", lambda: pull.merged_at or _final(run))
    shown.seen(f"GitHub: main is at {hub.repository.tip('main')[:10]}")
    ended = soon("the end of the run", lambda: _final(run))
    shown.seen(f"Prefect: {ended.state_name}")
    return begun


def verify(scene: Team, shown: Shown, begun: Delivery) -> None:
    """Look at everything that the run should have left, also after the same webhook has come again."""
    hub = scene.hub
    hub.server.hooks.redeliver(begun)
    again = [one for one in hub.server.hooks.deliveries if one.id == begun.id][-1]
    soon("the receiver's second answer", lambda: again.status or None)
    shown.check("the same webhook once more is answered with", again.status, 200)
    shown.check("runs", [one.state_name for one in runs()], ["Merged"])
    shown.check("pull requests", [bool(one.merged_at) for one in hub.repository.pulls.values()], [True])
    issue = hub.repository.issues[1]
    shown.check("issue", (issue.state, issue.state_reason), ("closed", "completed"))
    told = [one for one in hub.repository.comments.values() if one["user"] == "robot"]
    shown.check("comments, one on the pull request and one on the issue", len(told), 2)
    shown.check("comments that tell of the merge", sum("Merged" in one["body"] for one in told), 2)
    messages = scene.slack.workspace.messages()
    shown.check("Slack: questions that can still be answered", scene.question(), None)
    shown.check("Slack: threads", len({one.get("thread_ts", one["ts"]) for one in messages}), 1)
    shown.check("Slack: proven decisions", _words(messages).count("Ada (U0ADA) chose approve"), 1)
    shown.check("branches", hub.repository.git.run("for-each-ref", "--format=%(refname:short)"), "main")
    shown.check("requests and answers that GitHub does not know", hub.server.violations, [])
    shown.check("secrets in logs", _leaks(scene), [])


def runs() -> list[FlowRun]:
    """Return every run of a pipeline."""
    with get_client(sync_client=True) as client:
        return [one for one in client.read_flow_runs() if "item" in one.parameters]


def _present(run: FlowRun) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def _final(run: FlowRun) -> FlowRun | None:
    now = _present(run)
    return now if now.state is not None and now.state.is_final() else None


def _is_label(delivery: Delivery) -> bool:
    return delivery.event == "issues" and b'"labeled"' in delivery.body and "/webhooks/github" in delivery.hook.url


def _first_line(message: dict[str, Any]) -> str:
    return str(message["blocks"][0]["text"]["text"]).splitlines()[0]


def _words(messages: list[dict[str, Any]]) -> str:
    return str(messages).replace("\\u2060", "").replace("\u2060", "")


def _leaks(scene: Team) -> list[str]:
    space, made = scene.slack.workspace, scene.made
    secrets = {
        scene.hub.token,
        space.token,
        space.app_token,
        *(made.secret(one) for one in ("github_webhook", "model_key")),
    }
    logs = sorted((made.home / "services").glob("*.log"))
    return [one.name for one in logs if any(secret in one.read_text() for secret in secrets)]


def main() -> int:
    """Show the way of one issue; return 0 when everything was as it should be."""
    logging.disable(logging.WARNING)
    print("building the images of the sandbox, once, and starting the installation …", flush=True)
    with team() as scene:
        shown = Shown()
        verify(scene, shown, deliver(scene, shown))
    print(f"merged={int(not shown.amiss)} amiss={shown.amiss}")
    return 1 if shown.amiss else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DeliveryError, TimeoutError) as error:
        sys.exit(f"{error}")
