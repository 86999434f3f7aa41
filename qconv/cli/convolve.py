"""The command ``qconv``, which reads a picture and writes its measured convolution."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from textwrap import indent

import numpy as np

import classical
import qconv
from qconv._checks import Numbers
from qconv.cli import several
from qconv.cli.job import Job, given_options
from qconv.cli.options import (
    checkpoint_of,
    read_photograph,
    require_extras,
    tables_of,
)
from qconv.cli.sources import sources_of
from qconv.cli.space import Space
from qconv.cli.targets import Target
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.result.numbers import in_words
from qconv.result.tolerance import in_a_row
from qconv.visualization import figures
from qconv.visualization.pictures import WHITE, GreyScale, Picture


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
    picture = read_photograph(source)
    space = Space.of(picture, volume=options.volume)
    plan = job.plan(space.first(picture.numbers))
    inputs = {"input picture": source, "kernel": options.kernel}
    target = Target.of(options, picture, space, inputs, is_complex=job.is_complex(picture))
    files = [*target.files.values(), *inputs.values()]
    checkpoint, seed, seeded = checkpoint_of(options, files)
    started = time.perf_counter()
    progress = not options.quiet and sys.stderr.isatty()
    measured = job.result(picture, space, seed=seed, checkpoint=checkpoint, progress=progress)
    seconds = time.perf_counter() - started
    kernel = job.kernel
    needed = target.needs_exact(kernel) or not options.quiet
    exact = job.exact(picture, space) if needed else measured.image
    compared = "" if options.quiet else _compared(picture, measured, exact, kernel)

    def draw(path: Path, scale: GreyScale) -> None:
        figure = figures.result_figure(
            measured.image,
            measured.stderr,
            image=picture.numbers,
            exact=exact,
            bias=measured.bias,
            loading_bias=measured.loading_bias,
            propagator=plan.prepared.propagator,
            scale=scale,
            image_scale=picture.scale,
            channels=picture.axes.endswith("S"),
            title=_title(options, measured),
        )
        figures.save_figure(figure, path)

    wrote = target.write(measured, exact, kernel, draw)
    if options.quiet:
        target.say_losses(wrote)
        return ""
    size = " x ".join(map(str, picture.numbers.shape))
    head = f"input {size}, {seeded}: {measured.total_shots:,} executions in {seconds:.2f} s"
    head += f"\nvalues {picture}"
    tables = _tables(measured, compared, plan.cost.on_device, picture)
    return tables_of(list(target.files.values()), f"{head}\n\n{tables}\n\nwrote {wrote}")


def _title(options: argparse.Namespace, result: qconv.Convolution) -> str:
    """Return the title of the figure."""
    given = {name: getattr(options, name) for name in ("size", "sigma")}
    kernel = Path(options.kernel).name
    kernel += "".join(f", {name} {value:g}" for name, value in given.items() if value is not None)
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
    picture: Picture, measured: qconv.Convolution, exact: Numbers, kernel: Numbers
) -> str:
    """Compare with the exact result; structural similarity is averaged over the channels."""
    # The scale of rounding errors in a constant result.
    full = float(np.abs(picture.numbers).max() or 1) * float(np.abs(kernel).sum())
    constant = max(np.ptp(exact.real), np.ptp(exact.imag)) < 1e-9 * full
    data_range = full if constant else None
    return str(classical.compare(measured, exact, data_range=data_range))


def _tables(measured: qconv.Convolution, compared: str, on_device: str, picture: Picture) -> str:
    """Format all tables to print."""
    unit = "grey levels" if picture.white == WHITE else "unit of the input"
    tables = {f"measured against exact ({unit})": compared}
    if measured.expected_success is not None:
        tables["success probability"] = (
            f"measured   {measured.success_probability:.6f} +- {measured.success_stderr:.2g}\n"
            f"predicted  {measured.expected_success:.6f}"
        )
    if isinstance(measured.diagnostics, AngleDiagnostics):
        reliable = 100 * np.mean(measured.diagnostics.reliable)
        tables["reliable standard errors"] = f"{reliable:.1f} % of the pixels"
    if measured.tolerance is not None:
        tables[f"tolerance ({unit})"] = in_a_row(measured.stderr, measured.tolerance)
    tables["circuit on a device"] = on_device
    return "\n\n".join(f"{name}\n{indent(table, '  ')}" for name, table in tables.items())
