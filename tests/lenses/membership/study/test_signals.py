import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.launch.launcher import using
from imprint.launch.shards import cut_into
from imprint.lenses.membership.study.model_signals import (
    read_signals,
)
from imprint.lenses.membership.study.models import Model, untrained_model
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.signals import (
    check_evidence,
    curvature_signals,
    take_all_signals,
    white_box_signals,
)
from imprint.nets.model_card import ModelCard
from imprint.study.store import Study
from tests.launch.inline import InlineLauncher, Killed

CARD = ModelCard("mlp", 1, 2, 4, (0.5,), (0.25,), {"widths": "4"})
CHOICE = EvidenceChoice(curvature_probes=1, augmentations=("identity", "flip"))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (12, 1, 4, 4), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(12) % 2, ("a", "b"))


POOL = RecordPool(index=np.arange(8), population=np.arange(8, 12))


def test_signals_of_every_model_are_read_back_by_kind(tmp_path, images):
    study = Study(tmp_path)
    first, second = untrained_model(CARD, 0), untrained_model(CARD, 1)
    models = [first, Model("other", second.identity, second.load)]
    tables = take_all_signals(study, models, images, POOL, CHOICE, 0, CPU)
    assert tables["other"] == ("tables/signals/other.parquet", "tables/curvature/other.parquet")
    signals = read_signals(study, tables["untrained"], POOL)
    assert set(signals.target) == {"phi", "mentr", "entropy", "log_curvature"}
    assert signals.target["phi"].shape == (2, 8)
    assert signals.population["log_curvature"].shape == (2, 4)
    assert (signals.correct == (signals.target["phi"][0] > 0)).all()
    other = read_signals(study, tables["other"], POOL)
    assert (other.target["phi"] != signals.target["phi"]).any()


def test_done_models_are_not_loaded_again_and_other_models_are_refused(tmp_path, images):
    study = Study(tmp_path)
    choice = EvidenceChoice(curvature=False)
    model = untrained_model(CARD, 0)
    take_all_signals(study, [model], images, POOL, choice, 0, CPU)
    unloadable = Model(model.name, model.identity, lambda: pytest.fail("loaded again"))
    take_all_signals(study, [unloadable], images, POOL, choice, 0, CPU)
    changed = Model(model.name, "another network", model.load)
    with pytest.raises(ImprintError, match="made with other settings"):
        take_all_signals(study, [changed], images, POOL, choice, 0, CPU)


def test_curvature_has_its_own_step_and_white_box_the_plain_record_alone():
    options = curvature_signals(EvidenceChoice(curvature_step=0.5, curvature_probes=3), 0, "pixel")
    assert (options.step, options.probes, options.unit) == (0.5, 3, "pixel")
    assert white_box_signals(CHOICE, 0).augmentations == ("identity",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": ("lyra",)}, "unknown attack"),
        ({"augmentations": ("flip",)}, "augmentations must start with identity"),
        ({"param": ((("loss.x", "1"),),)}, "attack 'loss' has no option 'x'"),
    ],
)
def test_choices_that_cannot_be_run_are_errors(changes, message):
    with pytest.raises(ImprintError, match=message):
        check_evidence(EvidenceChoice(**changes), 0)


def test_shards_of_the_records_give_the_bytes_of_one_pass(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (600, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.arange(600) % 2, ("a", "b"))
    pool = RecordPool(index=np.arange(500)[::-1].copy(), population=np.arange(500, 600))
    first, second = untrained_model(CARD, 0), untrained_model(CARD, 1)
    models = [first, Model("other", second.identity, second.load)]
    choice = EvidenceChoice(curvature_probes=1, white_box=True)

    def take(name):
        take_all_signals(Study(tmp_path / name), models, images, pool, choice, 0, CPU)
        return tables_in(tmp_path / name)

    whole = take("whole")
    killed, again = InlineLauncher(survives=4), InlineLauncher()
    with using(killed), cut_into(3), pytest.raises(Killed):
        take("parts")
    with using(again), cut_into(3):
        assert take("parts") == whole
    assert len(whole) == 12
    parts = ("0-256", "256-512", "512-600")
    every = [
        f"tables/{table}/{rows}"
        for table in ("signals", "curvature", "white_box")
        for rows in parts
    ]
    assert killed.keys + again.keys == every


def tables_in(folder):
    files = [path for path in (folder / "tables").rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}
