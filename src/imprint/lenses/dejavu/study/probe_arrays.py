"""Linear probes of every depth on features that a user computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.user_arrays import as_labels, as_numbers
from imprint.lenses.dejavu.depth_findings import DepthFindings, MemberGap, ProbedDepths
from imprint.lenses.dejavu.memorization.attack import Metric
from imprint.lenses.dejavu.memorization.depths import (
    NeighbourChoice,
    member_gap,
    neighbour_hits,
    own_neighbour_hits,
    probe_hits,
)
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table
from imprint.train.linear_layers import fit_layers, stored_features
from imprint.train.probe_options import ProbeOptions

NO_CROPS = Missing("no features of background crops")
Rows = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, repr=False, eq=False)
class LinearProbeResult(Result):
    """Linear probes of every depth.

    Attributes:
        findings: accuracies and gaps by depth.
        weights: float32 ``[C, d]`` by depth, of the probes.
        biases: float32 ``[C]`` by depth.
    """

    findings: ProbedDepths
    weights: Mapping[str, NDArray[np.float32]]
    biases: Mapping[str, NDArray[np.float32]]

    def tables(self) -> Sequence[Table]:
        """Return the gaps of every depth, then further accuracies."""
        from imprint.lenses.dejavu.page.depths import depths_table, more_accuracies

        return [depths_table(self.findings), more_accuracies(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return gaps, then accuracies, against depth."""
        from imprint.lenses.dejavu.page.depths import accuracy_figure, gaps_figure

        return [gaps_figure(self.findings), accuracy_figure(self.findings)]

    @property
    def verdict(self) -> str:
        """Whether the gap of the probe reveals what the attack does, one sentence."""
        from imprint.lenses.dejavu.page.depths import depths_verdict

        return f"{depths_verdict(self.findings).statement}."


def linear_probe(
    members: Mapping[str, ArrayLike],
    labels: ArrayLike,
    non_members: Mapping[str, ArrayLike],
    non_member_labels: ArrayLike,
    classes: int,
    *,
    crops: Mapping[str, ArrayLike] | None = None,
    non_member_crops: Mapping[str, ArrayLike] | None = None,
    crop_labels: ArrayLike | None = None,
    non_member_crop_labels: ArrayLike | None = None,
    epochs: int = 20,
    batch_size: int = 64,
    start_learning_rate: float = 10.0,
    end_learning_rate: float = 0.1,
    k: int = 20,
    metric: Metric = "l2",
    seed: int = 0,
    device: DeviceName = "auto",
) -> LinearProbeResult:
    """Train a linear classifier on each representation of members; measure it on non-members.

    As ``imprint dejavu linear-probe --depths all``, on features as they are, without augmentation.

    Args:
        members: ``[n, d]`` by depth, features of images the encoder was trained on.
        labels: int ``[n]``.
        non_members: ``[m, d]`` by depth, of images it was not trained on.
        non_member_labels: int ``[m]``.
        classes: number of classes C.
        crops: ``[a, d]`` by depth, of background crops of members; with the next three, to be
            attacked by the vote of the k nearest non-members, which should be other images.
        non_member_crops: ``[b, d]`` by depth, of background crops of further non-members.
        crop_labels: int ``[a]``.
        non_member_crop_labels: int ``[b]``.
        epochs: passes over the members.
        batch_size: rows per step.
        start_learning_rate: of the first step of SGD; it falls in a straight line.
        end_learning_rate: of the last step.
        k: neighbours that vote.
        metric: their distance, ``l2`` or ``cosine``.
        seed: of order and first weights.
        device: where neighbours are searched.

    Returns:
        A result that prints as a table; ``findings``, ``verdict``, ``plot()``.

    Raises:
        ImprintError: arrays that do not fit one another, or an option out of its range.

    Examples:
        >>> import numpy as np
        >>> labels = np.arange(60) % 3
        >>> seen = {"backbone": np.eye(3)[labels]}
        >>> result = linear_probe(seen, labels, seen, labels, 3, epochs=3, k=5)
        >>> result.findings.depths[0].probe.gap.value
        0.0
    """
    options = ProbeOptions(
        epochs=epochs,
        batch_size=batch_size,
        start_learning_rate=start_learning_rate,
        end_learning_rate=end_learning_rate,
    )
    rows, own = _features(members, "members"), _labels(labels, members, classes, "labels")
    others = _like(non_members, rows, "non_members")
    other_labels = _labels(non_member_labels, non_members, classes, "non_member_labels")
    choice = NeighbourChoice(k, metric, device)
    attacked = None
    if crops is not None:
        if non_member_crops is None or crop_labels is None or non_member_crop_labels is None:
            raise ImprintError(
                "crops need non_member_crops, crop_labels and non_member_crop_labels beside them"
            )
        attacked = (
            _like(crops, rows, "crops"),
            _labels(crop_labels, crops, classes, "crop_labels"),
            _like(non_member_crops, rows, "non_member_crops"),
            _labels(non_member_crop_labels, non_member_crops, classes, "non_member_crop_labels"),
        )
    layers = fit_layers(
        stored_features(rows, own, batch_size, seed), classes, options, seed, "features"
    )
    weights = {depth: layer.weight.detach().numpy() for depth, layer in layers.items()}
    biases = {depth: layer.bias.detach().numpy() for depth, layer in layers.items()}
    depths = []
    for depth in rows:
        layer = weights[depth], biases[depth]
        probed = (
            probe_hits(*layer, rows[depth], own),
            probe_hits(*layer, others[depth], other_labels),
        )
        attack: MemberGap | Missing = NO_CROPS
        if attacked is not None:
            attack = member_gap(
                *(
                    neighbour_hits(
                        part[depth], part_labels, others[depth], other_labels, classes, choice
                    )
                    for part, part_labels in (attacked[:2], attacked[2:])
                )
            )
        depths.append(
            DepthFindings(
                depth,
                rows[depth].shape[1],
                member_gap(probed[0][0], probed[1][0]),
                member_gap(probed[0][1], probed[1][1]),
                member_gap(
                    *_neighbours(rows[depth], own, others[depth], other_labels, classes, choice)
                ),
                attack,
            )
        )
    voters = 0 if attacked is None else len(other_labels)
    findings = ProbedDepths("features", k, metric, "none", voters, tuple(depths))
    return LinearProbeResult(findings, weights, biases)


def _neighbours(
    rows: NDArray[np.float32],
    labels: IntArray,
    others: NDArray[np.float32],
    other_labels: IntArray,
    classes: int,
    choice: NeighbourChoice,
) -> tuple[BoolArray, BoolArray]:
    return (
        own_neighbour_hits(rows, labels, classes, choice),
        neighbour_hits(others, other_labels, rows, labels, classes, choice),
    )


def _features(features: Mapping[str, ArrayLike], name: str) -> Rows:
    """Return features by depth as float32 ``[n, d]``, each with as many rows.

    Raises:
        ImprintError: no depth, or arrays that are not finite matrices of as many rows.
    """
    rows = {depth: as_numbers(values, f"{name}[{depth!r}]") for depth, values in features.items()}
    shapes = [values.shape for values in rows.values()]
    fits = shapes and all(len(shape) == 2 and shape[0] > 1 and shape[1] for shape in shapes)
    if (
        not fits
        or len({shape[0] for shape in shapes}) > 1
        or not all(np.isfinite(values).all() for values in rows.values())
    ):
        raise ImprintError(
            f"{name} must hold finite features [images, width] by depth, of as many images at "
            f"each, got shapes {[list(shape) for shape in shapes]}"
        )
    return {depth: np.ascontiguousarray(values, np.float32) for depth, values in rows.items()}


def _like(features: Mapping[str, ArrayLike], rows: Rows, name: str) -> Rows:
    """Return features of the same depths and widths as others."""
    taken = _features(features, name)
    widths = {depth: values.shape[1] for depth, values in rows.items()}
    if {depth: values.shape[1] for depth, values in taken.items()} != widths:
        raise ImprintError(f"{name} must have the depths and widths of members, {widths}")
    return taken


def _labels(
    labels: ArrayLike, features: Mapping[str, ArrayLike], classes: int, name: str
) -> IntArray:
    count = len(np.asarray(next(iter(features.values()))))  # checked before
    return as_labels(labels, count, classes, name)
