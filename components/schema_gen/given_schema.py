"""The schema that a user gives, on top of the one that follows from the configuration."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.errors import InputError, did_you_mean


def with_given_schema(derived: str, path: str | None) -> str:
    """Add what a file says about the features of the examples.

    Args:
        derived: the schema of the examples in text format.
        path: the file, a schema in text format; None for no file.

    Returns:
        The schema in text format. What the file says about a feature replaces what was said before.

    Raises:
        InputError: the file cannot be read, is no schema, names an unknown feature, or changes a type or shape.
    """
    if path is None:
        return derived
    given, schema = _read(path), text_format.Parse(derived, schema_pb2.Schema())
    known = {feature.name: feature for feature in schema.feature}
    for feature in given.feature:
        _check(feature, known, path)
        known[feature.name].MergeFrom(feature)
    del given.feature[:]
    schema.MergeFrom(given)
    schema.represent_variable_length_as_ragged = True  # Transform needs it
    return str(text_format.MessageToString(schema))


def read_schema_text(path: str) -> str:
    """Return the content of the file with the user's schema.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_schema(path, error) from None


def _read(path: str) -> schema_pb2.Schema:
    text = read_schema_text(path)
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise _no_schema(path, error) from None


def _no_schema(path: str, error: Exception) -> InputError:
    return InputError(
        expected=f"a schema of TensorFlow Metadata in text format in data.checks.schema_file: {path}",
        received=str(error),
        remedy="start from artifacts/HistorySchema/schema/*/schema.pbtxt in the root of a run",
    )


def _check(feature: schema_pb2.Feature, known: dict[str, schema_pb2.Feature], path: str) -> None:
    if feature.name not in known:
        raise InputError(
            expected=f"features of the examples in {path}: {', '.join(known)}",
            received=feature.name,
            remedy=did_you_mean(feature.name, known, "remove the feature, or add its column to the configuration"),
        )
    before = known[feature.name]
    if feature.type not in (before.type, schema_pb2.TYPE_UNKNOWN):
        raise InputError(
            expected=f"the type {schema_pb2.FeatureType.Name(before.type)} of {feature.name} in {path}",
            received=schema_pb2.FeatureType.Name(feature.type),
            remedy="remove the type; the kind of a column is part of the configuration",
        )
    if feature.HasField("shape") and not (before.HasField("shape") and feature.shape == before.shape):
        raise InputError(
            expected=f"no other shape of {feature.name} in {path}",
            received=str(feature.shape).strip() or "a scalar",
            remedy="remove the shape; value_count can limit the number of values",
        )
