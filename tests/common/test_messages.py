"""Values as text."""

from common.messages import percent


def test_only_certainty_is_a_hundred_percent():
    shown = [percent(probability) for probability in (0, 0.004, 0.29, 0.999, 0.9999999, 1)]
    assert shown == ["0 %", "0 %", "29 %", "99 %", "99 %", "100 %"]
    shown = [percent(probability, decimals=1) for probability in (0, 0.0004, 0.971, 0.9996, 1)]
    assert shown == ["0.0 %", "0.0 %", "97.1 %", "99.9 %", "100.0 %"]
