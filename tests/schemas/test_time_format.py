"""Formats of times that would fail, or mislead, when rows are read."""

from datetime import datetime

import pytest

from schemas.config.time_format import check_time_format


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%Y-%m-%d %H:%m:%S", "names %m twice: minutes are %M"),
        ("%Y-%M-%d %H:%M", "names %M twice: months are %m"),
        ("%Y-%M-%d %H:%M:%M", "names %M 3 times: months are %m"),
        ("%d.%d.%Y", "names %d twice: each directive may appear once"),
        ("%c %Y", "names %Y twice"),
        ("%x %d", "names %d twice"),
        ("%X %M", "names %M twice"),
        ("%Y-%m-%d %Z", "names %Z, a zone name"),
        ("%Y %Q", "names %Q, which is not a directive"),
        ("%Y-%-m-%d", "names %-, which is not a directive"),
        ("iso8601 ", "has no directive of strptime, like %Y-%m-%d; for times in ISO 8601 write iso8601"),
        ("%Y-%m-%d %", "names %, which is not a directive"),
        ("%G-%V", "cannot be read by strptime"),
    ],
)
def test_check_time_format_unreadable_format_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="^" + reason):
        check_time_format(text)


def test_check_time_format_zone_name_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"convert the times to UTC, or write offsets .* and read them with %z"):
        check_time_format("%H %Z")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-02-29T23:59:58.5+0100"),
        ("%d %B %Y, %I:%M %p", "29 February 2024, 11:59 PM"),
        ("%G-W%V-%u", "2024-W09-4"),
        ("%c", "Thu Feb 29 23:59:58 2024"),
        ("%Y-%m-%d %H:%M", "2024-02-29 23:59"),
        ("100%% %Y-%j%%M", "100% 2024-060%M"),
    ],
)
def test_check_time_format_readable_format_is_returned(text: str, value: str) -> None:
    assert check_time_format(text) == text
    assert datetime.strptime(value, text).date().isoformat() == "2024-02-29"
