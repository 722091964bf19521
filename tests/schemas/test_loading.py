from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from schemas.config import TemporalSplitConfig
from schemas.errors import InputError
from schemas.loading import load_config

SHIPPED = sorted((Path(__file__).parents[2] / "pipeline" / "configs").glob("*.yaml"))
SMALLEST = {
    "name": "a-log",
    "data": {
        "path": "log.csv",
        "columns": {"user": "u", "item": "i", "timestamp": "t"},
        "timestamp": {"unit": "s"},
    },
}


@pytest.fixture
def write(tmp_path):
    def _write(tree):
        path = tmp_path / "config.yaml"
        path.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree))
        return path

    return _write


def problems(path, *overrides):
    with pytest.raises(InputError) as raised:
        load_config(path, overrides)
    return raised.value.received


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path):
    assert load_config(path).name == path.stem


def test_overrides_go_over_the_file(write):
    config = load_config(write(SMALLEST), ["train.epochs=5", "data.path=other.csv", "model.attention.kind=additive"])
    assert (config.train.epochs, config.data.path, config.model.attention.kind) == (5, "other.csv", "additive")


def test_every_error_is_listed_with_its_path_and_the_nearest_key(write):
    received = problems(
        write(SMALLEST), "train.epoch=5", "model.dim=0", "split={kind: temporal, test_shar: 0.2}", "data.filters=[{}]"
    )
    assert "4 problems" in received or "5 problems" in received
    assert "train.epoch: unknown key; did you mean epochs?" in received
    assert "model.dim: " in received
    assert "split.test_shar: unknown key; did you mean test_share?" in received
    assert "data.filters.0.column: is required" in received


def test_a_key_far_from_any_other_is_answered_with_the_keys_there_are(write):
    assert "known here: max_length" in problems(write(SMALLEST), "history.zzz=1")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.timestamp={unit: s, format: '%Y'}", "not both"),
        ("data.timestamp={}", "not both"),
        ("data.filters=[{column: a, above: 1, matches: x}]", "either matches or above"),
        ("data.filters=[{column: a, matches: '('}]", "no regular expression"),
        ("split={kind: temporal, validation_share: 0.5, test_share: 0.5}", "leave something to train on"),
        ("split={kind: temporal, test_from: 2020-01-01}", "both validation_from and test_from"),
        ("split={kind: temporal, validation_from: 2020-01-02, test_from: 2020-01-01}", "earlier"),
        ("split={kind: session, gap_s: 0}", "split.gap_s: Input should be greater than 0"),
        ("split={kind: session, gap_s: -60}", "split.gap_s: Input should be greater than 0"),
        ("split={kind: session, test_from: 2020-01-01}", "both validation_from and test_from"),
        ("split={kind: session, validation_share: 0.9}", "leave something to train on"),
        ("split={kind: session, targets: all}", "split.targets: unknown key"),
        ("split={kind: temporal, targets: some}", "'next' or 'all'"),
        ("model={dim: 10, attention: {kind: multi_head, heads: 4}}", "multiple of attention.heads"),
        ("train.profile=[20, 10]", "must end after it begins, not at 10 from 20 on"),
        ("train.seed=4294967296", "train.seed: Input should be less than 4294967296"),
        ("train.learning_rate=.inf", "train.learning_rate: Input should be a finite number"),
        ("evaluate.gate.floors={recall@10: .nan}", "should be a finite number"),
        ("model.attention.session_gap_s=60", "for the kind hierarchical, and the kind is general"),
        ("train.loss={kind: binary, smoothing: 0.1}", "for losses that are a softmax, and the kind is binary"),
        ("data.column_names=[]", "data.column_names: Tuple should have at least 1 item"),
        ("split.test_from=2024-06-31", "day is out of range for month"),
        ("data.columns.context.session.colum=x", "data.columns.context.session.colum: unknown key"),
    ],
)
def test_settings_that_contradict_each_other(write, override, message):
    assert message in problems(write(SMALLEST), override)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{kind: temporal, validation_from: 2020-01-01, test_from: 2020-02-01}", "split.validation_share"),
        ("{kind: session, validation_from: 2020-01-01, test_from: 2020-02-01}", "split.validation_share"),
        ("{kind: session, gap_s: 60}", "split.gap_s needs times"),
    ],
)
def test_an_order_has_neither_dates_nor_pauses(write, split, message):
    assert message in problems(write(SMALLEST), "data.timestamp.unit=order", f"split={split}")


@pytest.mark.parametrize("kind", ["temporal", "session"])
def test_an_order_can_be_cut_by_shares(write, kind):
    assert load_config(write(SMALLEST), ["data.timestamp.unit=order", f"split.kind={kind}"]).split.kind == kind


def test_temporal_cuts_are_utc_unless_they_say_otherwise(write):
    config = load_config(
        write(SMALLEST),
        ["split={kind: temporal, validation_from: '1970-01-02', test_from: '1970-01-03T01:00:00+01:00'}"],
    )
    assert isinstance(config.split, TemporalSplitConfig)
    assert config.split.cuts_s() == (86_400.0, 2 * 86_400.0)


def test_the_tree_is_frozen(write):
    with pytest.raises(ValidationError):
        load_config(write(SMALLEST)).train.epochs = 3


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "just words"])
def test_a_file_that_is_no_mapping(write, text):
    assert problems(write(text))


def test_a_missing_file(tmp_path):
    assert "No such file" in problems(tmp_path / "none.yaml")


@pytest.mark.parametrize("override", ["train.epochs", "=5", "train..epochs=5", "train.epochs=["])
def test_an_override_that_is_none(write, override):
    assert override in problems(write(SMALLEST), override)


def test_lists_as_long_as_the_gate_looks_at_are_measured(write):
    settings = ["evaluate.ks=[5, 20]", "evaluate.gate.metric=recall@5"]
    message = problems(write(SMALLEST), *settings)

    assert "evaluate.ks must have 10" in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["evaluate.ks=[10, 10]"], "each length once"),
        (["evaluate.gate.metric=auc"], "baselines do not have"),
        (["data.columns.context={a: {column: b}}", "evaluate.slices=[{column: a}, {column: a}]"], "'a', and there is"),
        (["data.columns.context={hour: {column: b}}"], "'hour'"),
        (["data.columns.context={activity: {column: b}}", "evaluate.slices=[{column: activity}]"], "'activity', and"),
        (["evaluate.slices=[{column: a, boundaries: [45, 18, 30]}]"], "must rise"),
        (["data.columns.context={id: {column: b}}"], "'id': the name is taken"),
        (["data.columns.context={timestamp_s: {column: b}}"], "'timestamp_s': the name is taken"),
        (["model.preset=[best]"], "'fast', 'balanced' or 'best'"),
    ],
)
def test_what_would_fail_only_after_training_is_refused(write, settings, message):
    assert message in problems(write(SMALLEST), *settings)


def test_what_is_wrong_between_settings_is_said_without_all_of_them(write):
    assert len(problems(write(SMALLEST), "model.inputs.columns=[zzz]")) < 200


def test_ingestion_does_not_depend_on_titles(write):
    items = "data.items={path: items.csv, id: i, title: t}"
    assert load_config(write(SMALLEST), [items]).example_gen_config == load_config(write(SMALLEST)).example_gen_config


def test_training_does_not_depend_on_the_gate(write):
    assert (
        load_config(write(SMALLEST), ["evaluate.gate.floors.recall@10=0.5"]).trainer_config
        == load_config(write(SMALLEST)).trainer_config
    )


def test_a_preset_sets_what_the_configuration_does_not(write):
    given = load_config(write(SMALLEST), ["model.preset=best", "model.encoder.units=96", "train.seed=7"])
    default = load_config(write(SMALLEST))

    assert (given.model.dim, given.model.encoder.units, given.train.seed) == (128, 96, 7)
    assert given.history.max_length == 200 != default.history.max_length
    assert load_config(write(SMALLEST), ["model.preset=balanced"]) == default


@pytest.mark.parametrize(
    ("override", "rates"), [("model.dropout=0.3", [0.3, 0.3]), ("model.dropout.hidden=0.3", [0.1, 0.3])]
)
def test_dropout_is_set_as_a_whole_or_in_part(write, override, rates):
    dropout = load_config(write(SMALLEST), [override]).model.dropout

    assert [dropout.embedding, dropout.hidden] == rates


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["model.inputs.columns=[colour]"], "no further column"),
        (["data.columns.event=e", "model.inputs.columns=[evnt]"], "have 'event'"),
        (["model.reranker.by_value=true"], "needs data.columns.value"),
        (["data.timestamp.unit=order", "model.inputs.time=true"], "need times"),
        (["data.columns.context={k: {column: a}}"], "the name is taken"),
        (["data.columns.context={value: {column: a}}"], "the name is taken"),
        (["data.columns.context={items: {column: a}}"], "the name is taken"),
        (["data.columns.context={target_event: {column: a}}"], "the name is taken"),
        (["data.columns.context={colour: {column: a, separator: ','}}"], "separator is for categories of items"),
        (["data.users={path: u.csv, id: u, columns: {id: {column: a}}}"], "user_id is taken"),
        (["data.users={path: u.csv, id: u, columns: {}}"], "at least 1 item"),
        (["data.users={path: u.csv, id: u, columns: {age: {column: a, separator: ','}}}"], "unknown key"),
        (
            [
                "data.users={path: u.csv, id: u, columns: {age: {column: a}}}",
                "data.columns.context={user_age: {column: b}}",
            ],
            "the name is taken",
        ),
        (
            ["data.users={path: u.csv, id: u, columns: {age: {column: a}}}", "model.inputs.columns=[user_age]"],
            "no further column",
        ),
        (["model.preset=quick"], "'fast', 'balanced' or 'best'"),
    ],
)
def test_what_the_model_is_to_read_must_be_there(write, overrides, reason):
    assert reason in problems(write(SMALLEST), *overrides)


def test_a_slice_is_by_a_column_of_one_table(write):
    users = "data.users={path: u.csv, id: id, columns: {age: {column: age}}}"
    both = [users, "data.columns.context.age.column=age"]
    assert load_config(write(SMALLEST), both).evaluate.slices == ()
    assert load_config(write(SMALLEST), [users, "evaluate.slices=[{column: age}]"]).evaluate.slices
    assert "a column of users and of others" in problems(write(SMALLEST), *both, "evaluate.slices=[{column: age}]")


def test_what_is_read_beside_the_order_is_named(write):
    def reads(*overrides):
        return load_config(write(SMALLEST), overrides).model.reads

    assert reads() == ()
    hierarchical = "model.attention={kind: hierarchical, session_gap_s: 60}"
    assert reads(hierarchical) == reads("model.inputs.time=true") == ("time",)
    assert reads("data.columns.event=e", "model.inputs={query_time: true, columns: [event]}") == ("query_time", "event")
