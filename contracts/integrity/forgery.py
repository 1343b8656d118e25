"""What changed source does to the run that judges it: the tests import it, so it can turn on them.

Judged are Python files that are no tests, and files that Python loads without source. What is found is not proof of
intent: a construct was put to use that serves to escape judgement, so only a person lets it pass.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from contracts.integrity.constant_answers import constant_answers
from contracts.integrity.escapes import Sign, escapes
from contracts.integrity.hunks import Hunks
from contracts.integrity.import_escapes import import_escapes
from contracts.integrity.python_source import Source
from contracts.integrity.strictness import Change
from contracts.integrity.suite_files import is_compiled, is_python, is_test, is_test_configuration
from contracts.integrity.syntax_shape import UNREADABLE
from contracts.integrity.tampering import UNREADABLE_TEXT, Tampering

__all__ = ["forgeries"]

_LONGEST = 1_000_000
_LONGEST_WHY = 400
_LINK = re.compile(r"[^\s()=:#\"']+")
_WORDS = re.compile(
    r"\b(_exit|_getframe|_pytest|SkipTest|__builtins__|abort|atexit|ctypes|currentframe|eval|exec|f_back|f_globals"
    r"|f_locals|faulthandler|get_objects|get_referrers|getpid|junit\w*|pytest|setprofile|settrace|sys\.modules|tb_frame"
    r"|unittest)\b"
)
_ANSWERS = "gives the same answer whatever it is compared with"

_Texts = Mapping[str, str | None]
_Key = tuple[str, bool]


def forgeries(before: _Texts, after: _Texts) -> list[Tampering]:
    """Return each construct that a change puts to use in source and that serves to escape judgement, by path.

    Args:
        before: path → text in the base commit for every path that the change touched; none: the path was absent,
            `UNREADABLE_TEXT`: it was not text.
        after: the same for the new tree.

    All of them block. What the base's version of a file uses as often is not new, and a file that was moved under its
    name is the same file. Source that is not Python is left to the suite, unless it names such a construct: another
    release of Python may read it. Never raises on any text.
    """
    moved = {(PurePosixPath(path).name, text) for path, text in before.items() if after.get(path) is None}
    found: list[Tampering] = []
    for path in sorted(after):
        old, new = before.get(path), after[path]
        if new is None or (old == new and old != UNREADABLE_TEXT) or is_test(path):
            continue
        if is_compiled(path) or path.endswith(".pth"):
            found.append(_block(path, "Python would load it, and it cannot be read as source"))
        elif _is_judged(path) and (new == UNREADABLE_TEXT or (PurePosixPath(path).name, new) not in moved):
            found += _judge(path, old, new)
    return found


def _is_judged(path: str) -> bool:
    """Return whether a path is source; configuration of the tests is judged as that, except for what builds it."""
    return is_python(path) and (not is_test_configuration(path) or PurePosixPath(path).name == "setup.py")


def _block(path: str, why: str, hunk: str = "") -> Tampering:
    return Tampering(path=path, change=Change.NEUTERED, why=why[:_LONGEST_WHY], hunk=hunk)


def _judge(path: str, old: str | None, new: str) -> Iterator[Tampering]:
    if new == UNREADABLE_TEXT or len(new) > _LONGEST:
        yield _block(path, "the source cannot be read as text")
        return
    hunks = Hunks(path, None if old == UNREADABLE_TEXT else old, new)
    if _LINK.fullmatch(new):
        yield _block(path, "it may be a link, so the code that runs stands elsewhere", hunks.touching())
        return
    try:
        source = Source(path, new)
        signs = list(_new_signs(path, old, source))
    except SyntaxError:
        yield from _judge_words(path, old, new, hunks)
        return
    except UNREADABLE:
        yield _block(path, "the source cannot be followed, so nothing is known about what it does", hunks.touching())
        return
    for sign in signs:
        why = f"{sign.what!r} was put to use, which {sign.why}"
        yield _block(path, why, hunks.touching(None, _lines(sign.node, source)))


def _new_signs(path: str, old: str | None, source: Source) -> Iterator[Sign]:
    """Return one sign for each construct that the new version uses more often than the old one, the last new use."""
    known = _count(path, old)
    used: Counter[_Key] = Counter()
    fresh: dict[str, Sign] = {}
    for sign, key in _signs(source):
        used[key] += 1
        if used[key] > known[key]:
            fresh[sign.what] = sign
    yield from fresh.values()


def _signs(source: Source) -> Iterator[tuple[Sign, _Key]]:
    for sign in (*escapes(source), *import_escapes(source)):
        yield sign, (sign.what, source.runs_at_import(sign.node))
    for name, node in constant_answers(source.tree):
        yield Sign(name, _ANSWERS, node), (name, False)


def _count(path: str, text: str | None) -> Counter[_Key]:
    """Return how often each construct is used; an old version that cannot be read uses none."""
    if text is None or text == UNREADABLE_TEXT or len(text) > _LONGEST:
        return Counter()
    try:
        return Counter(key for _, key in _signs(Source(path, text)))
    except UNREADABLE:
        return Counter()


def _judge_words(path: str, old: str | None, new: str, hunks: Hunks) -> Iterator[Tampering]:
    known, used = (Counter(_WORDS.findall(text)) for text in (old or "", new))
    for word in sorted(used - known):
        yield _block(path, f"it is no Python to this release of it, and names {word!r}", hunks.touching())


def _lines(node: ast.AST, source: Source) -> range | None:
    statement = node if hasattr(node, "lineno") else source.statement(node)
    start: int = getattr(statement, "lineno", 0)
    end: int = getattr(statement, "end_lineno", None) or start
    return range(start - 1, end) if start else None
