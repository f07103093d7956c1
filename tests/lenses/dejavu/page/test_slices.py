from dataclasses import replace

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.dejavu.memorization.slices import SlicedImages, class_scores, score_slices
from imprint.lenses.dejavu.page.slices import (
    class_sentence,
    crop_size_sentence,
    ranked_classes,
    score_columns,
    slice_parts,
)
from imprint.report.blocks import draw_block
from imprint.stats.estimate import Estimate

MODELS = ("target", "reference")
TABLE = "tables/dejavu/classes.parquet"


def sliced(classes, of_class=20, seed=0, memorized=0.3):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), of_class)
    kinds = random.choice(4, size=len(labels), p=[0.1, memorized, 0.1, 0.8 - memorized])
    sizes = np.exp(random.normal(3, 0.3, len(labels)))
    return SlicedImages(labels, sizes, np.eye(4, dtype=bool)[kinds])


def page_of(images, classes, names=None, non_members=None):
    slices = score_slices(images, classes, 0, non_members)
    scores = class_scores(images, classes, 0, non_members)
    accuracies = {
        "target_accuracy": np.full(classes, 0.4),
        "reference_accuracy": np.full(classes, 0.2),
    }
    table = {"index": np.arange(classes), **scores, **accuracies}
    names = names or [f"class-{label}" for label in range(classes)]
    assert set(score_columns(slices)) <= set(table)
    return "".join(
        str(draw_block(part)) for part in slice_parts(slices, table, names, MODELS, TABLE)
    )


def test_both_parts_have_a_figure_and_a_table():
    page = page_of(sliced(10), 10)
    for text in ("By size of the crop", "for every doubling", "By class", "Adjusted p", "class-9"):
        assert text in page
    assert "Beyond non-members" not in page


def test_of_a_thousand_classes_a_hundred_are_shown():
    page = page_of(sliced(1000, of_class=6), 1000)
    assert page.count("<tr") < 130
    assert f"all of them in {TABLE}" in page
    assert "985 classes with smaller scores not drawn" in page


def test_non_members_are_named_where_claims_are_of_the_excess():
    page = page_of(sliced(10, 40), 10, non_members=sliced(10, 30, seed=1, memorized=0.1))
    assert "score beyond non-members" in page
    assert "Beyond non-members" in page


def test_classes_are_ranked_by_score_and_empty_ones_left_out():
    table = {"gap": np.array([0.1, np.nan, 0.5, 0.1]), "n": np.array([3, 0, 9, 7])}
    assert ranked_classes(table, of_excess=False) == [2, 3, 0]


def test_the_sentence_names_chance_and_correction():
    images = sliced(10)
    findings = score_slices(images, 10).by_class
    findings = replace(
        findings, above=replace(findings.above, single=4, by_chance=0.17, corrected=1)
    )
    text = class_sentence(findings)
    assert "In 4 of 10 classes" in text
    assert "about 0.2 would by chance" in text
    assert "1 remains" in text


def test_a_trend_is_claimed_only_beyond_its_interval():
    sizes = score_slices(sliced(10), 10).by_crop_size
    rising = replace(sizes, per_doubling=Estimate(0.1, (0.02, 0.18), 200))
    flat = replace(sizes, per_doubling=Estimate(0.1, (-0.02, 0.22), 200))
    assert crop_size_sentence(rising).startswith("The score rises")
    assert "beyond noise" in crop_size_sentence(flat)


def test_studies_without_these_findings_have_no_parts():
    assert list(slice_parts(None, {}, [], MODELS, TABLE)) == []
    slices = score_slices(SlicedImages(np.zeros(4, int), None, np.eye(4, dtype=bool)), 1)
    assert isinstance(slices.by_class, Missing)
    assert list(slice_parts(slices, {}, [], MODELS, TABLE)) == []
