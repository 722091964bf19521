"""The command of every task's container. It fails with a remedy in an image without Python, temporec or TFX."""

from __future__ import annotations

from schemas.errors import InputError

# The shell puts the reason in place of this text, the last line of what `python` or the shell itself printed.
_REASON = "${reason##*\n}"
_WRONG_IMAGE = InputError(
    expected="an image in which python finds temporec and TFX",
    received=_REASON,
    remedy="build the image temporec with make image, push it, and give its name to temporec compile in --image",
)
_CHECK = 'import pipeline.containers; from importlib.metadata import version; version("tfx")'
_SCRIPT = f"""\
reason=$(python -c '{_CHECK}' 2>&1) || {{ echo "error
{_WRONG_IMAGE}" >&2; exit 2; }}
exec python -m pipeline.containers.entrypoint "$@"
"""
COMMAND = ("sh", "-c", _SCRIPT, "temporec")  # the last part is $0
