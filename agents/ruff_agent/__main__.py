"""The start: one turn on standard input, one reply on standard output, progress on standard error.

Exit codes: 0 a reply was written; 1 the turn failed; 2 the turn or the arguments cannot be served; 3 ruff is missing.
"""

import json
import sys
from pathlib import Path

if not __package__:  # started by its path: the folder above is where this package is imported from
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = "ruff_agent"

from .assessment import assess
from .checkout import Checkout
from .findings import Ruff
from .repair import code
from .survey import survey
from .taking_back import fix
from .turn import Answer, CannotServe, Turn, read_turn
from .verdict import review
from .work import Work

_KINDS = {
    "analysis": survey,
    "coder": code,
    "reviewer": review,
    "merger": assess,
    "fixer": fix,
    "ci-fixer": fix,
}


def main() -> int:
    """Serve one turn and return the exit code."""
    try:
        turn = read_turn(sys.stdin.buffer.read(), sys.argv[1:])
        answer = _serve(turn)
    except CannotServe as error:
        print(error, file=sys.stderr)
        return error.code
    json.dump(answer.document(), sys.stdout)
    return 0


def _serve(turn: Turn) -> Answer:
    if turn.kind not in _KINDS:
        raise CannotServe(
            f"kind {turn.kind!r} is not served; let another agent do it, this one does {', '.join(_KINDS)}"
        )
    if turn.root is None:
        raise CannotServe(f"the turn of kind {turn.kind!r} has no workspace; this agent works on a checkout")
    checkout = Checkout(turn.root, turn.base, turn.settings.exclude)
    return _KINDS[turn.kind](Work(turn, checkout, Ruff(turn.root, turn.settings.select)))


if __name__ == "__main__":
    sys.exit(main())
