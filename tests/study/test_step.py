from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.study.counted import uncounted
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study


@dataclass(frozen=True)
class Settings:
    rate: float = 0.5
    out: Path = Path("anywhere")
    threads: int = uncounted(default=1)


@dataclass(frozen=True)
class Sum(Step):
    images: ArrayImages
    rows: np.ndarray
    settings: Settings = Settings()
    device: str = uncounted(default="cpu")

    artefact = "sum.json"

    def build(self, path: Path) -> None:
        total = int(self.images.pixels[self.rows].sum()) * self.settings.rate
        write_json(path, {"sum": total})


@pytest.fixture
def step() -> Sum:
    images = ArrayImages(np.full((3, 1, 2, 2), 2, dtype=np.uint8), np.array([0, 1, 0]), ("a", "b"))
    return Sum(images, np.array([0, 2]))


def test_the_fields_are_the_card(step):
    card = card_of(step)
    assert card["images"] == step.images.fingerprint()
    assert len(card["rows"]) == 64
    assert card["settings"] == {"rate": 0.5}
    assert "device" not in card


def test_a_step_is_built_once(step, tmp_path):
    study = Study(tmp_path)
    assert read_json(study.run(step)) == {"sum": 8.0}
    made = (tmp_path / "sum.json").stat().st_mtime_ns
    study.run(replace(step, device="cuda", settings=Settings(out=Path("elsewhere"))))
    assert (tmp_path / "sum.json").stat().st_mtime_ns == made


@pytest.mark.parametrize("change", ["rows", "settings", "images"])
def test_any_counted_change_is_refused_by_its_name(change, step, tmp_path):
    study = Study(tmp_path)
    study.run(step)
    others = {
        "rows": np.array([0, 1]),
        "settings": Settings(rate=0.25),
        "images": ArrayImages(step.images.pixels + 1, step.images.labels, ("a", "b")),
    }
    with pytest.raises(ImprintError, match=change if change != "settings" else "rate"):
        study.run(replace(step, **{change: others[change]}))


def test_what_no_card_can_state_is_a_fault(step):
    with pytest.raises(TypeError, match=r"settings is a .*Path.*uncounted"):
        card_of(replace(step, settings=Path("here")))
