"""The step that embeds views of images under networks, for every test."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from imprint.core.device import DeviceName, choose_device
from imprint.data.view import View
from imprint.lenses.dejavu.study.guess import untrained_like
from imprint.nets.image_model import Layer
from imprint.nets.load import NetworkFile
from imprint.probe.embeddings import embed_batches
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import writing_table


@dataclass(frozen=True)
class Untrained:
    """An untrained network, built like one of the models from a seed of its own."""

    like: str
    seed: int


@dataclass(frozen=True)
class EmbedViews(Step):
    """Embed views of images under every model, one pass over each view.

    Writes ``MODEL.VIEW.parquet`` with one column per layer, batch by batch: no set of embeddings is
    ever whole in memory.

    Attributes:
        layers: of each model.
        untrained: further networks by name, for controls.
    """

    views: Mapping[str, View]
    models: Mapping[str, NetworkFile]
    layers: Mapping[str, tuple[Layer, ...]]
    untrained: Mapping[str, Untrained]
    device: DeviceName = uncounted(default="auto")
    artefact: str = uncounted(default="tables/embeddings")  # type: ignore[misc]  # varies

    def build(self, path: Path) -> None:
        """Write the tables."""
        device = choose_device(self.device)
        models = {name: file.load(device) for name, file in self.models.items()}
        layers = dict(self.layers)
        for name, untrained in self.untrained.items():
            card = self.models[untrained.like].card
            models[name] = untrained_like(card, untrained.seed).to(device)
            layers[name] = self.layers[untrained.like]
        for title, view in self.views.items():
            with ExitStack() as tables:
                writers = {
                    name: tables.enter_context(writing_table(path / f"{name}.{title}.parquet"))
                    for name in models
                }
                for rows, name, columns in embed_batches(models, view, layers, f"embed {title}"):
                    writers[name]({"index": view.index[rows], **columns})
