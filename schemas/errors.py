"""Errors that a user sees as a message, without a traceback."""


class InputError(Exception):
    """A mistake in the user's input: a configuration, a path or data.

    The command line shows the message without a traceback and exits with 2.

    Args:
        expected: what temporec needs, as a noun phrase.
        received: the value that it found instead.
        remedy: what the user can do, as an imperative.
    """

    def __init__(self, *, expected: str, received: str, remedy: str) -> None:
        self.expected = expected
        self.received = received
        self.remedy = remedy
        self._tagged_with_step = True  # with it Beam raises the error unchanged instead of as a RuntimeError
        super().__init__(f"expected: {expected}\nreceived: {received}\nremedy:   {remedy}")


class ComponentFailed(Exception):
    """A failure of a pipeline component that the input did not cause: exit code 1."""
