import numpy as np
import pytest

from imprint.lenses.dejavu.page.pooled import pooled_in, pooled_part, pooled_sentence, pooled_table
from imprint.lenses.dejavu.pooled_findings import PooledFindings, ScoreSpread, SeedScores
from imprint.report.blocks import draw_block
from imprint.stats.estimate import Estimate
from imprint.study.finding import to_json
from imprint.study.tables import write_table
from tests.lenses.dejavu.page.cases import estimates, plain

SCORE = plain(0.1, 0.3)


def pooled(count=3, seed_sd=0.04, image_sd=0.01):
    seeds = tuple(SeedScores(f"seed {seed}", {"100": plain(0.1, 0.2)}) for seed in range(count))
    spread = ScoreSpread(Estimate(seed_sd, (0.02, 0.25), count), image_sd)
    return PooledFindings({"100": estimates(score=SCORE)}, {"100": spread}, seeds, "Seeds differ")


def test_the_table_has_every_seed_and_both_spreads():
    rows = pooled_table(pooled()).records()
    assert [row["training_seed"] for row in rows[:4]] == [
        *("seed 0", "seed 1", "seed 2"),
        "all seeds, pooled",
    ]
    assert rows[3]["score_100"] == pytest.approx(0.2)
    assert rows[4]["score_100"] == pytest.approx(0.04)
    assert rows[5]["score_100"] == pytest.approx(0.01)


@pytest.mark.parametrize(("image_sd", "more"), [(0.01, "more seeds"), (0.05, "more images")])
def test_the_sentence_says_what_would_narrow_the_interval(image_sd, more):
    text = pooled_sentence(pooled(image_sd=image_sd))
    assert "+20.0 points [+10.0, +30.0]" in text
    assert more in text


def test_findings_come_back_from_the_summary():
    assert pooled_in({"pooled": to_json(pooled())}) == pooled()
    assert pooled_in({}) is None


def test_the_part_counts_images_under_so_many_seeds(tmp_path):
    times = {"seeds_memorized": np.array([0, 1, 3, 3]), "seeds_forgotten": np.array([1, 0, 0, 0])}
    write_table(tmp_path / "records.parquet", {"index": np.arange(4), **times})
    page = str(draw_block(pooled_part(pooled(), tmp_path / "records.parquet")))
    assert "1 or more" in page
    assert "all 3 seeds" in page
    assert "Seeds differ." in page


def test_many_seeds_are_not_all_drawn(tmp_path):
    columns = {"seeds_memorized": np.zeros(2, int), "seeds_forgotten": np.zeros(2, int)}
    write_table(tmp_path / "records.parquet", {"index": np.arange(2), **columns})
    page = str(draw_block(pooled_part(pooled(25), tmp_path / "records.parquet")))
    assert "5 more pairs not drawn." in page
