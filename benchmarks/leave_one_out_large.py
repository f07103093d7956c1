"""Self values of 20,000 records: seconds, peak memory and measured errors of each way.

    python benchmarks/leave_one_out_large.py --records 20000 --data cifar10/train [--threads 1]

Fully connected ReLU kernel of depth 5 on standardised pixels, ten classes, noise variance 0.1.
Each method runs in a process of its own, so that its peak is its own; ``--data`` is a folder with
one folder of images a class, without it inputs are random. Errors are relative, over a random
sample of records whose exact values come from conjugate gradients on float64 kernel tiles.
Leaves with 1 if the hybrid's median error of a divergence is above 1e-3.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.study.finding import to_json

NOISE = 0.1
CLASSES = 10
CASES = {
    "hybrid": LargeOptions(method="hybrid"),
    "nystrom_1000": LargeOptions(method="nystrom", landmarks=1000),
    "nystrom_3000": LargeOptions(method="nystrom", landmarks=3000),
    "nystrom_1000_bare": LargeOptions(method="nystrom", landmarks=1000, probes=0),
    "nystrom_3000_bare": LargeOptions(method="nystrom", landmarks=3000, probes=0),
    "out_of_core": LargeOptions(method="out_of_core", memory=2 << 30),
    "exact": LargeOptions(method="exact"),
}


def images(folder: Path, records: int) -> tuple[Tensor, Tensor]:
    """Return standardised pixels ``[n, 3072]``, float32, and classes, balanced."""
    import numpy as np
    from PIL import Image

    kinds = sorted(path for path in folder.iterdir() if path.is_dir())[:CLASSES]
    files = [path for kind in kinds for path in sorted(kind.iterdir())[: records // len(kinds)]]
    labels = torch.tensor([kinds.index(path.parent) for path in files])
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in files])
    scaled = torch.from_numpy(pixels).float()
    mean, deviation = scaled.mean((0, 1, 2)), scaled.std((0, 1, 2))
    return ((scaled - mean) / deviation).flatten(1), labels


def random_inputs(records: int) -> tuple[Tensor, Tensor]:
    """Return inputs ``[n, 3072]`` in ten weak clusters."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(records) % CLASSES
    centres = 0.3 * torch.randn(CLASSES, 3072, generator=generator)
    return torch.randn(records, 3072, generator=generator) + centres[labels], labels


def measured(case: str, data: Path | None, records: int, threads: int) -> dict[str, Any]:
    """Run one case, here; return its report."""
    torch.set_num_threads(threads)
    x, labels = images(data, records) if data else random_inputs(records)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        options = CASES[case]
        if options.method == "out_of_core":
            options = replace(options, workspace=Path(folder))
        fit = fit_large(
            FullyConnected(depth=5), x, centred_one_hot(labels, CLASSES), NOISE, options
        )
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "passes": fit.passes,
        "relative_error": {name: to_json(error) for name, error in fit.error.items()},
        "weights_error_at_most": fit.weights_error,
        "effective_degrees_of_freedom": float(fit.influence.leverage.sum()),
        "seconds": fit.seconds,
        "case": case,
        "records": len(x),
        "total_seconds": seconds,
        "peak_mib": peak / 1024,
        "peak_before_mib": before / 1024,
    }


def show(report: dict[str, Any]) -> None:
    """Print one report."""
    phases = ", ".join(f"{name} {value:.0f} s" for name, value in report["seconds"].items())
    print(
        f"{report['case']}: {report['records']} records, {report['total_seconds']:.0f} s "
        f"({phases}; {report['passes']} passes), peak {report['peak_mib']:,.0f} MiB "
        f"({report['peak_before_mib']:,.0f} with the inputs alone), "
        f"effective degrees of freedom {report['effective_degrees_of_freedom']:.0f}, "
        f"weights off by at most {report['weights_error_at_most']:.1e}"
    )
    for measure, error in report["relative_error"].items():
        median, most = error["median"], error["quantile95"]
        print(
            f"  {measure:14} median {median['value']:.2e} [{median['ci95'][0]:.2e}, "
            f"{median['ci95'][1]:.2e}]  95 % {most['value']:.2e} [{most['ci95'][0]:.2e}, "
            f"{most['ci95'][1]:.2e}]  bias {error['bias']:+.1e}  n {median['n']}"
        )
    sys.stdout.flush()


def main() -> int:
    """Run every case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", "--n", type=int, default=20000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    good = True
    for case in options.cases:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            arguments = (case, options.data, options.records, options.threads)
            report = pool.apply(measured, arguments)
        show(report)
        if case == "hybrid":
            good = report["relative_error"]["kl_out_in"]["median"]["value"] <= 1e-3
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
