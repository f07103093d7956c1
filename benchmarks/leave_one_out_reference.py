"""Do the closed forms equal models that were really refitted? Against stored values.

    python benchmarks/leave_one_out_reference.py --reference nngp_reference.npz

The file holds kernel matrices and, for one of them, leave-one-out values by explicit deletion and
refit. Starts from the stored kernels. Leaves with 1 if any value is off by more than 1e-10.

A mean or a variance is measured in units of the largest of its kind, and so is the root of a
distance or divergence, which is a squared difference of such means: a refit in float64 knows no
more of it. Errors relative to each value are printed beside, those at the record itself must be
below 1e-10 too. Where the others are larger, exact arithmetic (50 digits) finds the stored value
further off than the closed form.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.groups import (
    group_influence,
    group_joint_influence,
    joint_influence,
)
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, fit
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence

TOLERANCE = 1e-10
KERNEL = "fc_relu_d5_b0"
GROUPS = [[0, 1], [2, 5, 7], [0, 10]]
JOINT = 3

Pairs = Iterator[tuple[str, Tensor]]


def both(prefix: str, directions: Directions) -> Pairs:
    """Both divergences."""
    yield f"kl_out_in{prefix}", directions.kl_out_in()
    yield f"kl_in_out{prefix}", directions.kl_in_out()


def at_itself(posterior: Posterior) -> Pairs:
    """Every record at itself."""
    found = self_influence(posterior)
    yield "mean_lood", found.mean_distance
    yield from both("", found.directions)


def at_queries(posterior: Posterior, cross: Tensor, covariance: Tensor) -> Pairs:
    """Every record at every query, and at the first few together."""
    found = query_influence(posterior, cross, covariance.diagonal())
    shift = found.shift
    yield "mean_in", found.mean_in
    yield "var_in", found.variance_in
    yield "mean_out", found.mean_in - shift
    yield "var_out", found.variance_out
    yield "mean_lood", found.mean_distance
    yield from both("", found.directions)
    together = joint_influence(posterior, cross[:JOINT], covariance[:JOINT, :JOINT])
    yield from both("_joint3", together.directions)


def without_groups(posterior: Posterior, cross: Tensor, covariance: Tensor) -> Pairs:
    """The groups at the same queries."""
    rows = [torch.tensor(group) for group in GROUPS]
    found = [group_influence(posterior, row, cross, covariance.diagonal()) for row in rows]
    yield "mean_out", cross @ posterior.weights - torch.stack([one.shift for one in found])
    yield "var_out", torch.stack([one.variance_out for one in found])
    yield "mean_lood", torch.stack([one.mean_distance for one in found])
    yield "kl_out_in", torch.stack([one.directions.kl_out_in() for one in found])
    yield "kl_in_out", torch.stack([one.directions.kl_in_out() for one in found])
    few = cross[:JOINT], covariance[:JOINT, :JOINT]
    joint = [group_joint_influence(posterior, row, *few) for row in rows]
    yield "kl_out_in_joint3", torch.stack([one.kl_out_in() for one in joint])
    yield "kl_in_out_joint3", torch.stack([one.kl_in_out() for one in joint])


def errors(name: str, found: Tensor, expected: Tensor) -> tuple[float, float]:
    """Return the largest error in units of the largest value, and relative to each value."""
    relative = float(((found - expected).abs() / expected.abs()).max())
    if name.startswith(("mean_lood", "kl")):
        found, expected = found.sqrt(), expected.sqrt()
    return float((found - expected).abs().max() / expected.abs().max()), relative


def main() -> int:
    """Compare and print one line a kind of value."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True)
    stored = np.load(parser.parse_args().reference)

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(stored[name])

    kernel, cross, covariance = (tensor(f"{KERNEL}__{part}") for part in ("11", "21", "22"))
    worst, compared, seen = 0.0, 0, 0
    for classes, noise in itertools.product((2, 3), (0.1, 0.01)):
        posterior = fit(kernel, tensor("targets" if classes == 2 else "targets3"), noise)
        kinds = {
            "self": at_itself(posterior),
            "query_X2": at_queries(posterior, cross, covariance),
        }
        if classes == 2:
            kinds["groups"] = without_groups(posterior, cross, covariance)
        for kind, pairs in kinds.items():
            off, off_relative = 0.0, 0.0
            for name, found in pairs:
                expected = tensor(f"lood_c{classes}_s{noise}_{kind}_{name}")
                of_largest, relative = errors(name, found, expected)
                off, off_relative = max(off, of_largest), max(off_relative, relative)
                seen, compared = seen + 1, compared + expected.numel()
            print(
                f"{classes} classes  noise {noise:<5} {kind:9} "
                f"error {off:.1e} of the largest, {off_relative:.1e} of itself"
            )
            worst = max(worst, off_relative if kind == "self" else off)
    stored_arrays = sum(name.startswith("lood_") for name in stored.files)
    print(f"{compared} values in {seen} of {stored_arrays} arrays, worst error {worst:.1e}")
    return int(not worst <= TOLERANCE or seen != stored_arrays)


if __name__ == "__main__":
    sys.exit(main())
