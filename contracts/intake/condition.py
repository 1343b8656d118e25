"""What must stand at a path of the payload, so that a rule fits."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.intake.payload import check_path, find, plain_text

Path = Annotated[str, AfterValidator(check_path)]
Scalar = str | int | bool
_TRIED = 2_000
"""Characters of outside text that a pattern is tried on, because a pattern may take very long on more."""
OPERATORS = ("equals", "in", "matches", "exists", "same")


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


class Condition(BaseModel):
    """One path and one operator; where the path finds several values, one of them suffices."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    path: Path = Field(description="Where to look, such as $.label.name.")
    equals: Scalar | None = Field(default=None, description="The value is exactly this one.")
    is_in: list[Scalar] | None = Field(default=None, alias="in", min_length=1, description="It is one of these.")
    matches: Annotated[str, AfterValidator(_check_pattern)] | None = Field(
        default=None, description="Its beginning fits this regular expression."
    )
    exists: bool | None = Field(default=None, description="There is a value other than null, or there is none.")
    same: Path | None = Field(default=None, description="It is the value at this other path.")

    def fails(self, payload: dict[str, Any]) -> str:
        """Return why the payload does not fit, in words; empty: it fits."""
        found = [value for value in find(payload, self.path) if value is not None]
        if self.exists is not None:
            return "" if bool(found) == self.exists else f"{self.path} is {'missing' if self.exists else 'there'}"
        if any(self._fits(value, payload) for value in found):
            return ""
        return f"{self.path} is {_shown(found)}, not {self._wanted()}"

    def _fits(self, value: Any, payload: dict[str, Any]) -> bool:
        if self.matches is not None:
            return isinstance(value, str) and re.match(self.matches, value[:_TRIED]) is not None
        if self.same is not None:
            return any(_equal(value, other) for other in find(payload, self.same))
        wanted = self.is_in if self.is_in is not None else [self.equals]
        return any(_equal(value, one) for one in wanted)

    def _wanted(self) -> str:
        if self.matches is not None:
            return f"like {self.matches!r}"
        if self.same is not None:
            return f"the same as {self.same}"
        return " or ".join(repr(one) for one in (self.is_in if self.is_in is not None else [self.equals]))


def _equal(value: Any, wanted: Any) -> bool:
    """Equal and of one type: Python takes 1 for true."""
    return type(value) is type(wanted) and value == wanted


def _shown(found: list[Any]) -> str:
    if not found:
        return "missing"
    texts = [plain_text(value) if isinstance(value, str) else json.dumps(value)[:80] for value in found[:3]]
    return ", ".join(repr(text[:80]) for text in texts)
