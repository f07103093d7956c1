"""Activations: against neural-tangents, against wide networks, and at what cost.

    OMP_NUM_THREADS=1 python benchmarks/kernel_activations.py [--neural-tangents OTHER/bin/python]

Every activation in fully connected networks of depth 2, process and tangent kernel, of random
float64 inputs; and convolutional tangent kernels. Largest difference over the largest entry: where
neural-tangents has a closed form, and where it goes by Gauss-Hermite quadrature of 60² nodes. Then
the error that imprint states, and processor seconds as a ratio to ReLU. Last, the mean of f(x)
f(x') over random networks of finite width, in standard errors from the process. Exit code 1 when a
closed form differs by more than 1e-10, or a network by more than 5 standard errors.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.neurons.activation_function import activation_function

CLOSED = (
    "relu", "leaky_relu", "leaky_relu:0.3", "abs", "erf", "gelu", "sin", "cos", "exp", "gaussian",
    "square",
)  # fmt: skip
NUMERICAL = ("tanh", "sigmoid", "silu", "softplus", "mish", "elu", "selu")
CONVOLUTIONAL: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "conv ntk": ("conv", {"depth": 3, "window": 3, "limit": "ntk"}, (4, 3, 8, 8)),
    "conv_pool ntk": ("conv_pool", {"depth": 2, "limit": "ntk"}, (4, 3, 8, 8)),
    "conv_pool gelu ntk": (
        "conv_pool", {"depth": 2, "limit": "ntk", "activation": "gelu"}, (4, 3, 8, 8)
    ),
    "myrtle ntk": ("myrtle", {"limit": "ntk"}, (3, 3, 8, 8)),
    "wide_resnet ntk": ("wide_resnet", {"limit": "ntk"}, (2, 3, 32, 32)),
}  # fmt: skip
LIMIT = 1e-10
WIDTH, NETWORKS = 2048, 200


def main() -> None:
    """Compare, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neural-tangents", type=Path, help="python that can import it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    x = random.normal(size=(12, 20))
    kernels: dict[str, Kernel] = {
        f"activation {name} {limit}": KERNELS.get("fc")(depth=2, activation=name, limit=limit)
        for name in (*CLOSED, *NUMERICAL)
        for limit in ("nngp", "ntk")
    }
    inputs = dict.fromkeys(kernels, x)
    for name, (family, settings, shape) in CONVOLUTIONAL.items():
        kernels[name] = KERNELS.get(family)(**settings)
        inputs[name] = random.normal(size=shape)
    failed = False
    if options.neural_tangents:
        failed |= compare(options.neural_tangents, kernels, inputs)
    print("\nactivation      error stated  seconds / relu  of slope  networks, standard errors")
    many = torch.from_numpy(random.normal(size=(1000, 200)))
    base = seconds("relu", "nngp", many), seconds("relu", "ntk", many)
    for name in (*CLOSED, *NUMERICAL):
        kernel = KERNELS.get("fc")(depth=2, activation=name)
        error = kernel.expectation_error(kernel.prepare(torch.from_numpy(x)))
        away = from_networks(name, torch.from_numpy(x[:4]))
        print(
            f"{name:<16}{error:>12.1e}  {seconds(name, 'nngp', many) / base[0]:>14.1f}"
            f"  {seconds(name, 'ntk', many) / base[1]:>8.1f}  {away:.1f}",
            flush=True,
        )
        failed |= away > 5
    sys.exit(int(failed))


def compare(python: Path, kernels: dict[str, Kernel], inputs: dict[str, np.ndarray]) -> bool:
    """Print differences from neural-tangents; return whether a closed form differs."""
    script = Path(__file__).with_name("neural_tangents_kernels.py")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "inputs.npz"), Path(folder, "results.npz")
        np.savez(source, **inputs)
        subprocess.run([python, script, source, target], check=True, env={})
        with np.load(target) as file:
            for name, kernel in kernels.items():
                expected = file[name]
                away = np.abs(kernel(torch.from_numpy(inputs[name])).numpy() - expected)
                if name.endswith("ntk"):
                    # There the other side takes the angle of an input with itself from rounding.
                    np.fill_diagonal(away, 0)
                share = away.max() / np.abs(expected).max()
                numerical = name.split()[1] in NUMERICAL
                print(f"{name:<34}{share:.1e}{'  (60² nodes)' if numerical else ''}", flush=True)
                failed |= not numerical and not share <= LIMIT
    return failed


def seconds(name: str, limit: str, x: torch.Tensor) -> float:
    """Return processor seconds of K(X, X), the best of three after one."""
    kernel = KERNELS.get("fc")(depth=2, activation=name, limit=limit)
    kernel(x)
    rounds = []
    for _ in range(3):
        start = time.process_time()
        kernel(x)
        rounds.append(time.process_time() - start)
    return min(rounds)


def from_networks(name: str, x: torch.Tensor) -> float:
    """Return by how many standard errors products of outputs differ from the process, at most."""
    kernel = KERNELS.get("fc")(depth=1, activation=name, w_std=1.0)
    phi = activation_function(name)
    random = torch.Generator().manual_seed(0)
    means = []
    for _ in range(NETWORKS):
        # Given the hidden units, the mean over read-outs is their mean product: no width bias.
        weights = torch.randn(x.shape[1], WIDTH, generator=random, dtype=torch.float64)
        hidden = phi(x @ weights / x.shape[1] ** 0.5)
        means.append(hidden @ hidden.T / WIDTH)
    drawn = torch.stack(means)
    error = drawn.std(0) / NETWORKS**0.5
    return float(((drawn.mean(0) - kernel(x)) / error).abs().max())


if __name__ == "__main__":
    main()
