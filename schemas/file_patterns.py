"""Glob patterns below folders whose own names may contain wildcard characters."""

import glob


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
