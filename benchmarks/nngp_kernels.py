"""Seconds of kernels, against what they cannot go below and against neural-tangents.

    OMP_NUM_THREADS=1 python benchmarks/nngp_kernels.py --neural-tangents OTHER/bin/python

Random float64 inputs. First, all of K(X, X) for fully connected networks of depth 5 on 2000 inputs
of 3072 numbers, against one full matrix product X Xᵀ, and against half of one and the arc tangents
alone. Then other architectures. With the Python of an environment that holds neural-tangents (see
``neural_tangents_kernels.py``), the same kernels by it, each after compilation. The best of three,
wall and processor seconds; one thread. Exit code 1 when the two differ by more than 1e-10 of the
largest entry (tangent kernels off the diagonal), or when the ReLU kernel takes two full products.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel

CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "fc relu": ("fc", {}, (2000, 3072)),
    "fc gelu": ("fc", {"activation": "gelu"}, (2000, 3072)),
    "fc relu ntk": ("fc", {"limit": "ntk"}, (2000, 3072)),
    "conv": ("conv", {}, (64, 3, 32, 32)),
    "conv_pool": ("conv_pool", {"depth": 2}, (12, 3, 16, 16)),
    "myrtle 7": ("myrtle", {"depth": 7}, (12, 3, 16, 16)),
    "myrtle 10": ("myrtle", {"depth": 10}, (12, 3, 16, 16)),
    "wide_resnet": ("wide_resnet", {}, (3, 3, 32, 32)),
}
DEPTH = 5
LIMIT = 1e-10


def main() -> None:
    """Time, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neural-tangents", type=Path, help="python that can import it")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} thread(s); wall (processor) seconds")
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=shape) for name, (_, _, shape) in CASES.items()}
    product, least = bounds(torch.from_numpy(inputs["fc relu"]))
    print(f"{'X Xᵀ':<16}{shown(product)}")
    print(f"{'least':<16}{shown(least)}  half of it and {DEPTH} arc tangents a pair")
    theirs = by_neural_tangents(options.neural_tangents, inputs) if options.neural_tangents else {}
    failed = False
    for name, (family, settings, shape) in CASES.items():
        kernel, x = KERNELS.get(family)(**settings), torch.from_numpy(inputs[name])
        seconds, matrix = best(lambda kernel=kernel, x=x: kernel(x))
        line = f"{name:<16}{shown(seconds)}  {' × '.join(map(str, shape)):<18}"
        if theirs:
            other, expected = theirs[f"{name} seconds"], theirs[name]
            error = difference(matrix.numpy(), expected, kernel)
            line += f"neural-tangents {shown(other)}, differs by {error:.1e}"
            failed |= not error <= LIMIT
        print(line.rstrip())
        failed |= name == "fc relu" and seconds[1] >= 2 * product[1]
    sys.exit(int(failed))


def bounds(x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds of a full product, and of half of one plus the arc tangents in the cache."""
    product, _ = best(lambda: x @ x.T)
    values = torch.rand(1 << 16, dtype=torch.float64)
    tiles = DEPTH * (len(x) * (len(x) + 1) // 2) / len(values)
    angles, _ = best(lambda: [torch.atan2(values, values) for _ in range(round(tiles))])
    return product, product / 2 + angles


def difference(found: np.ndarray, expected: np.ndarray, kernel: Kernel) -> float:
    """Return the largest difference over the largest entry.

    Of a tangent kernel without the diagonal: there the other side takes the angle of an input with
    itself from a root of rounding, 10⁻⁸ where it is 0.
    """
    away = np.abs(found - expected)
    if getattr(kernel, "limit", None) == "ntk":
        np.fill_diagonal(away, 0)
    return float(away.max() / np.abs(expected).max())


def by_neural_tangents(python: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return its kernels and seconds by name."""
    script = Path(__file__).with_name("neural_tangents_kernels.py")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "inputs.npz"), Path(folder, "results.npz")
        np.savez(source, **inputs)
        subprocess.run([python, script, source, target], check=True, env={})
        with np.load(target) as file:
            return dict(file)


def best(work: Callable[[], Any]) -> tuple[np.ndarray, Any]:
    """Return the least (wall, processor) seconds of three runs after one, and the last result."""
    work()
    rounds = []
    for _ in range(3):
        start = time.perf_counter(), time.process_time()
        result = work()
        rounds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return np.min(rounds, axis=0), result


def shown(seconds: np.ndarray) -> str:
    """Return wall and processor seconds as text."""
    return f"{seconds[0]:>8.3f} ({seconds[1]:.3f})"


if __name__ == "__main__":
    main()
