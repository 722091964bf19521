"""Messages about a run, to real servers on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from pipeline.commands import run as running
from pipeline.notify.messages import Message, failure_message, record_message
from pipeline.notify.send import check_variables, send
from schemas.config import NotifyConfig
from schemas.errors import ComponentFailed, InputError
from tests.pipeline.cluster.vertex_server import new_key, self_signed
from tests.pipeline.notify.servers import smtp, webhook
from tests.pipeline.report_root import config as log_config

REFUSAL = Message("refusal", "shop", "/runs/shop", ["recall@10 0.1 is below 0.2"])
MAIL = {"host": "127.0.0.1", "sender": "temporec@shop.example", "recipients": ["anna@shop.example", "bo@shop.example"]}
RECORD: dict[str, Any] = {
    "name": "shop",
    "root": "/runs/shop",
    "finished_at": "2024-05-01T03:10:00+00:00",
    "gate": {"blessed": True, "reasons": ["recall@10 0.3 is above 0.2"]},
    "metrics": {"test": {"recall@10": 0.3}},
    "pushed": {"path": "/runs/shop/models/7", "version": "7"},
}


def notify(**sections: Any) -> NotifyConfig:
    return NotifyConfig.model_validate(sections)


def test_webhook_gets_the_outcome_the_reasons_and_the_metrics() -> None:
    with webhook() as (url, got):
        assert send(notify(webhook={"url": url}), record_message(RECORD)) == []

    ((authorization, message),) = got
    assert authorization is None
    assert message == {
        "text": "temporec shop has pushed a model\nrecall@10 0.3 is above 0.2\nroot: /runs/shop",
        "outcome": "success",
        "pipeline": "shop",
        "root": "/runs/shop",
        "reasons": ["recall@10 0.3 is above 0.2"],
        "metrics": {"recall@10": 0.3},
        "pushed": {"path": "/runs/shop/models/7", "version": "7"},
        "finished_at": "2024-05-01T03:10:00+00:00",
    }


def test_refused_record_is_a_refusal() -> None:
    assert record_message({**RECORD, "gate": {"blessed": False, "reasons": []}}).outcome == "refusal"


def test_webhook_gets_only_its_events_and_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as (url, got):
        monkeypatch.setenv("HOOK", url)
        monkeypatch.setenv("TOKEN", "secret")
        config = notify(webhook={"url_variable": "HOOK", "token_variable": "TOKEN", "events": ["failure"]})
        send(config, REFUSAL)
        send(config, failure_message("shop", "/runs/shop", ComponentFailed("Trainer failed: MemoryError")))
    assert [(token, message["outcome"]) for token, message in got] == [("Bearer secret", "failure")]


def test_email_has_the_reasons_and_reaches_every_recipient() -> None:
    with smtp() as (port, commands, mails):
        assert send(notify(email={**MAIL, "port": port, "encryption": "none"}), REFUSAL) == []

    assert [line.lower() for line in commands if line.upper().startswith("RCPT")] == [
        "rcpt to:<anna@shop.example>",
        "rcpt to:<bo@shop.example>",
    ]
    (mail,) = mails
    assert "Subject: temporec shop has refused a model" in mail
    assert "recall@10 0.1 is below 0.2" in mail


def test_success_is_not_mailed_by_default() -> None:
    with smtp() as (port, commands, _):
        assert send(notify(email={**MAIL, "port": port, "encryption": "none"}), record_message(RECORD)) == []
    assert commands == []


@pytest.mark.parametrize(("password", "sent"), [("secret", 1), ("wrong", 0)])
def test_email_logs_in_after_starttls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, sent: int
) -> None:
    key, pem = new_key()
    (tmp_path / "server.pem").write_bytes(pem + self_signed(key))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    monkeypatch.setenv("MAIL_USER", "robot")
    monkeypatch.setenv("MAIL_PASSWORD", password)
    with smtp(tmp_path / "server.pem") as (port, commands, mails):
        login = {"user_variable": "MAIL_USER", "password_variable": "MAIL_PASSWORD"}
        problems = send(notify(email={**MAIL, "port": port, **login}), REFUSAL)

    assert commands.index("STARTTLS") < next(at for at, line in enumerate(commands) if line.startswith("AUTH"))
    assert (len(mails), len(problems)) == (sent, 1 - sent)


def test_message_that_cannot_be_sent_is_a_line_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook(status=403) as (url, _):
        monkeypatch.setenv("HOOK", f"{url}/hidden")
        sections = {"webhook": {"url_variable": "HOOK"}, "email": {**MAIL, "port": 9, "encryption": "none"}}
        problems = send(notify(**sections), REFUSAL)

    assert problems == [
        "the webhook did not get the message: HTTPError, status 403",
        "the email was not sent: [Errno 111] Connection refused",
    ]


@pytest.mark.parametrize(
    "sections",
    [
        {"webhook": {}},
        {"webhook": {"url": "https://a.example", "url_variable": "HOOK"}},
        {"webhook": {"url": "ftp://a.example"}},
        {"webhook": {"url": "https://a.example", "events": []}},
        {"email": {**MAIL, "recipients": []}},
        {"email": {**MAIL, "sender": "nobody"}},
        {"email": {**MAIL, "user_variable": "MAIL_USER"}},
        {"email": {**MAIL, "user_variable": "U", "password_variable": "P", "encryption": "none"}},
        {"email": {**MAIL, "password": "secret"}},
    ],
)
def test_wrong_section_is_refused(sections: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        notify(**sections)


def test_missing_variable_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    config = notify(webhook={"url_variable": "HOOK"})
    with pytest.raises(InputError, match=r"HOOK, which notify\.webhook\.url_variable names"):
        check_variables(config)
    monkeypatch.setenv("HOOK", "https://a.example")
    check_variables(config)


def test_failed_run_is_reported_and_its_error_stays(tmp_path: Path) -> None:
    console = Console(record=True, width=200)
    with webhook() as (url, got):
        sections = {"webhook": {"url": url}, "email": {**MAIL, "port": 9, "encryption": "none"}}
        settings = log_config(tmp_path).model_copy(update={"notify": notify(**sections)})
        with pytest.raises(InputError):
            running.run(settings, tmp_path / "root", console)  # there is no log in this folder

    assert [message["outcome"] for _, message in got] == ["failure"]
    assert got[0][1]["reasons"][0].startswith("expected: ")
    assert "the email was not sent: [Errno 111] Connection refused" in console.export_text()


def test_refused_run_is_reported_with_its_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {**RECORD, "gate": {"blessed": False, "reasons": ["recall@10 0.1 is below 0.2"]}, "pushed": None}
    monkeypatch.setattr(running, "_run_in_root", lambda *_: record)  # a whole run takes minutes
    with webhook() as (url, got):
        settings = log_config(tmp_path).model_copy(update={"notify": notify(webhook={"url": url})})
        assert running.run(settings, tmp_path / "root", Console(quiet=True)) is record

    ((_, message),) = got
    assert (message["outcome"], message["metrics"], message["pushed"]) == ("refusal", {"recall@10": 0.3}, None)
