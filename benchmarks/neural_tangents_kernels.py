"""Kernels by neural-tangents, for ``nngp_kernels.py``; runs in an environment of its own.

    python neural_tangents_kernels.py INPUTS.npz RESULTS.npz

Works with jax and jaxlib 0.4.30 and neural-tangents 0.6.5 installed without dependencies, plus
frozendict, opt_einsum, scipy and NumPy 1. Its subpackage ``experimental``, which needs TensorFlow,
is left out. One thread, float64.
"""

from __future__ import annotations

import os
import sys
import time
import types
import warnings

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 "
    "--xla_force_host_platform_device_count=1"
)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax  # noqa: E402
import numpy as np  # noqa: E402

warnings.filterwarnings("ignore", message="`FanIn` layers")
jax.config.update("jax_enable_x64", True)
sys.modules["neural_tangents.experimental"] = types.ModuleType("experimental")

from neural_tangents import stax  # noqa: E402

ROOT2 = 2**0.5


def dense():
    """Return a dense layer."""
    return stax.Dense(1, W_std=ROOT2, b_std=0.0)


def fully_connected(depth, activation):
    """Return ``depth`` hidden layers and the read-out."""
    return stax.serial(
        stax.Flatten(), *[layer for _ in range(depth) for layer in (dense(), activation())], dense()
    )


def convolution(window=3, strides=(1, 1), w_std=ROOT2):
    """Return a convolution."""
    return stax.Conv(1, (window, window), strides, padding="SAME", W_std=w_std, b_std=0.0)


def stacked(depth, window, end):
    """Return ``depth`` convolutions, ``end`` and the read-out."""
    layers = [layer for _ in range(depth) for layer in (convolution(window), stax.Relu())]
    return stax.serial(*layers, end(), dense())


def myrtle(blocks):
    """Return a Myrtle network."""
    layers = [convolution(), stax.Relu()]
    for number, count in enumerate(blocks):
        layers += [stax.AvgPool((2, 2), strides=(2, 2))] if number else []
        layers += [layer for _ in range(count) for layer in (convolution(), stax.Relu())]
    return stax.serial(*layers, stax.GlobalAvgPool(), dense())


def wide_resnet():
    """Return the library's example network: block size 4, k = 1."""

    def block(strides, mismatch):
        main = stax.serial(
            stax.Relu(), convolution(3, strides, 1.0), stax.Relu(), convolution(3, (1, 1), 1.0)
        )
        shortcut = convolution(3, strides, 1.0) if mismatch else stax.Identity()
        return stax.serial(stax.FanOut(2), stax.parallel(main, shortcut), stax.FanInSum())

    blocks = [
        block((step, step) if first else (1, 1), first)
        for step in (1, 2, 2)
        for first in (True, False, False, False)
    ]
    end = stax.AvgPool((8, 8)), stax.Flatten(), stax.Dense(1, 1.0, 0.0)
    return stax.serial(convolution(w_std=1.0), *blocks, *end)


NETWORKS = {
    "fc relu": (fully_connected(5, stax.Relu), "nngp"),
    "fc gelu": (fully_connected(5, stax.Gelu), "nngp"),
    "fc relu ntk": (fully_connected(5, stax.Relu), "ntk"),
    "conv": (stacked(5, 2, stax.Flatten), "nngp"),
    "conv_pool": (stacked(2, 3, stax.GlobalAvgPool), "nngp"),
    "myrtle 7": (myrtle((1, 2, 2)), "nngp"),
    "myrtle 10": (myrtle((2, 3, 3)), "nngp"),
    "wide_resnet": (wide_resnet(), "nngp"),
}


def main():
    """Compute the kernel of each network for the inputs stored under its name."""
    source, target = sys.argv[1:]
    results = {}
    with np.load(source) as file:
        for name, (network, limit) in NETWORKS.items():
            x = file[name]
            if x.ndim == 4:
                x = x.transpose(0, 2, 3, 1)
            kernel = jax.jit(lambda x, k=network[2], limit=limit: k(x, None, limit))
            kernel(x).block_until_ready()
            wall, processor = [], []
            for _ in range(3):
                start = time.perf_counter(), time.process_time()
                matrix = kernel(x).block_until_ready()
                wall.append(time.perf_counter() - start[0])
                processor.append(time.process_time() - start[1])
            results[name] = np.asarray(matrix)
            results[f"{name} seconds"] = np.array([min(wall), min(processor)])
    np.savez(target, **results)


if __name__ == "__main__":
    main()
