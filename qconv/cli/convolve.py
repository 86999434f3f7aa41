"""The command ``qconv``: a picture in; the picture that a quantum circuit measured, out."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli.options import (
    Parser,
    UsageError,
    add_outputs,
    checked_seed,
    output_paths,
    read_input,
    require_extras,
)
from qconv.cli.report import Report, channels
from qconv.grid import BOUNDARIES, MODES
from qconv.kernels import KERNEL_NAMES
from qconv.methods.amplitude_estimation.method import RANGES
from qconv.methods.blocks import SCHEMES
from qconv.methods.whole_image.register_layout import PADDINGS

_Array = NDArray[np.float64]

_DESCRIPTION = """\
Convolve a picture with a kernel by measuring a quantum circuit.

The kernel is encoded in the amplitudes of a few qubits. Each measurement picks, for
one pixel, one position of the kernel with the kernel's probability; the average over
--shots of them is the convolution. Other methods hold the whole picture in one circuit.
Writes the picture that was measured, and a figure with the input, the exact convolution,
the measured one, its standard error and the propagator; prints the comparison with the
exact convolution and the circuit's cost.

methods:
  collapse      one small circuit for all pixels: each shot picks a position of the kernel
  diffusion     the picture is a cloud of particles that the kernel moves; --steps times
  interference  shifted copies of the picture's amplitudes interfere; most shots fail where
                they cancel
  fourier       the picture's amplitudes are filtered between two Fourier transforms
  estimation    a flag rotated by the pixels is amplified: the error falls as the inverse of
                the cost instead of its root; --shots are for each pixel and power

qconv match IMAGE TEMPLATE finds a small picture in a large one: qconv match --help
"""

_EPILOG = """\
examples:
  qconv                                    edges of a photograph, to result.png
  qconv photo.jpg --kernel gaussian --size 7 --shots 200
  qconv photo.png --kernel my_kernel.csv --mode full --boundary wrap --out mine.png
  qconv --kernel sobel-x --no-baseline     without the control variate: noisier
  qconv --method diffusion --kernel gaussian --steps 4
  qconv --method interference --shots 100000
  qconv --method estimation --powers 0 1 2 4 8 --shots 50
  qconv --method fourier --blocks overlap-add --qubits 14
"""

#: Most qubits of a block's circuit, if nothing else is said.
_QUBITS = 16

_METHODS: dict[str, type[qconv.Method]] = {
    "collapse": qconv.Collapse,
    "diffusion": qconv.Diffusion,
    "interference": qconv.Interference,
    "fourier": qconv.Fourier,
    "estimation": qconv.AmplitudeEstimation,
}

#: Which options a method understands; the others say that they are for this one.
_OPTIONS = {
    "baseline": "collapse",
    "shared": "collapse",
    "steps": "diffusion",
    "powers": "estimation",
    "range": "estimation",
    "padding": "fourier",
}

_KERNEL_FILES = (".npy", ".csv", ".txt")


def _parser() -> Parser:
    parser = Parser("qconv", _DESCRIPTION, _EPILOG)
    parser.add_argument("--version", action="version", version=f"qconv {qconv.__version__}")
    _add_what(parser)
    _add_sampling(parser.add_argument_group("how to sample"))
    _add_layout(parser.add_argument_group("how to lay it out"))
    add_outputs(parser, "result.png", "the measured picture; .npy keeps every digit")
    return parser


def _add_what(parser: Parser) -> None:
    """Add picture, kernel and geometry."""
    what = parser.add_argument_group("what to convolve")
    what.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="a greyscale or colour picture; without one, a photograph that scikit-image carries",
    )
    what.add_argument(
        "--kernel",
        default="edge",
        metavar="NAME|FILE",
        help=f"{', '.join(KERNEL_NAMES)}, or a .npy, .csv or .txt file (default: edge)",
    )
    what.add_argument(
        "--size", type=int, metavar="N", help="side of identity, box, gaussian, edge (default: 3)"
    )
    what.add_argument(
        "--softmax",
        type=float,
        metavar="T",
        help="use the softmax of the kernel at temperature T instead of the kernel itself",
    )
    what.add_argument(
        "--mode", choices=MODES, default="same", help="size of the result (default: same)"
    )
    what.add_argument(
        "--boundary",
        choices=BOUNDARIES,
        default="symm",
        help="what lies outside: a constant, the picture repeated, or mirrored (default: symm)",
    )
    what.add_argument(
        "--fillvalue",
        type=float,
        default=0.0,
        metavar="G",
        help="grey level, 0 to 255, outside the picture with --boundary fill (default: 0)",
    )


def _add_sampling(how: argparse._ArgumentGroup) -> None:
    """Add the method, its shots and its options."""
    how.add_argument(
        "--method", choices=_METHODS, default="collapse", help="see above (default: collapse)"
    )
    how.add_argument(
        "--shots", type=int, default=1000, metavar="N", help="shots for each pixel (default: 1000)"
    )
    how.add_argument("--exact", action="store_true", help="no shots: the circuit's expectation")
    how.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="collapse: sample only differences from the centre pixel, which are small "
        "(default: yes)",
    )
    how.add_argument(
        "--shared",
        action="store_true",
        default=None,
        help="collapse: all pixels use the same shots: fewer executions",
    )
    how.add_argument(
        "--steps", type=int, metavar="N", help="diffusion: how often it is applied (default: 1)"
    )
    how.add_argument(
        "--powers",
        type=int,
        nargs="+",
        metavar="M",
        help="estimation: Grover steps of each circuit (default: 0 1 2 4 8 16)",
    )
    how.add_argument(
        "--range",
        choices=RANGES,
        help="estimation: the range of grey levels that a flag covers, of the whole picture or "
        "around each pixel, which is narrower but takes longer (default: global)",
    )
    how.add_argument(
        "--seed", type=int, metavar="N", help="repeats a run to the byte (default: a fresh one)"
    )


def _add_layout(how: argparse._ArgumentGroup) -> None:
    """Add what decides how a whole picture is laid out on registers."""
    how.add_argument(
        "--padding",
        choices=PADDINGS,
        help="fourier: what is extended by zeros, image or kernel (default: auto)",
    )
    how.add_argument(
        "--blocks",
        choices=SCHEMES,
        help="diffusion, interference, fourier: cut the picture into blocks, each in a circuit",
    )
    how.add_argument(
        "--qubits", type=int, metavar="N", help="most qubits of a block's circuit (default: 16)"
    )


def run(arguments: Sequence[str]) -> None:
    """Check everything that can be checked, then measure, compare, write and report.

    Raises:
        UsageError: Something about the call is wrong.
        ValueError: The picture cannot be convolved like this.
    """
    options = _parser().parse_args(arguments)
    require_extras()
    from qconv.visualization import pictures

    inputs = {"input picture": options.image, "kernel": options.kernel}
    out, figure_path = output_paths(options, pictures.WRITABLE, inputs)
    propagator = _propagator(options)
    method = _method(options)
    image = (
        pictures.sample_picture() if options.image is None else read_input(options.image, "IMAGE")
    )
    seed = secrets.randbits(32) if options.seed is None else checked_seed(options.seed)
    started = time.perf_counter()
    results = _convolve_channels(image, propagator, method, options, seed)
    seconds = time.perf_counter() - started
    kernel = _of_all_steps(propagator.effective_kernel, options)
    report = Report(
        image=image,
        exact=_exact(image, kernel, options),
        results=results,
        kernel=kernel,
        sampled=method.encoded(propagator),
        cost=_plan(channels(image)[0], propagator, method, options).cost,
        title=_title(options, results[0]),
    )
    tables = str(report)
    report.write(out, figure_path)
    if not options.quiet:
        executions = sum(result.total_shots for result in results)
        size = " x ".join(map(str, image.shape))
        print(f"input {size}, seed {seed}: {executions:,} executions in {seconds:.2f} s\n")
        print(f"{tables}\n\nwrote {out} ({report.scale}) and {figure_path}")


def _propagator(options: argparse.Namespace) -> qconv.Propagator:
    """The kernel of the call, by name or from a file, as a propagator."""
    name: str = options.kernel
    path = Path(name)
    if path.suffix.lower() in _KERNEL_FILES:
        if options.size is not None:
            raise UsageError("--size: goes with a kernel by name, not with a file")
        kernel = _read_kernel(path)
    elif name in KERNEL_NAMES:
        kernel = qconv.named_kernel(name, options.size)
    else:
        raise UsageError(
            f"--kernel: expected one of {', '.join(KERNEL_NAMES)}, or a file ending in "
            f"{', '.join(_KERNEL_FILES)}, got '{name}'"
        )
    if options.softmax is None:
        return qconv.Propagator.from_kernel(kernel)
    return qconv.Propagator.softmax(kernel, options.softmax)


def _read_kernel(path: Path) -> _Array:
    """A two-dimensional kernel from a file; a single row or column counts as one."""
    if not path.is_file():
        raise UsageError(f"--kernel: no such file: '{path}'")
    try:
        if path.suffix.lower() == ".npy":
            kernel = np.load(path, allow_pickle=False)
        else:
            delimiter = "," if path.suffix.lower() == ".csv" else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an empty file; the error below says it
                kernel = np.loadtxt(path, delimiter=delimiter, ndmin=2)
            if kernel.size == 0:
                raise ValueError("none at all")
        if not isinstance(kernel, np.ndarray):
            raise ValueError("an archive of several")
    except Exception as error:  # a file can be wrong in as many ways as there are readers
        raise UsageError(f"--kernel: '{path}' holds no array of numbers ({error})") from error
    if kernel.ndim != 2:
        raise UsageError(f"--kernel: expected 2 axes in '{path}', got shape {kernel.shape}")
    return kernel


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The options of the method; those of another one are refused."""
    given = {name: getattr(options, name) for name in _OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if _OPTIONS[name] != options.method:
            raise UsageError(
                f"--{name}: goes with --method {_OPTIONS[name]}, not with {options.method}"
            )
    if options.method == "collapse":
        given.setdefault("baseline", True)
    return given


def _method(options: argparse.Namespace) -> qconv.Method:
    """The method of the call with its options, in blocks if that is asked for."""
    method = _METHODS[options.method](**_given(options))
    if options.blocks is None:
        if options.qubits is not None:
            raise UsageError("--qubits: goes with --blocks")
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


def _convolve_channels(
    image: _Array,
    propagator: qconv.Propagator,
    method: qconv.Method,
    options: argparse.Namespace,
    seed: int,
) -> list[qconv.Convolution]:
    """Convolve every channel by itself, with randomness of its own."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        results = [
            qconv.convolve(
                channel,
                propagator,
                method=method,
                shots=None if options.exact else options.shots,
                seed=rng,
                progress=not options.quiet and sys.stderr.isatty(),
                **_geometry(options),
            )
            for channel in channels(image)
        ]
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"qconv: {message}", file=sys.stderr)
    return results


def _plan(
    channel: _Array,
    propagator: qconv.Propagator,
    method: qconv.Method,
    options: argparse.Namespace,
) -> qconv.Plan:
    """The plan of one channel, whose cost is reported."""
    shots = None if options.exact else options.shots
    return qconv.plan(channel, propagator, method=method, shots=shots, **_geometry(options))


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
        else f"{result.shots:,} shot{'s' * (result.shots > 1)} a pixel"
    )
    steps = [f"{options.steps} steps"] if (options.steps or 1) > 1 else []
    extras = [word for word in ("baseline", "shared") if _given(options).get(word)]
    if options.blocks:
        qubits = _QUBITS if options.qubits is None else options.qubits
        extras.append(f"{options.blocks} of at most {qubits} qubits")
    return ", ".join([kernel, options.method, shots, *steps, *extras])
