"""Shadow models: trained like the network under audit, on random halves of the attacked records."""

from __future__ import annotations

import json
from dataclasses import replace

from imprint.core.arrays import BoolArray
from imprint.core.seeds import derive
from imprint.data.view import View
from imprint.lenses.membership.study.audited import Audited
from imprint.lenses.membership.study.models import Model, trained_model
from imprint.nets.load import NetworkFile
from imprint.train.cohort.cohort import train_cohort
from imprint.train.cohort.masks import balanced_masks


def train_shadows(audited: Audited) -> tuple[BoolArray | None, list[Model]]:
    """Train the shadow models; return their masks bool ``[K, N]`` and the models.

    Each is trained on half of the attacked records, as many of the members as of the non-members
    on average, with the architecture of the network; the population stays out.
    """
    options, card = audited.options, audited.card
    if not options.shadows or card is None:
        return None, []
    recipe = replace(
        options.train,
        architecture=card.architecture,
        architecture_options=tuple(
            (name, value if isinstance(value, str) else json.dumps(value))
            for name, value in card.options.items()
        ),
        input_size=card.input_size,
        mean=tuple(card.mean),
        std=tuple(card.std),
    )
    view = View(audited.images, audited.records.index, options.centre_fraction)
    records, seed = view.read(card.input_size), derive(options.seed, "shadows")
    masks = balanced_masks(len(records), options.shadows, seed)
    run = train_cohort(audited.study, records, masks, recipe, seed, audited.device)
    models = [trained_model(file.parent.name, NetworkFile(file)) for file in run.weights]
    return masks.members, models
