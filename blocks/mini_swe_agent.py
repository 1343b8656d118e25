"""mini-swe-agent as the agent: its own program, with an agent class that tells of each message as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from blocks.cli_agent import Begun, CliAgent, Invocation, as_json
from contracts.agent import AgentTurn
from contracts.transcripts.mini_swe import MiniSweTranscript

_FOLDER = "mini"
_TELLING = '''\
"""Tells of each message of mini-swe-agent as one line of JSON on standard output."""

import json
import os
import time
from pathlib import Path

from minisweagent.agents.default import DefaultAgent

os.environ.pop("PYTHONPATH", None)  # the agent's commands shall not find this module


def tell(**event):
    print(json.dumps(event, default=str), flush=True)


class TellingAgent(DefaultAgent):
    told_of_failure = False

    def run(self, task="", **kwargs):
        prompt = Path(__file__).with_name("prompt.md").read_text(encoding="utf-8")
        try:
            return super().run(prompt, **kwargs)
        except Exception:
            if not self.told_of_failure:
                raise
            raise SystemExit(1) from None

    def add_messages(self, *messages):
        for message in messages:
            extra = message.get("extra") or {}
            response = extra.get("response")
            response = response if isinstance(response, dict) else {}
            role = message.get("role")
            content = message.get("content")
            tell(
                role=role,
                content=content if role in ("assistant", "exit") else "",
                commands=[one.get("command") for one in extra.get("actions") or []],
                model=response.get("model"),
                usage=response.get("usage"),
                cost=extra.get("cost"),
                exit_status=extra.get("exit_status"),
                submission=extra.get("submission"),
            )
        return super().add_messages(*messages)

    def handle_uncaught_exception(self, e):
        self.told_of_failure = True
        headers = getattr(e, "litellm_response_headers", None) or {}
        headers = headers or getattr(getattr(e, "response", None), "headers", None) or {}
        tell(
            role="failed",
            error=type(e).__name__,
            status=getattr(e, "status_code", None),
            content=str(e)[:4000],
            retry_after=headers.get("retry-after"),
            at=time.time(),
        )
        return super().handle_uncaught_exception(e)
'''
_SYSTEM = "You are a software engineer who works in a shell. Every answer calls the tool bash at least once."
_INSTANCE = """\
{{task}}

## How to work
Each command runs in a new shell in the checkout: directory and variables do not last from one to the next.
When you are done, run one last command by itself that prints COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT as its first line
and your whole answer below it, for example:

cat <<'END_OF_ANSWER'
COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT
Your answer, in the form that is asked for above.
END_OF_ANSWER

After it you cannot go on.
"""
_OBSERVATION = """\
<returncode>{{output.returncode}}</returncode>
{% if output.exception_info %}<exception>{{output.exception_info}}</exception>
{% endif %}<output>
{% if output.output | length < 12000 %}{{output.output}}{% else %}{{output.output[:6000]}}
[{{output.output | length - 12000}} characters are left out]
{{output.output[-6000:]}}{% endif %}
</output>"""


class MiniSweAgent(CliAgent):
    """Runs mini-swe-agent; `environment` holds its model's key, such as OPENAI_API_KEY or ANTHROPIC_API_KEY.

    It has no sessions: a turn whose process was lost is begun anew.
    """

    _block_type_name = "Mini SWE Agent"
    _block_type_slug = "mini-swe-agent"
    _description = "Runs mini-swe-agent, with any model that LiteLLM reaches."

    program: str = Field(default="mini", description="Program, by its name on the sandbox's PATH or by its path.")
    model: str = Field(min_length=1, description="Model as LiteLLM names it, provider/model; its host goes to `hosts`.")
    max_turns: int = Field(default=0, ge=0, description="Most answers of the model in one turn; 0: no limit.")
    max_cost: float = Field(default=0, ge=0, description="Most that one turn may cost, in USD; 0: no limit.")
    command_seconds: int = Field(default=600, ge=1, description="Wall clock of one command of the agent.")

    remembers: ClassVar[bool] = False

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called; see `CliAgent.prepare`."""
        folder = home / _FOLDER
        argv = [self.program, "--config", str(folder / "config.yaml"), "--output", str(folder / "trajectory.json")]
        environment = {
            "PYTHONPATH": str(folder),
            "MSWEA_CONFIGURED": "true",
            "MSWEA_SILENT_STARTUP": "1",
            "MSWEA_GLOBAL_CONFIG_DIR": str(folder),
            "MSWEA_COST_TRACKING": "ignore_errors",
            "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": str(self.retries + 1),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",  # otherwise it reads a file .env of the repository
            "LITELLM_TELEMETRY": "False",
        }
        files = {"telling_agent.py": _TELLING, "prompt.md": prompt, "config.yaml": as_json(self._config())}
        files = {f"{_FOLDER}/{name}": content for name, content in files.items()}
        return Invocation(argv=argv, environment=environment, files=files)

    def transcript(self, turn: AgentTurn, begun: Begun) -> MiniSweTranscript:
        """Return what reads the output of one process."""
        return MiniSweTranscript()

    def _config(self) -> dict[str, Any]:
        """The whole configuration: the program would merge files of these names from the repository otherwise."""
        arguments = {"drop_params": True, "max_retries": 0}
        return {
            "run": {"task": "prompt.md"},
            "agent": {
                "agent_class": "telling_agent.TellingAgent",
                "system_template": _SYSTEM,
                "instance_template": _INSTANCE,
                "step_limit": self.max_turns,
                "cost_limit": self.max_cost,
            },
            "environment": {
                "timeout": self.command_seconds,
                "env": {
                    "PAGER": "cat",
                    "MANPAGER": "cat",
                    "LESS": "-R",
                    "PIP_PROGRESS_BAR": "off",
                    "TQDM_DISABLE": "1",
                },
            },
            "model": {
                "model_name": self.model,
                "observation_template": _OBSERVATION,
                "model_kwargs": arguments | ({"api_base": self.base_url} if self.base_url else {}),
            },
        }
