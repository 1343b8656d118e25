"""A model server on this machine that plays a script, so that real agents can be run without a model."""

from bench.model_server.moves import Dead, Drop, Edit, Fail, Final, Garbage, Move, Quota, Say, Shell, Slow, Tokens
from bench.model_server.roles import Roles
from bench.model_server.script import Asked, Script
from bench.model_server.server import ModelServer

__all__ = [
    "Asked",
    "Dead",
    "Drop",
    "Edit",
    "Fail",
    "Final",
    "Garbage",
    "ModelServer",
    "Move",
    "Quota",
    "Roles",
    "Say",
    "Script",
    "Shell",
    "Slow",
    "Tokens",
]
