import pytest

from imprint.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["audit", "--data", "/nowhere"], "/nowhere"),
        (["audit", "--k", "5000"], "k is 5000 but only"),
        (["audit", "--per-class", "500"], "500"),
        (
            ["audit", "--decision", "logits", "--layer", "projector"],
            "needs --layer logits, got projector",
        ),
        (["audit", "--train.projector", "", "--layer", "projector"], "the network has no project"),
        (["audit", "--mean", "0.5"], "--mean is about a model of your own: give it with --model"),
        (["audit", "--lenses", "dejavu"], "--coverage.skip leave an analysis of a data set out"),
        (["audit", "--top-classes", "6"], "--top-classes must be in [1, 5], got 6"),
        (["audit", "--voting", "21"], "--voting must be at most k (20), got 21"),
        (["audit", "--centre-fraction", "1.8"], "--centre-fraction must be in (0, 1], got 1.8"),
        (
            ["audit", "--background-correlation", "2"],
            "--background-correlation must be in [0, 1], got 2",
        ),
        (["audit", "--train.architecture", "resnet9000"], "unknown architecture 'resnet9000'"),
        (["audit", "--min-crop-px", "40"], "no image of set A has a background to attack"),
        (["dejavu", "attack", "--arrays", "/nowhere.npz"], "no arrays at /nowhere.npz"),
    ],
)
def test_options_that_do_not_fit_end_in_one_sentence_with_code_2(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main([*words, "--out", str(tmp_path / "out")])
    assert exit_info.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("imprint: ")
    assert message in lines[-1]
