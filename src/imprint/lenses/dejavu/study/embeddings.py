"""The step that embeds views of images under networks, for every test."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from imprint.core.device import DeviceName, choose_device
from imprint.data.portion import portion
from imprint.data.view import View
from imprint.launch.shards import make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.lenses.dejavu.study.guess import untrained_like
from imprint.nets.image_model import ImageModel, Layer
from imprint.nets.load import NetworkFile
from imprint.probe.embeddings import BATCH, embed_batches
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import join_tables, writing_table


@dataclass(frozen=True)
class Untrained:
    """An untrained network, built like one of the models from a seed of its own."""

    like: str
    seed: int


@dataclass(frozen=True)
class Networks:
    """The networks that embed.

    Attributes:
        models: files of weights by name.
        layers: of each model.
        untrained: further networks by name, for controls.
    """

    models: Mapping[str, NetworkFile]
    layers: Mapping[str, tuple[Layer, ...]]
    untrained: Mapping[str, Untrained]

    @property
    def names(self) -> list[str]:
        """Of all networks."""
        return [*self.models, *self.untrained]

    def load(self, device: DeviceName) -> dict[str, ImageModel]:
        """Return the networks on a device, by name."""
        place = choose_device(device)
        models = {name: file.load(place) for name, file in self.models.items()}
        for name, untrained in self.untrained.items():
            card = self.models[untrained.like].card
            models[name] = untrained_like(card, untrained.seed).to(place)
        return models

    def all_layers(self) -> dict[str, tuple[Layer, ...]]:
        """Return the layers of all networks, by name."""
        untrained = {name: self.layers[each.like] for name, each in self.untrained.items()}
        return {**self.layers, **untrained}

    def sizes(self) -> int:
        """Return how many sizes of images the networks take: passes over a view."""
        return len({file.card.input_size for file in self.models.values()})


@dataclass(frozen=True)
class EmbedViews(Step):
    """Embed views of images under every model, one pass over each view.

    Writes ``MODEL.VIEW.parquet`` with one column per layer, batch by batch: no set of embeddings is
    ever whole in memory. A killed pass goes on with the views that are missing, and, where passes
    are cut into tasks (:mod:`imprint.launch.shards`), with the missing shards of a view.

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

    resumable = True

    def build(self, path: Path) -> None:
        """Write the tables that are missing."""
        networks = Networks(self.models, self.layers, self.untrained)
        for title, view in self.views.items():
            tables = [f"{name}.{title}.parquet" for name in networks.names]
            if all((path / table).exists() for table in tables):
                continue
            shards = shards_of(len(view), BATCH)
            if len(shards) == 1:
                write_embeddings(path, networks, view, title, self.device)
                continue
            parts = [
                EmbedShard(title, networks, portion(view, rows), rows, self.device)
                for rows in shards
            ]
            batches = networks.sizes() * -(-len(view) // BATCH)
            folders = make_parts(self.artefact, path, parts, f"embed {title}", batches)
            for table in tables:
                join_tables(path / table, [folder / table for folder in folders])
        remove_parts(path)


@dataclass(frozen=True)
class EmbedShard(Step):
    """Embed a shard of a view, as :class:`EmbedViews` does the whole.

    Attributes:
        title: of the view.
        view: the shard.
        rows: of the view.
    """

    title: str
    networks: Networks
    view: View
    rows: slice = uncounted()
    device: DeviceName = uncounted(default="auto")

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the tables go."""
        return f"{self.title}/{name_of(self.rows)}"

    def build(self, path: Path) -> None:
        """Write the tables."""
        write_embeddings(path, self.networks, self.view, self.title, self.device)


def write_embeddings(
    folder: Path, networks: Networks, view: View, title: str, device: DeviceName
) -> None:
    """Write the tables of a view, one a network, from one pass."""
    with of_one_task(), ExitStack() as tables:
        models = networks.load(device)
        writers = {
            name: tables.enter_context(writing_table(folder / f"{name}.{title}.parquet"))
            for name in models
        }
        layers = networks.all_layers()
        for rows, name, columns in embed_batches(models, view, layers, f"embed {title}"):
            writers[name]({"index": view.index[rows], **columns})
