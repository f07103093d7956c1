"""``imprint convert``: weights and settings that others published, as files of imprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from imprint.study.command import command
from imprint.study.option_types import Formerly
from imprint.study.options import Common, WeightsChoice

if TYPE_CHECKING:
    from imprint.nets.image_model import ImageModel
    from imprint.nets.model_card import ModelCard

SETTINGS_SUFFIXES = (".yaml", ".yml", ".json", ".flags", ".sh", ".txt")


@dataclass(frozen=True)
class ConvertedWeights:
    """Where converted weights are, and the content of their card."""

    weights: str
    card: Mapping[str, object]


@dataclass(frozen=True)
class ConvertedSettings:
    """Where converted settings are, the options, and a sentence on every key without an option."""

    config: str
    options: Mapping[str, object]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Conversion:
    """A network that was read, under a name, and what is said of it."""

    model: ImageModel
    card: ModelCard
    name: str
    summary: str


@command(
    "convert",
    "convert published weights or settings",
    example="--checkpoint resnet50_vicreg.pth --out runs/weights",
    main=(
        *("out", "checkpoint", "checkpoint_layout", "branch", "architecture", "name"),
        *("card", "mean", "std", "key_prefix", "key_map"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class ConvertWeights(WeightsChoice, Common):
    """Convert published weights (VICReg, SimSiam, DINO, lightly, Sonnet, …) or settings.

    Writes OUT/NAME.safetensors and its card OUT/NAME.json. Every tensor of the file must match one
    of the architecture.

    The layout of a .pth, .pt, .ckpt or .safetensors file is found by the names of its tensors.
    Every --model takes such a file as it is, but a converted one is smaller and has its card.
    Where a layout does not say how images are normalised, give --mean and --std. Any other file is
    a TensorFlow checkpoint: a ResNet of Sonnet, as Feldman and Zhang released them, which needs the
    extra tf. Those networks were trained and tested on the centre square of 0.875 of the shorter
    side: use --centre-fraction 0.875.

    A .yaml or .json file holds settings of the published déjà vu trainer, or of a published
    leave-one-out program (LOOD), of which a command line in a .txt, .sh or .flags file reads as
    well. OUT/NAME.yaml is what --config of imprint train, or of the leave-one-out command that its
    first line names, takes, and every key without an option is reported.
    """

    checkpoint: Path
    """A file of weights or settings. Of Sonnet: RUN/checkpoints/ckpt-N, or the folder RUN."""
    checkpoint_layout: Annotated[
        Literal[
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
        ],
        Formerly("layout"),
    ] = "auto"
    """Layout of the file. simclr_tf (converted from TensorFlow) is not found by auto."""
    branch: Literal["teacher", "student"] = "teacher"
    """Which of DINO's two networks (Kokhlikyan et al. 2024 took the student)."""
    architecture: Literal["resnet50", "resnet101"] = "resnet50"
    """Architecture of a Sonnet checkpoint; that of other files follows from their shapes."""
    name: str = ""
    """Name of the new file; default: that of --checkpoint."""

    def run(self) -> ConvertedWeights | ConvertedSettings:
        """Convert; return where the weights are and their card, or the options."""
        if self.checkpoint.suffix in SETTINGS_SUFFIXES:
            return self._convert_settings()
        from imprint.core.errors import ImprintError
        from imprint.nets.checkpoint import SUFFIXES
        from imprint.nets.save import save_model

        is_torch = self.checkpoint.suffix in SUFFIXES and not self.checkpoint.is_dir()
        conversion = self._read_torch() if is_torch else self._read_sonnet()
        path = self.out / f"{self.name or conversion.name}.safetensors"
        if path.resolve().with_suffix("") == self.checkpoint.resolve().with_suffix(""):
            raise ImprintError(
                f"the card of {path.name} would be taken for that of {self.checkpoint}, which it "
                "does not describe: choose another --name or --out"
            )
        save_model(path, conversion.model, conversion.card)
        if not self.json:
            print(f"{path}: {conversion.summary}")
        return ConvertedWeights(str(path), conversion.card.to_json())

    def _read_torch(self) -> Conversion:
        from imprint.nets.fill import fill_model
        from imprint.nets.load import network_file
        from imprint.nets.published import read_published

        file, name = network_file(self.checkpoint, self), self.checkpoint.stem
        if "architecture" in file.named:
            summary = f"{file.card.architecture}, all tensors placed"
            return Conversion(file.load(), file.card, name, summary)
        published = read_published(self.checkpoint, self.checkpoint_layout, self.branch, file.keys)
        card = published.stated(file.named, f"the options for {name}")
        model = fill_model(card, published.weights, self.checkpoint)
        summary = summarise(published.layout, card, published.left_out)
        return Conversion(model, card, name, summary)

    def _read_sonnet(self) -> Conversion:
        from imprint.nets.sonnet import model_from_sonnet
        from imprint.nets.tensorflow import find_checkpoint, read_checkpoint

        prefix = find_checkpoint(self.checkpoint)
        model, card = model_from_sonnet(read_checkpoint(prefix), self.architecture, prefix)
        name = self.checkpoint.resolve().name.removesuffix(".index")
        summary = f"{self.architecture}, {card.outputs} classes, all tensors placed"
        return Conversion(model, card, name, summary)

    def _convert_settings(self) -> ConvertedSettings:
        import yaml

        from imprint.commands.published_settings import check_settings, read_settings
        from imprint.core.durable import replacing
        from imprint.core.errors import ImprintError
        from imprint.core.progress import log

        translated = read_settings(self.checkpoint)
        path = self.out / f"{self.name or self.checkpoint.stem}.yaml"
        if path.resolve() == self.checkpoint.resolve():
            raise ImprintError(f"{path} would be overwritten: choose another --name or --out")
        command = f"imprint {translated.command}"
        head = f"# {command} --config {path.name}; from {self.checkpoint.name}\n"
        with replacing(path) as temporary:
            temporary.write_text(
                head + yaml.safe_dump(translated.options, sort_keys=False), encoding="utf-8"
            )
            check_settings(self.checkpoint, translated.command, temporary)
        for note in translated.notes:
            log(note)
        if not self.json:
            print(f"{path}: options of {command}")
        return ConvertedSettings(str(path), translated.options, translated.notes)


def summarise(layout: str, card: ModelCard, left_out: Sequence[str]) -> str:
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
