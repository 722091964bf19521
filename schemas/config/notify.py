"""The section `notify`: messages about the end of a run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.config.cluster import Variable
from schemas.config.section import Section

Outcome = Literal["success", "refusal", "failure", "skipped"]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+\S*$")]


class WebhookConfig(Section):
    """A URL that gets a message in JSON by POST."""

    url: HttpUrl | None = Field(default=None, description="URL that gets a message in JSON.")
    url_variable: Variable | None = Field(
        default=None, description="Environment variable with the URL, if the URL is a secret."
    )
    token_variable: Variable | None = Field(
        default=None, description="Environment variable with a bearer token for the URL."
    )
    events: tuple[Outcome, ...] = Field(
        default=("success", "refusal", "failure"), min_length=1, description="Ends of a run that are reported."
    )

    @model_validator(mode="after")
    def _one_url(self) -> WebhookConfig:
        if (self.url is None) == (self.url_variable is None):
            raise ValueError("set either url or url_variable")
        return self


class EmailConfig(Section):
    """An SMTP server and the recipients of a message."""

    host: str = Field(min_length=1, description="Host of the SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP server.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="Encryption: from the greeting on (`tls`), or after it (`starttls`)."
    )
    sender: Address = Field(description="Address of the sender.")
    recipients: tuple[Address, ...] = Field(min_length=1, description="Addresses of the recipients.")
    user_variable: Variable | None = Field(default=None, description="Environment variable with the user's name.")
    password_variable: Variable | None = Field(default=None, description="Environment variable with the password.")
    events: tuple[Outcome, ...] = Field(
        default=("refusal", "failure"), min_length=1, description="Ends of a run that are reported."
    )

    @model_validator(mode="after")
    def _safe_login(self) -> EmailConfig:
        if (self.user_variable is None) != (self.password_variable is None):
            raise ValueError("set both user_variable and password_variable, or none of them")
        if self.user_variable is not None and self.encryption == "none":
            raise ValueError("a password needs encryption: set encryption to starttls or tls")
        return self


class NotifyConfig(Section):
    """Messages about the end of a run: what gets them."""

    webhook: WebhookConfig | None = Field(default=None, description="A URL that gets messages.")
    email: EmailConfig | None = Field(default=None, description="Recipients of messages by email.")
