"""Plays lines that real programs wrote to a transcript."""

from __future__ import annotations

from pathlib import Path

from contracts.transcript import Ended, Exit, Heard, Transcript

_RECORDED = Path(__file__).with_name("recorded")
GARBAGE = ["", " ", "no json", "{", "[1, 2]", "null", '"text"', "{}", '{"type": 7}', "[" * 50_000, '{"type":"nothing"}']


def recorded(program: str, name: str) -> list[str]:
    """Return the lines that were recorded under a name."""
    return (_RECORDED / program / f"{name}.jsonl").read_text().splitlines()


def play(transcript: Transcript, lines: list[str], process: Exit | None = None) -> tuple[list[Heard], Ended]:
    """Let a transcript hear lines and judge them; the process ended with code 0 by default."""
    heard = [transcript.hear(line) for line in lines]
    return heard, transcript.end(process or Exit(code=0))
