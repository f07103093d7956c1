from imprint.report.lens import LENSES, lenses_in_order
from imprint.study.command import COMMANDS


def test_every_lens_is_there_in_the_order_of_the_page() -> None:
    assert [name for name, _ in lenses_in_order()] == [
        "dejavu",
        "reconstruct",
        "membership",
        "leave_one_out",
        "coverage",
    ]


def test_every_lens_names_a_command_that_exists() -> None:
    for lens in LENSES.entries():
        program, words = lens.how.split(" ", 1)
        assert program == "imprint"
        assert words in COMMANDS.names()


def test_no_lens_has_a_verdict_where_nothing_was_run() -> None:
    assert all(not lens.verdicts({}) for lens in LENSES.entries())
