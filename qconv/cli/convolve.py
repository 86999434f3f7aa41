"""The command ``qconv``: a picture in; the picture that a quantum circuit measured, out."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.providers import BackendV2

import classical
import qconv
from qconv.cli.convolve_options import OPTIONS, has_own_shots
from qconv.cli.devices import named_backend
from qconv.cli.kernel_files import KERNEL_FILES, read_kernel
from qconv.cli.options import (
    UsageError,
    checked_seed,
    output_paths,
    read_photograph,
    require_extras,
    tables_of,
)
from qconv.cli.report import Report, channels
from qconv.cli.streams import say
from qconv.kernels import KERNEL_NAMES
from qconv.planning.allocation import DEFAULT_SHOTS
from qconv.result.numbers import in_words

_Array = NDArray[np.float64]

#: Shots of each pixel, if neither they nor a tolerance are given.
_SHOTS = 1000

#: Most qubits of a block's circuit, if nothing else is said.
_QUBITS = 16

#: Names of a picture's channels.
_COLOURS = ("red", "green", "blue")

#: Names of the methods in `qconv`, which loads each when it is asked for.
_METHODS = {
    "collapse": "Collapse",
    "diffusion": "Diffusion",
    "interference": "Interference",
    "fourier": "Fourier",
    "estimation": "AmplitudeEstimation",
}


def run(options: argparse.Namespace) -> str:
    """Check everything that can be checked, then measure, compare and write.

    Args:
        options: As `parsed` gives them.

    Returns:
        What to print.

    Raises:
        UsageError: Something about the call is wrong.
        ValueError: The picture cannot be convolved like this.
    """
    require_extras()
    from qconv.visualization import pictures

    propagator = _propagator(options)
    method = _method(options)
    seed = _seed(options)
    image = read_photograph(options.image)
    plan = _plan(channels(image)[0], propagator, method, options)
    backend = None if options.backend is None else named_backend(options.backend)
    inputs = {"input picture": options.image, "kernel": options.kernel}
    out, figure_path = output_paths(options, pictures.WRITABLE, inputs)
    checkpoints = _checkpoints(options, len(channels(image)), [out, figure_path, *inputs.values()])
    started = time.perf_counter()
    results = _convolve_channels(image, plan, options, backend, seed, checkpoints)
    seconds = time.perf_counter() - started
    kernel = _of_all_steps(propagator.effective_kernel, options)
    report = Report(
        image=image,
        exact=_exact(image, kernel, options),
        results=results,
        kernel=kernel,
        sampled=plan.prepared.propagator,
        plan=plan,
        title=_title(options, results[0]),
    )
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
    """The kernel of the call, by name or from a file, as a propagator."""
    name: str = options.kernel
    path = Path(name)
    if path.suffix.lower() in KERNEL_FILES:
        if options.size is not None:
            raise UsageError("--size: goes with a kernel by name, not with a file")
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
    """The options of the method."""
    given = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if options.method == "collapse":
        given.setdefault("baseline", True)
    return given


def _method(options: argparse.Namespace) -> qconv.Method:
    """The method of the call with its options, in blocks if that is asked for."""
    method: qconv.Method = getattr(qconv, _METHODS[options.method])(**_given(options))
    if options.blocks is None:
        return method
    if not method.whole_image:
        raise UsageError(
            f"--blocks: goes with --method diffusion, interference or fourier, not with "
            f"{options.method}"
        )
    return qconv.Blocks(
        method, options.blocks, _QUBITS if options.qubits is None else options.qubits
    )


def _geometry(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("mode", "boundary", "fillvalue")}


def _seed(options: argparse.Namespace) -> int | None:
    """The seed of the call; None for that of a checkpoint, or a fresh one that it will hold."""
    if options.seed is not None:
        return checked_seed(options.seed)
    return None if options.checkpoint else secrets.randbits(32)


def _checkpoints(
    options: argparse.Namespace, count: int, others: Sequence[str | Path | None]
) -> list[Path | None]:
    """A checkpoint for each channel, after making sure that it is no other file of the call."""
    path: Path | None = options.checkpoint
    if path is None:
        return [None] * count
    found = [path]
    if count > 1:
        found = [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in _COLOURS]
    taken = {os.path.realpath(other) for other in others if other is not None}
    for place in found:
        if os.path.realpath(place) in taken:
            raise UsageError(f"--checkpoint: expected a file of its own, got '{place}'")
        if not place.parent.is_dir():
            raise UsageError(f"--checkpoint: there is no folder '{place.parent}'")
    return list(found)


def _convolve_channels(
    image: _Array,
    plan: qconv.Plan,
    options: argparse.Namespace,
    backend: BackendV2 | None,
    seed: int | None,
    checkpoints: list[Path | None],
) -> list[qconv.Convolution]:
    """Convolve every channel by itself, with randomness of its own."""
    rng = None if seed is None else np.random.default_rng(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        results = [
            qconv.convolve(
                channel,
                plan.propagator,
                method=plan.method,
                shots=_shots(options),
                tolerance=options.tolerance,
                backend=backend,
                seed=rng,
                mitigation=plan.sampling.mitigation,
                checkpoint=checkpoint,
                progress=not options.quiet and sys.stderr.isatty(),
                **_geometry(options),
            )
            for channel, checkpoint in zip(channels(image), checkpoints, strict=True)
        ]
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        say(message)
    return results


def _plan(
    channel: _Array,
    propagator: qconv.Propagator,
    method: qconv.Method,
    options: argparse.Namespace,
) -> qconv.Plan:
    """The plan of one channel."""
    return qconv.plan(
        channel,
        propagator,
        method=method,
        shots=_shots(options),
        tolerance=options.tolerance,
        mitigation=options.mitigation,
        **_geometry(options),
    )


def _shots(options: argparse.Namespace) -> int | None:
    """Shots of each pixel; None for the exact expectation."""
    if options.exact:
        return None
    if options.tolerance is not None or has_own_shots(options):  # which say how many there are
        return DEFAULT_SHOTS
    return _SHOTS if options.shots is None else options.shots


def _exact(image: _Array, kernel: _Array, options: argparse.Namespace) -> _Array:
    """The exact convolution of every channel, by the independent reference."""
    parts = [
        classical.convolve(channel, kernel, **_geometry(options)) for channel in channels(image)
    ]
    return parts[0] if image.ndim == 2 else np.dstack(parts)


def _of_all_steps(kernel: _Array, options: argparse.Namespace) -> _Array:
    """The kernel of one convolution that does the same as all steps."""
    return classical.diffuse(kernel, kernel, (options.steps or 1) - 1, mode="full")


def _title(options: argparse.Namespace, result: qconv.Convolution) -> str:
    kernel = Path(options.kernel).name
    if options.softmax is not None:
        kernel = f"softmax of {kernel}, temperature {options.softmax:g}"
    shots = (
        "exact expectation"
        if result.shots is None
        else f"{in_words(result.shots)} shot{'s' * bool(np.max(result.shots) > 1)} a pixel"
    )
    steps = [f"{options.steps} steps"] if (options.steps or 1) > 1 else []
    if options.amplify:
        steps.append(f"amplified ({options.amplify})")
    extras = [word for word in ("baseline", "shared") if _given(options).get(word)]
    if options.blocks:
        qubits = _QUBITS if options.qubits is None else options.qubits
        extras.append(f"{options.blocks} of at most {qubits} qubits")
    return ", ".join([kernel, options.method, shots, *steps, *extras])
