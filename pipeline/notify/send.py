"""Sending of a message to the webhook and by email."""

from __future__ import annotations

import os
import smtplib
import ssl
from email.message import EmailMessage

import requests

from pipeline.notify.messages import Message
from schemas.config import EmailConfig, NotifyConfig, WebhookConfig
from schemas.errors import InputError

_ANSWER_S = 20.0  # the longest wait for an answer of a server


def check_variables(config: NotifyConfig) -> None:
    """Check that the environment has each variable that the section `notify` names.

    Args:
        config: the section.

    Raises:
        InputError: a variable is missing or empty.
    """
    webhook, email = config.webhook, config.email
    named = {
        "webhook.url_variable": webhook and webhook.url_variable,
        "webhook.token_variable": webhook and webhook.token_variable,
        "email.user_variable": email and email.user_variable,
        "email.password_variable": email and email.password_variable,
    }
    for key, variable in named.items():
        if variable and not os.environ.get(variable):
            raise InputError(
                expected=f"the environment variable {variable}, which notify.{key} names",
                received="it is not set" if variable not in os.environ else "it is empty",
                remedy=f"set it where the run starts, or change notify.{key}",
            )


def send(config: NotifyConfig, message: Message) -> list[str]:
    """Send a message to those that the section `notify` names for its outcome.

    Args:
        config: the section.
        message: the message.

    Returns:
        One line for each message that could not be sent, with the reason. A message that cannot be sent is no error.

    Example:
        ```python
        problems = send(config.notify, record_message(record))
        ```
    """
    problems = []
    if config.webhook and message.outcome in config.webhook.events:
        try:
            _post(config.webhook, message)
        except (requests.RequestException, UnicodeError) as error:
            problems.append(f"the webhook did not get the message: {_reason(error, config.webhook.url is None)}")
    if config.email and message.outcome in config.email.events:
        try:
            _mail(config.email, message)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            problems.append(f"the email was not sent: {_reason(error)}")
    return problems


def _post(webhook: WebhookConfig, message: Message) -> None:
    token = _variable(webhook.token_variable)
    requests.post(
        webhook.url or _variable(webhook.url_variable),
        json=message.json,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=_ANSWER_S,
    ).raise_for_status()


def _mail(email: EmailConfig, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.title, email.sender, ", ".join(email.recipients)
    mail.set_content(message.text)
    context = ssl.create_default_context()
    if email.encryption == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(email.host, email.port, timeout=_ANSWER_S, context=context)
    else:
        client = smtplib.SMTP(email.host, email.port, timeout=_ANSWER_S)
    with client:
        if email.encryption == "starttls":
            client.starttls(context=context)
        if email.user_variable:
            client.login(_variable(email.user_variable), _variable(email.password_variable))
        client.send_message(mail)


def _variable(name: str | None) -> str:
    return os.environ.get(name, "") if name else ""


def _reason(error: Exception, url_is_secret: bool = False) -> str:
    """Return the first line of an error. The errors of requests contain the URL, which may be a secret."""
    if url_is_secret and isinstance(error, requests.RequestException):
        return f"{type(error).__name__}{f', status {error.response.status_code}' if error.response is not None else ''}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
