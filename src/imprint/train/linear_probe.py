"""What a linear classifier reads off a frozen network.

The probe shows that the gap between training and held-out accuracy, the usual sign of
overfitting, does not reveal déjà vu (Meehan et al. 2023, section 5).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.probe.embeddings import embed
from imprint.train.batches import Batches
from imprint.train.probe_options import ProbeAccuracies, ProbeAccuracy, ProbeOptions


def linear_probe(
    model: ImageModel,
    images: ImageSet,
    train_indices: IntArray,
    held_out: IntArray,
    options: ProbeOptions,
    view: Augmentation,
    seed: int,
    device: torch.device,
    name: str = "network",
) -> ProbeAccuracies:
    """Train a linear layer on a frozen network and measure it on seen and unseen images.

    SGD with momentum 0.9 and no weight decay on augmented images, features as they are.

    Args:
        model: the frozen network.
        images: where pixels and labels come from.
        train_indices: int64 ``[n]``, images the network was trained on.
        held_out: int64 ``[m]``, images it was not.
        options: of the probe.
        view: augmentation of the training images (published: the second view of training).
        seed: of order and augmentation.
        device: where to compute.
        name: what progress calls the network.
    """
    model.place(device).eval()
    layer = _train_layer(model, images, train_indices, options, view, seed, device, name)
    return ProbeAccuracies(
        train=_measure(model, layer, images, train_indices, options, device),
        held_out=_measure(model, layer, images, held_out, options, device),
    )


def _train_layer(
    model: ImageModel,
    images: ImageSet,
    indices: IntArray,
    options: ProbeOptions,
    view: Augmentation,
    seed: int,
    device: torch.device,
    name: str,
) -> nn.Linear:
    batches = Batches(
        images,
        indices,
        views=(view,),
        batch_size=options.batch_size,
        size=model.input_size,
        seed=derive(seed, "linear probe"),
        device=device,
    )
    layer: nn.Linear | None = None
    steps = max(1, options.epochs * batches.per_epoch - 1)
    step = 0
    for epoch in track(range(options.epochs), f"probe {name}", options.epochs, "epoch"):
        for (inputs,), labels in batches.epoch(epoch):
            with torch.no_grad():
                features = model.embed(inputs, options.layer).float()
            if layer is None:
                layer = _new_layer(features.shape[1], len(images.classes), seed).to(device)
                optimizer = torch.optim.SGD(layer.parameters(), options.start_learning_rate, 0.9)
            done = step / steps
            rate = (1 - done) * options.start_learning_rate + done * options.end_learning_rate
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(layer(features), labels)
            torch.autograd.backward(loss)
            optimizer.step()
            step += 1
    assert layer is not None
    return layer


def _new_layer(width: int, classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "linear probe weights"))
        return nn.Linear(width, classes)


@torch.inference_mode()
def _measure(
    model: ImageModel,
    layer: nn.Linear,
    images: ImageSet,
    indices: IntArray,
    options: ProbeOptions,
    device: torch.device,
) -> ProbeAccuracy:
    view = View(images, indices)
    embeddings = embed({"probed": model}, view, (options.layer,), "probe accuracy")["probed"]
    features = torch.from_numpy(embeddings[options.layer]).to(device)
    best = layer(features).topk(min(5, len(images.classes)), dim=1).indices.cpu().numpy()
    hits = best == view.labels[:, None]
    return ProbeAccuracy(float(np.mean(hits[:, 0])), float(np.mean(hits.any(axis=1))), len(indices))
