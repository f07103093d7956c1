from imprint.report.summary import without_folders


def test_paths_lose_their_folders_wherever_they_stand() -> None:
    settings = {"data": "/home/me/cats", "models": [{"card": "/tmp/a.json"}], "device": "cuda:0"}
    assert without_folders(settings) == {
        "data": "cats",
        "models": [{"card": "a.json"}],
        "device": "cuda:0",
    }
