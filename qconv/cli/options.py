"""What the commands of the command line have in common: their errors, their files."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

#: Endings of the files that a figure can be written to.
FIGURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


class UsageError(Exception):
    """Something about the call is wrong; its text is one line for the person who typed it."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose help is laid out as it is written."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise UsageError(f"{message} ({self.prog} --help lists the options)")


def add_outputs(parser: Parser, out: str, what: str) -> None:
    """Add the options that say what is written.

    Args:
        parser: To which to add.
        out: Name of the file if none is given.
        what: What it holds.
    """
    group = parser.add_argument_group("what to write")
    group.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="FILE",
        help=f"{what} (default: {out})",
    )
    group.add_argument(
        "--figure", type=Path, metavar="FILE", help="the figure (default: OUT-figure.png)"
    )
    group.add_argument("--overwrite", action="store_true", help="replace files that exist")
    group.add_argument("--quiet", action="store_true", help="no progress bar, no tables")


def require_extras() -> None:
    """Raise a `UsageError` unless pictures can be read and drawn."""
    try:
        import matplotlib  # noqa: F401
        import skimage  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"pictures need {error.name}; install them with: pip install 'qconv[images]'"
        ) from None


def output_paths(
    options: argparse.Namespace, endings: Sequence[str], inputs: Mapping[str, str | None]
) -> tuple[Path, Path]:
    """Where to write, after making sure that it can be done and harms nothing.

    Args:
        options: Of a parser with `add_outputs`.
        endings: Of the file ``--out``.
        inputs: Files that are read, by what they are.

    Raises:
        UsageError: Something would be lost, or cannot be written.
    """
    out: Path = options.out
    if not out.name:
        raise UsageError(f"--out: expected a file's name, got '{out}'")
    figure: Path = options.figure or out.with_name(f"{out.stem}-figure.png")
    if out.resolve() == figure.resolve():
        raise UsageError(f"--figure: expected another file than --out, got '{figure}' for both")
    for name, path, allowed in (("--out", out, endings), ("--figure", figure, FIGURES)):
        if path.suffix.lower() not in allowed:
            raise UsageError(
                f"{name}: expected a name ending in {', '.join(allowed)}, got '{path}'"
            )
        try:
            _check_place(name, path, inputs, overwrite=options.overwrite)
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}: '{path}'") from error
    return out, figure


def _check_place(
    name: str, path: Path, inputs: Mapping[str, str | None], *, overwrite: bool
) -> None:
    """Make sure that a file can be written and that nothing is lost by it."""
    if path.is_dir():
        raise UsageError(f"{name}: expected a file, got the folder '{path}'")
    if not path.parent.is_dir():
        raise UsageError(f"{name}: there is no folder '{path.parent}'")
    if not path.exists():
        return
    if not overwrite:
        raise UsageError(f"{name}: '{path}' exists; --overwrite replaces it")
    for what, read in inputs.items():
        if read is not None and Path(read).is_file() and path.samefile(read):
            raise UsageError(f"{name}: '{path}' is the {what}")


@contextmanager
def written_together(*paths: Path) -> Iterator[list[Path]]:
    """Places to write files in full, which are moved to their own places if all goes well."""
    with ExitStack() as stack:
        partial = []
        for path in paths:
            folder = tempfile.TemporaryDirectory(dir=path.parent, prefix=".qconv-")
            partial.append(Path(stack.enter_context(folder), path.name))
        yield partial
        for source, target in zip(partial, paths, strict=True):
            os.replace(source, target)


def read_input(path: str, name: str) -> NDArray[np.float64]:
    """A picture file as grey levels, ``(H, W)`` or ``(H, W, 3)``; a `UsageError` if it is none."""
    from qconv.visualization.pictures import read_picture

    try:
        return read_picture(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {error}") from error


def checked_seed(seed: int) -> int:
    """A seed, if it is one."""
    if seed < 0:
        raise UsageError(f"--seed: expected a whole number >= 0, got {seed}")
    return seed
