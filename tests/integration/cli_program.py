"""A small program with sessions, as command line agents are, and the agent block that runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar

from blocks.cli_agent import Begun, CliAgent, Invocation
from contracts.agent import AgentTurn, Usage
from contracts.event import Event, read_event
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, forced_ending

PROGRAM = """
import json, os, pathlib, sys, time
how, session = sys.argv[1:]
home = pathlib.Path(os.environ["HOME"])
kept = home / f"{session}.session"
prompt = sys.stdin.read()
def tell(**event):
    print(json.dumps(event), flush=True)
if how == "resume" and not kept.exists():
    sys.exit("unknown session")
if how == "begin" and kept.exists():
    sys.exit("session in use")
with kept.open("a") as file:
    file.write(prompt + "\\n")
tell(session=session, said="begun", tokens=5)
tell(said=(home / "settings" / "own.json").read_text())
if (home / "dies").exists():
    (home / "dies").unlink()
    os.kill(os.getpid(), 9)
tell(said=os.environ["KEY"], done=1, planned=2)
tell(answer=kept.read_text() + os.environ["KEY"], tokens=7)
"""


class TellingTranscript(Transcript):
    """Reads the program."""

    def __init__(self) -> None:
        self._last = Event()
        self._tokens = 0

    def hear(self, line: str) -> Heard:
        self._last = event = read_event(line)
        self._tokens = event.count("tokens") or self._tokens
        return Heard(
            useful=True,
            said=event.text("said"),
            session=event.text("session"),
            done=event.count("done"),
            planned=event.count("planned"),
            usage=Usage(model="m", input_tokens=self._tokens),
        )

    def end(self, process: Exit) -> Ended:
        usage = Usage(model="m", input_tokens=self._tokens) if self._tokens else Usage()
        known = {"unknown session": TurnEnding.UNKNOWN_SESSION, "session in use": TurnEnding.TAKEN_SESSION}
        forced = forced_ending(process) or known.get(process.stderr.strip())
        ending = forced or (TurnEnding.SUCCESS if self._last.text("answer") else TurnEnding.CRASHED)
        text = self._last.text("answer")
        return Ended(ending=ending, text=text, message=process.stderr, usage=usage, structured={"answer": [text]})


class TellingAgent(CliAgent):
    """Runs the program."""

    _block_type_name = "Telling Agent"
    _block_type_slug = "telling-agent"

    provider: ClassVar[tuple[str, ...]] = ("api.example.com",)

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        argv = [sys.executable, "-c", PROGRAM, "resume" if resumes else "begin", session]
        return Invocation(argv=argv, stdin=prompt, files={"settings/own.json": json.dumps({"a": 1})})

    def transcript(self, turn: AgentTurn, begun: Begun) -> TellingTranscript:
        return TellingTranscript()


class ForgetfulAgent(TellingAgent):
    """Runs the program as if it had no sessions."""

    _block_type_name = "Forgetful Agent"
    _block_type_slug = "forgetful-agent"

    remembers: ClassVar[bool] = False
