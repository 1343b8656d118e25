"""A suite that starts in milliseconds: runs the test functions of a checkout and writes JUnit XML.

Usage: `chaos_suite.py JUNIT`, in the checkout.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> int:
    """Run every test; return how many are red."""
    sys.path.insert(0, str(Path.cwd()))
    cases: list[str] = []
    red = 0
    for file in sorted(Path("tests").glob("test_*.py")):
        for name, test in runpy.run_path(str(file)).items():
            if not name.startswith("test_"):
                continue
            try:
                test()
                cases.append(f'<testcase classname="{file.stem}" name="{name}"/>')
            except AssertionError:
                red += 1
                cases.append(f'<testcase classname="{file.stem}" name="{name}"><failure message="wrong"/></testcase>')
    Path(sys.argv[1]).write_text(f"<testsuite>{''.join(cases)}</testsuite>")
    return red


if __name__ == "__main__":
    sys.exit(main())
