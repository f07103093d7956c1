from imprint.train.checkpoints import checkpoints_in


def test_last_weights_and_snapshots_are_named_by_folder_and_epoch(tmp_path):
    for name in ("final", "epoch_5", "epoch_10"):
        (tmp_path / f"{name}.safetensors").touch()
    checkpoints = checkpoints_in({"A": tmp_path})
    assert {name: file.name for name, file in checkpoints.items()} == {
        "A": "final.safetensors",
        "A@5": "epoch_5.safetensors",
        "A@10": "epoch_10.safetensors",
    }
