"""The command ``qconv``, which reads a picture and writes its measured convolution."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import indent

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli import several
from qconv.cli.job import Job, given_options
from qconv.cli.options import (
    UsageError,
    read_photograph,
    require_extras,
    seed_of,
    tables_of,
)
from qconv.cli.planes import Planes
from qconv.cli.sources import sources_of
from qconv.cli.targets import Target
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.result.numbers import in_words
from qconv.visualization import figures
from qconv.visualization.pictures import WHITE, GreyScale, Picture

_Array = NDArray[np.float64]


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Check all options, then measure, compare and write.

    Returns:
        Text to print, and exit status: 0, or 1 if some of several pictures failed.
    """
    require_extras()
    job = Job.of(options)
    sources = sources_of(options)
    if options.out_dir is not None or len(sources) > 1:
        return several.run(job, sources)
    return _run_one(job, sources[0]), 0


def _run_one(job: Job, source: str | None) -> str:
    """Convolve one picture or stack; return the text to print."""
    options = job.options
    # None: the seed of the checkpoint, or a random seed that the new checkpoint stores.
    seed = None if options.checkpoint and options.seed is None else seed_of(options)
    picture = read_photograph(source)
    form = Planes.of(picture, volume=options.volume)
    planes = form.split(picture.numbers)
    plan = job.plan(planes)
    inputs = {"input picture": source, "kernel": options.kernel}
    target = Target.of(options, picture, form, inputs)
    checkpoints = _checkpoints(options, form.names, [*target.files.values(), *inputs.values()])
    started = time.perf_counter()
    progress = not options.quiet and sys.stderr.isatty()
    results = job.results(planes, seed, checkpoints, progress=progress)
    seconds = time.perf_counter() - started
    measured = form.result(results)
    kernel = job.kernel
    needed = target.needs_exact(kernel) or not options.quiet
    exacts = job.exact(planes) if needed else [result.image for result in results]
    exact = form.together(exacts)
    compared = "" if options.quiet else _compared(picture, form, results, exacts, kernel)

    def draw(path: Path, scale: GreyScale) -> None:
        figure = figures.result_figure(
            measured.image,
            measured.stderr,
            image=picture.numbers,
            exact=exact,
            bias=measured.bias,
            propagator=plan.prepared.propagator,
            scale=scale,
            image_scale=picture.scale,
            channels=picture.axes.endswith("S"),
            title=_title(options, results[0]),
        )
        figures.save_figure(figure, path)

    wrote = target.write(measured, exact, kernel, draw)
    if options.quiet:
        target.say_losses(wrote)
        return ""
    size = " x ".join(map(str, picture.numbers.shape))
    seeded = "the checkpoint's seed" if seed is None else f"seed {seed}"
    head = f"input {size}, {seeded}: {measured.total_shots:,} executions in {seconds:.2f} s"
    head += f"\nvalues {picture}"
    tables = _tables(results, compared, plan.cost.on_device, picture)
    return tables_of(list(target.files.values()), f"{head}\n\n{tables}\n\nwrote {wrote}")


def _checkpoints(
    options: argparse.Namespace, names: Sequence[str], others: Sequence[str | Path | None]
) -> list[Path | None]:
    """Return one checkpoint per plane; raise if the call reads or writes the same file."""
    path: Path | None = options.checkpoint
    if path is None:
        return [None] * len(names)
    found = [path]
    if len(names) > 1:
        found = [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in names]
    taken = {os.path.realpath(other) for other in others if other is not None}
    for place in found:
        if os.path.realpath(place) in taken:
            raise UsageError(f"--checkpoint: '{place}' is another input or output of this command")
        if not place.parent.is_dir():
            raise UsageError(f"--checkpoint: no such directory: '{place.parent}'")
    return list(found)


def _title(options: argparse.Namespace, result: qconv.Convolution) -> str:
    """Return the title of the figure."""
    kernel = Path(options.kernel).name
    if options.softmax is not None:
        kernel = f"softmax of {kernel}, temperature {options.softmax:g}"
    shots = (
        "exact expectation"
        if result.shots is None
        else f"{in_words(result.shots)} shot{'s' * bool(np.max(result.shots) > 1)} per pixel"
    )
    steps = [f"{options.steps} steps"] if (options.steps or 1) > 1 else []
    if options.amplify:
        steps.append(f"amplified ({options.amplify})")
    extras = [word for word in ("baseline", "shared") if given_options(options).get(word)]
    if options.blocks:
        extras.append(f"{options.blocks} of at most {options.qubits} qubits")
    return ", ".join([kernel, options.method, shots, *steps, *extras])


def _compared(
    picture: Picture,
    form: Planes,
    results: Sequence[qconv.Convolution],
    exacts: Sequence[_Array],
    kernel: _Array,
) -> str:
    """Compare with the exact result; structural similarity is averaged over the planes."""
    exact = form.together(exacts)
    # The scale of rounding errors in a constant result.
    full = float(np.abs(picture.numbers).max() or 1) * float(np.abs(kernel).sum())
    data_range = full if np.ptp(exact) < 1e-9 * full else None
    comparison = classical.compare(form.result(results), exact, data_range=data_range)
    if len(results) > 1:
        pairs = zip(results, exacts, strict=True)
        ssim = np.mean([classical.compare(result, part).ssim for result, part in pairs])
        comparison = replace(comparison, ssim=float(ssim))
    return str(comparison)


def _tables(
    results: Sequence[qconv.Convolution], compared: str, on_device: str, picture: Picture
) -> str:
    """Format all tables to print."""
    unit = "grey levels" if picture.white == WHITE else "unit of the input"
    tables = {f"measured against exact ({unit})": compared}
    if results[0].expected_success is not None:
        tables["success probability"] = _success(results)
    diagnostics = [result.diagnostics for result in results]
    reliable = [each.reliable for each in diagnostics if isinstance(each, AngleDiagnostics)]
    if reliable:
        tables["reliable standard errors"] = f"{100 * np.mean(reliable):.1f} % of the pixels"
    tables["circuit on a device"] = on_device
    return "\n\n".join(f"{name}\n{indent(table, '  ')}" for name, table in tables.items())


def _success(results: Sequence[qconv.Convolution]) -> str:
    """Format the measured and predicted success probability of all channels."""
    measured = np.mean([result.success_probability for result in results])
    stderr = np.hypot.reduce([result.success_stderr for result in results]) / len(results)
    predicted = np.mean([result.expected_success or 0.0 for result in results])
    return f"measured   {measured:.6f} +- {stderr:.2g}\npredicted  {predicted:.6f}"
