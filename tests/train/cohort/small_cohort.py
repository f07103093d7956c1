from dataclasses import replace

import numpy as np
import torch
from safetensors.torch import load_file

from imprint.study.store import Study
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import Masks
from imprint.train.cohort.options import CohortOptions

CPU = torch.device("cpu")

MLP = CohortOptions(
    architecture="mlp",
    architecture_options=(("widths", "16"),),
    input_size=12,
    epochs=3,
    batch_size=8,
    learning_rate=0.5,
    engine="sequential",
)

CNN = replace(
    MLP,
    architecture="patch_convnet",
    architecture_options=(("width", "4"), ("depth", "1"), ("stages", "2"), ("patch", "3")),
    weight_decay=0.01,
    label_smoothing=0.1,
)

MASKS = Masks(
    np.stack([np.arange(48) % 2 == 0, np.arange(48) % 2 == 1, np.arange(48) < 25]), {"kind": "test"}
)


def train(root, images, options, masks=MASKS, seed=3):
    return train_cohort(Study(root), images, masks, options, seed, CPU)


def all_weights(run):
    return [load_file(file) for file in run.weights]


def furthest(one, other):
    return max(
        float((a[name].double() - b[name].double()).abs().max())
        for a, b in zip(one, other, strict=True)
        for name in a
    )
