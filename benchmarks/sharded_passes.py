"""Passes over images in one process and cut into tasks: the same bytes, and the seconds of each.

    python benchmarks/sharded_passes.py --data CIFAR10 --weights resnet20_cifar10.safetensors

Embeddings, activations, signals with curvature, coverage and exact neighbours, under the network of
the weights, by processes of this machine with one thread a task (``--task-cpus 1``), as one pass,
as two tasks and as three; and embeddings of one pass with as many threads as there are cores. Every
setting runs ``--repeats`` times, the settings in turn, and the least and the largest number of
seconds are printed with the load of the machine; the files of all must be equal.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from imprint.data.imageset import ImageSet
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.launch.launcher import using
from imprint.launch.local import LocalLauncher
from imprint.launch.shards import cut_into
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.study.criteria import Fitting, MeasureCoverage, settings_of
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.dejavu.study.embeddings import EmbedViews
from imprint.lenses.dejavu.study.search import TableSearch
from imprint.lenses.membership.study.models import trained_model
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.signals import take_all_signals
from imprint.nets.load import NetworkFile
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.store import Study

CPU = torch.device("cpu")
CRITERIA = ("kmnc", "nbc", "lsc", "dsc", "nlc", "idc")
NEIGHBOURS, CROPS = 100, 1000


class Passes:
    """The passes, each into a new folder.

    Args:
        images: of which the first are passed.
        network: that sees them.
        count: of images.
    """

    def __init__(self, images: ImageSet, network: NetworkFile, count: int) -> None:
        self.images, self.network, self.count = images, network, count
        self.view = View(images, np.arange(count))

    def embeddings(self, root: Path) -> None:
        """Embed the images."""
        views = {"public": self.view}
        step = EmbedViews(views, {"A": self.network}, {"A": ("backbone",)}, {}, "cpu")
        Study(root).run(step)

    def signals(self, root: Path) -> None:
        """Take the plain signals and curvature."""
        pool = RecordPool(index=np.arange(self.count // 4), population=np.empty(0, dtype=np.int64))
        choice = EvidenceChoice(curvature_probes=2, augmentations=("identity", "flip"))
        model = trained_model("A", self.network)
        take_all_signals(Study(root), [model], self.images, pool, choice, 0, CPU)

    def activations(self, root: Path) -> None:
        """Take the activations of all layers, in float16."""
        network = AuditedNetwork(self.network, CPU)
        TakeActivations(network, self.view, TapOptions(), "float16", "test").table(Study(root))

    def coverage(self, root: Path, made: Path) -> None:
        """Measure criteria on activations that are there."""
        network = AuditedNetwork(self.network, CPU)
        step = TakeActivations(network, self.view, TapOptions(), "float16", "test")
        table = step.table(Study(made))
        settings = settings_of(CriteriaChoice(criteria=CRITERIA))
        fitting = Fitting(table, table.layers, settings)
        measure = MeasureCoverage(settings, {}, {}, "none", 0, False, fitting, table)
        Study(root).run(measure)

    def neighbours(self, root: Path, made: Path) -> None:
        """Search the nearest of embeddings that are there."""
        tables = root / "tables"
        tables.mkdir(parents=True)
        public = tables / "A.public.parquet"
        public.hardlink_to(made / "tables/embeddings/A.public.parquet")
        crops = np.random.default_rng(0).random((CROPS, 64), dtype=np.float32)
        rows = TableSearch(public, "backbone", NEIGHBOURS, "l2", "cpu").exact(crops)
        public.unlink()
        np.save(root / "rows.npy", rows)


def main() -> None:
    """Make the passes in turn, and print seconds and whether the bytes agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    passes = Passes(
        open_images(options.data),
        NetworkFile(options.weights, {
            "architecture": "cifar_resnet20", "channels": 3, "outputs": 10, "input_size": 32,
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
        }),
        options.images,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        report(passes, Path(folder), options.shards, options.repeats)


def report(passes: Passes, folder: Path, shards: list[int], repeats: int) -> None:
    """Print a line a pass."""
    made = folder / "made"
    passes.embeddings(made)
    passes.activations(made)
    works: dict[str, Callable[[Path], None]] = {
        "embeddings": passes.embeddings,
        "activations": passes.activations,
        "signals": passes.signals,
        "coverage": lambda root: passes.coverage(root, made),
        "neighbours": lambda root: passes.neighbours(root, made),
    }
    print(f"load {os.getloadavg()[0]:.1f} at first")
    for name, work in works.items():
        seconds, digests = defaultdict(list), set()
        for repeat in range(repeats):
            for count in shards:
                root = folder / f"{name}-{count}-{repeat}"
                start = time.monotonic()
                with using(LocalLauncher(1)), cut_into(count):
                    work(root)
                seconds[count].append(time.monotonic() - start)
                digests.add(digest_of(root))
        spread = "; ".join(
            f"{count}: {min(seconds[count]):.1f} to {max(seconds[count]):.1f} s" for count in shards
        )
        same = "same bytes" if len(digests) == 1 else "OTHER BYTES"
        print(f"{name}: {spread}; {same}; load {os.getloadavg()[0]:.1f}", flush=True)
    root = folder / "threads"
    passes.embeddings(root)
    same = digest_of(root) == digest_of(folder / f"embeddings-{shards[0]}-0")
    print(f"embeddings with {torch.get_num_threads()} threads: {'same' if same else 'other'} bytes")


def digest_of(root: Path) -> str:
    """Return a hash of all files of a study but for the ledger and locks."""
    whole = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        parts = file.relative_to(root).parts
        if file.is_file() and ".tasks" not in parts:
            whole.update("/".join(parts).encode() + file.read_bytes())
    return whole.hexdigest()


if __name__ == "__main__":
    main()
