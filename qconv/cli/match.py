"""The command ``qconv match``: a large picture and a small one in; where it is, out."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

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

#: Rows and columns of the coin that is sought where no picture is given.
_COIN = (slice(93, 147), slice(242, 299))

#: Names that the library has too, in a module that takes long to import.
FILTERS = ("phase", "correlation", "normalized")

_DESCRIPTION = """\
Find a small picture in a large one by measuring a quantum circuit.

The amplitudes of the large picture pass a filter made from the small one, between two
quantum Fourier transforms. A shot is one run and measurement of the whole circuit, and gives
one place. The places that most of --shots give are then compared with the small picture,
classically; the most similar is the answer. Prints it, how similar it is, and how sure it is
that no other place is more so; writes the large picture with a box around it, and a figure.
Colours count by their brightness.

filters:
  phase         phases alone: no shot is lost, and the place is a spot of one pixel. Both
                pictures are standardised locally first, classically
  correlation   the plain cross-correlation, means taken away; shots in which one more qubit,
                the flag, does not read 0 are lost
  normalized    the same divided by the norms of all windows, which are computed classically
"""

_EPILOG = """\
examples:
  qconv match                              a coin among coins, to match.png
  qconv match photo.jpg detail.png --out found.png
  qconv match --noise 40 --shots 3000 --seed 1
  qconv match photo.jpg detail.png --filter normalized --shots 1000000
"""


def parser() -> Parser:
    """All options."""
    made = Parser("qconv match", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to find")
    what.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="a greyscale or colour picture; without one, the coins that scikit-image carries",
    )
    what.add_argument(
        "template", nargs="?", metavar="TEMPLATE", help="a picture that is no larger, to be found"
    )
    what.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SD",
        help="add noise of this standard deviation to IMAGE, whose grey levels are 0 to 255 "
        "(default: 0)",
    )
    how = made.add_argument_group("how to find it")
    how.add_argument(
        "--filter", choices=FILTERS, default="phase", help="see above (default: phase)"
    )
    how.add_argument(
        "--shots", type=int, default=10_000, metavar="N", help="shots altogether (default: 10000)"
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="no shots: what they would average to, computed from the circuit",
    )
    how.add_argument(
        "--seed", type=int, metavar="N", help="repeats a run to the byte (default: a fresh one)"
    )
    add_outputs(made, "match.png", "IMAGE with a box around the place")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a call; raises a `UsageError` for one that is wrong or changes nothing."""
    options, given = parser().parse_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots")
    return options


def run(options: argparse.Namespace) -> str:
    """Run the command; returns what to print."""
    require_extras()
    import classical
    from qconv.matching.template import match_plan
    from qconv.visualization.pictures import WRITABLE

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
    match = qconv.match_template(
        image,
        template,
        filter=options.filter,
        shots=None if options.exact else options.shots,
        seed=rng,
    )
    seconds = time.perf_counter() - started
    exact = np.abs(classical.match_template(image, template, filter=options.filter))
    _write(picture, template, match, exact, options, out, figure_path)
    if options.quiet:
        return ""
    sizes = [" x ".join(map(str, array.shape)) for array in (image, template)]
    executions = f"{match.shots or 0:,} executions in {seconds:.2f} s"
    head = f"{sizes[1]} pixels sought in {sizes[0]}, seed {seed}: {executions}"
    cost = match_plan(image, template, options.filter, shots=match.shots).cost
    wrote = f"{out}" if figure_path is None else f"{out} and {figure_path}"
    text = f"{head}\n\n{_tables(match, exact, cost.on_device)}\n\nwrote {wrote}"
    return tables_of((out, figure_path), text)


def _pictures(options: argparse.Namespace) -> tuple[_Array, _Array]:
    """The large picture, and the brightness of the small one."""
    if options.image is None:
        from skimage import data

        coins = np.asarray(data.coins(), dtype=np.float64)
        return coins, coins[_COIN]
    if options.template is None:
        raise UsageError("TEMPLATE: expected a second picture, which is sought in the first")
    picture = read_input(options.image, "IMAGE")
    return picture, _brightness(read_input(options.template, "TEMPLATE"))


def _brightness(picture: _Array) -> _Array:
    """Grey levels of a picture that may be in colour."""
    if picture.ndim == 2:
        return picture
    from skimage.color import rgb2gray

    return np.asarray(rgb2gray(picture))


def _tables(match: qconv.Match, exact: _Array, cost: str) -> str:
    """What is printed: place, certainty, the exact answer beside it, and the cost."""
    best = tuple(int(index) for index in np.unravel_index(exact.argmax(), exact.shape))
    same = "the same place" if best == match.position else _place(best)
    rows = {
        "place of its first pixel": _place(match.position),
        "similarity, classically": f"{match.similarity:.4f}",
        "places compared": f"{len(match.candidates):,} of {match.map.size:,}",
        "sure to be most similar": match.percent,
        "brightest, exactly": same,
        "success probability": f"{match.success_probability:.6f}",
    }
    lines = [f"  {name:<26}{text}" for name, text in rows.items()]
    device = [f"  {line}" for line in cost.splitlines()]
    return "\n".join(["found", *lines, "", "circuit on a device", *device])


def _place(position: Sequence[int]) -> str:
    return f"row {position[0]}, column {position[1]}"


def _write(
    picture: _Array,
    template: _Array,
    match: qconv.Match,
    exact: _Array,
    options: argparse.Namespace,
    out: Path,
    figure_path: Path | None,
) -> None:
    """Write picture and figure in full somewhere beside their places, then move them there."""
    from skimage.io import imsave

    from qconv.matching.figure import match_figure
    from qconv.visualization.figures import save_figure
    from qconv.visualization.pictures import boxed

    shots = "exact expectation" if match.shots is None else f"{match.shots:,} shots"
    noise = f", noise of {options.noise:g} grey levels" if options.noise else ""
    title = f"{options.filter} filter, {shots}{noise}"
    marked = boxed(picture, match.position, template.shape)
    with pictures_together(out, figure_path) as (partial, *partial_figures):
        imsave(os.fspath(partial), marked, check_contrast=False)
        if partial_figures:
            figure = match_figure(marked, template, match, exact, title=title)
            save_figure(figure, *partial_figures)
