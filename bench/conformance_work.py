"""Behaviours of a turn in which everything goes well: what it changes, says and consumes."""

from __future__ import annotations

from threading import Event

from bench.conformance_scene import GUIDES, PROMPT, Scene, Task, fails
from bench.model_server import Edit, Final, Say, Script, Shell, Slow, Tokens
from contracts.agent import Limits
from contracts.structured import extract

_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string"}, "rating": {"type": "number"}},
    "required": ["verdict", "rating"],
    "additionalProperties": False,
}
_SLOW_SECONDS, _QUIET_SECONDS = 50.0, 95.0


def edits(scene: Scene) -> str:
    """The file that the model writes is in the checkout, and nothing else is."""
    taken = scene.play(Script(Edit("added.py", "PRICE = 2\n"), Say("Added.")))
    return fails(
        (not taken.trouble, taken.trouble),
        (scene.file("added.py") == "PRICE = 2\n", f"the file holds {scene.file('added.py')!r}"),
        (scene.changed() == ["added.py"], f"changed were {scene.changed()}"),
    )


def runs_a_command(scene: Scene) -> str:
    """A command runs in the checkout, and the model is told what it printed."""
    taken = scene.play(Script(Shell("echo PRICE = 3 > shop.py; printf 'six times %s\\n' 42"), Say("Done.")))
    return fails(
        (not taken.trouble, taken.trouble),
        (scene.file("shop.py") == "PRICE = 3\n", f"the file holds {scene.file('shop.py')!r}"),
        ("six times 42" in taken.told(2), "the model was not told what the command printed"),
    )


def answers(scene: Scene) -> str:
    """The prompt reaches the model, and its final words are the reply."""
    taken = scene.play(Script(Say("Nothing to do;\nthe shop is well.")))
    return fails(
        (not taken.trouble, taken.trouble),
        (PROMPT in taken.told(1), "the model was not told the prompt"),
        (taken.reply.text == "Nothing to do;\nthe shop is well.", f"the reply is {taken.reply.text!r}"),
        (len(taken.script.main) == 1, f"the model was asked {len(taken.script.main)} times"),
    )


def gives_a_verdict(scene: Scene) -> str:
    """A turn with a schema that may not write gives exactly the object of the model."""
    verdict = {"verdict": "pass", "rating": 0.75}
    taken = scene.play(Script(Final(verdict)), Task(schema=_SCHEMA, writable=False))
    return fails((not taken.trouble, taken.trouble), (extract(taken.reply) == verdict, f"it gave {taken.reply!r}"))


def needs_no_change(scene: Scene) -> str:
    """The marked line is read, its reason is the reply's, and the checkout is as it was."""
    taken = scene.play(Script(Say("I looked at it.\nNO CHANGE NEEDED: it is there already")))
    return fails(
        (not taken.trouble, taken.trouble),
        (taken.reply.no_change_needed == "it is there already", f"it read {taken.reply.no_change_needed!r}"),
        (not scene.changed(), f"changed were {scene.changed()}"),
    )


def is_slow(scene: Scene) -> str:
    """Answers that take longer together than the limit of silence, and each less, end in success."""
    late = [Slow(Shell("true"), _SLOW_SECONDS), Slow(Say("Slow but sure."), _SLOW_SECONDS)]
    taken = scene.play(Script(*late), Task(limits=Limits(wall_seconds=240, quiet_seconds=_QUIET_SECONDS)))
    return fails(
        (not taken.trouble, taken.trouble),
        (taken.reply.text == "Slow but sure.", f"the reply is {taken.reply.text!r}"),
        (taken.seconds > _QUIET_SECONDS, f"it took {taken.seconds:.0f} s only"),
    )


def tells_live(scene: Scene) -> str:
    """A finished tool call is in the log while the model still thinks about its next answer."""
    heard: list[str] = []
    release = Event()

    def look(script: Script) -> None:
        script.wait_for(2, 120)
        with scene.heard:
            scene.heard.wait_for(lambda: any("live-marker" in line for line in scene.lines), 20)
            heard.extend(scene.lines)
        release.set()

    taken = scene.play(Script(Shell("true live-marker"), Slow(Say("Done."), until=release)), meanwhile=look)
    return fails(
        (not taken.trouble, taken.trouble),
        (any("live-marker" in line for line in heard), f"heard until then: {heard}"),
    )


def counts_usage(scene: Scene) -> str:
    """Tokens are those of the model's answers exactly, and the model has a name."""
    script = Script(Shell("true", Tokens(900, 300, 40)), Say("Done.", Tokens(1_100, 700, 60)))
    usage = scene.play(script).reply.usage
    told = (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens)
    return fails((told == (2_000, 1_000, 100), f"counted {told}"), (bool(usage.model), "no model is named"))


def knows_the_cost(scene: Scene) -> str:
    """The turn has the price that the program states."""
    usage = scene.play(Script(Say("Done.", Tokens(1_000, 0, 1_000)))).reply.usage
    return fails((usage.cost is not None and usage.cost > 0, f"the cost is {usage.cost}"))


def counts_each_turn(scene: Scene) -> str:
    """A second turn in the same home counts what it consumed itself, and no more."""
    first = scene.play(Script(Say("One.", Tokens(1_000, 0, 50)))).reply.usage
    second = scene.play(Script(Say("Two.", Tokens(700, 0, 30))), Task(job="run/coder/2")).reply.usage
    return fails(
        ((first.input_tokens, first.output_tokens) == (1_000, 50), f"the first turn counted {first!r}"),
        ((second.input_tokens, second.output_tokens) == (700, 30), f"the second turn counted {second!r}"),
    )


def leaves_guides(scene: Scene) -> str:
    """The repository's guides for agents, and everything else in the checkout, are as they were."""
    taken = scene.play(Script(Shell("true"), Say("Done.")))
    return fails(
        (not taken.trouble, taken.trouble),
        (not scene.changed(), f"changed were {scene.changed()}"),
        (all(scene.file(name) == text for name, text in GUIDES.items()), "a guide was changed"),
    )
