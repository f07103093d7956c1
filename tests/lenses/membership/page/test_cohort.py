import re

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.page.cohort import (
    build,
    cohort_figures,
    memorization_figure,
    memorization_histogram,
)
from imprint.study.finding import to_json
from tests.lenses.membership.cohort_finding_cases import attack, cohort, write_cohort_tables


def text_of(tmp_path, findings):
    if not (tmp_path / "membership").exists():
        write_cohort_tables(tmp_path / "membership")
    section = build(tmp_path, {"lenses": {"membership": to_json(findings)}})
    return " ".join(re.sub(r"<[^>]+>", " ", section.html).split())


def test_section_names_models_attacks_and_what_was_memorized(tmp_path):
    text = text_of(tmp_path, cohort())
    assert "Models trained like this reveal single training images: lira" not in text
    assert "8 models were trained, each on a different half of 96 images" in text
    assert "Another 24 images, which no model was trained on" in text
    assert "classify 95.0% of their own training images correctly and 50.0% of the others" in text
    assert "60.0% of the population" in text
    assert "at least 25 points more often" in text
    assert "3 pairs of a training image and a population image" in text
    assert "curvature without it −0.40 −0.50 to −0.30" in text
    assert "1 attack not run" in text
    assert "There are no pictures in this study." in text


def test_missing_influence_and_population_are_named(tmp_path):
    findings = cohort(Missing("8 models are too few"), Missing("there is none"))
    text = text_of(tmp_path, findings)
    assert "influence of single images on others cannot be shown: 8 models are too few." in text
    assert "of the population" not in text


def test_failed_control_is_warned_of(tmp_path):
    findings = cohort()
    findings = type(findings)(
        **{**vars(findings), "attacks": {**findings.attacks, "loss": attack(0.5, passed=False)}}
    )
    text = text_of(tmp_path, findings)
    assert "A control failed: permuted membership." in text
    assert "Failed: loss." in text


def test_attacks_with_one_curve_share_a_line(tmp_path):
    write_cohort_tables(tmp_path / "membership")
    roc, overlap, upset = cohort_figures(tmp_path / "membership", cohort())
    assert [series.name for series in roc.series if series.name] == ["lira", "loss = mentr"]
    assert "lira 40.0%; loss = mentr 10.0%" in roc.description
    assert list(overlap.names) == ["lira", "loss", "mentr"]
    np.testing.assert_array_equal(overlap.values[0], [1.0, 0.25, 0.25])
    assert upset.names == ["lira", "loss = mentr"]
    assert "The mean over 8 models." in upset.caption


def test_histogram_counts_records_with_a_score(tmp_path):
    write_cohort_tables(tmp_path / "membership")
    figure = memorization_figure(tmp_path / "membership", cohort().memorization)
    assert figure.description == "Histogram of memorization: 2 of 3 images from 0.25 on."
    assert sum(figure.up) == 3
    low = memorization_histogram(np.array([-0.55, 1.0]), 0.25, 0.1)
    assert low.edges[0] == -0.6


def test_studies_of_other_kinds_have_no_section():
    assert build(None, {"lenses": {"membership": {"attacks": {}}}}) is None
    assert build(None, {"lenses": {}}) is None
