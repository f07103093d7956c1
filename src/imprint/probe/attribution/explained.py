"""The classifier and the inputs whose outputs are attributed: images, or records of any modality.

The baseline, the input that says nothing, is the image that normalises to zeros; of other networks
the mean of some inputs. Whole numbers such as token ids have none: methods that start from a
baseline do not apply to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.records.records import Records
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.nets.predictor.predictor import NetworkPredictor, OutputKind
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.probe.record_outputs import SMALLEST_PROBABILITY
from imprint.study.hashing import hash_arrays

Classifier = ImageModel | NetworkPredictor
Inputs = View | Records
BASELINE_RECORDS = 256
"""Records at most whose mean is the baseline."""


@dataclass(frozen=True, eq=False)
class Explained:
    """A classifier in evaluation mode, and inputs.

    Attributes:
        outputs: the layers of the classifier, and its logits.
        device: where it is.
        labels: int64 ``[n]``, the class of each input.
        ids: int64 ``[n]``, which inputs they are.
        classes: how many classes tables of importance have.
        baseline: ``[1, …]``, the input that says nothing; None of whole numbers.
        pool: ``[p, …]``, random baselines; None for the one.
        batches: yields rows and inputs ``[b, …]`` of so many a batch, in order.
        facts: worth knowing, as JSON values.
    """

    outputs: LayerOutputs
    device: torch.device
    labels: IntArray
    ids: IntArray
    classes: int
    baseline: Tensor | None
    pool: Tensor | None
    batches: Callable[[int], Iterator[tuple[slice, Tensor]]]
    facts: Mapping[str, object]

    def __post_init__(self) -> None:
        _, inputs = next(iter(self.batches(1)), (None, self.baseline))
        if inputs is None or not len(self.labels):
            return
        known = self.outputs.logits(inputs).shape[1]
        if self.labels.max() >= known:
            raise ImprintError(
                f"the network has {known} classes, and the images have label {self.labels.max()}: "
                "give images of the classes that it was trained on"
            )


def explain(model: Classifier, inputs: Inputs, pool: View | None = None) -> Explained:
    """Return a classifier with its inputs.

    Args:
        model: put in evaluation mode.
        inputs: images of an :class:`ImageModel`, records of any other network.
        pool: images that serve as random baselines.

    Raises:
        ImprintError: no classifier, or labels that it does not know.
    """
    if isinstance(model, ImageModel):
        assert isinstance(inputs, View)
        return _explain_images(model, inputs, pool)
    assert isinstance(inputs, Records)
    return _explain_records(model, inputs)


def why_not_explained(model: NetworkPredictor, records: Records) -> str | None:
    """Return why no output of a network can be attributed; None where it can."""
    if records.task != "classification" or records.labels is None:
        return "attribution explains the output of a class, and the records have no class each"
    if model.kind not in ("logits", "probabilities"):
        return f"attribution explains the output of a class, and the model returns {model.kind}"
    return None


def layers_of(model: Classifier, inputs: Inputs | None = None) -> LayerOutputs:
    """Return the linear and convolutional layers of a classifier, and how its logits are read."""
    if isinstance(model, ImageModel):
        return LayerOutputs(model)
    network = model
    return LayerOutputs(
        network.module, lambda result: class_logits(network.to_outputs(result), network.kind)
    )


def sample_input(model: Classifier, inputs: Inputs | None) -> Tensor:
    """Return one input of a classifier, ``[1, …]``."""
    if isinstance(model, ImageModel):
        return mean_image(model)
    assert isinstance(inputs, Records)
    return model.to_inputs(inputs.inputs.read(np.arange(1)))


def class_logits(outputs: Tensor, kind: OutputKind) -> Tensor:
    """Return outputs as logits ``[b, classes]``; one column is that of class 1 of two.

    >>> class_logits(torch.tensor([[0.0]]), "logits").tolist()
    [[0.0, 0.0]]
    """
    if kind == "probabilities":
        logs = outputs.clamp(min=SMALLEST_PROBABILITY).log()
        if outputs.shape[1] > 1:
            return logs
        outputs = logs - (1 - outputs).clamp(min=SMALLEST_PROBABILITY).log()
    if outputs.shape[1] == 1:
        return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    return outputs


def mean_image(model: ImageModel) -> Tensor:
    """Return the image in [0, 1] that normalises to zeros, ``[1, channels, H, W]``."""
    size = model.input_size
    return model.mean.expand(model.channels, size, size)[None].contiguous()


def _explain_images(model: ImageModel, view: View, pool: View | None) -> Explained:
    if not model.has_logits:
        raise ImprintError("the network has no classifier: importance needs an output to explain")
    model.place(model.device).eval()

    def batches(size: int) -> Iterator[tuple[slice, Tensor]]:
        for rows, pixels in view.batches(model.input_size, size, "attribute"):
            yield rows, model.to_inputs(pixels)

    facts = {
        "weights": model.fingerprint(),
        "images": view.images.fingerprint(),
        "indices": hash_arrays(np.asarray(view.index, dtype=np.int64)),
        "centre_fraction": view.centre_fraction,
    }
    drawn = None if pool is None else model.to_inputs(pool.read(model.input_size).pixels)
    index = np.asarray(view.index, dtype=np.int64)
    return Explained(
        layers_of(model),
        model.device,
        view.labels,
        index,
        len(view.images.classes),
        mean_image(model),
        drawn,
        batches,
        facts,
    )


def _explain_records(model: NetworkPredictor, records: Records) -> Explained:
    reason = why_not_explained(model, records)
    if reason is not None:
        raise ImprintError(reason)
    labels = records.labels
    assert labels is not None
    model.module.eval()
    some = model.to_inputs(records.inputs.read(np.arange(min(BASELINE_RECORDS, len(records)))))

    def batches(size: int) -> Iterator[tuple[slice, Tensor]]:
        for rows, inputs in records.batches(size, "attribute"):
            yield rows, model.to_inputs(inputs)

    return Explained(
        layers_of(model),
        some.device,
        np.asarray(labels, dtype=np.int64),
        np.arange(len(records)),
        len(records.classes) or int(labels.max()) + 1,
        _baseline(model, some),
        None,
        batches,
        {"weights": model.fingerprint(), "records": records.fingerprint()},
    )


def _baseline(model: NetworkPredictor, inputs: Tensor) -> Tensor | None:
    if isinstance(model.module, ImageModel):
        return mean_image(model.module)
    return inputs.mean(0, keepdim=True) if inputs.is_floating_point() else None
