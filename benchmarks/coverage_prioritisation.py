"""Which orders of tests find misclassified ones early, and what they and greedy selection cost.

    python benchmarks/coverage_prioritisation.py --model lenet.safetensors --members mnist \
        --tests mnist --members-part train --tests-part test

The model has its card beside it. Tests are cut into disjoint random subsets; every order is made of
each of them, and the table has mean and standard deviation of its APFD over the subsets, and its
seconds as a multiple of one forward pass over the same tests, both in one run. Then every criterion
selects ``--select`` of all tests, greedily.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.selection.fitted import fitted_criterion
from imprint.lenses.coverage.selection.greedy import Covering
from imprint.lenses.coverage.selection.prioritise import Asked, order_names
from imprint.lenses.coverage.selection_options import PrioritiseOptions
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.prioritise import order_tests
from imprint.lenses.coverage.study.probabilities import TakeProbabilities
from imprint.lenses.coverage.study.source import open_source, ranking_of
from imprint.probe.neurons.activations import rows_of
from imprint.study.store import Study

T = TypeVar("T")


def main() -> None:
    """Measure one network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "members", "tests"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("members-part", "tests-part"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--member-records", type=int, default=5000)
    parser.add_argument("--subsets", type=int, default=5)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--select", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = PrioritiseOptions(
            out=Path(folder),
            model=given.model,
            members=given.members,
            tests=given.tests,
            members_part=given.members_part,
            tests_part=given.tests_part,
            member_records=given.member_records,
            seed=given.seed,
        )
        run(options, given.subsets, given.size, given.select)


def run(options: PrioritiseOptions, subsets: int, size: int, select: int) -> None:
    """Print both tables."""
    study = Study(options.out)
    source = open_source(study, options)
    assert source.network is not None
    assert source.sets is not None
    step = TakeProbabilities(source.network, source.sets.test)
    probabilities = step.probabilities(study)
    settings, _ = ranking_of(study, source, options).fill(settings_of(options))
    wrong = (probabilities.argmax(1) != source.test.labels).mean()
    order = np.random.default_rng(options.seed).permutation(len(source.test))
    parts = [order[row * size : (row + 1) * size] for row in range(subsets)]
    network, view = source.network.model, source.sets.test
    inputs = network.to_inputs(view.rows(np.sort(parts[0])).read(network.input_size).pixels)
    forward = seconds_of(lambda: network(inputs), repeats=3)[1]
    print(
        f"{options.model}: {len(source.test)} tests, {wrong:.2%} wrong, "
        f"{source.test.layers.neurons} neurons; {subsets} subsets of {size}; forward pass "
        f"{forward:.3f} s"
    )
    rows = []
    for name in order_names(settings):
        criteria = {key: value for key, value in settings.items() if name.rpartition("_")[0] == key}
        values, tenth, spent, reason = [], [], [], ""
        for part in parts:
            tests = rows_of(source.test, np.sort(part))
            shares = probabilities[np.sort(part)]
            asked = Asked(criteria, (name,))
            work = partial(order_tests, asked, source.train, tests, shares, options.seed)
            ordered, seconds = seconds_of(work)
            finding = ordered.findings.prioritisation[name]
            if isinstance(finding, Missing):
                reason = finding.missing
                break
            if isinstance(finding.apfd, Missing):
                continue
            values.append(finding.apfd.value)
            tenth.append(finding.found[5])
            spent.append(seconds / forward)
        if values:
            mean, spread = np.mean(values), np.std(values, ddof=1)
            rows.append((mean, spread, np.mean(tenth), np.median(spent), name))
        else:
            print(f"{name}: {reason}")
    print("order | APFD | sd over subsets | faults in the first 10 % | time, forward passes")
    for mean, spread, early, cost, name in sorted(rows, reverse=True):
        print(f"{name} | {mean:.3f} | {spread:.3f} | {early:.1%} | {cost:.1f}")
    print(f"\ngreedy selection of {select} of {len(source.test)}: criterion | s | selected | exact")
    for name in sorted(settings):
        try:
            criterion = fitted_criterion(name, settings[name], source.train, source.test)
        except ImprintError as error:
            print(f"{name} | {error}")
            continue
        work_of_all = partial(Covering(criterion, source.test).select, select)
        selection, seconds = seconds_of(work_of_all)
        print(f"{name} | {seconds:.1f} | {len(selection)} | {selection.exact}")


@torch.no_grad()
def seconds_of(work: Callable[[], T], repeats: int = 1) -> tuple[T, float]:
    """Return what work gives, and the least of its wall seconds."""
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - start)
    return result, least


if __name__ == "__main__":
    main()
