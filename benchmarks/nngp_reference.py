"""Kernels against reference values of neural-tangents and of an independent NumPy version.

    python benchmarks/nngp_reference.py --reference nngp_reference.npz

The file holds inputs and, for each architecture KEY, KEY__11 = k(X1, X1), KEY__21 = k(X2, X1) and
KEY__22 = k(X2, X2). Errors are largest differences over the largest entry. Exit code 1 when one
exceeds 1e-10, or when a kernel of the file is not understood.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel

LIMIT = 1e-10
CONVOLUTIONS = re.compile(r"cnn_(?P<act>\w+)_L(?P<depth>\d+)_k(?P<window>\d)_(?P<end>\w+)_b\w+")
DENSE = re.compile(r"fc_(?P<act>\w+)_d(?P<depth>\d+)_\w+")

Row = tuple[str, str, float]
"""Quantity, which array of it, relative error."""


def main() -> None:
    """Compare every array, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True)
    options = parser.parse_args()
    with np.load(options.reference) as file:
        reference = dict(file)
    rows = list(kernel_errors(reference))
    print(f"{'quantity':<32}{'array':<14}{'relative error':>16}")
    for name, part, error in rows:
        print(f"{name:<32}{part:<14}{error:>16.1e}{'' if error <= LIMIT else '  MISS'}")
    missed = sum(not error <= LIMIT for _, _, error in rows)
    print(f"{len(rows)} arrays, {missed} beyond {LIMIT:g}")
    sys.exit(int(missed > 0 or not rows))


def kernel_errors(reference: dict[str, np.ndarray]) -> Iterator[Row]:
    """Yield the errors of every kernel of the file, and of the diagonals by themselves."""
    for key in (name.removesuffix("__11") for name in reference if name.endswith("__11")):
        kernel, images = understood(key)
        first, second = (inputs(reference, name, images) for name in ("X1", "X2"))
        yield key, "k(X1, X1)", relative(kernel(first), reference[f"{key}__11"])
        yield key, "k(X2, X1)", relative(kernel(second, first), reference[f"{key}__21"])
        yield key, "k(X2, X2)", relative(kernel(second), reference[f"{key}__22"])
        own = np.diagonal(reference[f"{key}__11"])
        yield key, "k(x, x)", relative(kernel.diagonal(first), own)


def understood(key: str) -> tuple[Kernel, bool]:
    """Return the kernel called ``key``, and whether it takes images."""
    bias = {"b_std": 0.1} if key.endswith("_b01") else {}
    weight = {"w_std": 1.9822} if key.endswith("_w19822") else {}
    if match := DENSE.fullmatch(key):
        layers = {"activation": match["act"], "depth": int(match["depth"])}
        return KERNELS.get("fc")(**layers, **bias, **weight), False
    if match := CONVOLUTIONS.fullmatch(key):
        name = {"flatten": "conv", "gap": "conv_pool"}[match["end"]]
        layers = {"activation": match["act"], "depth": int(match["depth"])}
        return KERNELS.get(name)(**layers, window=int(match["window"]), **bias), True
    if key.startswith("myrtle"):
        depth = int(key.removeprefix("myrtle").partition("_")[0])
        return KERNELS.get("myrtle")(depth=depth, **bias), True
    if key == "rbf_g1":
        return KERNELS.get("rbf")(gamma=1.0), False
    sys.exit(f"no kernel is known for {key}: add it to understood() here")


def inputs(reference: dict[str, np.ndarray], name: str, images: bool) -> Tensor:
    """Return inputs ``[n, d]``, or images ``[n, C, H, W]`` from the file's ``[n, H, W, C]``."""
    if images:
        return torch.from_numpy(reference[f"{name}_img"]).permute(0, 3, 1, 2)
    return torch.from_numpy(reference[name])


def relative(found: Tensor, expected: np.ndarray) -> float:
    """Return the largest difference over the largest entry; NaN if one is not finite."""
    return float(np.abs(found.numpy() - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    main()
