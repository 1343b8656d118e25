"""What a container starts: resolves the secrets that its environment names, then becomes the program.

Usage: `python -m deployments.entry PROGRAM ARGUMENTS…`. A variable such as `PASSWORD='${file:/run/secrets/password}'`
gets the content of the file, so that the secret stands in neither a compose file nor an image.
"""

from __future__ import annotations

import os
import sys

from contracts.errors import Misconfigured
from deployments.installation.references import refers, resolve


def environment() -> dict[str, str]:
    """Return this process's environment with every reference resolved.

    Raises:
        Misconfigured: a reference cannot be resolved; the message names the variable.
    """
    resolved: dict[str, str] = {}
    for name, value in os.environ.items():
        try:
            resolved[name] = resolve(value) if refers(value) else value
        except Misconfigured as error:
            raise Misconfigured(f"{name}: {error.message}") from None
    return resolved


def main() -> None:
    """Become the program; a secret that is missing ends the container with a sentence."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m deployments.entry PROGRAM ARGUMENTS…")
    try:
        variables = environment()
    except Misconfigured as error:
        sys.exit(error.message)
    os.environ.update(variables)  # the program is looked for on the PATH that it gets
    os.execvpe(sys.argv[1], sys.argv[1:], variables)  # noqa: S606 - arguments of the image's author, no shell


if __name__ == "__main__":
    main()
