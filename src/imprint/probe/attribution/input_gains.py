"""What each method is worth on each single input: the gains that a selector of methods learns from.

For every input, method and scope (a layer, or the whole model), the method's m best neurons by this
input's own attribution are taken away for this input alone; the loss gain says how much they
mattered. All inputs, methods and scopes share the passes of attribution and of ablation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Layers
from imprint.neurons.importance import hidden
from imprint.probe.attribution.ablation import Ablation, loss_gains
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import explain
from imprint.probe.attribution.importance import layer_shapes, neuron_values, questions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.study.tables import write_table

WHOLE_MODEL = "model"


@dataclass(frozen=True, eq=False)
class InputGains:
    """What every method is worth on every input.

    Attributes:
        methods: names of the attributions.
        scopes: names of layers, or the one ``model``: all layers but the last.
        index: int64 ``[n]``, which images they are.
        labels: int64 ``[n]``.
        predictions: int64 ``[n]``.
        features: float32 ``[n, d]``, pooled features of the network.
        gains: float64 ``[n, scopes, methods]``, rise of the loss without the neurons chosen.
        means: float64 ``[n, scopes, methods]``, mean score of the neurons chosen.
        variances: float64 ``[n, scopes, methods]``, variance of their scores.
    """

    methods: tuple[str, ...]
    scopes: tuple[str, ...]
    index: IntArray
    labels: IntArray
    predictions: IntArray
    features: NDArray[np.float32]
    gains: FloatArray
    means: FloatArray
    variances: FloatArray

    @property
    def best(self) -> IntArray:
        """The method of the largest gain, the first of equal ones, int64 ``[n, scopes]``."""
        return np.asarray(np.argmax(self.gains, axis=2), dtype=np.int64)


def input_gains(
    model: ImageModel,
    view: View,
    methods: Sequence[str],
    m: int,
    options: AttributionOptions | None = None,
    *,
    per_layer: bool = False,
    after_norm: bool = True,
    batch_size: int = 32,
) -> InputGains:
    """Return what every method is worth on every input.

    Args:
        model: a classifier on its device; put in evaluation mode.
        view: which images.
        methods: names of attributions.
        m: neurons that each method chooses.
        options: of the attributions.
        per_layer: whether neurons are chosen within each layer but the last, else among all these.
        after_norm: whether neurons are taken away after the normalisation behind their layer.
        batch_size: inputs at a time; changes nothing but memory and speed.

    Raises:
        ImprintError: as :func:`imprint.probe.attribution.importance.attribute_by`, or no inputs.
    """
    if m < 1:
        raise ImprintError(f"m must be at least 1 neuron, got {m}")
    options = options or AttributionOptions()
    chosen = [ATTRIBUTORS.get(name) for name in methods]
    explained = explain(model, view)
    outputs = explained.outputs
    ablation: Ablation | None = None
    rows: list[tuple[FloatArray, ...]] = []
    features: list[NDArray[np.float32]] = []
    scopes: dict[str, slice] = {}
    for question in questions(explained, options, batch_size):
        if ablation is None:
            layers, _ = layer_shapes(outputs, question)
            ablation = Ablation(outputs, layers, question.inputs, after_norm, options.rows)
            scopes = scopes_of(layers, per_layer)
        scores = torch.stack(
            [neuron_values(outputs, dict(method.compute(question)), options) for method in chosen]
        ).cpu()
        keep, means, variances = _without_best(scores, scopes, m)
        gains, _ = loss_gains(ablation, question.inputs, question.labels, keep)
        shape = (len(scopes), len(chosen), -1)
        tables = [
            part.reshape(shape).permute(2, 0, 1).numpy() for part in (gains, means, variances)
        ]
        rows.append((*tables, question.seen.logits.argmax(1).cpu().numpy()))
        with torch.no_grad():
            pooled = model.embed(question.inputs, "backbone")
        features.append(pooled.float().cpu().numpy())
    if not rows:
        raise ImprintError("no inputs to measure methods on: give images")
    gains_, means_, variances_, predictions = (
        np.concatenate(parts) for parts in zip(*rows, strict=True)
    )
    return InputGains(
        methods=tuple(methods),
        scopes=tuple(scopes),
        index=np.asarray(view.index, dtype=np.int64),
        labels=np.asarray(view.labels, dtype=np.int64),
        predictions=predictions.astype(np.int64),
        features=np.concatenate(features),
        gains=gains_,
        means=means_,
        variances=variances_,
    )


def write_input_gains(path: Path, table: InputGains, chosen: IntArray | None = None) -> None:
    """Write one row per input, scope and method as Parquet.

    Columns: ``index``, ``label``, ``prediction``, ``scope``, ``method``, ``score_mean``,
    ``score_variance``, ``loss_gain``, ``best`` and, if asked, ``chosen``: whether the method is the
    one of the largest gain, and the one that a selector chose.

    Args:
        path: where to.
        table: gains of every method.
        chosen: int64 ``[n, scopes]``, the method that a selector chose.
    """
    count, scopes, methods = table.gains.shape
    each = scopes * methods
    place = np.arange(methods)
    columns = {
        "index": np.repeat(table.index, each),
        "label": np.repeat(table.labels, each),
        "prediction": np.repeat(table.predictions, each),
        "scope": np.tile(np.repeat(np.array(table.scopes), methods), count),
        "method": np.tile(np.array(table.methods), count * scopes),
        "score_mean": table.means.ravel(),
        "score_variance": table.variances.ravel(),
        "loss_gain": table.gains.ravel(),
        "best": (table.best[..., None] == place).ravel(),
    }
    if chosen is not None:
        columns["chosen"] = (chosen[..., None] == place).ravel()
    write_table(path, columns)


def scopes_of(layers: Layers, per_layer: bool) -> dict[str, slice]:
    """Return where the neurons of each scope stand among all; the last layer is in none."""
    slices = layers.slices
    if per_layer:
        return {name: slices[name] for name in hidden(layers)}
    return {WHOLE_MODEL: slice(0, slices[layers.names[-1]].start)}


def _without_best(
    scores: torch.Tensor, scopes: dict[str, slice], m: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what is left, and mean and variance of the scores taken away.

    Args:
        scores: float32 ``[methods, b, neurons]``.
        scopes: where each one's neurons stand.
        m: neurons that are chosen.

    Returns:
        bool ``[scopes · methods, b, neurons]`` and two times float64 ``[scopes · methods, b]``.
    """
    keep, means, variances = [], [], []
    for part in scopes.values():
        # A stable sort, so that ties fall to the first neuron.
        within = scores[..., part].nan_to_num(nan=-torch.inf)
        order = torch.sort(within, dim=2, descending=True, stable=True).indices[..., :m]
        left = torch.ones_like(scores, dtype=torch.bool)
        left.scatter_(2, order + part.start, torch.zeros_like(order, dtype=torch.bool))
        best = scores[..., part].gather(2, order).double()
        keep.append(left)
        means.append(best.mean(2))
        variances.append(best.var(2, correction=0))
    return torch.cat(keep), torch.cat(means), torch.cat(variances)
