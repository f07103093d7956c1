"""The encoder of a run: kept beside the diffusion model, and what it makes of images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.reconstruct.options import Conditioning
from imprint.nets.image_model import ImageModel, Layer
from imprint.nets.load import NetworkFile
from imprint.nets.save import save_model
from imprint.study.counted import uncounted
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step

LAYERS: dict[Conditioning, tuple[Layer, ...]] = {
    "backbone": ("backbone",),
    "projector": ("projector",),
    "both": ("backbone", "projector"),
}
FILE, FOLDER, STATED = "encoder.safetensors", "folder", "stated.json"
VALUES, INDEX = "representations.npy", "index.npy"
IMAGES_AT_ONCE = 256
KEPT_SUFFIXES = (".json", ".safetensors")
"""Of the files of a folder of transformers that a network is made from."""


@dataclass(frozen=True)
class KeepEncoder(Step):
    """Copy the encoder into the run, so that samples never rest on another one.

    Attributes:
        encoder: its weights and card.
    """

    encoder: NetworkFile

    artefact = "encoder"

    def build(self, path: Path) -> None:
        """Write weights and card, or the folder of transformers."""
        path.mkdir(exist_ok=True)
        if self.encoder.path.is_dir():
            (path / FOLDER).mkdir(exist_ok=True)
            for file in sorted(self.encoder.path.iterdir()):
                if file.suffix in KEPT_SUFFIXES and file.is_file():
                    shutil.copyfile(file, path / FOLDER / file.name)
            write_json(path / STATED, dict(self.encoder.named))
        else:
            save_model(path / FILE, self.encoder.load(), self.encoder.card)


def kept_encoder(run: Path) -> NetworkFile:
    """Return the encoder that a run keeps.

    Raises:
        ImprintError: there is none.
    """
    folder = run / KeepEncoder.artefact
    if (folder / FOLDER).is_dir():
        return NetworkFile(folder / FOLDER, _stated(folder / STATED))
    if not (folder / FILE).is_file():
        raise ImprintError(
            f"{run} holds no encoder, so it is no folder of imprint reconstruct train: give the "
            "--out of one"
        )
    return NetworkFile(folder / FILE)


def _stated(file: Path) -> Mapping[str, Any]:
    """Return what was said of a folder of transformers."""
    stated = read_json(file) if file.is_file() else None
    if not isinstance(stated, Mapping):
        raise ImprintError(
            f"{file} is damaged or missing: copy the whole folder of the run again, or train the "
            "run again"
        )
    return dict(stated)


def check_encoder(encoder: NetworkFile, run: Path) -> None:
    """Check that weights are those of the encoder that a run keeps, in whatever file.

    Raises:
        ImprintError: they are others.
    """
    if encoder.load().fingerprint() != kept_encoder(run).load().fingerprint():
        raise ImprintError(
            f"{run} was trained for another encoder than {encoder.path}: give the run of this "
            "encoder, or train one with imprint reconstruct train"
        )


@dataclass(frozen=True)
class Represent(Step):
    """Write what the encoder makes of images, float32 ``[n, d]`` in ``representations.npy``.

    Their indices, int64 ``[n]``, are in ``index.npy``.

    Attributes:
        view: the images.
        encoder: of the run.
        conditioning: which of its layers.
    """

    view: View
    encoder: NetworkFile
    conditioning: Conditioning
    device: DeviceName = uncounted(default="auto")

    artefact = "representations"

    def build(self, path: Path) -> None:
        """Write the array, batch by batch."""
        path.mkdir(exist_ok=True)
        model = self.encoder.load(choose_device(self.device))
        np.save(path / INDEX, self.view.index, allow_pickle=False)
        values: NDArray[np.float32] | None = None
        for rows, batch in represent(model, self.view, self.conditioning, "represent images"):
            if values is None:
                shape = (len(self.view), batch.shape[1])
                values = np.lib.format.open_memmap(path / VALUES, "w+", np.float32, shape)
            values[rows] = batch
        if values is not None:
            values.flush()  # type: ignore[attr-defined]  # a memory map


def open_representations(file: Path, count: int) -> NDArray[np.float32]:
    """Return what :class:`Represent` wrote of ``count`` images, float32 ``[n, d]``, mapped.

    Raises:
        ImprintError: the file is missing, damaged or of other images.
    """
    try:
        values: NDArray[np.float32] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError):
        values = np.empty(0, dtype=np.float32)
    if values.ndim != 2 or values.dtype != np.float32 or len(values) != count:
        raise ImprintError(
            f"{file} is damaged or missing: delete {file.parent} and run the same command again"
        )
    return values


def represent(
    model: ImageModel, view: View, conditioning: Conditioning, what: str
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield rows of a view and their representations, float32 ``[b, d]``.

    Args:
        model: the encoder, on its device.
        view: the images.
        conditioning: which layers, joined in this order.
        what: a few words for the progress bar.

    Raises:
        ImprintError: the encoder has no projector, or a representation is not finite.
    """
    if conditioning != "backbone" and not model.has_projector:
        raise ImprintError("the encoder has no projector: choose --conditioning backbone")
    layers = LAYERS[conditioning]
    model.place(model.device).eval()
    for rows, pixels in view.batches(model.input_size, IMAGES_AT_ONCE, what):
        with torch.inference_mode():
            parts = model.embed_layers(model.to_inputs(pixels), layers)
        values = torch.cat([parts[layer] for layer in layers], dim=1).float().cpu().numpy()
        if not np.isfinite(values).all():
            row = rows.start + int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise ImprintError(
                f"the representation of {view.images.name_of(int(view.index[row]))} is not finite: "
                "check the weights and the normalisation of the encoder"
            )
        yield rows, values


def representations_of(
    model: ImageModel, view: View, conditioning: Conditioning, what: str
) -> NDArray[np.float32]:
    """Return all representations of a view, float32 ``[n, d]``; see :func:`represent`."""
    return np.concatenate([batch for _, batch in represent(model, view, conditioning, what)])
