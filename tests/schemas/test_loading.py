import copy
from pathlib import Path
from typing import Any

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
def test_load_config_shipped_configuration_is_valid(path):
    assert load_config(path).name == path.stem


def test_load_config_override_replaces_the_setting_of_the_file(write):
    config = load_config(write(SMALLEST), ["train.epochs=5", "data.path=other.csv", "model.attention.kind=additive"])
    assert (config.train.epochs, config.data.path, config.model.attention.kind) == (5, "other.csv", "additive")


def test_load_config_several_errors_lists_each_with_its_path_and_closest_key(write):
    received = problems(
        write(SMALLEST), "train.epoch=5", "model.dim=0", "split={kind: temporal, test_shar: 0.2}", "data.filters=[{}]"
    )
    assert "4 problems" in received or "5 problems" in received
    assert "train.epoch: unknown key; did you mean epochs?" in received
    assert "model.dim: " in received
    assert "split.test_shar: unknown key; did you mean test_share?" in received
    assert "data.filters.0.column: is required" in received


def test_load_config_key_without_a_close_match_lists_the_valid_keys(write):
    assert "known here: max_length" in problems(write(SMALLEST), "history.zzz=1")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.timestamp={unit: s, format: '%Y'}", "not both"),
        ("data.timestamp={}", "not both"),
        ("data.timestamp={format: '%Y-%m-%d %H:%m:%S'}", "data.timestamp.format: names %m twice: minutes are %M"),
        ("data.timestamp={format: '%Y-%m-%d %Z'}", "data.timestamp.format: names %Z, a zone name"),
        ("data.filters=[{column: a, above: 1, matches: x}]", "give one of matches, one_of, or a range"),
        ("data.filters=[{column: a, above: 1, below: 1}]", "no number is in the range: a above 1 below 1"),
        ("data.timestamp={format: ISO8601}", "data.timestamp.format: has no directive of strptime"),
        ("data.timestamp={format: []}", "data.timestamp.format: lists no format"),
        ("data.timestamp={format: 5}", "data.timestamp.format: is neither a format nor a list of formats"),
        ("data.timestamp={format: [iso8601, 5]}", "data.timestamp.format: is neither a format nor a list"),
        ("data.timestamp={format: [iso8601, '%Y-%m-%d %H:%m']}", "data.timestamp.format: names %m twice"),
        ("data.filters=[{column: a, matches: '('}]", "not a regular expression"),
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
        ("model.attention.session_gap_s=60", "for the kind hierarchical, and the kind is multi_head"),
        ("train.loss={kind: binary, smoothing: 0.1}", "smoothing is for losses that are a softmax"),
        ("train.loss={kind: binary, temperature: 0.5}", "temperature is for losses that are a softmax"),
        ("data.format=orc", "Input should be 'csv', 'jsonl', 'parquet', 'avro', 'tfrecord' or 'bigquery'"),
        ("data.column_names=[]", "data.column_names: Tuple should have at least 1 item"),
        ("split.test_from=2024-06-31", "day is out of range for month"),
        ("data.columns.context.session.colum=x", "data.columns.context.session.colum: unknown key"),
        ("data.path=''", "data.path: String should have at least 1 character"),
        ("data.items={path: '', id: i, title: t}", "data.items.path: String should have at least 1 character"),
        ("serving.k=2147483648", "serving.k: Input should be less than or equal to 2147483647"),
    ],
)
def test_load_config_invalid_setting_is_refused_with_the_reason(write, override, message):
    assert message in problems(write(SMALLEST), override)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "avro", "tfrecord"])
@pytest.mark.parametrize("setting", ["delimiter=;", "quote=null", "column_names=[a]"])
def test_load_config_setting_of_csv_is_refused_for_another_format(write, kind, setting):
    expected = f"{setting.partition('=')[0]} is for the format csv: remove it, because files of {kind} have none"

    assert expected in problems(write(SMALLEST), f"data.format={kind}", f"data.{setting}")
    assert load_config(write(SMALLEST), [f"data.format={kind}", "data.delimiter=','"]).data.format == kind


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{kind: temporal, validation_from: 2020-01-01, test_from: 2020-02-01}", "split.validation_share"),
        ("{kind: session, validation_from: 2020-01-01, test_from: 2020-02-01}", "split.validation_share"),
        ("{kind: session, gap_s: 60}", "split.gap_s needs times"),
    ],
)
def test_load_config_order_unit_with_times_in_the_split_is_refused(write, split, message):
    assert message in problems(write(SMALLEST), "data.timestamp.unit=order", f"split={split}")


@pytest.mark.parametrize("kind", ["temporal", "session"])
def test_load_config_order_unit_with_fractions_is_valid(write, kind):
    assert load_config(write(SMALLEST), ["data.timestamp.unit=order", f"split.kind={kind}"]).split.kind == kind


def test_cuts_s_times_without_a_zone_are_utc(write):
    config = load_config(
        write(SMALLEST),
        ["split={kind: temporal, validation_from: '1970-01-02', test_from: '1970-01-03T01:00:00+01:00'}"],
    )
    assert isinstance(config.split, TemporalSplitConfig)
    assert config.split.cuts_s() == (86_400.0, 2 * 86_400.0)


def test_config_assignment_is_refused(write):
    with pytest.raises(ValidationError):
        load_config(write(SMALLEST)).train.epochs = 3


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "just words"])
def test_load_config_file_without_a_mapping_is_refused(write, text):
    assert problems(write(text))


def test_load_config_missing_file_is_refused(tmp_path):
    assert "No such file" in problems(tmp_path / "none.yaml")


@pytest.mark.parametrize("override", ["train.epochs", "=5", "train..epochs=5", "train.epochs=["])
def test_load_config_malformed_override_is_refused(write, override):
    assert override in problems(write(SMALLEST), override)


def test_load_config_ks_without_the_length_of_the_gate_is_refused(write):
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
def test_load_config_name_used_after_training_is_checked(write, settings, message):
    assert message in problems(write(SMALLEST), *settings)


@pytest.mark.parametrize(("overrides", "source"), [(["unknown.key=1"], "config.yaml with --set"), ([], "config.yaml")])
def test_load_config_problem_names_the_file_and_the_overrides(write, overrides, source):
    with pytest.raises(InputError) as caught:
        load_config(write({**SMALLEST, "another": {}}), overrides)
    assert caught.value.expected.endswith(source)


def test_load_config_wrong_syntax_names_the_line(write):
    message = problems(write("data: {path: a\nname: x"))
    assert "line 2, column 5" in message
    assert "unicode string" not in message


def test_load_config_error_between_sections_does_not_print_the_sections(write):
    assert len(problems(write(SMALLEST), "model.inputs.columns=[zzz]")) < 200


def test_example_gen_config_does_not_depend_on_the_table_of_items(write):
    items = "data.items={path: items.csv, id: i, title: t, columns: {genre: {column: g}}}"
    assert load_config(write(SMALLEST), [items]).example_gen_config == load_config(write(SMALLEST)).example_gen_config


def test_trainer_config_does_not_depend_on_the_gate(write):
    assert (
        load_config(write(SMALLEST), ["evaluate.gate.floors.recall@10=0.5"]).trainer_config
        == load_config(write(SMALLEST)).trainer_config
    )


def test_preset_fills_only_settings_that_are_not_configured(write):
    given = load_config(write(SMALLEST), ["model.preset=best", "model.encoder.units=96", "train.seed=7"])
    default = load_config(write(SMALLEST))

    assert (given.model.dim, given.model.encoder.units, given.train.seed) == (128, 96, 7)
    assert given.history.max_length == 200 != default.history.max_length
    assert load_config(write(SMALLEST), ["model.preset=balanced"]) == default


@pytest.mark.parametrize(
    ("override", "rates"), [("model.dropout=0.3", [0.3, 0.3]), ("model.dropout.hidden=0.3", [None, 0.3])]
)
def test_dropout_accepts_one_rate_or_single_rates(write, override, rates):
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
        (
            ["data.items={path: i.csv, id: i, title: t, columns: {year: {column: y, kind: number, separator: ','}}}"],
            "separator is for categories of items",
        ),
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
def test_load_config_further_column_that_does_not_fit_is_refused(write, overrides, reason):
    assert reason in problems(write(SMALLEST), *overrides)


def test_load_config_slice_by_a_column_of_two_tables_is_refused(write):
    users = "data.users={path: u.csv, id: id, columns: {age: {column: age}}}"
    both = [users, "data.columns.context.age.column=age"]
    assert load_config(write(SMALLEST), both).evaluate.slices == ()
    assert load_config(write(SMALLEST), [users, "evaluate.slices=[{column: age}]"]).evaluate.slices
    assert "a column of users and of others" in problems(write(SMALLEST), *both, "evaluate.slices=[{column: age}]")


def test_model_reads_names_the_inputs_in_addition_to_items(write):
    def reads(*overrides):
        return load_config(write(SMALLEST), overrides).model.reads

    assert reads() == ()
    hierarchical = "model.attention={kind: hierarchical, session_gap_s: 60}"
    assert reads(hierarchical) == reads("model.inputs.time=true") == ("time",)
    assert reads("data.columns.event=e", "model.inputs={query_time: true, columns: [event]}") == ("query_time", "event")


def test_load_config_repeated_key_is_refused(write):
    assert "'name' is set twice" in problems(write("name: a\nname: b\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model.ranking", "model.reranker"),
        ("model.ranking.counts", "model.reranker.cooccurrence"),
        ("model.ranking.suggest", "model.reranker.candidate_sources"),
        ("model.reranker.counts", "model.reranker.cooccurrence"),
        ("model.reranker.suggest", "model.reranker.candidate_sources"),
        ("model.attention.place", "model.attention.position"),
        ("evaluate.samples", "evaluate.bootstrap_samples"),
    ],
)
@pytest.mark.parametrize("by_override", [False, True])
def test_load_config_old_key_is_refused_with_the_new_key(write, old, new, by_override):
    tree: Any = copy.deepcopy(SMALLEST)
    *sections, leaf = old.split(".")
    section = tree
    for name in sections:
        section = section.setdefault(name, {})
    section[leaf] = 1

    received = problems(write(SMALLEST), f"{old}=1") if by_override else problems(write(tree))

    assert f"  {old}: unknown key; it is now called {new}\n" in received + "\n"


def test_load_config_old_section_without_old_keys_names_only_the_section(write):
    received = problems(write(SMALLEST), "model.ranking.hidden=[32]")
    assert received == "1 problem\n  model.ranking: unknown key; it is now called model.reranker"


@pytest.mark.parametrize("name", ["a", "7", "a-log", "a" * 63])
def test_load_config_pipeline_name_of_up_to_63_characters_is_valid(write, name):
    assert load_config(write({**SMALLEST, "name": name})).name == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a\n", "a" * 64, "ä"])
def test_load_config_pipeline_name_against_the_rules_is_refused_with_all_rules(write, name):
    rules = "must be 1 to 63 small letters, digits and hyphens, and begin and end with a letter or a digit"
    assert f"  name: {rules} (received {name!r})" in problems(write({**SMALLEST, "name": name}))


def test_load_config_unknown_reason_for_rejection_names_the_closest(write):
    received = problems(write(SMALLEST), "data.max_rejected_share_by_reason={bad_time: 0.1}")
    assert "data.max_rejected_share_by_reason: unknown reason bad_time; did you mean bad_timestamp?" in received
    received = problems(write(SMALLEST), "data.max_rejected_share_by_reason={zzz: 0.1}")
    assert "known: malformed, wrong_field_count, " in received
    received = problems(write(SMALLEST), "data.max_rejected_share_by_reason={no_user: 1.5}")
    assert "data.max_rejected_share_by_reason.no_user: " in received


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["data.columns.user=null"], "a log without users needs session"),
        (["data.events={view: 1.0}"], "events needs columns.event"),
        (["data.columns.event=e", "data.events={view: 0}"], "greater than 0"),
        (["data.columns.event=e", "data.events={}"], "at least 1"),
        (["data.columns.session=s", "split={kind: session, gap_s: 60}"], "both define sessions"),
        (
            [
                "data.columns={item: i, timestamp: t, session: s, user: null}",
                "data.users={path: u.csv, id: u, columns: {age: {column: a}}}",
            ],
            "the log has no columns.user",
        ),
    ],
)
def test_load_config_contradicting_columns_are_refused(write, overrides, problem):
    assert problem in problems(write(SMALLEST), *overrides)


def test_load_config_session_takes_the_place_of_the_user(write):
    columns = load_config(write(SMALLEST), ["data.columns.user=null", "data.columns.session=s"]).data.columns

    assert columns.sequence == "s"


def test_trainer_config_has_event_weights_only_if_they_differ(write):
    def weights(events):
        config = load_config(write(SMALLEST), ["data.columns.event=e", f"data.events={events}"])
        return config.trainer_config.event_weights, [each.name for each in config.trainer_config.features]

    assert weights("{view: 1.0, buy: 5.0}") == ({"view": 1.0, "buy": 5.0}, ["event"])
    assert weights("{view: 3.0, buy: 3.0}") == ({}, [])


def test_example_gen_config_does_not_depend_on_the_weights_of_events(write):
    one, other = (
        load_config(write(SMALLEST), ["data.columns.event=e", f"data.events={events}"]).example_gen_config
        for events in ("{view: 1.0, buy: 5.0}", "{buy: 2.0, view: 3.0}")
    )

    assert one.model_dump_json() == other.model_dump_json()
