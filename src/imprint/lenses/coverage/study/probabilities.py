"""The step that takes the probabilities of the classes from one pass over the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.coverage.study.network import NO_LOGITS, AuditedNetwork
from imprint.probe.signals.precision import full_float32
from imprint.reading.array_files import read_npy
from imprint.study.step import Step
from imprint.study.store import Study

BATCH_SIZE = 256


@dataclass(frozen=True)
class TakeProbabilities(Step):
    """Probabilities of the classes of every test: ``probabilities.npy`` float64 ``[M, C]``."""

    network: AuditedNetwork
    view: View

    artefact = "probabilities.npy"

    def build(self, path: Path) -> None:
        """Run the network.

        Raises:
            ImprintError: the network has no classifier.
        """
        model = self.network.model
        if not model.has_logits:
            raise ImprintError(NO_LOGITS)
        model.place(model.device).eval()
        batches = self.view.batches(model.input_size, BATCH_SIZE, "probabilities of the tests")
        with torch.no_grad(), full_float32(model.device):
            parts = [
                model(model.to_inputs(pixels)).double().softmax(1).cpu().numpy()
                for _, pixels in batches
            ]
        with path.open("wb") as file:
            np.save(file, np.concatenate(parts), allow_pickle=False)

    def probabilities(self, study: Study) -> FloatArray:
        """Return them, taken unless they are there."""
        return np.asarray(read_npy(study.run(self)), dtype=np.float64)
