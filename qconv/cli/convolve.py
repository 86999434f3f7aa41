"""The command ``qconv``, which reads a picture and writes its measured convolution."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli.convolve_options import METHODS, OPTIONS, has_own_shots
from qconv.cli.kernel_files import KERNEL_FILES, read_kernel
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
from qconv.kernels import KERNEL_NAMES
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.result.numbers import in_words
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
    exact = [classical.convolve(channel, kernel, **where) for channel in channels(image)]
    report = Report(image, together(exact), results, kernel, plan, _title(options, results[0]))
    tables = "" if options.quiet else str(report)
    report.write(out, figure_path)
    if options.quiet:
        return ""
    executions = sum(result.total_shots for result in results)
    size = " x ".join(map(str, image.shape))
    seeded = "the checkpoint's seed" if seed is None else f"seed {seed}"
    head = f"input {size}, {seeded}: {executions:,} executions in {seconds:.2f} s"
    text = f"{head}\n\n{tables}\n\nwrote {out} ({report.scale})"
    return tables_of(
        (out, figure_path), text if figure_path is None else f"{text} and {figure_path}"
    )


def _propagator(options: argparse.Namespace) -> qconv.Propagator:
    """Return the propagator of the requested kernel, by name or from a file."""
    name: str = options.kernel
    path = Path(name)
    if path.suffix.lower() in KERNEL_FILES:
        if options.size is not None:
            raise UsageError(f"--size: expected the name of a kernel, got the file '{name}'")
        kernel = read_kernel(path)
    elif name in KERNEL_NAMES:
        kernel = qconv.named_kernel(name, options.size)
    else:
        raise UsageError(
            f"--kernel: expected one of {', '.join(KERNEL_NAMES)}, or a file ending in "
            f"{', '.join(KERNEL_FILES)}, got '{name}'"
        )
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
            f"--blocks: expected --method diffusion, interference or fourier, got {options.method}"
        )
    return qconv.Blocks(method, options.blocks, options.qubits)


def _checkpoints(
    options: argparse.Namespace, count: int, others: Sequence[str | Path | None]
) -> list[Path | None]:
    """Return one checkpoint per channel; raise if it is another file of the call."""
    path: Path | None = options.checkpoint
    if path is None:
        return [None] * count
    found = [path]
    if count > 1:
        found = [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in _COLOURS]
    taken = {os.path.realpath(other) for other in others if other is not None}
    for place in found:
        if os.path.realpath(place) in taken:
            raise UsageError(f"--checkpoint: expected a separate file, got '{place}'")
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


@dataclass(frozen=True, eq=False)
class Report:
    """One convolved picture: ``str`` returns the tables, `write` writes the files."""

    image: _Array
    """Input picture, shape ``(H, W)`` or ``(H, W, 3)``, in grey levels."""
    exact: _Array
    """Exact convolution, the same number of axes."""
    results: list[qconv.Convolution]
    """Measured convolutions, one per channel."""
    kernel: _Array
    """Effective kernel of all steps."""
    plan: qconv.Plan
    """Plan of the first channel, whose cost is printed."""
    title: str
    """Title of the figure."""

    @cached_property
    def measured(self) -> qconv.Convolution:
        """All channels as one result; fields of single circuits are from the first channel."""
        first = self.results[0]
        fields = ("image", "stderr", "shots", "bias")
        arrays: dict[str, Any] = {
            name: together([getattr(result, name) for result in self.results])
            for name in fields
            if isinstance(getattr(first, name), np.ndarray)
        }
        return replace(
            first,
            oracle_calls=sum(result.oracle_calls for result in self.results),
            independent=all(result.independent for result in self.results),
            **arrays,
        )

    @cached_property
    def scale(self) -> GreyScale:
        """Values that are shown black and white."""
        return GreyScale.of(self.exact, self.kernel)

    @cached_property
    def comparison(self) -> classical.Comparison:
        """Comparison with the exact result; structural similarity averaged over the channels."""
        full = WHITE * float(
            np.abs(self.kernel).sum()
        )  # scale of rounding errors of a constant result
        data_range = full if np.ptp(self.exact) < 1e-9 * full else None
        whole = classical.compare(self.measured, self.exact, data_range=data_range)
        if self.exact.ndim == 2:
            return whole
        parts = zip(
            channels(self.measured.image),
            channels(self.measured.stderr),
            channels(self.exact),
            strict=True,
        )
        similarities = [
            classical.compare(
                replace(self.measured, image=image, stderr=stderr, bias=None), exact
            ).ssim
            for image, stderr, exact in parts
        ]
        return replace(whole, ssim=float(np.mean(similarities)))

    def __str__(self) -> str:
        tables = {"measured against exact (grey levels)": str(self.comparison)}
        if self.results[0].expected_success is not None:
            tables["success probability"] = _success(self.results)
        reliable = [
            result.diagnostics.reliable
            for result in self.results
            if isinstance(result.diagnostics, AngleDiagnostics)
        ]
        if reliable:
            tables["reliable standard errors"] = f"{100 * np.mean(reliable):.1f} % of the pixels"
        tables["circuit on a device"] = self.plan.cost.on_device
        return "\n\n".join(
            "\n".join([name, *(f"  {line}" for line in table.splitlines())])
            for name, table in tables.items()
        )

    def write(self, out: Path, figure_path: Path | None) -> None:
        """Write picture and figure to temporary files, then move them to their paths."""
        from qconv.visualization.figures import result_figure, save_figure

        with pictures_together(out, figure_path) as (partial_out, *partial_figures):
            write_picture(partial_out, self.measured.image, self.scale)
            if not partial_figures:
                return
            figure = result_figure(
                self.measured.image,
                self.measured.stderr,
                image=self.image,
                exact=self.exact,
                bias=self.measured.bias,
                propagator=self.plan.prepared.propagator,
                scale=self.scale,
                title=self.title,
            )
            save_figure(figure, *partial_figures)


def _success(results: list[qconv.Convolution]) -> str:
    """Format the measured and predicted success probability of all channels."""
    measured = np.mean([result.success_probability for result in results])
    stderr = np.hypot.reduce([result.success_stderr for result in results]) / len(results)
    predicted = np.mean([result.expected_success or 0.0 for result in results])
    return f"measured   {measured:.6f} +- {stderr:.2g}\npredicted  {predicted:.6f}"
