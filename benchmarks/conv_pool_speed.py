"""Seconds of the kernel with global pooling against neural-tangents, by size of the images.

    OMP_NUM_THREADS=1 python benchmarks/conv_pool_speed.py --neural-tangents OTHER/bin/python

K(X, X) of random float64 images, two convolutions 3×3 with ReLU. The two sides take turns, one call
each, after compilation, on one thread each; processor seconds, so that other programs on the
machine count little. The median of the ratios of neighbouring calls, with their quartiles, and the
largest difference. Exit code 1 where imprint is the slower one, or they differ by more than 1e-10.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS

IMAGES = {8: 24, 12: 12, 16: 8, 32: 3}
LIMIT = 1e-10


def main() -> None:
    """Time in turns, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neural-tangents", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    inputs = {
        f"conv_pool {side}": random.normal(size=(count, 3, side, side))
        for side, count in IMAGES.items()
    }
    script = str(Path(__file__).with_name("neural_tangents_kernels.py"))
    python = str(options.neural_tangents)
    kernel = KERNELS.get("conv_pool")(depth=2)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "inputs.npz"), Path(folder, "results.npz")
        np.savez(source, **inputs)
        subprocess.run([python, script, source, target], check=True, env={})
        with np.load(target) as file:
            expected = {name: file[name] for name in inputs}
        with subprocess.Popen(
            [python, script, str(source), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={},
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdout.readline()
            print("pixels  images  imprint ms  neural-tangents ms  ratio [quartiles]  difference")
            for name, values in inputs.items():
                x = torch.from_numpy(values)
                matrix = kernel(x).numpy()
                ours, theirs = [], []
                for _ in range(options.rounds):
                    start = time.process_time()
                    kernel(x)
                    ours.append(time.process_time() - start)
                    other.stdin.write(f"{name}\n")
                    other.stdin.flush()
                    theirs.append(float(other.stdout.readline()))
                ratios = np.array(theirs) / ours
                low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
                away = np.abs(matrix - expected[name]).max() / np.abs(expected[name]).max()
                print(
                    f"{values.shape[-1]:>6}  {len(values):>6}  {1e3 * np.median(ours):>10.1f}"
                    f"  {1e3 * np.median(theirs):>18.1f}  {middle:.2f} [{low:.2f}, {high:.2f}]"
                    f"  {away:.1e}",
                    flush=True,
                )
                failed |= middle < 1 or not away <= LIMIT
            other.stdin.close()
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
