from imprint.report.headline import Headline
from imprint.report.wording import fixed
from imprint.stats.estimate import Estimate


def test_strip_holds_interval_and_chance_with_room_at_both_ends() -> None:
    line = Headline("AUC", Estimate(0.8, (0.7, 0.9), 100), 0.5, "")
    # from 0.5 to 0.9, with 6 % of these 0.4 on either side
    assert line.strip == {"low": 50.0, "high": 94.64, "value": 72.32, "zero": 5.36}


def test_range_is_written_in_the_headline_s_unit() -> None:
    estimate = Estimate(1.5, (1.25, 1.75), 10)
    assert Headline("ε", estimate, 0, "", write=fixed(2), unit="nats").range == "1.25 to 1.75 nats"
    assert Headline("share", Estimate(0.5, (0.4, 0.6), 9), 0, "").range == "40.0% to 60.0%"
