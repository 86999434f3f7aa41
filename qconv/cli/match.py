"""The command ``qconv match``: a large picture and a small one in; where it is, out."""

from __future__ import annotations

import argparse
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli.options import (
    UsageError,
    checked_seed,
    output_paths,
    pictures_together,
    read_input,
    require_extras,
    tables_of,
)
from qconv.matching.template import match_plan

_Array = NDArray[np.float64]

#: Rows and columns of the coin that is sought where no picture is given.
_COIN = (slice(93, 147), slice(242, 299))


def run(options: argparse.Namespace) -> str:
    """Run the command.

    Args:
        options: As `parsed` gives them.

    Returns:
        What to print.

    Raises:
        UsageError: Something about the call is wrong.
        ValueError: The template cannot be sought in the picture.
    """
    require_extras()
    from qconv.visualization.pictures import WRITABLE

    inputs = {"large picture": options.image, "template": options.template}
    endings = [ending for ending in WRITABLE if ending != ".npy"]
    out, figure_path = output_paths(options, endings, inputs)
    seed = secrets.randbits(32) if options.seed is None else checked_seed(options.seed)
    picture, template = _pictures(options)
    rng = np.random.default_rng(seed)
    image = _brightness(picture)
    if options.noise:
        image = image + rng.normal(scale=_noise(options.noise), size=image.shape)
        picture = image
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


def _noise(deviation: float) -> float:
    if not (np.isfinite(deviation) and deviation > 0):
        raise UsageError(f"--noise: expected a number >= 0, got {deviation:g}")
    return deviation


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
