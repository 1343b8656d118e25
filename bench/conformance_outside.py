"""Behaviours towards text from outside: secrets, prompts that look like commands, and more than fits."""

from __future__ import annotations

import os

from bench.conformance_scene import Scene, Task, fails, leaked
from bench.conformance_subjects import KEY
from bench.model_server import Say, Script, Shell

_SECRET = "conformance-host-secret-8d1f"
_SHELLS = (
    "--help\n-p -x --version\n$(touch pwned) `touch pwned`; touch pwned\n'\"\\ %s ${HOME} @AGENTS.md !touch pwned\n"
)
_LONG = "".join(f"line {number} of a long description\n" for number in range(9_500))


def hides_secrets(scene: Scene) -> str:
    """The model's key reaches no line and no part of the reply, and the host's environment does not reach the agent."""
    os.environ["CONFORMANCE_HOST_SECRET"] = _SECRET
    script = Script(Shell(f"env; echo the key is {KEY}; echo {KEY} >&2"), Say(f"The key is {KEY}, keep it."))
    taken = scene.play(script)
    return fails(
        (not taken.trouble, taken.trouble),
        (not leaked(taken.lines), "the key is in the log"),
        (not leaked([taken.reply.model_dump_json()]), "the key is in the reply"),
        ("The key is" in taken.reply.text, f"the reply is {taken.reply.text!r}"),
        ("PATH=" in taken.told(2), "the model was not told the environment"),
        (_SECRET not in taken.told(2), "the agent has the host's environment"),
    )


def takes_a_long_prompt(scene: Scene) -> str:
    """A prompt of 300 kB reaches the model whole."""
    prompt = f"first-marker\n{_LONG}last-marker"
    taken = scene.play(Script(Say("Read.")), Task(prompt=prompt))
    return fails(
        (not taken.trouble, taken.trouble),
        (len(prompt) > 300_000, "the prompt is too short"),
        (prompt in taken.told(1), f"the model was told {len(taken.told(1))} characters"),
    )


def takes_any_prompt(scene: Scene) -> str:
    """A prompt that looks like options and shell commands reaches the model as it is, and nothing of it runs."""
    taken = scene.play(Script(Say("Read.")), Task(prompt=_SHELLS))
    return fails(
        (not taken.trouble, taken.trouble),
        (_SHELLS.strip() in taken.told(1), f"the model was told {taken.told(1)[-400:]!r}"),
        (taken.reply.text == "Read.", f"the reply is {taken.reply.text!r}"),
        (not scene.changed(), f"changed were {scene.changed()}"),
    )


def bears_a_flood(scene: Scene) -> str:
    """A tool that prints 3 MB ends neither the turn nor its log."""
    taken = scene.play(Script(Shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo flood-over"), Say("Done.")))
    return fails(
        (not taken.trouble, taken.trouble),
        (taken.reply.text == "Done.", f"the reply is {taken.reply.text!r}"),
        (sum(map(len, taken.lines)) < 200_000, "the flood is in the log"),
    )
