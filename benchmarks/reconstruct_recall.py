"""What two encoders recall of the embedded data, over seeds: recipe, guidance, samplers.

    python benchmarks/reconstruct_recall.py --out runs/recall --seeds 0 1 2 --table recall.md

Per seed: an audit trains encoders A and B on images of that seed; two diffusion models, one a core,
are trained on its public images (``--train-only`` ends there); then ``imprint dejavu reconstruct``
is run with each variant. The table has a row a seed and variant: shares of samples with the
original's class, target minus reference with its interval, the same on public images, seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AUDIT = (
    "--membership.models=0",
    "--no-linear-probe",
    "--leave-one-out.skip",
    "--coverage.skip",
)
VARIANTS = {
    "guidance 1": ("--sampling-steps=25",),
    "guidance 2": ("--sampling-steps=25", "--guidance=2"),
}
SAMPLERS = {
    "ddim 50": ("--sampling-steps=50",),
    "ddpm 1000": ("--sampling-steps=1000", "--sampler=ddpm"),
}
FEW = ("--images=20", "--samples=2", "--recipe=neighbours", "--shown=0")
HEAD = (
    "| seed | variant | sampled from | target | reference | target minus reference | outside | "
    "similarity | outside | s |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Train what is not there, sample, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--samplers", action="store_true", help="compare samplers at the first")
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in options.seeds:
        minutes = train(options.out, seed)
        print(f"seed {seed}: both diffusion models in {minutes:.1f} min", flush=True)
        if options.train_only:
            continue
        count = (f"--images={options.images}", f"--samples={options.samples}")
        for name, words in VARIANTS.items():
            rows += recall(options.out, seed, name, (*words, *count))
        if options.samplers and seed == options.seeds[0]:
            for name, words in SAMPLERS.items():
                rows += recall(options.out, seed, name, (*words, *FEW))
    text = "\n".join([HEAD, *rows]) + "\n"
    print(text)
    if options.table:
        options.table.write_text(text, encoding="utf-8")


def train(out: Path, seed: int) -> float:
    """Train encoders and diffusion models of a seed; return minutes of the latter, 0 if done."""
    audit = out / f"audit{seed}"
    run(["audit", f"--seed={seed}", *AUDIT, f"--out={audit}"], threads=2)
    start = time.monotonic()
    public = audit / "split/13_per_class/public.npy"
    processes = [
        start_run(
            [
                *("reconstruct", "train", f"--seed={seed}", f"--indices={public}"),
                *(f"--encoder={audit}/models/{name}/final.safetensors", "--device=cpu"),
                f"--out={out}/run_{name}{seed}",
            ],
            threads=1,
        )
        for name in "AB"
    ]
    for process in processes:
        if process.wait():
            sys.exit("a training failed")
    return (time.monotonic() - start) / 60


def recall(out: Path, seed: int, variant: str, words: Sequence[str]) -> list[str]:
    """Return rows of one variant, one a recipe."""
    folder = out / f"recall{seed}_{variant.replace(' ', '_')}"
    start = time.monotonic()
    command = ["dejavu", "reconstruct", f"--seed={seed}", f"--study={out}/audit{seed}"]
    command += [f"--run-a={out}/run_A{seed}", f"--run-b={out}/run_B{seed}", "--device=cpu"]
    run([*command, *words, f"--out={folder}"], threads=2)
    seconds = time.monotonic() - start
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    recipes = summary["lenses"]["reconstruct_pair"]["recipes"]
    return [
        f"| {seed} | {variant} | {name} | {percent(each['originals']['target']['class_share'])} | "
        f"{percent(each['originals']['reference']['class_share'])} | "
        f"{points(each['originals']['class_share'])} | {points(each['leak']['class_share'])} | "
        f"{number(each['originals']['similarity'])} | {number(each['leak']['similarity'])} | "
        f"{seconds:.0f} |"
        for name, each in recipes.items()
    ]


def percent(estimate: dict[str, Any]) -> str:
    """Return a share."""
    return f"{100 * estimate['value']:.1f} %"


def points(difference: dict[str, Any]) -> str:
    """Return a difference of shares in percentage points with its interval."""
    estimate = difference["estimate"]
    low, high = (100 * end for end in estimate["ci95"])
    return f"{100 * estimate['value']:+.1f} [{low:+.1f}, {high:+.1f}]"


def number(difference: dict[str, Any]) -> str:
    """Return a difference with its interval."""
    estimate = difference["estimate"]
    low, high = estimate["ci95"]
    return f"{estimate['value']:+.3f} [{low:+.3f}, {high:+.3f}]"


def start_run(words: Sequence[str], threads: int) -> subprocess.Popen[bytes]:
    """Start a command of imprint."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.Popen([sys.executable, "-m", "imprint", *words], env=environment)


def run(words: Sequence[str], threads: int) -> None:
    """Run a command of imprint to its end."""
    if start_run(words, threads).wait():
        sys.exit(f"imprint {' '.join(words)} failed")


if __name__ == "__main__":
    main()
