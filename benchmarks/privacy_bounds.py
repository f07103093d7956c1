"""Lower bounds on ε beside those of jax_privacy, and how much the choice of a threshold costs.

    OMP_NUM_THREADS=1 python benchmarks/privacy_bounds.py --reference jax_privacy/auditing.py

``--reference`` is the file ``jax_privacy/auditing.py`` of google-deepmind/jax_privacy, which needs
NumPy and SciPy for what is run here. Its import of dp_accounting is satisfied by an empty module,
since no function here calls that. Times are the least of several runs, in turn, in one process;
a ratio above 1 says that imprint is faster. Exit code 1 where a bound differs or imprint is slower.

``--repeats`` audits of simulated canaries then show how often each choice of a threshold errs on
noise, and what it proves where there is something to prove.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.seeds import generator
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
    Split,
)
from imprint.lenses.membership.privacy.one_run_bound import best_one_run, one_run_epsilon

ERROR = 0.05
TOLERANCE = 2e-6
"""Of ε: the reference stops its search at 1e-6."""


def main() -> None:
    """Compare, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, help="jax_privacy/auditing.py")
    parser.add_argument("--repeats", type=int, default=200, help="simulated audits")
    options = parser.parse_args()
    failed = compare(load(options.reference)) if options.reference else False
    if options.repeats:
        simulate(options.repeats)
    sys.exit(int(failed))


def load(file: Path) -> Any:
    """Return the reference's module."""
    sys.modules.setdefault("dp_accounting", types.ModuleType("dp_accounting"))
    specification = importlib.util.spec_from_file_location("jax_privacy_auditing", file)
    if specification is None or specification.loader is None:
        raise SystemExit(f"{file} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def canaries(count: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return normal scores ``[m]``, those of members higher by ``shift``, and the coins."""
    random = generator(seed, "canaries of the benchmark")
    members = random.random(count) < 0.5
    return random.standard_normal(count) + shift * members, members


def compare(reference: Any) -> bool:
    """Print bounds and times of both; return whether one differs, or imprint is slower."""
    print(f"{'what':<44}{'imprint':>9}{'other':>9}{'ms':>9}{'ms':>10}{'ratio':>8}")
    failed = False
    for count, correct in ((1000, 900), (10_000, 6000), (100_000, 60_000)):
        for delta in (1e-5, 1e-9):
            failed |= line(
                f"one count, m={count:,}, δ={delta:g}",
                lambda m=count, v=correct, d=delta: float(one_run_epsilon(m, m, v, d)),
                lambda m=count, v=correct, d=delta: reference._epsilon_one_run(
                    0, m, m, v, ERROR, d
                ),
            )
    for count in (1000, 10_000, 100_000):
        scores, members = canaries(count, 1.5)
        auditor = reference.CanaryScoreAuditor(scores[members], scores[~members])
        right = auditor._get_tp_counts()[::-1]
        guesses = right + auditor._get_fp_counts()[::-1]
        rows = guesses > 0
        for delta in (1e-5, 1e-7):
            level = ERROR / len(guesses)
            failed |= line(
                f"best of {rows.sum()} on the hull, m={count:,}, δ={delta:g}",
                lambda m=count, g=guesses[rows], v=right[rows], d=delta, a=level: best_one_run(
                    m, g, v, d, 1 - a
                )[1],
                lambda it=auditor, d=delta, a=level: it._epsilon_one_run_all_thresholds(a, d, True)[
                    0
                ],
            )
    for count in (1000, 10_000):
        scores, members = canaries(count, 1.5)
        auditor = reference.CanaryScoreAuditor(scores[members], scores[~members])
        split = reference.MultiSplit(num_samples=100, seed=0)
        failed |= line(
            f"median of 100 splits, one run, m={count:,}",
            lambda s=scores, m=members: audit_one_run(s, m, MultiSplit(), delta=1e-5).proven,
            lambda a=auditor, s=split: a.epsilon_one_run(ERROR, 1e-5, threshold_strategy=s),
            same=False,
        )
        failed |= line(
            f"median of 100 splits, many runs, n={count:,}",
            lambda s=scores, m=members: audit_many_runs(s, m, MultiSplit()).proven,
            lambda a=auditor, s=split: a.epsilon_clopper_pearson(
                ERROR, 0.0, one_sided=False, threshold_strategy=s
            ),
            same=False,
        )
    return failed


def line(
    what: str, ours: Callable[[], float], theirs: Callable[[], float], same: bool = True
) -> bool:
    """Print one comparison; return whether it fails."""
    values, seconds = [0.0, 0.0], [math.inf, math.inf]
    for _ in range(3):
        for place, run in enumerate((ours, theirs)):
            start = time.perf_counter()
            values[place] = float(run())
            seconds[place] = min(seconds[place], time.perf_counter() - start)
    ratio = seconds[1] / seconds[0]
    print(
        f"{what:<44}{values[0]:>9.4f}{values[1]:>9.4f}{1e3 * seconds[0]:>9.2f}"
        f"{1e3 * seconds[1]:>10.2f}{ratio:>8.1f}",
        flush=True,
    )
    return ratio < 1 or (same and abs(values[0] - values[1]) > TOLERANCE)


def simulate(repeats: int) -> None:
    """Print how often each choice errs on noise, and what it proves where there is a signal."""
    one_run: dict[str, Any] = {
        "fixed": Fixed(Budget(0.3, 0.3)),
        "split": Split(),
        "median of 40 splits": MultiSplit(splits=40),
        "Bonferroni, preset grid": Bonferroni(BUDGETS),
        "Bonferroni, all thresholds": Bonferroni(),
    }
    many_runs: dict[str, Any] = {
        "fixed": Fixed(1.5),
        "split": Split(),
        "median of 40 splits": MultiSplit(splits=40),
        "Bonferroni, all thresholds": Bonferroni(),
    }
    print(f"\n{'1,000 examples, 95 %':<40}{'noise: ε > 0':>14}{'2 deviations apart: ε ≥':>26}")
    for kind, choices, audit in (
        ("one run", one_run, audit_one_run),
        ("many runs", many_runs, audit_many_runs),
    ):
        for name, choice in choices.items():
            above = np.mean(
                [audit(*canaries(1000, 0.0, seed), choice).refutes(0) for seed in range(repeats)]
            )
            bounds = [
                audit(*canaries(1000, 2.0, seed), choice).proven
                for seed in range(repeats, repeats + repeats // 2)
            ]
            print(
                f"{f'{kind}, {name}':<40}{100 * above:>12.1f} %{np.mean(bounds):>16.2f} "
                f"(sd {np.std(bounds):.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
