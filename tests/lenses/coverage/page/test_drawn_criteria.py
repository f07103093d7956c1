from imprint.lenses.coverage.page.drawn_criteria import drawn, which_drawn


def test_idc_is_drawn_wherever_it_stands() -> None:
    assert drawn(["a", "b", "c", "d", "e", "idc"]) == ["a", "b", "c", "idc"]
    assert drawn(["a", "idc", "c", "d", "e"]) == ["a", "idc", "c", "d"]
    assert drawn(["a"]) == ["a"]


def test_a_sentence_says_which_criteria_are_drawn() -> None:
    assert (
        which_drawn(["a", "b", "c", "d", "idc"], "first") == "The 3 of 5 criteria first, and IDC."
    )
    assert which_drawn(["a", "b", "c", "idc", "e"], "first") == "The 4 of 5 criteria first."
    assert which_drawn(["a", "b"], "first") == ""
