"""The version of temporec. The distribution and `temporec --version` both read it from here."""

VERSION = "0.1.0"
