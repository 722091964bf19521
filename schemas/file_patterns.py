"""Folders whose names contain wildcard characters: escaped in patterns, or refused."""

import glob
import re

from schemas.errors import InputError


def escape_folder(pattern: str) -> str:
    """Return the pattern with only its last part as a pattern; its folder is taken as written.

    Every glob of a folder that someone else named goes through this function: `[`, `*` and `?`
    are allowed in names. The result is for `tf.io.gfile.glob`, Apache Beam and Python's `glob`.

    Args:
        pattern: a folder, `/`, and a file name or a pattern of file names.

    Returns:
        The pattern with the wildcard characters of its folder in brackets.

    Example:
        >>> escape_folder("/runs/shop [2024]/Split-train/*.gz")
        '/runs/shop [[]2024]/Split-train/*.gz'
    """
    folder, slash, name = pattern.rpartition("/")
    return glob.escape(folder) + slash + name


def refuse_wildcards(folder: str, content: str) -> None:
    """Refuse a folder with a wildcard character in its path.

    TensorFlow's checkpoints and Beam's file sinks read the path of the folder that they write as a
    pattern, and do not find their own files.

    Args:
        folder: an absolute path or a URI.
        content: what is written there, for the message.

    Raises:
        InputError: the path contains `[`, `*` or `?`.

    Example:
        >>> refuse_wildcards("/runs/shop 2024", "the evaluation")
    """
    if re.search(r"[*?\[]", folder):
        raise InputError(
            expected=f"a folder without '[', '*' or '?' in its path for {content}",
            received=folder,
            remedy="choose another folder: --root or --output, or TMPDIR for temporary files",
        )
