import json

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.options import SweepOptions
from imprint.lenses.dejavu.study.sweep_points import encoder_folders, sweep_points, varied


def options(**changes):
    return SweepOptions(out="unused", **changes)


def test_a_yaml_file_with_lists_is_the_same_sweep(tmp_path):
    from imprint.study.config import parse

    file = tmp_path / "sweep.yaml"
    file.write_text("vary:\n  per_class: [3, 5]\n  layer: [backbone]\nper_class: 4\n")
    findings = parse(SweepOptions, ["--config", str(file), "--out", "x"], "sweep")
    assert findings.vary == (("per_class", "3:5"), ("layer", "backbone"))
    points = sweep_points(findings)
    assert [point.options.per_class for point in points] == [4, 3, 5, 4]
    assert encoder_folders(points) == ["base", "per_class=3", "per_class=5", "base"]


def test_values_with_colons_stand_between_bars(tmp_path):
    from imprint.study.config import parse

    names = ["timm:a", "resnet18"]
    (tmp_path / "many.yaml").write_text(f"vary: {{train.architecture: {json.dumps(names)}}}\n")
    (tmp_path / "one.yaml").write_text('vary: {train.architecture: ["timm:a"]}\n')
    for words, expected in (
        (["--vary", "train.architecture=timm:a|resnet18"], names),
        (["--config", str(tmp_path / "many.yaml")], names),
        (["--config", str(tmp_path / "one.yaml")], names[:1]),
    ):
        points = sweep_points(parse(SweepOptions, [*words, "--out", "x"], "sweep"))[1:]
        assert [point.options.train.architecture for point in points] == expected


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("out=1:2", "cannot vary 'out'"),
        ("train=3", "cannot vary 'train'"),
        ("train.nothing=3", "no option 'train.nothing'"),
        ("train.epochs=many", "it must be int"),
        ("layer=middle", "choose from auto, backbone"),
        ("k=", "has no value"),
        ("k=1,k=2", "names k twice"),
        ("train.first_view=1", "one option with one value"),
        ("k.deep=1", "one option with one value"),
        ("train.epochs=0", "epochs must be at least 1"),
    ],
)
def test_options_that_cannot_be_varied_are_refused(vary, message):
    pairs = tuple(tuple(part.split("=")) for part in vary.split(","))
    with pytest.raises(ImprintError, match=message):
        sweep_points(options(vary=pairs))


def test_seeds_are_points_with_encoders_of_their_own():
    points = sweep_points(options(vary=(("seed", "0:1:2"),)))
    assert [point.options.seed for point in points] == [0, 0, 1, 2]
    assert encoder_folders(points) == ["base", "base", "seed=1", "seed=2"]


def test_an_option_deep_inside_is_replaced():
    changed = varied(options(), "train.second_view.crop", "none")
    assert changed.train.second_view.crop == "none"
    assert changed.train.first_view == options().train.first_view
    assert varied(options(), "train.objective_options.x", "3").train.objective_options == (
        ("x", "3"),
    )
