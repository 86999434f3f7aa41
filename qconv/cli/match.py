"""The command ``qconv match``, which finds a small picture in a large one."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import qconv
from qconv.cli.options import (
    Parser,
    UsageError,
    add_outputs,
    output_paths,
    pictures_together,
    read_input,
    require_extras,
    require_sampling,
    seed_of,
    tables_of,
)

_Array = NDArray[np.float64]

#: Rows and columns of the default template, one of the coins in the default picture.
_COIN = (slice(93, 147), slice(242, 299))

#: Filters, which the library defines too, in a module that is slow to import.
FILTERS = ("phase", "correlation", "normalized")

_DESCRIPTION = """\
Find a small picture in a large one by measuring a quantum circuit.

The amplitudes of the circuit encode the large picture. The circuit applies a filter, computed
from the small picture, between two quantum Fourier transforms. Each shot, one run of the
circuit with its measurement, gives one position. The positions with the most shots are
then compared with the small picture classically. The most similar position is the match.

The command prints the match, its similarity to the small picture, and its certainty: the
probability that no other position is more similar. The command writes the large picture with
a box around the match, and a figure. Colour pictures are converted to their brightness.

filters:
  phase         Changes only phases, so no shot is lost. The match is a peak of one pixel.
                Both pictures are first standardised locally, by classical computation.
  correlation   Cross-correlation of the pictures, after subtracting their means. A shot is
                lost if an additional qubit, the flag, does not read 0.
  normalized    The correlation, divided at each position by the norms of the template and of
                the window at that position. The norms are computed classically.
"""

_EPILOG = """\
examples:
  qconv match                              find a coin among coins, write match.png
  qconv match photo.jpg detail.png --out found.png
  qconv match --noise 40 --shots 3000 --seed 1
  qconv match photo.jpg detail.png --filter normalized --shots 1000000
"""


def parser() -> Parser:
    """Return the parser of all options."""
    made = Parser("qconv match", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to find")
    what.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="greyscale or colour picture (default: the coins from scikit-image)",
    )
    what.add_argument(
        "template",
        nargs="?",
        metavar="TEMPLATE",
        help="picture to find in IMAGE, not larger than IMAGE",
    )
    what.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SD",
        help="standard deviation of noise to add to IMAGE, in grey levels (default: 0)",
    )
    how = made.add_argument_group("how to find it")
    how.add_argument(
        "--filter", choices=FILTERS, default="phase", help="filter, see above (default: phase)"
    )
    how.add_argument(
        "--shots",
        type=int,
        default=10_000,
        metavar="N",
        help="total number of shots (default: 10000)",
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="compute the exact expectation from the circuit, without shots",
    )
    how.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed; the same seed gives bit-identical results (default: random)",
    )
    add_outputs(made, "match.png", "file for IMAGE with a box around the match")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` for an option that is wrong or has no effect."""
    options, given = parser().parse_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots")
    return options


def run(options: argparse.Namespace) -> str:
    """Run the command; return the text to print."""
    require_extras()
    from skimage.io import imsave

    import classical
    from qconv.matching.figure import match_figure
    from qconv.matching.template import match_plan
    from qconv.visualization.figures import save_figure
    from qconv.visualization.pictures import WRITABLE, boxed

    inputs = {"large picture": options.image, "template": options.template}
    endings = [ending for ending in WRITABLE if ending != ".npy"]
    out, figure_path = output_paths(options, endings, inputs)
    seed = seed_of(options)
    picture, template = _pictures(options)
    rng = np.random.default_rng(seed)
    image = _brightness(picture)
    if options.noise:
        if not (np.isfinite(options.noise) and options.noise > 0):
            raise UsageError(f"--noise: expected a number >= 0, got {options.noise:g}")
        picture = image = image + rng.normal(scale=options.noise, size=image.shape)
    started = time.perf_counter()
    shots = None if options.exact else options.shots
    match = qconv.match_template(image, template, filter=options.filter, shots=shots, seed=rng)
    seconds = time.perf_counter() - started
    exact = np.abs(classical.match_template(image, template, filter=options.filter))
    title = f"{options.filter} filter, "
    title += "exact expectation" if match.shots is None else f"{match.shots:,} shots"
    title += f", noise of {options.noise:g} grey levels" if options.noise else ""
    marked = boxed(picture, match.position, template.shape)
    with pictures_together(out, figure_path) as (partial, *partial_figures):
        imsave(os.fspath(partial), marked, check_contrast=False)
        for path in partial_figures:
            save_figure(match_figure(marked, template, match, exact, title=title), path)
    if options.quiet:
        return ""
    sizes = [" x ".join(map(str, array.shape)) for array in (image, template)]
    executions = f"{match.shots or 0:,} executions in {seconds:.2f} s"
    head = f"{sizes[1]} pixels searched for in {sizes[0]}, seed {seed}: {executions}"
    cost = match_plan(image, template, options.filter, shots=match.shots).cost
    wrote = f"{out}" if figure_path is None else f"{out} and {figure_path}"
    text = f"{head}\n\n{_tables(match, exact, cost.on_device)}\n\nwrote {wrote}"
    return tables_of((out, figure_path), text)


def _pictures(options: argparse.Namespace) -> tuple[_Array, _Array]:
    """Return the large picture, and the brightness of the template."""
    if options.image is None:
        from skimage import data

        coins = np.asarray(data.coins(), dtype=np.float64)
        return coins, coins[_COIN]
    if options.template is None:
        raise UsageError("TEMPLATE: expected a second picture, to find in the first")
    picture = read_input(options.image, "IMAGE")
    return picture, _brightness(read_input(options.template, "TEMPLATE"))


def _brightness(picture: _Array) -> _Array:
    """Convert a picture to grey levels, shape ``(H, W)``."""
    if picture.ndim == 2:
        return picture
    from skimage.color import rgb2gray

    return np.asarray(rgb2gray(picture))


def _tables(match: qconv.Match, exact: _Array, cost: str) -> str:
    """Format the answer, the maximum of the exact map, and the cost of the circuit."""
    best = tuple(int(index) for index in np.unravel_index(exact.argmax(), exact.shape))
    same = "the same position" if best == match.position else _place(best)
    rows = {
        "position of first pixel": _place(match.position),
        "similarity (classical)": f"{match.similarity:.4f}",
        "positions compared": f"{len(match.candidates):,} of {match.map.size:,}",
        "certainty": match.percent,
        "maximum of exact map": same,
        "success probability": f"{match.success_probability:.6f}",
    }
    lines = [f"  {name:<26}{text}" for name, text in rows.items()]
    device = [f"  {line}" for line in cost.splitlines()]
    return "\n".join(["found", *lines, "", "circuit on a device", *device])


def _place(position: Sequence[int]) -> str:
    return f"row {position[0]}, column {position[1]}"
