"""The command ``qconv``, which reads a picture and writes its measured convolution."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli.convolve_options import METHODS, OPTIONS, has_own_shots
from qconv.cli.kernels import kernel_of
from qconv.cli.options import (
    UsageError,
    named_backend,
    output_paths,
    pictures_together,
    read_photograph,
    require_extras,
    seed_of,
    tables_of,
)
from qconv.cli.streams import say
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.result.numbers import in_words
from qconv.visualization import figures
from qconv.visualization.pictures import WHITE, WRITABLE, GreyScale, write_picture

_Array = NDArray[np.float64]


def run(options: argparse.Namespace) -> str:
    """Check all options, then measure, compare and write; return the text to print."""
    require_extras()
    propagator = _propagator(options)
    method = _method(options)
    # None: the seed of the checkpoint, or a random seed that the new checkpoint stores.
    seed = None if options.checkpoint and options.seed is None else seed_of(options)
    image = read_photograph(options.image)
    where = {name: getattr(options, name) for name in ("mode", "boundary", "fillvalue")}
    how = _sampling(options)
    one_channel = image if image.ndim == 2 else image[:, :, 0]
    plan = qconv.plan(one_channel, propagator, method=method, **where, **how)
    where["channel_axis"] = None if image.ndim == 2 else 2
    backend = None if options.backend is None else named_backend(options.backend)
    inputs = {"input picture": options.image, "kernel": options.kernel}
    out, figure_path = output_paths(options, WRITABLE, inputs)
    checkpoint = _checkpoint(options, [out, figure_path, *inputs.values()])
    started = time.perf_counter()
    how |= {
        "backend": backend,
        "seed": seed,
        "checkpoint": checkpoint,
        "progress": not options.quiet and sys.stderr.isatty(),
    }
    measured = _convolve(image, propagator, method=method, **where, **how)
    seconds = time.perf_counter() - started
    single = propagator.effective_kernel
    kernel = classical.diffuse(single, single, (options.steps or 1) - 1, mode="full")
    exact = classical.convolve(image, kernel, **where)
    compared = "" if options.quiet else _compared(measured, exact, kernel)
    scale = GreyScale.of(exact, kernel)
    with pictures_together(out, figure_path) as (partial_out, *partial_figures):
        write_picture(partial_out, measured.image, scale)
        for path in partial_figures:
            figure = figures.result_figure(
                measured.image,
                measured.stderr,
                image=image,
                exact=exact,
                bias=measured.bias,
                propagator=plan.prepared.propagator,
                scale=scale,
                channels=image.ndim == 3,
                title=_title(options, measured),
            )
            figures.save_figure(figure, path)
    if options.quiet:
        return ""
    size = " x ".join(map(str, image.shape))
    seeded = "the checkpoint's seed" if seed is None else f"seed {seed}"
    head = f"input {size}, {seeded}: {measured.total_shots:,} executions in {seconds:.2f} s"
    tables = _tables(measured, compared, plan.cost.on_device)
    text = f"{head}\n\n{tables}\n\nwrote {out} ({scale})"
    return tables_of(
        (out, figure_path), text if figure_path is None else f"{text} and {figure_path}"
    )


def _propagator(options: argparse.Namespace) -> qconv.Propagator:
    """Return the propagator of the requested kernel."""
    kernel = kernel_of(options)
    if options.softmax is None:
        return qconv.Propagator.from_kernel(kernel)
    return qconv.Propagator.softmax(kernel, options.softmax)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the method that are set."""
    given = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if options.method == "collapse":
        given.setdefault("baseline", True)
    return given


def _method(options: argparse.Namespace) -> qconv.Method:
    """Return the requested method with its options, as `Blocks` if requested."""
    method: qconv.Method = getattr(qconv, METHODS[options.method])(**_given(options))
    if options.blocks is None:
        return method
    if not method.whole_image:
        raise UsageError(
            f"--blocks: requires --method diffusion, interference or fourier, got {options.method}"
        )
    return qconv.Blocks(method, options.blocks, options.qubits)


def _checkpoint(options: argparse.Namespace, others: Sequence[str | Path | None]) -> Path | None:
    """Return the checkpoint; raise if the call reads or writes the same file."""
    path: Path | None = options.checkpoint
    if path is None:
        return None
    taken = {os.path.realpath(other) for other in others if other is not None}
    if os.path.realpath(path) in taken:
        raise UsageError(f"--checkpoint: the command reads or writes '{path}' already")
    if not path.parent.is_dir():
        raise UsageError(f"--checkpoint: no such directory: '{path.parent}'")
    return path


def _convolve(image: _Array, propagator: qconv.Propagator, **how: Any) -> qconv.Convolution:
    """Convolve all channels, and print each warning once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        result = qconv.convolve(image, propagator, **how)
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        say(message)
    return result


def _sampling(options: argparse.Namespace) -> qconv.SamplingOptions:
    """Return the sampling options that `qconv.plan` accepts."""
    how: qconv.SamplingOptions = {"mitigation": options.mitigation}
    if options.tolerance is not None:
        how["tolerance"] = options.tolerance
    elif options.exact or not has_own_shots(options):  # else the method sets them
        how["shots"] = None if options.exact else options.shots
    return how


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
    extras = [word for word in ("baseline", "shared") if _given(options).get(word)]
    if options.blocks:
        extras.append(f"{options.blocks} of at most {options.qubits} qubits")
    return ", ".join([kernel, options.method, shots, *steps, *extras])


def _compared(measured: qconv.Convolution, exact: _Array, kernel: _Array) -> str:
    """Compare with the exact result; structural similarity is averaged over the channels."""
    full = WHITE * float(np.abs(kernel).sum())  # scale of rounding errors in a constant result
    data_range = full if np.ptp(exact) < 1e-9 * full else None
    return str(classical.compare(measured, exact, data_range=data_range))


def _tables(measured: qconv.Convolution, compared: str, on_device: str) -> str:
    """Format all tables to print."""
    tables = {"measured against exact (grey levels)": compared}
    if measured.expected_success is not None:
        tables["success probability"] = (
            f"measured   {measured.success_probability:.6f} +- {measured.success_stderr:.2g}\n"
            f"predicted  {measured.expected_success:.6f}"
        )
    if isinstance(measured.diagnostics, AngleDiagnostics):
        reliable = 100 * np.mean(measured.diagnostics.reliable)
        tables["reliable standard errors"] = f"{reliable:.1f} % of the pixels"
    tables["circuit on a device"] = on_device
    return "\n\n".join(f"{name}\n{indent(table, '  ')}" for name, table in tables.items())
