"""What a message about the end of a run says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.config import Outcome

_VERBS: dict[Outcome, str] = {
    "success": "has pushed a model",
    "refusal": "has refused a model",
    "failure": "has failed",
    "skipped": "has no new span",
}


@dataclass(frozen=True)
class Message:
    """A message about the end of a run.

    Args:
        outcome: how the run ended.
        pipeline: the name of the pipeline.
        root: the root of the run, or a link to it on a cluster.
        lines: the reasons, one a line.
        details: further values for the webhook, such as metrics.
    """

    outcome: Outcome
    pipeline: str
    root: str
    lines: list[str]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The message in one line."""
        return f"temporec {self.pipeline} {_VERBS[self.outcome]}"

    @property
    def text(self) -> str:
        """The message in some lines."""
        return "\n".join([self.title, *self.lines, f"root: {self.root}"])

    @property
    def json(self) -> dict[str, Any]:
        """The message for a webhook. Chat servers such as Slack and Mattermost show its key `text`."""
        return {
            "text": self.text,
            "outcome": self.outcome,
            "pipeline": self.pipeline,
            "root": self.root,
            "reasons": self.lines,
            **self.details,
        }


def record_message(record: Mapping[str, Any]) -> Message:
    """Return the message about a run that ended with a decision of the gate.

    Args:
        record: the content of `run.json`.
    """
    gate = record["gate"]
    return Message(
        "success" if gate["blessed"] else "refusal",
        record["name"],
        record["root"],
        list(gate["reasons"]),
        {"metrics": record["metrics"]["test"], "pushed": record["pushed"], "finished_at": record["finished_at"]},
    )


def skipped_message(pipeline: str, root: str, record: Mapping[str, Any]) -> Message:
    """Return the message about a run that had nothing to do, because there is no new span.

    Args:
        pipeline: the name of the pipeline.
        root: the root of the run.
        record: the content of `run.json`, of the run that has processed the newest span.
    """
    newest, finished = record["data"]["spans"][-1], record["finished_at"]
    text = f"No new span: the newest one is {newest}, which was processed on {finished}. Nothing is trained."
    return Message("skipped", pipeline, root, [text])


def failure_message(pipeline: str, root: str, error: BaseException) -> Message:
    """Return the message about a run that failed.

    Args:
        pipeline: the name of the pipeline.
        root: the root of the run.
        error: the error that ended it.
    """
    return Message("failure", pipeline, root, str(error).splitlines() or [type(error).__name__])
