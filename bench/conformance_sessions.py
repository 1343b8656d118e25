"""Behaviours of a turn whose process is lost, and of the session that it leaves."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from bench.conformance_scene import PROMPT, Scene, Taken, fails
from bench.model_server import Dead, Say, Script, Shell
from contracts.failure import FailureKind

_STEP = "echo step-done >> steps.txt; printf 'the-step-was-%s\\n' taken"
_DONE = "the-step-was-taken"
_WRITE_SECONDS = 20.0
"""Within which a program must have written the result of a tool call into its session; none does so at once."""


def _lose(scene: Scene) -> Taken:
    """Take a turn whose program is killed when its session knows of its first tool call, while the model thinks."""

    def kill(script: Script) -> None:
        script.wait_for(2, 120)
        late = time.monotonic() + _WRITE_SECONDS
        while not _knows(scene.home, _DONE) and time.monotonic() < late:
            time.sleep(0.1)
        scene.kill()

    return scene.play(Script(Shell(_STEP), then=Dead()), meanwhile=kill)


def _lost(taken: Taken) -> tuple[bool, str]:
    evicted = taken.reply.trouble is not None and taken.reply.trouble.kind is FailureKind.EVICTED
    return evicted, f"the killed turn ended as {taken.trouble or 'a success'!r}"


def goes_on(scene: Scene) -> str:
    """After SIGKILL the turn goes on in its session: the tool call is not done again, and the model knows of it."""
    lost = _lose(scene)
    taken = scene.play(Script(Say("Finished.")))
    return fails(
        _lost(lost),
        (not taken.trouble, taken.trouble),
        (taken.reply.text == "Finished.", f"the reply is {taken.reply.text!r}"),
        (scene.file("steps.txt") == "step-done\n", f"the step was done {scene.file('steps.txt').count('step')} times"),
        (_DONE in taken.told(1), "the model was not told of the finished tool call"),
        (PROMPT in taken.told(1), "the model was not told the prompt of the lost turn"),
        (not lost.reply.session or taken.reply.session == lost.reply.session, "it is another session"),
    )


def counts_what_is_left(scene: Scene) -> str:
    """The process that goes on counts its own tokens and, as far as they were told, the lost one's; none twice."""
    lost, taken = _lose(scene), scene.play(Script(Shell("true"), Say("Finished.")))
    first, usage = lost.reply.usage, taken.reply.usage
    return fails(
        _lost(lost),
        (not taken.trouble, taken.trouble),
        (usage.input_tokens in (2_000, 3_000), f"{usage.input_tokens} tokens were read, 1000 and then 2000"),
        (100 <= usage.output_tokens <= 150, f"{usage.output_tokens} tokens were written, 50 and then 100"),
        (first.input_tokens <= 1_000 and first.output_tokens <= 50, f"the lost process counted {first!r}"),
    )


def begins_anew(scene: Scene) -> str:
    """After SIGKILL, and without what it kept in its home, the program begins the turn anew, with the whole prompt."""
    lost = _lose(scene)
    _empty(scene.home)
    taken = scene.play(Script(Say("Begun anew.")))
    return fails(
        _lost(lost),
        (not taken.trouble, taken.trouble),
        (taken.reply.text == "Begun anew.", f"the reply is {taken.reply.text!r}"),
        (PROMPT in taken.told(1), "the model was not told the prompt"),
        (_DONE not in taken.told(1), "the session was there after all"),
    )


def keeps_a_session(scene: Scene) -> str:
    """The reply names the program's session, and the program's own files in the agent's home know it."""
    session = scene.play(Script(Say("Done."))).reply.session
    return fails((bool(session), "the reply names no session"), (_knows(scene.home, session), f"unknown: {session!r}"))


def _empty(home: Path) -> None:
    for one in home.iterdir():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()


def _knows(home: Path, text: str) -> bool:
    """Whether a text is the name of a file below a home, or stands in one."""
    for one in home.rglob("*"):
        with suppress(OSError):
            if one.is_file() and (text in one.name or text.encode() in one.read_bytes()):
                return True
    return False
