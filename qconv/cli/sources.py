"""Pictures that are named on the command line: files, directories and standard input."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from qconv.cli.convolve_options import FORMATS
from qconv.cli.options import UsageError
from qconv.cli.streams import say

#: File name endings that are read from directories.
READABLE = (*FORMATS, ".gif", ".webp", ".jp2", ".pbm", ".pfm")


def sources_of(options: argparse.Namespace) -> list[str | None]:
    """Return the files to read; None for the default photograph.

    The pictures of a directory are sorted by name. Hidden files and subdirectories are ignored.

    Raises:
        UsageError: If several pictures are given without ``--out-dir`` or with options for one.
    """
    given: list[str] = options.images
    if not given:
        return [None]
    found: list[str | None] = []
    for name in given:
        found.extend(_pictures_in(name) if os.path.isdir(name) else [name])
    several = len(found) > 1 or any(map(os.path.isdir, given))
    if several and options.out_dir is None:
        raise UsageError(
            f"--out-dir: expected a directory for the results of {len(found)} pictures"
        )
    if options.out_dir is not None:
        for name in ("out", "figure", "checkpoint"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name}: cannot be combined with --out-dir")
    return found


def _pictures_in(folder: str) -> list[str]:
    """Return the pictures of a directory, and print how many other files it holds."""
    files = [path for path in sorted(Path(folder).iterdir()) if path.is_file()]
    files = [path for path in files if not path.name.startswith(".")]
    pictures = [str(path) for path in files if path.suffix.lower() in READABLE]
    if not pictures:
        raise UsageError(f"IMAGE: no pictures in the directory '{folder}'")
    others = len(files) - len(pictures)
    if others:
        say(f"{folder}: {others} other file{'s' * (others > 1)} ignored")
    return pictures
