"""Folders that ``save_pretrained`` of transformers wrote, as weights with their card.

``config.json`` says the architecture, ``model.safetensors`` (or its shards) holds the weights, and
``preprocessor_config.json``, where there is one, how images are normalised and how large they are.
Nothing is fetched and no code of the folder runs; pickled weights are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Weights
from imprint.nets.foreign import load_transformers
from imprint.nets.model_card import ModelCard
from imprint.reading import json_files
from imprint.study.hashing import hash_file, hash_json

CONFIG = "config.json"
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
CLASSIFIES = "ForImageClassification"
LEVELS = 255
LARGEST = 1e9
"""Beyond every number that a processor has a use for."""
REMEDY = "save the model or its image processor again"


def folder_card(
    folder: Path, stated: Mapping[str, Any], remedy: str = "them on a card"
) -> ModelCard:
    """Return the card of the model in a folder.

    Args:
        folder: holds ``config.json``.
        stated: values that replace those of the folder, or say what it does not.
        remedy: how the size of images is given, for the message.

    Raises:
        ImprintError: no such model, or nothing says the size or normalisation of images.
    """
    config = read_config(folder)
    vision = {**config, **_mapping(config.get("vision_config"))}
    processor = _read_processor(folder)
    values: dict[str, Any] = {
        "architecture": f"transformers:{folder}",
        "channels": vision.get("num_channels", 3),
        "outputs": _outputs(config),
        "input_size": _side(processor) or _side({"size": vision.get("image_size")}),
        **_normalisation(processor, folder),
        **stated,
    }
    missing = [name for name in ("input_size", "mean", "std") if values.get(name) is None]
    if missing:
        raise ImprintError(
            f"{folder} does not say {' and '.join(missing)} of its images, since it has no "
            f"{PROCESSORS[0]}: save the image processor there, too, or give "
            + ("--mean and --std" if "input_size" not in missing else remedy)
        )
    return ModelCard.from_json(values, str(folder))


def folder_weights(folder: Path, card: ModelCard) -> Weights:
    """Return the weights of the model in a folder by its own names.

    Raises:
        ImprintError: transformers is missing, the weights are damaged, pickled, or do not fill the
            model that ``config.json`` describes.
    """
    module, report = load_transformers(str(folder), card.outputs)
    check_filled(folder, report)
    return {f"network.{name}": tensor for name, tensor in module.state_dict().items()}


def check_filled(folder: Path, report: Mapping[str, Any]) -> None:
    """Check that the weights of a folder filled its model, by what transformers reports of it.

    Raises:
        ImprintError: a tensor has no place, a place no tensor, or one of another shape.
    """
    for kind, what in (
        ("missing_keys", "no tensor for"),
        ("unexpected_keys", "no place for"),
        ("mismatched_keys", "another shape for"),
    ):
        if names := sorted(map(str, report.get(kind, ()))):
            more = ", …" if len(names) > 1 else ""
            raise ImprintError(
                f"{folder}: its weights do not fit its {CONFIG}, {what} {names[0]}{more}: save "
                "the model again with save_pretrained"
            )


def hash_folder(folder: Path) -> str:
    """Return the hash of the files of a folder that a network is made from."""
    files = [folder / CONFIG, *(folder / name for name in PROCESSORS)]
    files += sorted(folder.glob("*.safetensors"))
    return hash_json({file.name: hash_file(file) for file in files if file.is_file()})


def read_config(folder: Path) -> Mapping[str, Any]:
    """Return the ``config.json`` of a folder.

    Raises:
        ImprintError: there is none, or it does not describe a model of transformers.
    """
    file = folder / CONFIG
    if not folder.is_dir():
        raise ImprintError(
            f"{folder} is no folder: give the one that save_pretrained of transformers wrote; "
            "models on the hub are not fetched, download them first"
        )
    if not file.is_file():
        raise ImprintError(
            f"{folder} is a folder without {CONFIG}: give a file of weights, or a folder that "
            "save_pretrained of transformers wrote"
        )
    config = json_files.read_json(file, remedy=REMEDY)
    if not isinstance(config, Mapping) or "model_type" not in config:
        raise ImprintError(
            f"{file} does not describe a model of transformers: it has no model_type"
        )
    return config


def _outputs(config: Mapping[str, Any]) -> int | None:
    names = config.get("architectures")
    classifies = isinstance(names, list) and any(CLASSIFIES in str(name) for name in names)
    if not classifies:
        return None
    # A configuration leaves out what is the default, two labels.
    return len(_mapping(config.get("id2label"))) or int(config.get("num_labels") or 2)


def _read_processor(folder: Path) -> Mapping[str, Any]:
    for name in PROCESSORS:
        if (folder / name).is_file():
            content = _mapping(json_files.read_json(folder / name, remedy=REMEDY))
            return _mapping(content.get("image_processor")) or content
    return {}


def _side(processor: Mapping[str, Any]) -> int | None:
    """Return the side of the square that a processor makes, None where it does not say."""
    for name in ("crop_size" if processor.get("do_center_crop") else "", "size"):
        size = processor.get(name)
        if isinstance(size, Mapping):
            size = size.get("height", size.get("shortest_edge"))
        if isinstance(size, list | tuple) and size:
            size = size[0]
        if isinstance(size, int) and size > 0:
            return size
    return None


def _normalisation(processor: Mapping[str, Any], folder: Path) -> dict[str, list[float]]:
    """Return mean and std for pixels in [0, 1], nothing where the processor does not say them.

    A processor computes (255 x f − mean) / std of pixels x in [0, 1], f its factor of rescaling,
    and leaves out what it says it does not do.

    Raises:
        ImprintError: the factor is no positive number.
    """
    if not processor:
        return {}
    mean, std = [0.0], [1.0]
    if processor.get("do_normalize", True):
        mean, std = (_numbers(processor.get(name)) for name in ("image_mean", "image_std"))
    if not mean or not std:
        return {}
    factor = 1.0
    if processor.get("do_rescale", True):
        factor = processor.get("rescale_factor", 1 / LEVELS)
    if not isinstance(factor, int | float) or not 0 < factor < LARGEST:
        raise ImprintError(
            f"{folder}: rescale_factor of the image processor is {factor!r}: it must be a positive "
            "number, 1/255 most often"
        )
    scale = LEVELS * factor
    shift = 1.0 if processor.get("rescale_offset") else 0.0
    return {
        "mean": [round((number + shift) / scale, 12) for number in mean],
        "std": [round(number / scale, 12) for number in std],
    }


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [float(item) for item in values if isinstance(item, int | float) and abs(item) < LARGEST]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
