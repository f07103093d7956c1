"""``coverage adversarial``: does coverage react to adversarial inputs in a test set?"""

from __future__ import annotations

from collections.abc import Sequence

from imprint.core.errors import ImprintError
from imprint.core.extras import import_art
from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    AdversarialFindings,
)
from imprint.lenses.coverage.experiments.adversarial_options import AdversarialOptions
from imprint.lenses.coverage.experiments.attacked_tests import attack_tests, correct_rows
from imprint.lenses.coverage.experiments.mixtures import MeasureMixtures, WritePublishedChanges
from imprint.lenses.coverage.measure.mixtures import mixture_counts
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import tap_options
from imprint.lenses.coverage.study.neurons import check_choice, check_tables
from imprint.lenses.coverage.study.source import network_source, ranking_of
from imprint.perturb.adversarial import ADVERSARIAL_ATTACKS
from imprint.report.summary import finish
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study


def adversarial_study(options: AdversarialOptions) -> JsonObject:
    """Attack tests, measure sets with adversarial inputs, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: ART is not installed, bad data, options that do not fit, or a study made with
            other settings.
    """
    settings = settings_of(options)
    check_choice(options)
    check_tables(options)
    for name in options.attacks:
        ADVERSARIAL_ATTACKS.get(name)
    import_art()
    study = Study(options.out)
    with study.locked():
        source = network_source(study, options)
        pool = correct_rows(source)
        sizes, shares = tuple(sorted(set(options.sizes))), tuple(sorted(set(options.shares)))
        check_sizes(len(pool), sizes, shares)
        made = attack_tests(
            study, source, pool, options.attacks, options.attacked_records, options, options.seed
        )
        settings, _ = ranking_of(study, source, options).fill(settings)
        assert source.network is not None
        made_from = {name: study.hash_of(f"adversarial/{name}") for name in made}
        step = MeasureMixtures(
            settings,
            {**source.fingerprints, **made_from},
            options.epsilon,
            sizes,
            shares,
            options.draws,
            options.seed,
            tap_options(options),
            source.network,
            made,
            source.train,
            source.test,
        )
        folder = study.run(step)
        findings = read_finding(AdversarialChanges, folder / "findings.json")
        if options.export_legacy:
            study.run(WritePublishedChanges(study.hash_of(step.artefact), folder, findings))
        lenses = {"coverage": to_json(AdversarialFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


def check_sizes(correct: int, sizes: Sequence[int], shares: Sequence[float]) -> None:
    """Refuse sets that the correctly classified tests do not fill.

    Raises:
        ImprintError: with the largest size that they do.
    """
    needed = max(sizes) + max(mixture_counts(max(sizes), shares))
    if needed > correct:
        raise ImprintError(
            f"--sizes {max(sizes)} with --shares {max(shares):g} needs {needed} tests that the "
            f"network classifies correctly, and there are {correct}: give smaller sizes or shares"
        )
