"""Errors that a user sees as a message, without a traceback."""


class InputError(Exception):
    """What the user gave (a configuration, a path, data) is wrong.

    The command line shows the message without a traceback and exits with 2.

    Args:
        expected: what temporec looked for.
        received: what it found instead.
        remedy: what the user can do about it.
    """

    def __init__(self, *, expected: str, received: str, remedy: str) -> None:
        self.expected = expected
        self.received = received
        self.remedy = remedy
        self._tagged_with_step = True  # Beam raises such an error as it is, where it would make a RuntimeError of it
        super().__init__(f"expected: {expected}\nreceived: {received}\nremedy:   {remedy}")


class ComponentFailed(Exception):
    """A component of the pipeline ended with an error that is not the input's: exit code 1."""
