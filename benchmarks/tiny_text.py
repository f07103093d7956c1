"""Coverage and membership of small classifiers of token ids, trained on drawn texts.

    python benchmarks/tiny_text.py --out texts

Texts of four topics: every word is one of the topic's own 20 words with probability 0.3, else one
of 160 common ones. Networks learn 400 texts by heart; as many texts of all topics and of one topic
alone say whether coverage follows variety. Each network is saved as safetensors with its card and
audited by the command line, as a user would.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from imprint.cli import run
from imprint.nets.text.text_card import TextCard, build_text_network, save_text_network

TOPICS, OWN, COMMON, LENGTH = 4, 20, 160, 24
WORDS = 2 + TOPICS * OWN + COMMON
NETWORKS = {
    "lstm_classifier": {"width": 16, "hidden": 32},
    "transformer_classifier": {"width": 32, "depth": 2, "heads": 4},
}


def draw(random: np.random.Generator, topics: np.ndarray) -> np.ndarray:
    """Return token ids ``[n, 24]`` of texts of these topics, padded with 0 behind their end."""
    shape = (len(topics), LENGTH)
    own = 2 + topics[:, None] * OWN + random.integers(0, OWN, shape)
    common = 2 + TOPICS * OWN + random.integers(0, COMMON, shape)
    ids = np.where(random.random(shape) < 0.3, own, common)
    ids[np.arange(LENGTH) >= random.integers(8, LENGTH + 1, len(topics))[:, None]] = 0
    return ids


def train(name: str, ids: np.ndarray, labels: np.ndarray, file: Path, epochs: int) -> float:
    """Train and save a network; return its accuracy on its own texts."""
    card = TextCard(name, WORDS, TOPICS, LENGTH, NETWORKS[name])
    network = build_text_network(card)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    inputs, targets = torch.from_numpy(ids), torch.from_numpy(labels)
    for epoch in range(epochs):
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(ids)))
        for rows in order.split(32):
            optimiser.zero_grad()
            functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
            optimiser.step()
    network.eval()
    save_text_network(file, network, card)
    with torch.no_grad():
        return float((network(inputs).argmax(1) == targets).float().mean())


def main() -> None:
    """Train, audit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    sets = {}
    for part in ("members", "non_members", "tests", "narrow"):
        topics = random.integers(0, TOPICS, options.texts)
        if part == "narrow":
            topics[:] = 0
        sets[part] = options.out / f"{part}.npz"
        ids = draw(random, topics)
        np.savez(sets[part], ids=ids, labels=topics)
        if part == "members":
            members = ids, topics
    for name in NETWORKS:
        file = options.out / f"{name}.safetensors"
        accuracy = train(name, *members, file, options.epochs)
        print(f"{name}: {accuracy:.1%} of its own texts right")
        audits = {tests: audit(name, sets, tests, options.out) for tests in ("tests", "narrow")}
        auc = audits["tests"]["membership"]["attacks"]["loss"]["auc"]
        print(f"membership by the loss: AUC {auc['value']:.3f} {auc['ci95']}")
        coverage = {tests: found["coverage"] for tests, found in audits.items()}
        print(
            f"{coverage['tests']['neurons']} neurons of {len(coverage['tests']['layers'])} layers"
        )
        print("criterion | texts of all topics | of one topic")
        for criterion, value in coverage["tests"]["criteria"].items():
            narrow = coverage["narrow"]["criteria"][criterion]
            print(f"{criterion} | {shown(value)} | {shown(narrow)}")


def audit(name: str, sets: dict[str, Path], tests: str, out: Path) -> dict[str, Any]:
    """Audit a network by the command line; return its findings by lens."""
    words = ["audit", "--model", str(out / f"{name}.safetensors"), "--shadows", "0"]
    words += ["--lenses", "membership,coverage", "--device", "cpu", "--json"]
    words += ["--members", str(sets["members"]), "--non-members", str(sets["non_members"])]
    lenses: dict[str, Any] = run(
        [*words, "--tests", str(sets[tests]), "--out", str(out / f"{name}_{tests}")]
    )["lenses"]
    return lenses


def shown(value: dict[str, Any]) -> str:
    """Return a criterion's share of its ceiling, with its interval."""
    if "value" not in value:
        return "missing"
    if "normalised" not in value or not isinstance(value["normalised"], float):
        return f"{value['value']:.3g}"
    share = value["normalised"] / value["value"] if value["value"] else 0.0
    if not isinstance(value["ci95"], list):
        return f"{value['normalised']:.1%}"
    low, high = (end * share for end in value["ci95"])
    return f"{value['normalised']:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    main()
