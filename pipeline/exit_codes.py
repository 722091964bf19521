"""The exit codes of `temporec`."""

DONE, FAILED, INPUT_WRONG, GATE_REFUSED = 0, 1, 2, 3
