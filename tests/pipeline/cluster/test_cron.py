from __future__ import annotations

import pytest

from pipeline.cluster.cron import check_cron, check_time_zone, five_fields
from schemas.errors import InputError


@pytest.mark.parametrize(
    "line",
    ["0 0 3 * * *", "0 30 9 ? * MON-FRI", "*/15 0-10/2 1,2 31 12 0", "59 59 23 1 JAN sat", "0 0 0 1 1-3,MAY *"],
)
def test_cron_line_that_kubeflow_takes_is_kept(line: str) -> None:
    assert check_cron(line) == line


@pytest.mark.parametrize(
    ("line", "received"),
    [
        ("0 3 * * *", "five fields: 0 3 * * *"),
        ("@daily", "1 fields: @daily"),
        ("0 0 0 3 * * *", "7 fields: 0 0 0 3 * * *"),
        ("60 0 3 * * *", "'60' in: 60 0 3 * * *"),
        ("0 0 24 * * *", "'24' in: 0 0 24 * * *"),
        ("0 0 3 0 * *", "'0' in: 0 0 3 0 * *"),
        ("0 0 3 * 13 *", "'13' in: 0 0 3 * 13 *"),
        ("0 0 3 * * 7", "'7' in: 0 0 3 * * 7"),
        ("0 0 3 * * MON-", "'MON-' in: 0 0 3 * * MON-"),
        ("0 0 5-3 * * *", "'5-3' in: 0 0 5-3 * * *"),
        ("0 0 */0 * * *", "'*/0' in: 0 0 */0 * * *"),
        ("0 0 3, * * *", "'3,' in: 0 0 3, * * *"),
        ("0 0 -3 * * *", "'-3' in: 0 0 -3 * * *"),
    ],
)
def test_wrong_cron_line_is_refused_with_the_field(line: str, received: str) -> None:
    with pytest.raises(InputError) as caught:
        check_cron(line)
    assert caught.value.received == received


def test_cron_line_with_five_fields_gets_the_line_with_six() -> None:
    with pytest.raises(InputError) as caught:
        check_cron("30 3 * * *")
    assert "--cron '0 30 3 * * *'" in caught.value.remedy


def test_vertex_gets_five_fields_and_the_time_zone() -> None:
    assert five_fields("0 0 3 * * MON", None) == "0 3 * * MON"
    assert five_fields("0 0 3 ? * ?", "Asia/Tokyo") == "CRON_TZ=Asia/Tokyo 0 3 * * *"
    with pytest.raises(InputError, match="'30' in"):
        five_fields("30 0 3 * * *", None)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", ""])
def test_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        check_time_zone(name)
    assert check_time_zone("Europe/Berlin") == "Europe/Berlin"
