"""Networks to and from files: weights, beside them the card ``NAME.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.nets.backbone import Weights
from imprint.nets.checkpoint import KeyNames, read_weights, rename_keys, unwrap
from imprint.nets.fill import fill_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.nets.published import published_network, read_renamed, recognise
from imprint.nets.save import card_file
from imprint.nets.saved_folder import folder_card, folder_weights, hash_folder
from imprint.reading import json_files
from imprint.study.hashing import hash_file, hash_json
from imprint.study.options import WeightsChoice

MEND_CARD = "write it again as one object of keys and values"


@dataclass(frozen=True)
class NetworkFile:
    """A file of weights or a folder of transformers, and what is said of it beside its card.

    Args:
        path: ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt``: weights that ``save_model`` wrote, a
            state dict of the network alone, or a file of a published layout
            (:mod:`imprint.nets.published`), which needs no card. Or a folder
            (:mod:`imprint.nets.saved_folder`).
        overrides: values that replace those of the card beside the weights or of the published
            layout, or make up a card where there is none.
        keys: which tensors of the file count, and under which names.
        card_path: the card to read in place of that beside the weights; None for that one.
    """

    path: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    keys: KeyNames = field(default_factory=KeyNames)
    card_path: Path | None = None

    @cached_property
    def card(self) -> ModelCard:
        """How to build the network.

        Raises:
            ImprintError: no card and too few overrides, a card that cannot be read, or a published
                layout that does not say how images are normalised.
        """
        stated = self._stated
        if self.path.is_dir():
            return folder_card(self.path, stated)
        if "architecture" in stated:
            return ModelCard.from_json(stated, self._where)
        return self._open(stated)[0]

    def load(self, device: torch.device | str = "cpu") -> ImageModel:
        """Return the network, in evaluation mode.

        Every tensor must find its place and every place its tensor; the counters
        ``num_batches_tracked`` alone may be missing, as in files of old.

        Raises:
            ImprintError: the file or card cannot be read, or the two do not fit.
        """
        stated = self._stated
        if self.path.is_dir():
            card = self.card
            weights = rename_keys(self.path, folder_weights(self.path, card), self.keys)
        elif "architecture" in stated:
            card = ModelCard.from_json(stated, self._where)
            weights = rename_keys(self.path, read_weights(self.path), self.keys)
        else:
            card, weights = self._open(stated)
        return fill_model(card, weights, self.path).to(device)

    def fingerprint(self) -> str:
        """Return the hash of what the network's answers depend on: weights, names and card.

        Notes on its training do not matter.
        """
        built = {key: value for key, value in self.card.to_json().items() if key != "training"}
        if self.path.is_dir():
            built["architecture"] = "transformers"
        return hash_json(
            {"weights": hash_weights(self.path), "card": built, "keys": self.keys.to_json()}
        )

    @cached_property
    def named(self) -> Mapping[str, Any]:
        """The card that is named, with the overrides; of a card beside the weights nothing.

        Raises:
            ImprintError: the card cannot be read.
        """
        card = {} if self.card_path is None else read_card_file(self.card_path)
        return {**card, **self.overrides}

    @property
    def _stated(self) -> Mapping[str, Any]:
        """The card, with the overrides."""
        if self.card_path is not None:
            return self.named
        file = card_file(self.path)
        beside: Any = {}
        if file.is_file():
            beside = json_files.read_json(file, remedy=MEND_CARD)
            if not isinstance(beside, Mapping):
                raise ImprintError(f"{file} must hold keys and values")
        return {**beside, **self.overrides}

    @property
    def _where(self) -> str:
        if self.card_path is not None:
            return str(self.card_path)
        file = card_file(self.path)
        return str(file) if file.is_file() else f"what was said of {self.path.name}"

    def _open(self, stated: Mapping[str, Any]) -> tuple[ModelCard, Weights]:
        """Return card and weights of a file whose card does not name an architecture."""
        if not self.path.is_file():
            raise ImprintError(f"there are no weights at {self.path}: check the path")
        content = read_renamed(self.path, self.keys)
        if recognise(content) is None:
            if stated:
                return ModelCard.from_json(stated, self._where), unwrap(self.path, content)
            raise ImprintError(
                f"no card {card_file(self.path)} beside the weights, and they have no published "
                "layout: say the architecture, channels, outputs, input_size, mean and std of the "
                "network"
            )
        published = published_network(self.path, content)
        if published.layout == "trunk" and not {"mean", "std"} <= stated.keys():
            _say_normalisation(self.path)
        return published.stated(stated, self._where), published.weights


def network_file(path: Path, choice: WeightsChoice) -> NetworkFile:
    """Return a file of weights with what options say of it.

    Raises:
        ImprintError: the card they name cannot be read.
    """
    stated: dict[str, Any] = {}
    for name in ("mean", "std", "output"):
        if value := getattr(choice, name):
            stated[name] = value
    return NetworkFile(path, stated, KeyNames(choice.key_prefix, choice.key_map), choice.card)


def hash_weights(path: Path) -> str:
    """Return the hash of a file of weights, or of the files of a folder."""
    return hash_folder(path) if path.is_dir() else hash_file(path)


def load_model(
    path: Path,
    card: ModelCard | Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> ImageModel:
    """Return the ImageModel in a file of weights, in evaluation mode; see :meth:`NetworkFile.load`.

    Args:
        path: the file of weights.
        card: how to build it; a mapping overrides keys of the card beside the weights or of the
            published layout, or stands for the card where there is none.
        device: where the ImageModel goes.

    Raises:
        ImprintError: the file or card cannot be read, or the two do not fit.
    """
    if isinstance(card, ModelCard):
        return fill_model(card, read_weights(path), path).to(device)
    return NetworkFile(path, card or {}).load(device)


def read_card(path: Path, overrides: Mapping[str, Any] | None = None) -> ModelCard:
    """Return the card beside a file of weights, or that of its published layout.

    Args:
        path: the file of weights.
        overrides: values that replace those of the card, or make up one where there is none.

    Raises:
        ImprintError: no card and too few overrides, or a card that cannot be read.
    """
    return NetworkFile(path, overrides or {}).card


def read_card_file(file: Path) -> Mapping[str, Any]:
    """Return what a card elsewhere says.

    Raises:
        ImprintError: the file cannot be read, or holds no keys and values.
    """
    try:
        content = json_files.read_json(file, remedy=MEND_CARD)
    except OSError as error:
        raise ImprintError(
            f"cannot read the card {file} ({error.strerror}): give a JSON file with "
            "architecture, channels, outputs, input_size, mean and std"
        ) from error
    if not isinstance(content, Mapping):
        raise ImprintError(f"the card {file} must hold keys and values, such as architecture")
    return dict(content)


@cache
def _say_normalisation(path: Path) -> None:
    """Say once what is taken for granted of a file in torchvision's layout."""
    log(
        f"{path.name}: taken for a network of images normalised by ImageNet's mean and standard "
        "deviation, as torchvision's are; --mean and --std, or a card, say otherwise"
    )
