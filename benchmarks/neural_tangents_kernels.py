"""Kernels by neural-tangents, for other benchmarks; runs in an environment of its own.

    python neural_tangents_kernels.py INPUTS.npz RESULTS.npz [NAME ...]
    python neural_tangents_kernels.py INPUTS.npz serve

``serve`` compiles every kernel named in the inputs, then computes the one that a line of the
standard input names and prints its processor seconds.

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


def numerical(function, degree=60):
    """Return an activation by Gauss-Hermite quadrature of degree² nodes a value."""
    return lambda: stax.ElementwiseNumerical(function, deg=degree)


def fully_connected(depth, activation):
    """Return ``depth`` hidden layers and the read-out."""
    return stax.serial(
        stax.Flatten(), *[layer for _ in range(depth) for layer in (dense(), activation())], dense()
    )


def convolution(window=3, strides=(1, 1), w_std=ROOT2):
    """Return a convolution."""
    return stax.Conv(1, (window, window), strides, padding="SAME", W_std=w_std, b_std=0.0)


def stacked(depth, window, end, activation=stax.Relu):
    """Return ``depth`` convolutions, ``end`` and the read-out."""
    layers = [layer for _ in range(depth) for layer in (convolution(window), activation())]
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
    "conv ntk": (stacked(3, 3, stax.Flatten), "ntk"),
    "conv_pool ntk": (stacked(2, 3, stax.GlobalAvgPool), "ntk"),
    "conv_pool gelu ntk": (stacked(2, 3, stax.GlobalAvgPool, stax.Gelu), "ntk"),
    "myrtle ntk": (myrtle((1, 1, 1)), "ntk"),
    "wide_resnet ntk": (wide_resnet(), "ntk"),
}
ACTIVATIONS = {
    "relu": stax.Relu,
    "leaky_relu": lambda: stax.LeakyRelu(0.01),
    "leaky_relu:0.3": lambda: stax.LeakyRelu(0.3),
    "abs": stax.Abs,
    "erf": stax.Erf,
    "gelu": stax.Gelu,
    "sin": stax.Sin,
    "cos": stax.Cos,
    "exp": stax.Exp,
    "gaussian": stax.Gaussian,
    "square": lambda: stax.Monomial(2),
    "tanh": numerical(jax.numpy.tanh),
    "sigmoid": numerical(jax.nn.sigmoid),
    "silu": numerical(jax.nn.silu),
    "softplus": numerical(jax.nn.softplus),
    "mish": numerical(lambda u: u * jax.numpy.tanh(jax.nn.softplus(u))),
    "elu": numerical(jax.nn.elu),
    "selu": numerical(jax.nn.selu),
}
for NAME, ACTIVATION in ACTIVATIONS.items():
    for LIMIT in ("nngp", "ntk"):
        NETWORKS[f"activation {NAME} {LIMIT}"] = (fully_connected(2, ACTIVATION), LIMIT)
for SIDE in (8, 12, 16, 32):
    NETWORKS[f"conv_pool {SIDE}"] = (stacked(2, 3, stax.GlobalAvgPool), "nngp")


def prepared(name, x):
    """Return the compiled kernel of a network and its inputs, after one call."""
    network, limit = NETWORKS[name]
    x = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    kernel = jax.jit(lambda x: network[2](x, None, limit))
    kernel(x).block_until_ready()
    return kernel, x


def serve(source):
    """Compute on demand."""
    with np.load(source) as file:
        kernels = {name: prepared(name, file[name]) for name in file.files}
    print("ready", flush=True)
    for line in sys.stdin:
        kernel, x = kernels[line.strip()]
        start = time.process_time()
        kernel(x).block_until_ready()
        print(time.process_time() - start, flush=True)


def main():
    """Compute the kernel of each network for the inputs stored under its name."""
    source, target, *names = sys.argv[1:]
    if target == "serve":
        serve(source)
        return
    results = {}
    with np.load(source) as file:
        for name in names or file.files:
            kernel, x = prepared(name, file[name])
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
