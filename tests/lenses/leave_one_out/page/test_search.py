import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from imprint.lenses.leave_one_out.findings import (
    CertificateSummary,
    LandscapeFindings,
    LineCurves,
    LineShares,
    SearchFindings,
)
from imprint.lenses.leave_one_out.page.search import (
    build,
    certificate_figure,
    line_figure,
    peak_caption,
    show_landscape,
    show_search,
)
from imprint.report.terminal import to_text
from imprint.stats.estimate import Estimate
from imprint.study.finding import to_json
from imprint.study.tables import write_table


def estimate(value):
    return Estimate(value, (value / 2, 1.0), 4)


SEARCH = SearchFindings(
    searches=4,
    noise=0.1,
    success=estimate(0.75),
    identified=estimate(1.0),
    certificate=CertificateSummary(estimate(0.9995), 0.5, 0.99999),
    scaled_error=estimate(0.01),
    evaluations=120.0,
)
CURVE = LineCurves((0.5, 1.0, 0.5), (0.6, 1.0, 0.6), (0.9, 1.0, 1.2))
LANDSCAPE = LandscapeFindings(
    2,
    1,
    0.1,
    (-1.0, 0.0, 1.0),
    {"random": CURVE},
    LineShares(0.0, 0.0, 0.2),
    LineShares(1.0, 1.0, 0.5),
)


@pytest.mark.parametrize(
    ("success", "size", "statement"),
    [
        (0.75, 1, "The most revealing query is the record itself, and searches end there"),
        (0.75, 2, "The most revealing queries are the records themselves, and searches end there"),
        (0.25, 1, "Some searches ended at the record itself"),
        (0.0, 1, "No search reached the bound"),
    ],
)
def test_the_verdict_follows_the_share_of_successes(tmp_path, success, size, statement):
    folder = tmp_path / "leave_one_out_search"
    columns = {"index": np.arange(4), "certificate": np.array([0.5, 1.0, 1.0, 1.0])}
    write_table(folder / "records.parquet", columns)
    (folder / "gallery.json").write_text('{"cards": []}')
    changed = dataclasses.replace(SEARCH, success=estimate(success), group_size=size)
    lenses = {"leave_one_out_search": to_json(changed)}
    section = build(tmp_path, {"lenses": lenses})
    assert statement in section.html
    assert "Revealing queries" in dict(section.links).values()


def test_certificates_are_drawn_in_rising_order():
    figure = certificate_figure(np.array([1.0, 0.5, 0.9995, 0.2]), SEARCH)
    assert list(figure.series[0].y) == [0.2, 0.5, 0.9995, 1.0]
    assert "2 of 4 reached 0.999 or more, the least 0.2" in figure.description


def test_the_caption_of_a_landscape_follows_its_numbers():
    assert "along every line, as it must be" in line_figure(LANDSCAPE, "kl_out_in").caption
    assert "along 87.5% of the lines, and elsewhere above it by up to 0.31%" in peak_caption(
        0.875, 0.0031
    )


def test_lines_are_drawn_over_the_distance():
    figure = line_figure(LANDSCAPE, "mean_distance")
    assert list(figure.series[0].y) == [0.9, 1.0, 1.2]
    assert list(figure.series[0].x) == [-1.0, 0.0, 1.0]
    assert "at the last step random 1.2" in figure.description


def test_the_terminal_shows_successes_and_peaks():
    shown = to_text(show_search(to_json(SEARCH)))
    assert "searches that reach 0.999 of the bound" in shown
    assert "0.99950 [0.49975, 1.00000]" in shown
    assert "0.50000 and 0.9999900" in shown
    peaks = to_text(show_landscape(to_json(LANDSCAPE)))
    assert [line.split()[-1] for line in peaks.splitlines()[-3:]] == ["100.0%", "100.0%", "50.0%"]


def test_a_study_without_searches_has_no_section():
    assert build(SimpleNamespace(), {"lenses": {}}) is None
