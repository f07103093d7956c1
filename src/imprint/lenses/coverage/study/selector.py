"""``coverage selector``: a trained selector of attributions, applied to images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.coverage.findings import ChosenAttributions, ChosenFindings
from imprint.lenses.coverage.importance.importance_files import write_importance
from imprint.lenses.coverage.importance.selector import Selector
from imprint.lenses.coverage.options import ApplySelectorOptions
from imprint.lenses.coverage.study.attribution import attribution_seed
from imprint.lenses.coverage.study.importance import method_importance, open_classifier
from imprint.lenses.coverage.study.network import AuditedNetwork, draw
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.chosen import attribute_as_chosen, pooled_features
from imprint.report.model_facts import network_facts
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.hashing import hash_file
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import write_table


def selector_study(options: ApplySelectorOptions) -> JsonObject:
    """Apply a selector, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, a selector of another network, or a study made with other settings.
    """
    selector = Selector.load(options.selector)
    study = Study(options.out)
    with study.locked():
        network, view = open_classifier(options)
        if selector.trained_on not in (None, network.fingerprint()):
            raise ImprintError(
                f"{options.selector} was trained on another network than {options.model}: train "
                "one with imprint coverage wisdom --selector"
            )
        drawn = draw(view, options.records, options.seed, "selector")
        step = ApplySelector(
            network,
            drawn,
            hash_file(options.selector),
            options.top_neurons,
            attribution_seed(options.seed),
            selector,
        )
        findings = read_finding(ChosenAttributions, study.run(step) / "findings.json")
        lenses = {"coverage": to_json(ChosenFindings(findings))}
        facts = image_facts(view.images)
        return finish(study, options, facts, lenses, network_facts(network.file))


@dataclass(frozen=True)
class ApplySelector(Step):
    """What a selector chooses: ``chosen``.

    ``attributions.parquet`` has a row per image and a column per scope, the name of the chosen
    attribution; ``importance.parquet`` the importance of neurons by them; and ``findings.json``.
    """

    network: AuditedNetwork
    view: View
    file: str
    top_neurons: int
    seed: int
    selector: Selector = uncounted()

    artefact = "chosen"

    def build(self, path: Path) -> None:
        """Choose an attribution for every image, and attribute it by that."""
        path.mkdir(exist_ok=True)
        selector, model = self.selector, self.network.model
        chosen = selector.predict(pooled_features(model, self.view))
        names = np.array(selector.methods)
        columns: dict[str, NDArray[np.generic]] = {
            "index": np.asarray(self.view.index),
            "label": np.asarray(self.view.labels),
        }
        columns |= {
            scope: names[column] for scope, column in zip(selector.scopes, chosen.T, strict=True)
        }
        write_table(path / "attributions.parquet", columns)
        options = AttributionOptions(seed=self.seed)
        table = attribute_as_chosen(
            model, self.view, selector.methods, selector.scopes, chosen, options
        )
        write_importance(path / "importance.parquet", table)
        shares = {
            scope: {name: float((column == row).mean()) for row, name in enumerate(names.tolist())}
            for scope, column in zip(selector.scopes, chosen.T, strict=True)
        }
        importance = method_importance(table, self.top_neurons)
        findings = ChosenAttributions(len(self.view), shares, importance)
        write_finding(path / "findings.json", findings)
