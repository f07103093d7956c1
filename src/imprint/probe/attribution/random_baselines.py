"""Baselines and points of a path drawn for each input, whatever batch it is in."""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.seeds import derive, uniforms
from imprint.probe.attribution.layer_attribution import Question


def draw_shares(question: Question, purpose: str) -> Tensor:
    """Return uniform numbers in [0, 1), float32 ``[samples, b]``."""
    drawn = uniforms(
        derive(question.options.seed, purpose, "share"),
        question.ids.cpu().numpy(),
        question.options.samples,
    )
    return torch.from_numpy(drawn.T.copy()).float().to(question.inputs.device)


def draw_baselines(question: Question, pool: Tensor, purpose: str) -> Tensor:
    """Return random members of a pool for each input, ``[samples, b, …]``."""
    drawn = uniforms(
        derive(question.options.seed, purpose, "baseline"),
        question.ids.cpu().numpy(),
        question.options.samples,
    )
    rows = torch.from_numpy((drawn.T * len(pool)).astype("int64"))
    return pool[rows.to(pool.device)]
