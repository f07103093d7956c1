import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from imprint.core.arrays import FloatArray
from imprint.lenses.dejavu.findings import MemorizationEstimates
from imprint.lenses.dejavu.page import figures
from imprint.stats.estimate import Estimate
from tests.lenses.dejavu.page.cases import estimates, plain

PERCENTS = np.arange(10.0, 101.0)


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(svg).iter("text")]


def confidence_plot() -> str:
    curve = {
        "percent": PERCENTS,
        "target_accuracy": 1 - PERCENTS / 200,
        "reference_accuracy": 0.5 - PERCENTS / 500,
    }
    marks = estimates(target_accuracy=plain(0.45, 0.55), reference_accuracy=plain(0.25, 0.35))
    return figures.accuracy_by_confidence(curve, {"100": marks}, chance=0.1).svg()


def shares(*values: float) -> MemorizationEstimates:
    names = ("memorized", "forgotten", "correlated", "unassociated")
    return estimates(**{n: Estimate(v, (v, v), 9) for n, v in zip(names, values, strict=True)})


def class_gaps(names: list[str], target: FloatArray, reference: FloatArray) -> str:
    return figures.class_gaps(names, target, reference, "Gaps", "By class.").svg()


def strengths(memorized: list[float], forgotten: list[float]) -> str:
    category = np.repeat([1, 2], [len(memorized), len(forgotten)])
    strength = np.array([*memorized, *(-value for value in forgotten)])
    return figures.strength_histogram(category, strength, "Strength.").svg()


def test_colours_and_fonts_come_from_the_page() -> None:
    svg = confidence_plot()
    assert "var(--target)" in svg
    assert "var(--reference)" in svg
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "<style" not in svg
    assert "metadata" not in svg
    assert "http" not in svg


def test_lines_are_labelled_directly_and_axes_named() -> None:
    assert {
        "target",
        "reference",
        "guessing",
        "accuracy",
        "most confident share of the images (%)",
    } <= set(texts(confidence_plot()))


def test_the_description_says_what_the_plot_shows() -> None:
    label = ElementTree.fromstring(confidence_plot()).get("aria-label")
    assert label is not None
    assert "50.0%" in label
    assert "30.0%" in label
    assert "+20.0 points" in label


def test_bytes_do_not_depend_on_the_user_s_matplotlib_settings() -> None:
    wanted = confidence_plot()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        assert confidence_plot() == wanted
        assert mpl.rcParams["font.size"] == 30


def test_every_share_is_written() -> None:
    svg = figures.category_shares(
        {"100": shares(0.3, 0.01, 0.02, 0.67), "20": shares(0, 0, 0, 1)}, "Shares."
    ).svg()
    written = texts(svg)
    for text in ("30.0%", "1.0%", "2.0%", "67.0%", "100.0%", "all", "20%", "neither"):
        assert text in written
    assert written.count("0.0%") == 3


def test_class_gaps_are_sorted_and_written() -> None:
    svg = class_gaps(["a", "b", "c"], np.array([0.5, 0.9, 0.1]), np.array([0.5, 0.4, 0.3]))
    written = texts(svg)
    assert [text for text in written if text in "abc"] == ["b", "a", "c"]
    assert {"+50.0", "0.0", "−20.0"} <= set(written)


def test_of_many_classes_both_ends_are_drawn() -> None:
    gaps = np.linspace(1, -0.9, 100)
    names = [f"class {row}" for row in range(100)]
    written = texts(class_gaps(names, gaps, np.zeros(100)))
    drawn = [text for text in written if re.fullmatch(r"class \d+", text)]
    assert drawn == names[:20] + names[-20:]
    assert "… 60 classes between …" in written


@pytest.mark.parametrize("name", ["$x^2", "<b>&amp;\x00", "two\nlines", "鱼", "#000001", "-->"])
def test_any_class_name_is_drawn_as_it_is(name: str) -> None:
    svg = class_gaps([name], np.array([0.5]), np.array([0.25]))
    assert "<b>" not in svg
    assert len(ElementTree.fromstring(svg).findall(".//text")) > 3


def test_ids_of_two_plots_do_not_meet() -> None:
    first = set(re.findall(r' id="([^"]+)"', confidence_plot()))
    second = set(re.findall(r' id="([^"]+)"', strengths([0.1, 0.2], [0.3])))
    assert first
    assert second
    assert not first & second


def test_histogram_counts_both_sides() -> None:
    svg = strengths([0.1, 0.2, 0.2], [])
    assert {"3 memorized", "0 forgotten (noise)"} <= set(texts(svg))
    assert "0 memorized" in texts(strengths([], []))


@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_score_is_drawn_below_the_accuracies_over_training(count: int) -> None:
    epochs = 10.0 * np.arange(1, count + 1)
    rising = epochs / 200
    table = {
        "index": epochs,
        "target_accuracy": rising + 0.1,
        "reference_accuracy": np.full(count, 0.1),
        "score": rising,
        "score_low": rising - 0.02,
        "score_high": rising + 0.02,
    }
    figure = figures.accuracy_by_epoch(table)
    assert {"epoch of training", "déjà vu", "target"} <= set(texts(figure.svg()))
    assert f"after epoch {10 * count}" in figure.caption
