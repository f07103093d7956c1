"""``imprint reconstruct manipulate``: samples without what a representation shares with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.files import in_channels, in_memory, usable_indices
from imprint.data.open import open_images
from imprint.data.single import view_of_file
from imprint.data.view import View
from imprint.lenses.reconstruct.diffusion.sampling import draws_of
from imprint.lenses.reconstruct.options import (
    ManipulateOptions,
    NeighbourMetric,
    SamplingOptions,
)
from imprint.lenses.reconstruct.study.common_dimensions import (
    CommonDimensions,
    changed_representations,
    common_dimensions,
)
from imprint.lenses.reconstruct.study.encoder import (
    LAYERS,
    VALUES,
    Represent,
    open_representations,
)
from imprint.lenses.reconstruct.study.sample import (
    SAMPLES,
    TILE,
    TILED_SAMPLES,
    DiffusionRun,
    sample_each,
)
from imprint.lenses.reconstruct.study.tiles import write_tile
from imprint.neighbors.nearest import Neighbors, nearest
from imprint.nets.checkpoint import write_weights
from imprint.report.summary import finish_without_page
from imprint.study.counted import part_of, uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table

ROWS = 3
"""The source, with dimensions at 0, and with those of the target."""
DIMENSIONS, NEIGHBOURS = "dimensions.parquet", "neighbours.parquet"


@dataclass(frozen=True)
class Manipulate(Step):
    """Samples of a changed representation: three rows, which dimensions, which neighbours.

    Attributes:
        run: the diffusion model.
        image: one image, the source.
        target: one image, whose dimensions replace those of the source.
        neighbours: images that are searched.
        nearest: neighbours that are compared.
        common: dimensions that are non-zero in more of them are changed.
        nonzero: absolute value above which a dimension counts as non-zero.
        metric: of the search.
        sampling: how samples are drawn.
        seed: of their noise, which depends on the number of the sample alone.
        representations: file of those of ``neighbours``, float32 ``[n, d]``.
    """

    run: DiffusionRun
    image: View
    target: View
    neighbours: View
    nearest: int
    common: int
    nonzero: float
    metric: NeighbourMetric
    sampling: SamplingOptions
    seed: int
    representations: Path = uncounted()
    device: DeviceName = uncounted(default="auto")

    artefact = "manipulation"
    inputs = (Represent.artefact,)

    def build(self, path: Path) -> None:
        """Choose the dimensions, draw the samples and write them."""
        device = choose_device(self.device)
        source, target = (
            self.run.represent(view, device, "represent images")[0]
            for view in (self.image, self.target)
        )
        base = open_representations(self.representations, len(self.neighbours))
        closest = nearest(source[None], base, self.nearest, self.metric, self.device)
        values = np.array(base[closest.indices[0]])
        layers = self._layer_widths(device)
        dimensions = common_dimensions(values, self.common, self.nonzero, layers)
        network, noise = self.run.load(device)
        changed = changed_representations(source, target, dimensions.chosen)
        same_noise = np.zeros(len(changed), dtype=np.int64)
        draws = draws_of(changed, same_noise, self.sampling.samples, self.seed)
        samples = sample_each(network, noise, draws, self.sampling, "sample changes")
        path.mkdir(exist_ok=True)
        write_weights(path / SAMPLES, {"samples": torch.from_numpy(samples)})
        self._write_dimensions(path / DIMENSIONS, dimensions, source, target, layers)
        self._write_neighbours(path / NEIGHBOURS, closest)
        shown, aim = (view.read(network.image_size).pixels for view in (self.image, self.target))
        write_tile(path / TILE, np.stack([shown, shown, aim]), samples[:, :TILED_SAMPLES])

    def _layer_widths(self, device: torch.device) -> dict[str, int]:
        """Return the dimensions of each layer of the representation, in order."""
        first, *others = LAYERS[self.run.card.conditioning]
        if not others:
            return {first: self.run.card.condition_width}
        width = self.run.load_encoder(device).network.feature_width
        return {first: width, others[0]: self.run.card.condition_width - width}

    def _write_dimensions(
        self,
        file: Path,
        dimensions: CommonDimensions,
        source: NDArray[np.float32],
        target: NDArray[np.float32],
        layers: dict[str, int],
    ) -> None:
        write_table(
            file,
            {
                "index": np.arange(len(source)),
                "layer": np.repeat(list(layers), list(layers.values())),
                "neighbours": dimensions.counts,
                "changed": dimensions.chosen,
                "source": source,
                "target": target,
            },
            {
                "index": "dimension of the representation",
                "neighbours": f"of {self.nearest}, in which it is above {self.nonzero:g}",
                "changed": f"whether these are more than {self.common}",
                "source": "value in the representation of the image",
                "target": "value in that of the target",
            },
        )

    def _write_neighbours(self, file: Path, closest: Neighbors) -> None:
        index = self.neighbours.index[closest.indices[0]]
        write_table(
            file,
            {
                "index": index,
                "image": np.array([self.neighbours.images.name_of(row) for row in index.tolist()]),
                "distance": closest.distances[0],
            },
            {"index": "image, nearest first", "distance": f"{self.metric} distance"},
        )


@dataclass(frozen=True)
class Manipulated:
    """What was sampled, where, and what was changed."""

    samples: str
    each: int
    changed_dimensions: int
    dimensions: int
    metric: NeighbourMetric
    neighbours: tuple[str, ...]


def manipulate_study(options: ManipulateOptions) -> Manipulated:
    """Sample from a changed representation into a study, unless it is done.

    Raises:
        ImprintError: images or a run that cannot be used, no dimension that neighbours share, or a
            study made with other settings.
    """
    run = DiffusionRun.open(options.run)
    image, target = (
        view_of_file(file, run.card.channels, options.centre_fraction)
        for file in (options.image, options.target)
    )
    neighbours = _neighbours(options, run.card.channels)
    sampling = part_of(options, SamplingOptions)
    run.check(sampling, ROWS)
    run.load_encoder(choose_device(options.device))
    study = Study(options.out)
    with study.locked():
        study.run(Represent(neighbours, run.encoder, run.card.conditioning, options.device))
        step = Manipulate(
            run,
            image,
            target,
            neighbours,
            options.nearest,
            options.common,
            options.nonzero,
            options.metric,
            sampling,
            options.seed,
            study.path(Represent.artefact) / VALUES,
            options.device,
        )
        folder = study.run(step)
        finish_without_page(options)
    changed = read_table(folder / DIMENSIONS)["changed"]
    names = read_table(folder / NEIGHBOURS)["image"]
    return Manipulated(
        samples=str(folder / SAMPLES),
        each=options.samples,
        changed_dimensions=int(changed.sum()),
        dimensions=len(changed),
        metric=options.metric,
        neighbours=tuple(map(str, names)),
    )


def _neighbours(options: ManipulateOptions, channels: int) -> View:
    opened = open_images(options.neighbours, skip_corrupt=options.skip_corrupt)
    images = in_memory(in_channels(opened, channels))
    rows = usable_indices(images)
    if images.channels != channels:
        raise ImprintError(
            f"the run in {options.run} makes images of {channels} channel(s), {images.name} has "
            f"{images.channels}: give neighbours as it was trained on"
        )
    if options.nearest > len(rows):
        raise ImprintError(
            f"--nearest must be at most {len(rows)}, the images in {options.neighbours}, got "
            f"{options.nearest}"
        )
    return View(images, rows, options.centre_fraction)
