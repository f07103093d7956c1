"""Kill ``imprint reconstruct train`` with SIGKILL at random moments; compare every byte.

A run that keeps its state at every second step is trained undisturbed once. In each trial it is
killed three times, at moments drawn over the undisturbed time, and run again at once each time; the
last run is left alone. A trial is lost if the last run fails, if a file of the network differs from
the undisturbed one, or if after a kill a file under its final name is not the whole file.

    python benchmarks/reconstruct_kills.py --out runs/kills --trials 10
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

import torch

from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from reliability_kill import killed_run
from trials import Row, call, import_heavy, print_rows, tree

KILLS = 3
WORDS = (
    "reconstruct train --device cpu --composite-count 20 --train.unet.image-size 16 "
    "--train.unet.patch 2 --train.unet.width 8 --train.unet.multipliers 1,1 --train.batch-size 8 "
    "--train.resume-every 2 --train.snapshot-every 5"
)
CARD = ModelCard(
    "patch_convnet", 3, 4, 16, (0.5,), (0.25,), projector="8-6", options={"width": "4"}
)


def trials_of(folder: Path, steps: int, trials: int, seed: int) -> list[Row]:
    """Return a row a trial.

    Args:
        folder: gets the encoder and the runs.
        steps: of training.
        trials: how many.
        seed: of the moments of the kills.
    """
    torch.manual_seed(0)
    save_model(folder / "encoder.safetensors", build_model(CARD), CARD)
    words = [*WORDS.split(), f"--train.steps={steps}"]
    words += ["--encoder", str(folder / "encoder.safetensors")]
    start = time.monotonic()
    outcome = call([*words, "--out", str(folder / "whole")], timeout=600)
    seconds = time.monotonic() - start
    if outcome.code != 0:
        return [Row("reconstruct train", "undisturbed run", outcome.err[-500:])]
    undisturbed = tree(folder / "whole")
    draw = random.Random(seed)
    rows = []
    for trial in range(trials):
        moments = [draw.uniform(0, seconds) for _ in range(KILLS)]
        lost = killed_run(words, folder / f"trial{trial}", moments, undisturbed)
        when = ", ".join(f"{moment:.2f}" for moment in moments)
        detail = f"trial {trial}, killed after {when} of {seconds:.2f} s"
        rows.append(Row("reconstruct train", detail, lost))
        shutil.rmtree(folder / f"trial{trial}", ignore_errors=True)
    return rows


def main() -> int:
    """Run all trials and print the table; return how many were lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    import_heavy()
    import diffusers

    diffusers.UNet2DModel  # noqa: B018  # loaded here, so that forked calls need not
    rows = trials_of(folder, arguments.steps, arguments.trials, arguments.seed)
    for row in rows:
        print(row.detail, file=sys.stderr)
    return print_rows("command, killed with SIGKILL three times", rows)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
