"""A selector of attributions, trained on what each is worth on each input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.coverage.importance.selector import Selector, SelectorOptions
from imprint.nets.image_model import ImageModel
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.input_gains import input_gains, write_input_gains
from imprint.stats import proportion
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.plain import to_plain
from imprint.study.store import Study

HELD_OUT = 4
"""One input in so many tests the selector, and does not train it."""


def selector_step(
    study: Study,
    model: ImageModel,
    weights: str,
    images: ImageSet,
    index: IntArray,
    methods: Sequence[str],
    m: int,
    per_layer: bool,
    seed: int,
    device: torch.device,
    centre_fraction: float = 1.0,
) -> dict[str, Any]:
    """Measure every method on every input, train a selector and test it, unless it is done.

    Args:
        study: gets ``selector``: ``inputs.parquet``, a row an input, scope and method,
            ``selector.safetensors`` with its ``.json``, and ``findings.json``.
        model: a classifier.
        weights: their hash.
        images: where pixels and classes come from.
        index: int64 ``[n]``, images in random order; every fourth is held out.
        methods: attributions to select from.
        m: neurons that each chooses.
        per_layer: whether it chooses in each layer, else in the whole model.
        seed: of attributions and training.
        device: where to compute.
        centre_fraction: share of the shorter side that the centre square keeps.

    Raises:
        ImprintError: one method alone, or too few inputs.
    """
    if len(index) < HELD_OUT:
        raise ImprintError(f"a selector needs at least {HELD_OUT} images, got {len(index)}")
    options = SelectorOptions(seed=seed)

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        found = input_gains(
            model.to(device),
            View(images, index, centre_fraction),
            methods,
            m,
            AttributionOptions(seed=seed),
            per_layer=per_layer,
        )
        held = np.arange(len(index)) % HELD_OUT == 0
        selector = Selector(found.methods, found.scopes, options)
        selector.fit(found.features[~held], found.best[~held])
        chosen = selector.predict(found.features)
        selector.save(folder / "selector.safetensors")
        write_input_gains(folder / "inputs.parquet", found, chosen)
        right = chosen[held] == found.best[held]
        usual = [np.bincount(column).argmax() for column in found.best[~held].T]
        write_json(
            folder / "findings.json",
            {
                "methods": list(found.methods),
                "scopes": {
                    scope: {
                        "accuracy": proportion(int(column.sum()), len(column)).to_dict(),
                        "most_frequent": float((found.best[held, place] == usual[place]).mean()),
                    }
                    for place, (scope, column) in enumerate(zip(found.scopes, right.T, strict=True))
                },
            },
        )

    settings = {
        "weights": weights,
        "images": images.fingerprint(),
        "index": hash_arrays(index),
        "methods": list(methods),
        "m": m,
        "per_layer": per_layer,
        "options": to_plain(options),
        "centre_fraction": centre_fraction,
    }
    told: dict[str, Any] = read_json(study.step("selector", settings, build) / "findings.json")
    return told
