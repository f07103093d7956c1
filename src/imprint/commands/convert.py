"""``imprint convert``: weights and settings that others published, as files of imprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imprint.study.command import command
from imprint.study.options import Common, WeightsChoice

if TYPE_CHECKING:
    from imprint.nets.model_card import ModelCard

SETTINGS = (".yaml", ".yml", ".json")


@command("convert", "published weights as a file of imprint")
@dataclass(frozen=True, kw_only=True)
class Convert(WeightsChoice, Common):
    """Convert published weights (VICReg, SimSiam, DINO, lightly, Sonnet, …) or settings.

    Writes OUT/NAME.safetensors and its card OUT/NAME.json. Every tensor must find its place.

    A .pth, .pt, .ckpt or .safetensors file is of a published layout, found by its names; every
    --subject takes such a file as it is, too, but a converted one is smaller and has its card.
    Where a layout leaves open how images are normalised, --mean and --std must say it.
    Anything else is a checkpoint of TensorFlow: a ResNet of Sonnet, as Feldman and Zhang released
    them, which needs the extra tf. Those networks were trained and tested on the centre square of
    0.875 of the shorter side, which --centre-fraction 0.875 takes.

    A .yaml or .json file holds settings of the published déjà vu trainer: OUT/NAME.yaml is what
    imprint train --config takes, and every key without an option is told.
    """

    checkpoint: Path
    """A file of weights or settings; RUN/checkpoints/ckpt-N, or the folder RUN of one checkpoint of
    Sonnet."""
    layout: Literal[
        "auto",
        "vissl",
        "dino",
        "dejavu",
        "barlow",
        "vicreg",
        "moco",
        "simsiam",
        "lightly",
        "mmpretrain",
        "solo",
        "simclr",
        "backbone",
        "trunk",
        "simclr_tf",
    ] = "auto"
    """Whose layout the file has; simclr_tf (converted from TensorFlow) must be named."""
    branch: Literal["teacher", "student"] = "teacher"
    """Which network of DINO's two (Kokhlikyan et al. 2024 took the student)."""
    architecture: Literal["resnet50", "resnet101"] = "resnet50"
    """What the network of a Sonnet checkpoint is; of other files the shapes tell."""
    name: str = ""
    """What to call it; empty for the name of what --checkpoint says."""

    def run(self) -> dict[str, Any]:
        """Convert; return where the weights are and their card, or the options."""
        if self.checkpoint.suffix in SETTINGS:
            return self._convert_settings()
        from imprint.core.errors import ImprintError
        from imprint.nets.checkpoint import SUFFIXES
        from imprint.nets.load import save_model

        if self.checkpoint.suffix in SUFFIXES and not self.checkpoint.is_dir():
            from imprint.nets.fill import fill_model
            from imprint.nets.load import network_file
            from imprint.nets.published import read_published

            file = network_file(self.checkpoint, self)
            default = self.checkpoint.stem
            if "architecture" in file.overrides:
                model, card = file.load(), file.card
                told = f"{card.architecture}, all tensors placed"
            else:
                published = read_published(self.checkpoint, self.layout, self.branch, file.keys)
                card = published.stated(file.overrides, f"what was said of {default}")
                model = fill_model(card, published.weights, self.checkpoint)
                told = _told(published.layout, card, published.left_out)
        else:
            from imprint.nets.sonnet import model_from_sonnet
            from imprint.nets.tensorflow import find_checkpoint, read_checkpoint

            prefix = find_checkpoint(self.checkpoint)
            model, card = model_from_sonnet(read_checkpoint(prefix), self.architecture, prefix)
            default = self.checkpoint.resolve().name.removesuffix(".index")
            told = f"{self.architecture}, {card.outputs} classes, all tensors placed"
        path = self.out / f"{self.name or default}.safetensors"
        if path.resolve().with_suffix("") == self.checkpoint.resolve().with_suffix(""):
            raise ImprintError(
                f"the card of {path.name} would lie beside {self.checkpoint}, too, and is not its: "
                "choose another --name or --out"
            )
        save_model(path, model, card)
        if not self.json:
            print(f"{path}: {told}")
        return {"weights": str(path), "card": card.to_json()}

    def _convert_settings(self) -> dict[str, Any]:
        import yaml

        from imprint.core.errors import ImprintError
        from imprint.core.progress import log
        from imprint.study.store import replacing
        from imprint.train.published_options import read_published_options

        found = read_published_options(self.checkpoint)
        path = self.out / f"{self.name or self.checkpoint.stem}.yaml"
        if path.resolve() == self.checkpoint.resolve():
            raise ImprintError(f"{path} would be overwritten: choose another --name or --out")
        head = f"# imprint train --config {path.name}; from {self.checkpoint.name}\n"
        with replacing(path) as temporary:
            temporary.write_text(
                head + yaml.safe_dump(found.options, sort_keys=False), encoding="utf-8"
            )
        for note in found.notes:
            log(note)
        if not self.json:
            print(f"{path}: options of imprint train")
        return {"config": str(path), "options": found.options, "notes": list(found.notes)}


def _told(layout: str, card: ModelCard, left_out: Sequence[str]) -> str:
    """Return what a published file holds, in one line."""
    parts = [f"layout {layout}", card.architecture]
    parts += [f"{name} {value}" for name, value in card.options.items()]
    if card.projector:
        parts.append(f"projector {card.projector}")
    if card.outputs is not None:
        parts.append(f"{card.outputs} classes")
    parts.append(f"images − {list(card.mean)} / {list(card.std)}")
    if left_out:
        parts.append(f"{len(left_out)} tensors of the training left out")
    return ", ".join(parts) + ", all others placed"
