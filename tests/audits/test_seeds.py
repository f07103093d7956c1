import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from imprint.audits.options import SMALL_COHORT, AuditOptions
from imprint.audits.run import run_audit
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.options import CoverageStep
from imprint.lenses.dejavu.pool_options import PoolOptions
from imprint.lenses.dejavu.study.pool_studies import pool_studies
from imprint.lenses.leave_one_out.options import LeaveOneOutStep
from imprint.nets.load import read_card
from imprint.study.tables import read_table
from imprint.train.options import TrainOptions

TRAIN = TrainOptions(
    architecture_options=(("width", "8"), ("depth", "1")),
    projector="16-8",
    epochs=1,
    warmup_epochs=1,
    snapshot_every=0,
    resume_every=1,
)


def audit(out, **changes):
    options = AuditOptions(
        out=out,
        json=True,
        device="cpu",
        per_class=3,
        composite_count=120,
        k=10,
        train=TRAIN,
        linear_probe=False,
        controls=False,
        membership=replace(SMALL_COHORT, models=0),
        leave_one_out=LeaveOneOutStep(skip=True),
        coverage=CoverageStep(skip=True),
    )
    return run_audit(replace(options, **changes))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("seeds") / "study"
    audit(out, seeds=(0, 1))
    return out


def test_every_seed_trains_a_pair_of_its_own_on_one_partition(study):
    summary = json.loads((study / "summary.json").read_text())
    pooled = summary["lenses"]["dejavu"]["pooled"]
    assert [each["name"] for each in pooled["seeds"]] == ["seed 0", "seed 1"]
    first, second = (
        read_card(folder / "models/A/final.safetensors").training
        for folder in (study, study / "seeds/1")
    )
    assert first["images"] == second["images"]
    assert first["seed"] != second["seed"]
    split = "split/3_per_class/train_A.npy"
    np.testing.assert_array_equal(np.load(study / split), np.load(study / "seeds/1" / split))


def test_the_pooled_score_is_the_mean_of_the_seeds(study):
    pooled = json.loads((study / "tables/pooled/findings.json").read_text())
    scores = [each["scores"]["100"]["value"] for each in pooled["seeds"]]
    assert pooled["test"]["100"]["score"]["value"] == pytest.approx(np.mean(scores))
    records = read_table(study / "tables/pooled/records.parquet")
    by_seed = [
        read_table(folder / "tables/dejavu/records.parquet")["category"] == 1
        for folder in (study, study / "seeds/1")
    ]
    np.testing.assert_array_equal(records["seeds_memorized"], np.sum(by_seed, axis=0))


def test_the_page_shows_every_seed(study):
    page = (study / "report.html").read_text()
    assert "Over training seeds" in page
    assert "all seeds, pooled" in page


def test_one_seed_leaves_the_audit_as_it_is(tmp_path, study):
    audit(tmp_path / "one", seeds=(0,))
    assert not (tmp_path / "one" / "seeds").exists()
    tables = [
        (folder / "tables/dejavu/findings.json").read_bytes()
        for folder in (study, tmp_path / "one")
    ]
    assert tables[0] == tables[1]
    assert (
        "pooled" not in json.loads((tmp_path / "one/summary.json").read_text())["lenses"]["dejavu"]
    )


def test_a_study_without_seeds_grows_to_several(tmp_path, study):
    """The pair of seed 0 is that of the audit without seeds: only the others are trained."""
    out = tmp_path / "grown"
    shutil.copytree(study, out)
    for name in ("seeds", "tables/pooled"):
        shutil.rmtree(out / name)
    (out / "tables/pooled.card.json").unlink()
    before = (out / "models/A/final.safetensors").stat().st_mtime_ns
    audit(out, seeds=(0, 1))
    assert (out / "models/A/final.safetensors").stat().st_mtime_ns == before
    expected = (study / "tables/pooled/findings.json").read_bytes()
    assert (out / "tables/pooled/findings.json").read_bytes() == expected


def test_studies_that_were_made_apart_pool_to_the_same(tmp_path, study):
    audit(tmp_path / "pooled0", seeds=(0,))
    other = study / "seeds/1"
    options = PoolOptions(
        out=tmp_path / "pool", json=True, studies=(str(tmp_path / "pooled0"), str(other))
    )
    summary = pool_studies(options)
    expected = json.loads((study / "tables/pooled/findings.json").read_text())
    assert summary["lenses"]["dejavu_pooled"]["test"] == expected["test"]
    assert "Déjà vu, pooled" in (tmp_path / "pool/report.html").read_text()


def test_pooling_tests_of_other_crops_is_refused(tmp_path, study):
    audit(tmp_path / "corner", crop="corner")
    options = PoolOptions(
        out=tmp_path / "pool", json=True, studies=(str(study), str(tmp_path / "corner"))
    )
    with pytest.raises(ImprintError, match="attacked on other images or crops"):
        pool_studies(options)


def test_pooling_folders_without_a_test_is_refused(tmp_path, study):
    options = PoolOptions(
        out=tmp_path / "pool", json=True, studies=(str(study), str(tmp_path / "nothing"))
    )
    with pytest.raises(ImprintError, match="holds no two-model test"):
        pool_studies(options)


def test_seeds_do_not_apply_to_a_given_model(tmp_path):
    options = AuditOptions(out=tmp_path / "out", model=tmp_path / "m.safetensors", seeds=(0, 1))
    with pytest.raises(ImprintError, match="--seeds does not apply to a model of your own"):
        run_audit(options)
