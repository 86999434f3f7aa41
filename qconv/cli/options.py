"""Code that the commands share: options, errors, input and output files, backends."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import secrets
import sys
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

    from qconv.visualization.pictures import Picture

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
        more = message.removeprefix("unrecognized arguments: ")
        if more != message and not more.startswith("-"):
            message = f"expected no further file, got '{more}'; give one picture per call"
        elif os.path.exists(more):
            message = f"expected an option, got '{more}'; for the file, write './{more}'"
        raise UsageError(f"{message} ({self.prog} --help lists the options)")

    def _print_message(self, message: str, file: object = None) -> None:
        """Print help or version; exit with status 2 if standard output fails."""
        if message and print_out(message):
            raise SystemExit(2)

    def given(self, arguments: Sequence[str]) -> set[str]:
        """Return the names of the given options, after removing the parser's defaults."""
        for action in self._actions:
            action.default = argparse.SUPPRESS
        return set(vars(self.parse_intermixed_args(arguments)))


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


def add_volume(group: argparse._ArgumentGroup) -> None:
    """Add the option for volumes."""
    group.add_argument(
        "--volume",
        action="store_true",
        help="convolve a stack as one volume with a kernel of three axes, not slice by slice",
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
        help="values outside the picture: a constant (fill, constant, grid-constant, pad), the "
        "picture repeated (wrap, grid-wrap, circular), its mirror image with the edge pixels "
        "repeated (symm, symmetric, reflect, grid-mirror) or not repeated (mirror), or the nearest "
        "edge pixel (nearest, edge) (default: symm)",
    )


def shots(text: str) -> int:
    """Parse a number of executions, such as 1000, 1e6 or 1_000_000."""
    try:
        return int(text)
    except ValueError:
        with suppress(ValueError):
            if (number := float(text)).is_integer():
                return int(number)
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None


def _word(check: Callable[[str], str]) -> Callable[[str], str]:
    """Return a parser that checks one argument and reports errors as argparse does."""

    def parse(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            message = str(error).partition(": ")[2]
            as_option = re.sub(r"write (\w+)='([\w-]+)'", r"write --\1 \2", message)
            raise argparse.ArgumentTypeError(as_option) from None

    return parse


def brightness(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert colours, the last of three or more axes, to grey levels by their luminance."""
    if picture.ndim == 2:
        return picture
    from skimage.color import rgb2gray

    grey: NDArray[np.float64] = rgb2gray(picture)
    return grey


def add_outputs(parser: Parser, out: str | None, what: str) -> argparse._ArgumentGroup:
    """Add the options for output files, and return their group.

    Args:
        parser: Parser to add the options to.
        out: Default path; None if it depends on the input.
        what: Content of the file, with its default if ``out`` is None.
    """
    group = parser.add_argument_group("what to write")
    if out is not None:
        what += ". If FILE is a pipe or a device file without an ending, the picture is written as "
        what += f"PNG (default: {out})"
    group.add_argument(
        "--out",
        type=Path,
        default=None if out is None else Path(out),
        metavar="FILE",
        help=what,
    )
    group.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="file for the figure (default: the name of --out, with -figure.png as its ending)",
    )
    group.add_argument("--overwrite", action="store_true", help="replace existing files")
    group.add_argument("--quiet", action="store_true", help="print no progress bar and no tables")
    return group


def require_extras() -> None:
    """Raise a `UsageError` unless scikit-image and matplotlib are installed."""
    for name in ("matplotlib", "skimage"):
        found = None
        with suppress(ModuleNotFoundError):
            found = importlib.util.find_spec(name)  # importing takes longer
        if found is None:
            raise UsageError(
                f"pictures require {name}; install it with: pip install 'qconv[images]'"
            )


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
    named = out.suffix.lower() in endings
    figure: Path | None = options.figure or (
        out.with_name(f"{out.stem}-figure.png") if named else None
    )
    for name, path, allowed in (("--out", out, endings), ("--figure", figure, FIGURES)):
        if path is not None:
            require_place(name, path, allowed, inputs, overwrite=options.overwrite)
    require_different({"--out": out, "--figure": figure})
    return out, figure


def require_place(
    name: str,
    path: Path,
    endings: Sequence[str],
    inputs: Mapping[str, str | None],
    *,
    overwrite: bool,
) -> None:
    """Raise a `UsageError` if a path cannot be written, or existing data would be lost.

    Args:
        name: Option that the path belongs to.
        path: Path of the file to write; pipes and devices need no ending.
        endings: Allowed endings.
        inputs: Paths of input files, by their description.
        overwrite: Whether an existing file may be replaced.
    """
    if not path.name:
        raise UsageError(f"{name}: expected a file name, got '{path}'")
    try:
        if path.is_dir():
            raise UsageError(f"{name}: expected a file, got the directory '{path}'")
        place = Place.of(path)
        stream = place.is_stream or place.descriptor is not None
        if path.suffix.lower() not in endings and not stream:
            raise UsageError(
                f"{name}: expected a name ending in {', '.join(endings)}, got '{path}'"
            )
        _check_place(name, place, inputs, overwrite=overwrite)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}: '{path}'") from error


def require_different(paths: Mapping[str, Path | None]) -> None:
    """Raise a `UsageError` if two options name the same file, other than the null device."""
    taken: dict[str, str] = {}
    for name, path in paths.items():
        if path is None or (os.path.exists(os.devnull) and _is_null(path)):
            continue
        first = taken.setdefault(os.path.realpath(path), name)
        if first != name:
            raise UsageError(f"{name}: expected a file other than {first}, got '{path}' for both")


def _is_null(path: Path) -> bool:
    """Return whether a path is the null device."""
    return path.exists() and path.samefile(os.devnull)


def _check_place(
    name: str, place: Place, inputs: Mapping[str, str | None], *, overwrite: bool
) -> None:
    """Raise a `UsageError` if a path cannot be written, or writing would lose data."""
    path = place.path
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
def pictures_together(*paths: Path | None, ending: str = ".png") -> Iterator[list[Path]]:
    """Add an ending to names without one, skip None, and call `written_together`."""
    wanted = [path for path in paths if path is not None]
    with written_together(*wanted) as partial:
        named = [path if path.suffix else path.with_suffix(ending) for path in partial]
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


def read_input(path: str, name: str) -> Picture:
    """Read a picture or a stack, and print what differs from the file.

    Args:
        path: Path of the file; ``-`` for standard input.
        name: Name of the argument, for messages.

    Raises:
        UsageError: If the file is not a picture.
    """
    from qconv.visualization.pictures import read_picture

    try:
        picture = read_picture(path)
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(f"{name}: {error}") from error
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}: '{path}'") from error
    for note in picture.notes:
        say(f"{name}: {path}: {note}")
    return picture


def read_photograph(path: str | None, name: str = "IMAGE") -> Picture:
    """Read the input picture; None returns a photograph from scikit-image."""
    from qconv.visualization.pictures import sample_picture

    return sample_picture() if path is None else read_input(path, name)


def only_picture(picture: Picture, name: str, path: str | None) -> Picture:
    """Return a picture unchanged; raise a `UsageError` if it is a stack."""
    if picture.axes not in ("YX", "YXS"):
        sides = " x ".join(map(str, picture.numbers.shape))
        raise UsageError(f"{name}: {path}: expected one picture, got a stack of {sides}")
    return picture


def add_checkpoint(group: argparse._ArgumentGroup) -> None:
    """Add the option for the checkpoint."""
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="file to which results are saved while the command runs. After an interruption, the "
        "same command resumes. With more --shots, the same command adds the missing shots",
    )


def checkpoint_of(
    options: argparse.Namespace, others: Sequence[str | Path | None]
) -> tuple[Path | None, int | None, str]:
    """Return the checkpoint, the seed, and a description of the seed.

    With a checkpoint and no seed, the seed is None: the seed of the checkpoint is used, or a random
    seed that the new checkpoint stores.

    Args:
        options: Options of the command.
        others: Files that the command reads or writes; None for no file.

    Raises:
        UsageError: If the command reads or writes the same file, or there is no such directory.
    """
    path: Path | None = options.checkpoint
    if path is not None:
        taken = {os.path.realpath(other) for other in others if other is not None}
        if os.path.realpath(path) in taken:
            raise UsageError(f"--checkpoint: '{path}' is an input or output file of the command")
        if not path.parent.is_dir():
            raise UsageError(f"--checkpoint: no such directory: '{path.parent}'")
        if options.seed is None:
            return path, None, "the checkpoint's seed"
    seed = seed_of(options)
    return path, seed, f"seed {seed}"


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
