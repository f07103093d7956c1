"""Do WISDOM's votes agree with the published tables for the same networks?

    python benchmarks/coverage_votes.py --mnist mnist --cifar10 cifar10 --weights pretrained \
        --published published [--batches 60]

The published LeNets vote in published mode on batches of 32 training images in random order.
Printed are, per layer, Spearman's correlation of the votes with the published ones and their shares
of all votes, the leading neurons, and, for comparison, the same of the sound count. The published
tables took all batches (1,875 and 1,563). How many neurons each method chose for them is not told:
``--m 6`` comes closest.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.data.open import open_images
from imprint.data.view import View
from imprint.lenses.coverage.importance.importance_files import read_votes
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.study.votes import wisdom
from imprint.nets.load import load_model
from imprint.nets.model_card import NORMALISATIONS, ModelCard
from imprint.neurons.activations import Layers
from imprint.neurons.importance import hidden, select_in_model
from imprint.stats.correlation import spearman

BATCH = 32


def main() -> None:
    """Vote with every network whose data is given, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--cifar10", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--m", type=int, default=10, help="neurons that each method chooses")
    parser.add_argument("--sound-batches", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.mnist:
        card = ModelCard("lenet", 1, 10, 32, *NORMALISATIONS["mnist"])
        compare("mnist", open_part(chosen.mnist), card, chosen)
    if chosen.cifar10:
        card = ModelCard("lenet", 3, 10, 32, *NORMALISATIONS["half"])
        compare("cifar10", open_part(chosen.cifar10), card, chosen)


def open_part(folder: Path) -> ImageSet:
    """Return the training images of a folder."""
    return open_images(folder / "train" if (folder / "train").is_dir() else folder)


def compare(name: str, images: ImageSet, card: ModelCard, chosen: argparse.Namespace) -> None:
    """Print a table for one network."""
    model = load_model(chosen.weights / f"lenet_{name}.safetensors", card)
    published = read_votes(chosen.published / f"wisdom_lenet_{name}.csv")
    order = generator(0, "votes order").permutation(len(images)).astype(np.int64)
    counts = (
        ("published", VotingOptions(published=True, m=chosen.m), chosen.batches),
        ("sound", VotingOptions(window=0), chosen.sound_batches),
    )
    print(f"\nLeNet-5, {name}, batches of {BATCH}\n")
    print("| count | layer | Spearman (95 %) | share of votes | published share |")
    print("| --- | --- | ---: | ---: | ---: |")
    for what, options, batches in counts:
        if not batches:
            continue
        start = time.perf_counter()
        view = View(images, order[: BATCH * batches])
        ballot = wisdom(model, view, options, batch_size=BATCH)
        seconds = time.perf_counter() - start
        show(what, ballot.layers, ballot.votes.astype(np.float64), published)
        theirs = select_in_model(ballot.layers, flat(ballot.layers, published), 10)
        ours = ballot.leading(10)
        same = len(set(ours.neurons.tolist()) & set(theirs.neurons.tolist()))
        print(
            f"\n{what}: {ballot.batches} batches, {int(ballot.votes.sum())} votes, "
            f"{seconds:.0f} s; {same} of the 10 leading neurons are those of the published table; "
            f"ours {ours.named()[:5]}, theirs {theirs.named()[:5]}; mean gains "
            + ", ".join(f"{key} {value:.2f}" for key, value in ballot.mean_gains.items())
            + "\n"
        )


def show(what: str, layers: Layers, votes: FloatArray, published: dict[str, FloatArray]) -> None:
    """Print one row a layer and one for all."""
    theirs = flat(layers, published)
    rows = [(name, layers.slices[name]) for name in hidden(layers)]
    every = slice(0, layers.slices[layers.names[-1]].start)
    for name, part in [*rows, ("all", every)]:
        one, other = votes[part], theirs[part]
        correlation = "none"
        if len(set(one)) > 1 and len(set(other)) > 1:
            value = spearman(one, other, generator(0, "votes", name))
            correlation = f"{value.value:.2f} ({value.ci95[0]:.2f} to {value.ci95[1]:.2f})"
        shares = f"{one.sum() / votes.sum():.1%} | {other.sum() / theirs.sum():.1%}"
        print(f"| {what} | {name} | {correlation} | {shares} |")


def flat(layers: Layers, votes: dict[str, FloatArray]) -> FloatArray:
    """Return the votes of a table in the order of a network, 0 for the last layer."""
    joined = np.zeros(layers.neurons)
    for name in hidden(layers):
        joined[layers.slices[name]] = votes[name]
    return joined


if __name__ == "__main__":
    main()
