"""Code that the commands share: options, errors, input and output files, backends."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from qconv._files import Place, written_together
from qconv.cli.streams import print_out, say
from qconv.grid import checked_boundary, checked_mode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qiskit.providers import BackendV2

#: File name endings of the formats of a figure.
FIGURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


class UsageError(ValueError):
    """An error in the arguments; its message is printed as one line."""


class Parser(argparse.ArgumentParser):
    """A parser that raises errors, and prints description and epilog as they are written."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise a `UsageError`."""
        raise UsageError(f"{message} ({self.prog} --help lists the options)")

    def _print_message(self, message: str, file: object = None) -> None:
        """Print help or version; exit with status 2 if standard output fails."""
        if message and print_out(message):
            raise SystemExit(2)

    def given(self, arguments: Sequence[str]) -> set[str]:
        """Return the names of the given options. Removes the defaults of the parser."""
        for action in self._actions:
            action.default = argparse.SUPPRESS
        return set(vars(self.parse_args(arguments)))


def require_sampling(options: argparse.Namespace, given: set[str], *names: str) -> None:
    """Raise a `UsageError` if --exact is given together with a sampling option."""
    for name in names:
        if options.exact and name in given:
            raise UsageError(f"--{name}: cannot be combined with --exact, which takes no shots")


def add_photograph(group: argparse._ArgumentGroup) -> None:
    """Add the argument for the input picture, see `read_photograph`."""
    group.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="greyscale or colour picture (default: a photograph from scikit-image)",
    )


def add_geometry(group: argparse._ArgumentGroup) -> None:
    """Add the options for mode and boundary."""
    group.add_argument(
        "--mode",
        type=_word(checked_mode),
        metavar="NAME",
        default="same",
        help="pixels of the result: all pixels that the kernel reaches (full), the pixels of the "
        "picture (same), or only those where the kernel lies inside the picture (valid) "
        "(default: same)",
    )
    group.add_argument(
        "--boundary",
        type=_word(checked_boundary),
        metavar="NAME",
        default="symm",
        help="values outside the picture: a constant (fill, constant, grid-constant), the picture "
        "repeated (wrap, grid-wrap), its mirror image with the edge pixels repeated (symm, "
        "symmetric, reflect, grid-mirror) or not repeated (mirror), or the nearest edge pixel "
        "(nearest, edge) (default: symm)",
    )


def _word(check: Callable[[str], str]) -> Callable[[str], str]:
    """Return a parser of one argument that checks it and reports it as argparse does."""

    def parse(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            message = str(error).partition(": ")[2]
            as_option = re.sub(r"write (\w+)='([\w-]+)'", r"write --\1 \2", message)
            raise argparse.ArgumentTypeError(as_option) from None

    return parse


def add_outputs(parser: Parser, out: str, what: str) -> None:
    """Add the options for output files; ``out`` is the default path, ``what`` its content."""
    group = parser.add_argument_group("what to write")
    group.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="FILE",
        help=f"{what}. If FILE is a pipe or a device file without an ending, the picture is "
        f"written as PNG (default: {out})",
    )
    group.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="file for the figure (default: the name of --out, with -figure.png as its ending)",
    )
    group.add_argument("--overwrite", action="store_true", help="replace existing files")
    group.add_argument("--quiet", action="store_true", help="print no progress bar and no tables")


def require_extras() -> None:
    """Raise a `UsageError` unless scikit-image and matplotlib are installed."""
    try:
        import matplotlib  # noqa: F401
        import skimage  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"pictures require {error.name}; install it with: pip install 'qconv[images]'"
        ) from None


def output_paths(
    options: argparse.Namespace, endings: Sequence[str], inputs: Mapping[str, str | None]
) -> tuple[Path, Path | None]:
    """Return the paths of picture and figure, both of them safe to write.

    Args:
        options: Options of `add_outputs`. Without ``--figure``, a picture that is written to a
            pipe or a device file without an ending has no figure; its path is None.
        endings: Allowed endings of ``--out``.
        inputs: Paths of input files, by their description.

    Raises:
        UsageError: If a path cannot be written, or existing data would be lost.
    """
    out: Path = options.out
    if not out.name:
        raise UsageError(f"--out: expected a file name, got '{out}'")
    named = out.suffix.lower() in endings
    figure: Path | None = options.figure or (
        out.with_name(f"{out.stem}-figure.png") if named else None
    )
    for name, path, allowed in (("--out", out, endings), ("--figure", figure, FIGURES)):
        if path is None:
            continue
        try:
            place = Place.of(path)
            stream = place.is_stream or place.descriptor is not None
            if path.suffix.lower() not in allowed and not stream:
                raise UsageError(
                    f"{name}: expected a name ending in {', '.join(allowed)}, got '{path}'"
                )
            _check_place(name, place, inputs, overwrite=options.overwrite)
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror}: '{path}'") from error
    null = os.path.exists(os.devnull) and out.exists() and out.samefile(os.devnull)
    if figure is not None and not null and os.path.realpath(out) == os.path.realpath(figure):
        raise UsageError(f"--figure: expected a file other than --out, got '{figure}' for both")
    return out, figure


def _check_place(
    name: str, place: Place, inputs: Mapping[str, str | None], *, overwrite: bool
) -> None:
    """Raise a `UsageError` if a path cannot be written, or writing would lose data."""
    path = place.path
    if path.is_dir():
        raise UsageError(f"{name}: expected a file, got the directory '{path}'")
    for folder in (path.parent, Path(os.path.realpath(path)).parent):
        if not folder.is_dir() and not place.is_stream:
            raise UsageError(f"{name}: no such directory: '{folder}'")
    if not place.holds_nothing and not overwrite:
        raise UsageError(f"{name}: '{path}' exists; --overwrite replaces it")
    for what, read in inputs.items():
        if place.status and read is not None and Path(read).is_file() and path.samefile(read):
            raise UsageError(f"{name}: '{path}' is the {what}")
    try:
        place.require_writable()
    except PermissionError:
        raise UsageError(f"{name}: '{path}' is write-protected") from None


@contextmanager
def pictures_together(*paths: Path | None) -> Iterator[list[Path]]:
    """Add ``.png`` to names without an ending, skip None, and call `written_together`."""
    wanted = [path for path in paths if path is not None]
    with written_together(*wanted) as partial:
        named = [path if path.suffix else path.with_suffix(".png") for path in partial]
        yield named
        for source, target in zip(named, partial, strict=True):
            os.replace(source, target)


def tables_of(paths: Sequence[Path | None], tables: str) -> str:
    """Return the text for stdout; print it to stderr instead if stdout receives a picture."""
    places = [Place.of(path) for path in paths if path is not None]
    if any(place.descriptor == 1 and not place.path.samefile(os.devnull) for place in places):
        print(tables, file=sys.stderr)
        return ""
    return f"{tables}\n"


def read_input(path: str, name: str) -> NDArray[np.float64]:
    """Read grey levels, shape ``(H, W)`` or ``(H, W, 3)``; raise a `UsageError` on failure."""
    from qconv.visualization.pictures import read_picture

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            picture = read_picture(path)
        except (FileNotFoundError, ValueError) as error:
            raise UsageError(f"{name}: {error}") from error
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror or error}: '{path}'") from error
    for warning in caught:
        say(f"{name}: {warning.message}")
    return picture


def read_photograph(path: str | None) -> NDArray[np.float64]:
    """Read the input picture; None returns a photograph from scikit-image."""
    from qconv.visualization.pictures import sample_picture

    return sample_picture() if path is None else read_input(path, "IMAGE")


def seed_of(options: argparse.Namespace) -> int:
    """Return the given seed, or a random one."""
    seed: int = secrets.randbits(32) if options.seed is None else options.seed
    if seed < 0:
        raise UsageError(f"--seed: expected an integer >= 0, got {seed}")
    return seed


def named_backend(name: str) -> BackendV2:
    """Return ``aer`` or a fake backend, such as ``marrakesh`` or ``fake_marrakesh``."""
    from qiskit.providers import BackendV2
    from qiskit_aer import AerSimulator

    if name == "aer":
        return AerSimulator()
    devices: dict[str, type[BackendV2]] = {}
    with suppress(ModuleNotFoundError):
        from qiskit_ibm_runtime import fake_provider

        for cls in vars(fake_provider).values():
            own = getattr(
                cls, "backend_name", None
            )  # an attribute of the class, which is not instantiated
            if isinstance(cls, type) and issubclass(cls, BackendV2) and isinstance(own, str):
                devices[own.removeprefix("fake_")] = cls
    found = devices.get(name.lower().removeprefix("fake_").removeprefix("fake"))
    if found is None:
        names = ", ".join(["aer", *sorted(devices)])
        more = "" if devices else "; fake backends need: pip install qiskit-ibm-runtime"
        raise UsageError(f"--backend: expected one of {names}, got '{name}'{more}")
    return found()
