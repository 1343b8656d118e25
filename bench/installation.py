"""Many work items at once through a team's installation, beside bare Prefect runs: `make installation`.

PostgreSQL, Redis, server, background services and two workers are real and set as in deployments/compose.yaml; the
agents answer at once. Bare runs have as many persisted tasks and go through the same workers, in turns with ours.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.installation_load import Load, observed
from bench.installation_scene import Installation, installation
from bench.installation_work import Carried, deliver, deploy_bare, furnish, items, lost_updates, run_bare, steps_of

WORKERS = 2
NUMBERS = (5, 50)


@dataclass(frozen=True)
class Measured:
    """What some runs at once did and consumed.

    Args:
        carried: what became of them.
        steps: how many steps they took together.
        load: what they consumed.
        lost: merged changes that are not on their base.
    """

    carried: Carried
    steps: int
    load: Load
    lost: int = 0

    @property
    def rate(self) -> float:
        """Steps a second, from the first call to the last end."""
        return self.steps / self.carried.seconds

    def figures(self) -> dict[str, float]:
        """Return what is printed, by its name."""
        runs = len(self.carried.runs)
        return {
            "seconds until all have ended": self.carried.seconds,
            "steps a run": self.steps / runs,
            "steps a second": self.rate,
            "server CPU a step, ms": self.load.server / self.steps * 1e3,
            "CPU of a run's processes, s": self.load.runs / runs,
            "memory of a run, MB": self.load.megabytes,
        }


def measure(made: Installation, number: int) -> tuple[Measured, Measured]:
    """Carry so many items, then as many bare runs with as many steps; return both."""
    work = items(number, f"series-{number}")
    with observed(made) as load:
        carried = deliver(work)
    steps = steps_of(made.home, carried.runs)
    ours = Measured(carried, steps, load, lost_updates(made.home, work, carried))
    for run in carried.runs:
        if run.state_name != "Merged":
            print(f"  {run.name}: {run.state_name}: {run.state.message if run.state else ''}")
    each = round(steps / number)
    with observed(made) as load:
        bare = run_bare(deploy_bare(), number, each)
    return ours, Measured(bare, each * number, load)


def main() -> int:
    """Measure and print; return 0 when every item merged and no update was lost."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--items", type=int, nargs="+", default=NUMBERS, help="how many items at once; each in turn")
    numbers: list[int] = asked.parse_args().items
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="installation-") as folder, installation(Path(folder), workers=0) as made:
        furnish(made)
        for _ in range(WORKERS):
            made.worker()
        found = {number: measure(made, number) for number in numbers}
    for number, (ours, bare) in found.items():
        _print(number, ours, bare)
    if len(numbers) > 1:
        _print_growth(found)
    ours, bare = found[numbers[-1]]
    merged = len(ours.carried.merged)
    lost = sum(one.lost for one, _ in found.values())
    print(
        f"merged={merged} lost_updates={lost} steps_per_s={ours.rate:.2f} "
        f"throughput_ratio_to_bare={ours.rate / bare.rate:.2f}"
    )
    return 0 if lost == 0 and all(len(one.carried.merged) == number for number, (one, _) in found.items()) else 1


def _print(number: int, ours: Measured, bare: Measured) -> None:
    print(f"{f'{number} at once':<32}{'bare':>10}{'ours':>10}{'ratio':>8}")
    low, high = bare.figures(), ours.figures()
    for name, value in high.items():
        print(f"{name:<32}{low[name]:>10.2f}{value:>10.2f}{value / low[name] if low[name] else 0:>8.2f}")


def _print_growth(found: dict[int, tuple[Measured, Measured]]) -> None:
    fewest, most = min(found), max(found)
    print(f"{f'{most} at once beside {fewest}':<32}{'bare':>10}{'ours':>10}")
    ours, bare = ([pair[one].figures() for pair in (found[fewest], found[most])] for one in (0, 1))
    for name in ours[0]:
        grown = [after[name] / before[name] if before[name] else 0 for before, after in (bare, ours)]
        print(f"{name:<32}{grown[0]:>10.2f}{grown[1]:>10.2f}")


if __name__ == "__main__":
    sys.exit(main())
