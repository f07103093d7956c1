"""Classifiers of token ids in files: weights as safetensors, beside them the card ``NAME.json``.

    {"architecture": "lstm_classifier", "vocabulary": 10002, "outputs": 2, "length": 256,
     "options": {"width": 64}}

An architecture of :data:`TEXT_ARCHITECTURES` is what tells such a card from that of a network on
images.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.nets.bounded import bounded_by
from imprint.nets.checkpoint import read_weights, write_weights
from imprint.nets.save import card_file
from imprint.nets.text.registry import TEXT_ARCHITECTURES
from imprint.reading import json_files
from imprint.study.json_io import write_json

LARGEST = {"vocabulary": 10_000_000, "outputs": 1_000_000, "length": 100_000}
LARGEST_OPTION = 65_536
MEND_CARD = "write it again as one object of keys and values"


@dataclass(frozen=True)
class TextCard:
    """How to rebuild a classifier of token ids.

    Attributes:
        architecture: a name in :data:`TEXT_ARCHITECTURES`.
        vocabulary: how many ids there are, padding among them.
        outputs: classes.
        length: tokens of a text.
        options: further options of the architecture.

    Raises:
        ImprintError: a value is impossible.
    """

    architecture: str
    vocabulary: int
    outputs: int
    length: int
    options: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, largest in LARGEST.items():
            _check_whole(name, getattr(self, name), largest)
        build = TEXT_ARCHITECTURES.get(self.architecture)
        known = inspect.signature(build).parameters.keys()
        for name, value in self.options.items():
            if name not in known or name in LARGEST:
                own = ", ".join(sorted(known - LARGEST.keys()))
                raise ImprintError(
                    f"architecture {self.architecture!r} has no option {name!r}; it has: {own}"
                )
            _check_whole(f"option {name}", value, LARGEST_OPTION)

    def to_json(self) -> Mapping[str, Any]:
        """Return the card as JSON values."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {**values, "options": dict(self.options)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str) -> TextCard:
        """Return the card that JSON values hold.

        Raises:
            ImprintError: an unknown or missing key, or an impossible value.
        """
        known = [part.name for part in fields(cls)]
        unknown = next((key for key in content if key not in known), None)
        if unknown is not None:
            raise ImprintError(f"{where}: unknown key {unknown!r}; known here: {', '.join(known)}")
        missing = [name for name in ("architecture", *LARGEST) if name not in content]
        if missing:
            raise ImprintError(f"{where} does not say {', '.join(missing)}: add it")
        options = content.get("options", {})
        if not isinstance(options, Mapping):
            raise ImprintError(f"{where}: options must be keys and values, got {options!r}")
        try:
            return cls(**content)
        except ImprintError as error:
            raise ImprintError(f"{where}: {error}") from error


def _check_whole(name: str, value: object, largest: int) -> None:
    if type(value) is not int or not 1 <= value <= largest:
        raise ImprintError(f"{name} must be a whole number from 1 to {largest:,}, got {value!r}")


def build_text_network(card: TextCard, seed: int = 0) -> nn.Module:
    """Return the network of a card in evaluation mode; its weights depend on ``seed`` alone.

    Raises:
        ImprintError: options that do not fit one another.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initial weights"))
        build = TEXT_ARCHITECTURES.get(card.architecture)
        return build(card.vocabulary, card.outputs, card.length, **card.options).eval()


def save_text_network(path: Path, network: nn.Module, card: TextCard) -> None:
    """Write the weights to ``NAME.safetensors`` and the card beside it, each whole or not at all.

    Raises:
        ImprintError: another suffix, a full disk, or a folder that cannot be written.
    """
    if path.suffix != ".safetensors":
        raise ImprintError(f"weights are written as NAME.safetensors, not as {path.name}")
    write_json(card_file(path), card.to_json())
    write_weights(path, network.state_dict())


def text_card_beside(path: Path) -> TextCard | None:
    """Return the card beside a file of weights, None where it is of no classifier of token ids.

    Raises:
        ImprintError: it is of one and cannot be read.
    """
    file = card_file(path)
    if not file.is_file():
        return None
    content = json_files.read_json(file, remedy=MEND_CARD)
    if not isinstance(content, Mapping):
        return None
    if content.get("architecture") not in TEXT_ARCHITECTURES.names():
        return None
    return TextCard.from_json(content, str(file))


def load_text_network(path: Path, card: TextCard) -> nn.Module:
    """Return the network in a file of weights, on the CPU in evaluation mode.

    Raises:
        ImprintError: the file cannot be read, or does not fit the card.
    """
    weights = read_weights(path)
    what = f"the network that the card of {path.name} describes"
    # Counted without memory first: one tensor of a wide LSTM may be larger than the machine.
    with bounded_by(weights, what), torch.device("meta"):
        build_text_network(card)
    network = build_text_network(card)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ImprintError(
            f"{path} does not hold {card.architecture} with {card.vocabulary} ids and "
            f"{card.outputs} outputs ({reason}): correct its card"
        ) from error
    bad = next((name for name, tensor in weights.items() if not tensor.isfinite().all()), None)
    if bad is not None:
        raise ImprintError(
            f"{path}: tensor {bad} holds values that are NaN or infinite: take an earlier "
            "checkpoint"
        )
    return network
