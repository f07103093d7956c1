"""The section and the front page of a pair of encoders: each recipe is named with its verdict."""

import numpy as np

from imprint.lenses.reconstruct.evaluation import ImageReadings, SampleReadings, evaluate_samples
from imprint.lenses.reconstruct.page.front import recall_verdicts
from imprint.lenses.reconstruct.page.pair import build, show_pair
from imprint.lenses.reconstruct.pair_findings import PairFindings
from imprint.study.finding import to_json

IMAGES = 40


def readings(right_of_target: bool) -> ImageReadings:
    """Return images whose target samples have the right class or not, the reference's never."""
    labels = np.arange(IMAGES) % 4
    wrong = np.repeat((labels + 1)[:, None] % 4, 2, axis=1)
    features = np.eye(4)[labels]
    target = np.repeat(labels[:, None], 2, axis=1) if right_of_target else wrong
    return ImageReadings(
        labels,
        labels,
        features,
        SampleReadings(target, np.eye(4)[target]),
        SampleReadings(wrong, np.eye(4)[wrong]),
    )


def content():
    recipes = {
        "crop": evaluate_samples(readings(False), readings(False)),
        "neighbours": evaluate_samples(readings(True), readings(False)),
    }
    return to_json(PairFindings(recipes, "ddim", 20, 1.0, 5))


def test_front_page_names_each_recipe_and_its_verdict() -> None:
    crop, neighbours = recall_verdicts({"reconstruct_pair": content()})
    assert (crop.found, neighbours.found) == (False, True)
    assert crop.statement.startswith("From the crop’s representation, samples of the target do not")
    assert neighbours.statement.startswith("From the neighbours’ backbone and the crop’s projector")


def test_section_has_a_heading_for_each_recipe_and_figures_of_its_own(tmp_path) -> None:
    section = build(tmp_path, {"lenses": {"reconstruct_pair": content()}})
    assert section is not None
    html = str(section.html)
    assert "From the crop’s representation, samples of the target do not" in html
    assert "From the neighbours’ backbone and the crop’s projector, samples of the target" in html
    for name in ("crop", "neighbours"):
        assert html.count(f'id="reconstruct-pair-{name}"') == 1


def test_terminal_prints_a_verdict_for_each_recipe() -> None:
    _, *headings = show_pair(content())
    assert len(headings) == 2
