"""What choosing the noise variance of a fit costs, in Cholesky factors, and what it changes.

    python benchmarks/leave_one_out_noise.py --data cifar10 --classes 2 --records 1500

Prints both choices, profiled and with the kernel fixed, the rank correlations of the records at
the choices and at 0.01, 0.1 and 1, and CPU time in units of one Cholesky factor of the same matrix.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from imprint.lenses.leave_one_out.linalg.tiled_cholesky import cholesky
from imprint.lenses.leave_one_out.options import FitOptions
from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.noise_ranking import noise_selection
from imprint.lenses.leave_one_out.posterior.noise_selection import NoiseCriteria, choose_noise
from imprint.lenses.leave_one_out.study.fitted import check_fit
from imprint.lenses.leave_one_out.study.records import read_records

T = TypeVar("T")
NAMED = (0.01, 0.1, 1.0)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what work returns, and its CPU seconds."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def main() -> None:
    """Fit some records and choose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--classes", default="0")
    parser.add_argument("--records", type=int, default=1500)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = FitOptions(
        out=Path(), data=arguments.data, classes=(arguments.classes,), records=arguments.records
    )
    inputs, _, _ = read_records(options)
    fit = check_fit(inputs, options, torch.device("cpu"))
    matrix, targets = fit.matrix, fit.targets
    shifted = matrix.clone()
    shifted.diagonal().add_(0.1)
    _, unit = timed(lambda: cholesky(shifted))
    decomposition, seconds = timed(lambda: spectrum(matrix))
    print(f"Cholesky {unit:.2f} CPU s; eigendecomposition {seconds / unit:.1f} of them")
    for profiled in (True, False):
        variances = matrix.diagonal()
        criteria = NoiseCriteria(decomposition, targets, variances, fit.copies, profiled)
        chosen, seconds = timed(lambda criteria=criteria: choose_noise(criteria))  # type: ignore[misc]
        print(f"{'profiled' if profiled else 'fixed'}: search {seconds / unit:.1f} of them")
        for name, choice in (("density", chosen.density), ("evidence", chosen.evidence)):
            print(f"  {name}: {choice.noise:.3g}" + ", end of the range" * choice.at_edge)
        if not profiled:
            continue
        noises = (chosen.density.noise, chosen.evidence.noise, *NAMED)
        ranking = noise_selection(criteria, chosen, "density", noises, 0.0).ranking
        for place, noise in enumerate(noises):
            divergence, distance = ranking.with_fitted[place], ranking.distance_with_fitted[place]
            print(f"  {noise:.3g}: KL {divergence}, mean distance {distance}")


if __name__ == "__main__":
    main()
