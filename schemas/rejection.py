"""The reasons for which a row is rejected: a closed list, with what each one means and what to change."""

from __future__ import annotations

from enum import Enum


class _Reason(str, Enum):
    """The base of closed lists of reasons."""

    description: str
    remedy: str

    def __new__(cls, value: str, description: str = "", remedy: str = "") -> _Reason:
        """Return a member whose value is its name in files and messages."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.description = description
        reason.remedy = remedy
        return reason


class RejectionReason(_Reason):
    """The reason why a row is not an interaction. A row with several has the first one.

    Each member has a `description`, which continues a sentence about the row, and a `remedy`. docs/data.md has
    both in a table.
    """

    MALFORMED = (
        "malformed",
        "has broken quoting (reading continues at the next line), is not a JSON object, has an id with a line break in"
        " it, or a value with more than 131,072 characters",
        "check data.format; in csv also data.quote (null if the log does not quote) and data.delimiter; in other"
        " formats, that each configured column has one text or number a row",
    )
    WRONG_FIELD_COUNT = (
        "wrong_field_count",
        "has more or fewer fields than the header",
        "check data.delimiter, data.quote and data.column_names",
    )
    BAD_ENCODING = (
        "bad_encoding",
        'is not UTF-8, or has half of a surrogate pair (`"\\ud800"` in JSON)',
        "convert the file to UTF-8, like: iconv -f latin1 -t utf-8",
    )
    NO_USER = (
        "no_user",
        "has an empty or null id of the user",
        "check data.columns.user and data.null_values",
    )
    NO_ITEM = (
        "no_item",
        "has an empty or null id of the item",
        "check data.columns.item and data.null_values",
    )
    NO_SESSION = (
        "no_session",
        "has an empty or null id of the session",
        "check data.columns.session and data.null_values",
    )
    BAD_TIMESTAMP = (
        "bad_timestamp",
        "has an unreadable time",
        "check data.columns.timestamp and data.timestamp; the unit order takes whole numbers from 0",
    )
    TIMESTAMP_OUT_OF_RANGE = (
        "timestamp_out_of_range",
        "lies before 1980 or after 2100, for example because the unit is wrong",
        "check data.timestamp.unit: times must lie between 1980 and 2100, and numbers of the unit order between 0 and"
        " 2**53",
    )
    FILTERED = (
        "filtered",
        "does not match one of your filters",
        "check data.filters",
    )
    BAD_NUMBER = (
        "bad_number",
        "has a value that is not a number in a further column of numbers",
        "check data.columns.value, the kind of data.columns.context, data.cleaning.returns, and data.null_values",
    )
    BAD_VECTOR = (
        "bad_vector",
        "has a vector of items with another length, or with a value that is not a finite number",
        "check data.items.vectors: the column and the length of its lists",
    )
    DUPLICATE_ITEM = (
        "duplicate_item",
        "has the id of another row of the table of items, with other content",
        "keep one row for each item in the table of data.items",
    )


# The reasons of a row of the table of items only. All others are also reasons of a row of the log.
ITEM_REASONS = (RejectionReason.BAD_VECTOR, RejectionReason.DUPLICATE_ITEM)


class ImpressionRejection(_Reason):
    """The reason why a row is not an impression. A row with several has the first one.

    The first three have the values of `RejectionReason`, because a source sets them. docs/impressions.md has
    descriptions and remedies in a table.
    """

    MALFORMED = (
        "malformed",
        "has broken quoting, is not a JSON object, has a line break in a value, or a value with more than 131,072"
        " characters",
        "check data.impressions.format and data.impressions.quote (null if the log does not quote)",
    )
    WRONG_FIELD_COUNT = (
        "wrong_field_count",
        "has more or fewer fields than the header",
        "check delimiter, quote and column_names of data.impressions",
    )
    BAD_ENCODING = (
        "bad_encoding",
        "is not UTF-8",
        "convert the file to UTF-8, like: iconv -f latin1 -t utf-8",
    )
    NO_IMPRESSION = (
        "no_impression",
        "has an empty id of the impression",
        "check data.impressions.columns.impression",
    )
    NO_USER = (
        "no_user",
        "has an empty id of the user",
        "check data.impressions.columns.user",
    )
    BAD_TIMESTAMP = (
        "bad_timestamp",
        "has an unreadable time",
        "check columns.timestamp and timestamp of data.impressions; a 12-hour US time is %m/%d/%Y %I:%M:%S %p",
    )
    TIMESTAMP_OUT_OF_RANGE = (
        "timestamp_out_of_range",
        "lies before 1980 or after 2100",
        "check data.impressions.timestamp.unit",
    )
    NO_SHOWN_ITEM = (
        "no_shown_item",
        "has an empty list of shown items",
        "check data.impressions.columns.shown",
    )
    BAD_LIST = (
        "bad_list",
        "has an entry without an id in a list, or a shown item without one of the two suffixes",
        "check separator, clicked_suffix and not_clicked_suffix of data.impressions",
    )
    CLICK_NOT_SHOWN = (
        "click_not_shown",
        "has a clicked item that is not among the shown ones",
        "check columns.clicked and columns.shown of data.impressions",
    )
    DUPLICATE_IMPRESSION = (
        "duplicate_impression",
        "has the impression's id, the user and the time of a row before it",
        "log each impression once, and check that no file is there twice",
    )
