"""Options that the commands ``estimate`` and ``plan`` share: a picture, a kernel, and numbers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qconv.cli.kernels import add_kernel, kernel_of
from qconv.cli.options import (
    Parser,
    UsageError,
    add_geometry,
    add_photograph,
    add_volume,
    brightness,
    read_photograph,
    require_extras,
)

#: Class of each observable of a region in `qconv`, by its name on the command line.
NAMES = {"energy": "Energy", "total": "Total", "mean": "Mean"}

#: Estimators of `qconv.estimate`.
ESTIMATORS = ("sampling", "amplitude", "schedule")


def add_question(parser: Parser, title: str, default: str) -> None:
    """Add the options for the picture, the kernel, observables, their region, and the estimator.

    Args:
        parser: Parser to add the options to.
        title: Title of the group of options.
        default: Default of ``--observable``, for the help.
    """
    group = parser.add_argument_group(title)
    add_photograph(group)
    add_kernel(group, "qconv --help")
    add_geometry(group)
    add_volume(group)
    group.add_argument(
        "--observable",
        metavar="NAME",
        type=_checked,
        action="append",
        help="number to estimate: energy, total or mean, or band:LOW:HIGH for the energy between "
        "two frequency radii. Repeat the option for several numbers that one circuit measures "
        f"({default})",
    )
    group.add_argument(
        "--region",
        metavar="SLICES",
        type=_slices,
        help="region of the result, such as 20:36,45:61 for rows and columns (default: all pixels)",
    )
    group.add_argument(
        "--estimator",
        choices=ESTIMATORS,
        default="sampling",
        help="sampling, or amplitude estimation with powers that are chosen one after the other "
        "(amplitude) or in advance (schedule) (default: sampling)",
    )


def read_question(
    options: argparse.Namespace, *, stacks: bool = False
) -> tuple[Any, Any, dict[str, Any], str]:
    """Read the picture and the kernel.

    Args:
        options: Options of `add_question`.
        stacks: Whether a stack may be convolved slice by slice.

    Returns:
        Brightness of the picture, kernel, arguments for the axes, and a line that describes them.

    Raises:
        UsageError: If the picture or the kernel cannot be read, or a stack does not suit.
    """
    from qconv.cli.space import Space

    require_extras()
    kernel = kernel_of(options, 3 if options.volume else 2)
    picture = read_photograph(options.image)
    space = Space.of(picture, volume=options.volume)
    colour = space.axes.endswith("S")
    numbers = brightness(picture.numbers) if colour else picture.numbers
    size = " x ".join(map(str, numbers.shape)) + " (luminance)" * colour
    head = f"input {size}, kernel {Path(options.kernel).name}"
    if numbers.ndim == len(space.places):
        return numbers, kernel, {}, head
    if not stacks:
        raise UsageError(
            f"IMAGE: {options.image}: expected one picture, got a stack of {size}; use one slice, "
            "or --volume for a volume"
        )
    each = "volume by volume" if options.volume else "slice by slice"
    return numbers, kernel, {"axes": space.places}, f"{head}, {each}"


def observables_of(options: argparse.Namespace, default: str = "energy") -> Any:
    """Return the observable that was asked for, or a list of several."""
    import qconv

    found = []
    for name in options.observable or [default]:
        kind, *radii = name.split(":")
        if radii:
            found.append(qconv.Band(*map(float, radii)))
        else:
            found.append(getattr(qconv, NAMES[kind])(options.region))
    return found if len(found) > 1 else found[0]


def _checked(text: str) -> str:
    """Return the name of an observable unchanged, if it is one."""
    kind, *radii = text.split(":")
    if not radii and kind in NAMES:
        return text
    try:
        low, high = map(float, radii)
    except ValueError:
        low, high = 0.0, 0.0
    if kind == "band" and 0 <= low < high:
        return text
    raise argparse.ArgumentTypeError(
        f"expected {', '.join(NAMES)} or band:LOW:HIGH with 0 <= LOW < HIGH, got '{text}'"
    )


def _slices(text: str) -> tuple[slice, ...]:
    """Parse slices such as 20:36,45:61."""
    try:
        ends = [part.split(":") for part in text.split(",")]
        return tuple(slice(int(start or 0), int(stop) if stop else None) for start, stop in ends)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected slices such as 20:36,45:61, got '{text}'"
        ) from None
