"""What a linear classifier reads off a frozen network.

The probe shows that the gap between training and held-out accuracy, the usual sign of
overfitting, does not reveal déjà vu (Meehan et al. 2023, section 5).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from imprint.core.arrays import IntArray
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.probe.embeddings import embed
from imprint.train.linear_layers import augmented_features, fit_layers
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
    layers = fit_layers(
        augmented_features(
            model, images, train_indices, options.batch_size, view, seed, device, options.layer
        ),
        len(images.classes),
        options,
        seed,
        name,
    )
    layer = layers[options.layer]
    return ProbeAccuracies(
        train=_measure(model, layer, images, train_indices, options, device),
        held_out=_measure(model, layer, images, held_out, options, device),
    )


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
