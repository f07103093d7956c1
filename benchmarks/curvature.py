"""Cost and error of input-loss curvature on a published CIFAR-10 ResNet-20.

    python benchmarks/curvature.py --weights pretrained --data cifar10

``--data`` holds ``test/<class>/*.jpg`` (32 × 32 pixels), ``--weights`` the file
``resnet20_cifar10.safetensors``. First, seconds an image of the zeroth-order score with 10 probes,
its base forward and its random signs included, over 41 times a bare forward pass at the same
micro-batch; rounds alternate and medians count. Exit code 1 above 1.15. Second, ten logit probes
and ten of Hutchinson's against the exact trace.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from imprint.nets.image_model import ImageModel
from imprint.probe.signals.curvature import zeroth_order_curvature
from imprint.probe.signals.hessian import exact_trace, hutchinson_trace, logit_probe_trace
from imprint.probe.signals.precision import full_float32
from imprint.probe.signals.rademacher import rademacher
from pretrained_accuracy import load_resnet, read_folder

PROBES, STEP, ROWS = 10, 1e-3, 32
LIMIT = 1.15
CPU = torch.device("cpu")


def main() -> None:
    """Measure cost, then error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_resnet(options.weights, 20).place(CPU).eval()
    pixels, labels = read_folder(options.data / "test")
    rows = np.random.default_rng(0).choice(len(labels), options.images, replace=False)
    images = (pixels[rows].float() / 255).contiguous(memory_format=torch.channels_last)
    print(f"{len(rows)} images, {options.threads} thread(s), torch {torch.__version__}")
    with full_float32(CPU):
        ratio = cost(model, images, labels[rows], rows, options.repeats)
        traces(model, images, labels[rows], rows)
    sys.exit(int(ratio > LIMIT))


def cost(
    model: ImageModel, images: Tensor, labels: Tensor, indices: np.ndarray, repeats: int
) -> float:
    """Print and return the cost of the zeroth-order score in units of 41 forward passes."""

    @torch.inference_mode()
    def bare() -> None:
        for part in images.split(ROWS):
            model(part)

    def score() -> None:
        bare()
        count = 2 * images[0].numel()
        signs = (rademacher(0, "curvature", "identity", n, indices, count) for n in range(PROBES))
        zeroth_order_curvature(model, images, labels, signs, STEP, model.std, ROWS)

    bare()
    forwards = 1 + 4 * PROBES
    pairs = [(seconds(bare, 4) / 4, seconds(score)) for _ in range(repeats)]
    ratio = median(scored / (forwards * once) for once, scored in pairs)
    once, scored = (median(column) / len(images) for column in zip(*pairs, strict=True))
    print(f"bare forward {1e3 * once:.3f} ms an image, zeroth-order score {1e3 * scored:.1f} ms")
    print(f"score / ({forwards} × forward) = {ratio:.3f}, limit {LIMIT}")
    return ratio


def traces(model: ImageModel, images: Tensor, labels: Tensor, indices: np.ndarray) -> None:
    """Print error and cost of the estimates of the trace."""

    def signs(purpose: str, count: int) -> Iterator[Tensor]:
        return (rademacher(0, purpose, "identity", n, indices, count) for n in range(PROBES))

    def forward() -> Tensor:
        with torch.inference_mode():
            return model(images)

    methods: dict[str, Callable[[], Tensor]] = {
        "exact": lambda: exact_trace(model, images, model.std),
        "10 logit probes": lambda: logit_probe_trace(model, images, signs("logits", 10), model.std),
        "10 Hutchinson": lambda: hutchinson_trace(
            model, images, labels, signs("hutchinson", images[0].numel()), model.std
        ),
    }
    unit = seconds(forward)
    exact = methods["exact"]()
    print(f"{'trace':<18}{'forwards':>9}{'median relative error':>24}")
    for name, method in methods.items():
        start = time.perf_counter()
        found = method()
        spent = (time.perf_counter() - start) / unit
        error = ((found - exact).abs() / exact).median().item()
        print(f"{name:<18}{spent:>9.1f}{error:>24.3f}")


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Return the seconds that doing ``work`` so many times takes."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
