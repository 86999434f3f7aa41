"""The command ``qconv``, which reads a picture and writes its measured convolution."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
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
from qconv.result.tolerance import in_a_row
from qconv.visualization import figures
from qconv.visualization.pictures import WHITE, WRITABLE, GreyScale, write_picture

_Array = NDArray[np.float64]

#: Names of a picture's channels.
_COLOURS = ("red", "green", "blue")


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
    plan = qconv.plan(channels(image)[0], propagator, method=method, **where, **how)
    backend = None if options.backend is None else named_backend(options.backend)
    inputs = {"input picture": options.image, "kernel": options.kernel}
    out, figure_path = output_paths(options, WRITABLE, inputs)
    checkpoints = _checkpoints(options, len(channels(image)), [out, figure_path, *inputs.values()])
    started = time.perf_counter()
    how |= {
        "backend": backend,
        "seed": None if seed is None else np.random.default_rng(seed),
        "progress": not options.quiet and sys.stderr.isatty(),
    }
    results = _convolve_channels(image, propagator, checkpoints, method=method, **where, **how)
    seconds = time.perf_counter() - started
    single = propagator.effective_kernel
    kernel = classical.diffuse(single, single, (options.steps or 1) - 1, mode="full")
    exact = together([classical.convolve(part, kernel, **where) for part in channels(image)])
    compared = "" if options.quiet else _compared(results, exact, kernel)
    measured, scale = _combined(results), GreyScale.of(exact, kernel)
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
                title=_title(options, results[0]),
            )
            figures.save_figure(figure, path)
    if options.quiet:
        return ""
    executions = sum(result.total_shots for result in results)
    size = " x ".join(map(str, image.shape))
    seeded = "the checkpoint's seed" if seed is None else f"seed {seed}"
    head = f"input {size}, {seeded}: {executions:,} executions in {seconds:.2f} s"
    tables = _tables(results, measured, compared, plan.cost.on_device)
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


def _checkpoints(
    options: argparse.Namespace, count: int, others: Sequence[str | Path | None]
) -> list[Path | None]:
    """Return one checkpoint per channel; raise if the call reads or writes the same file."""
    path: Path | None = options.checkpoint
    if path is None:
        return [None] * count
    found = [path]
    if count > 1:
        found = [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in _COLOURS]
    taken = {os.path.realpath(other) for other in others if other is not None}
    for place in found:
        if os.path.realpath(place) in taken:
            raise UsageError(f"--checkpoint: '{place}' is another input or output of this command")
        if not place.parent.is_dir():
            raise UsageError(f"--checkpoint: no such directory: '{place.parent}'")
    return list(found)


def _convolve_channels(
    image: _Array, propagator: qconv.Propagator, checkpoints: list[Path | None], **how: Any
) -> list[qconv.Convolution]:
    """Convolve each channel separately, with independent random numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        results = [
            qconv.convolve(channel, propagator, checkpoint=checkpoint, **how)
            for channel, checkpoint in zip(channels(image), checkpoints, strict=True)
        ]
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        say(message)
    return results


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


def channels(image: _Array) -> list[_Array]:
    """Split a picture ``(H, W)`` or ``(H, W, C)`` into channels ``(H, W)``."""
    return [image] if image.ndim == 2 else list(np.moveaxis(image, 2, 0))


def together(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack channels ``(H, W)`` to a picture ``(H, W)`` or ``(H, W, C)``."""
    return parts[0] if len(parts) == 1 else np.dstack(parts)


def _combined(results: list[qconv.Convolution]) -> qconv.Convolution:
    """Combine the channels: their arrays, ``oracle_calls`` and ``independent``."""
    first = results[0]
    arrays: dict[str, Any] = {
        name: together([getattr(result, name) for result in results])
        for name in ("image", "stderr", "shots", "bias")
        if isinstance(getattr(first, name), np.ndarray)
    }
    calls = sum(result.oracle_calls for result in results)
    independent = all(result.independent for result in results)
    return replace(first, oracle_calls=calls, independent=independent, **arrays)


def _compared(results: list[qconv.Convolution], exact: _Array, kernel: _Array) -> str:
    """Compare with the exact result; structural similarity is averaged over the channels."""
    full = WHITE * float(np.abs(kernel).sum())  # scale of rounding errors in a constant result
    data_range = full if np.ptp(exact) < 1e-9 * full else None
    comparison = classical.compare(_combined(results), exact, data_range=data_range)
    if exact.ndim > 2:
        pairs = zip(results, channels(exact), strict=True)
        ssim = np.mean([classical.compare(result, channel).ssim for result, channel in pairs])
        comparison = replace(comparison, ssim=float(ssim))
    return str(comparison)


def _tables(
    results: list[qconv.Convolution], measured: qconv.Convolution, compared: str, on_device: str
) -> str:
    """Format all tables to print."""
    tables = {"measured against exact (grey levels)": compared}
    if results[0].expected_success is not None:
        tables["success probability"] = _success(results)
    diagnostics = [result.diagnostics for result in results]
    reliable = [each.reliable for each in diagnostics if isinstance(each, AngleDiagnostics)]
    if reliable:
        tables["reliable standard errors"] = f"{100 * np.mean(reliable):.1f} % of the pixels"
    if measured.tolerance is not None:
        tables["tolerance (grey levels)"] = in_a_row(measured.stderr, measured.tolerance)
    tables["circuit on a device"] = on_device
    return "\n\n".join(f"{name}\n{indent(table, '  ')}" for name, table in tables.items())


def _success(results: list[qconv.Convolution]) -> str:
    """Format the measured and predicted success probability of all channels."""
    measured = np.mean([result.success_probability for result in results])
    stderr = np.hypot.reduce([result.success_stderr for result in results]) / len(results)
    predicted = np.mean([result.expected_success or 0.0 for result in results])
    return f"measured   {measured:.6f} +- {stderr:.2g}\npredicted  {predicted:.6f}"
