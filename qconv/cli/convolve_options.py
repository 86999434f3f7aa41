"""The options of the command ``qconv``, apart from what runs it, which takes long to import."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from qconv.cli.options import (
    Parser,
    UsageError,
    add_outputs,
    add_photograph,
    require_sampling,
)
from qconv.grid import BOUNDARIES, MODES
from qconv.kernels import KERNEL_NAMES

#: Names of the methods in `qconv`.
METHODS = {
    "collapse": "Collapse",
    "diffusion": "Diffusion",
    "interference": "Interference",
    "fourier": "Fourier",
    "estimation": "AmplitudeEstimation",
}

#: Names that the library has too, in modules that take long to import.
RANGES = ("global", "local")
SCHEMES = ("overlap-add", "overlap-save")
PADDINGS = ("auto", "both", "kernel", "wrapped", "none")
READ_OUTS = ("linear", "root")

_DESCRIPTION = """\
Convolve a picture with a kernel, a small array of numbers, by measuring a quantum circuit.

The kernel, its signs set aside, is normalised to probabilities (the propagator) and encoded
in the amplitudes of a few qubits. A shot is one run and measurement of the circuit: it picks,
for one pixel, one position of the kernel with that position's probability. The average over
--shots of them is the convolution. Other methods hold the whole picture in one circuit.
Writes the picture that was measured, and a figure with the input, the exact convolution,
the measured one, its standard error and the propagator; prints the comparison with the
exact convolution and the circuit's cost. Colours are convolved one by one.

methods:
  collapse      one small circuit for all pixels: each shot picks a position of the kernel
  diffusion     the picture is a cloud of particles that the kernel moves; --steps times
  interference  shifted copies of the picture's amplitudes interfere; most shots fail where
                they cancel
  fourier       the picture's amplitudes are filtered between two Fourier transforms
  estimation    the pixels rotate a qubit, the flag; Grover steps amplify what it reads: the
                error falls as the inverse of the cost instead of its root (--powers)

qconv match IMAGE TEMPLATE finds a small picture in a large one: qconv match --help
qconv plan compares what every method would cost: qconv plan --help
qconv explore opens a page to play with: qconv explore --help
"""

_EPILOG = """\
examples:
  qconv                                    edges of a photograph, to result.png
  qconv photo.jpg --kernel gaussian --size 7 --shots 200
  qconv photo.png --kernel my_kernel.csv --mode full --boundary wrap --out mine.png
  qconv --kernel sobel-x --no-baseline     every shot gives a grey level, not a difference
  qconv --method diffusion --kernel gaussian --steps 4
  qconv --method interference --shots 100000
  qconv --method fourier --amplify auto --read-out root --shots 2000
  qconv --method estimation --shots 100
  qconv --method fourier --blocks overlap-add --qubits 14
  qconv scan.tif --shots 100000 --checkpoint scan.npz     goes on where it was stopped
  qconv --tolerance 10                     no standard error above 10 grey levels
  qconv --backend marrakesh                with the noise of an imitated device
  qconv --backend marrakesh --mitigation readout
"""

#: Which methods understand an option; the others say that it is for these.
OPTIONS = {
    "baseline": ("collapse",),
    "shared": ("collapse",),
    "allocation": ("collapse",),
    "steps": ("diffusion",),
    "powers": ("estimation",),
    "range": ("estimation",),
    "padding": ("fourier",),
    "amplify": ("interference", "fourier"),
    "read_out": ("interference", "fourier"),
}


def parser() -> Parser:
    """All options."""
    from qconv import __version__

    made = Parser("qconv", _DESCRIPTION, _EPILOG)
    made.add_argument("--version", action="version", version=f"qconv {__version__}")
    _add_what(made)
    sampling = made.add_argument_group("how to sample")
    _add_sampling(sampling)
    _add_place(sampling)
    _add_layout(made.add_argument_group("how to lay it out"))
    add_outputs(made, "result.png", "the measured picture; .npy keeps every digit")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a call; raises a `UsageError` for one that is wrong or changes nothing."""
    options, given = parser().parse_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots", "tolerance", "allocation", "shared")
    if {"shots", "tolerance"} <= given:
        raise UsageError("--tolerance: goes without --shots, as it says how many there are")
    if "auto" in (options.powers or ()):
        if len(options.powers) > 1:
            raise UsageError("--powers: auto goes alone, as it chooses them")
        options.powers = "auto"
    if has_own_shots(options):
        for name in {"shots", "tolerance"} & given:
            raise UsageError(f"--{name}: goes without shots of their own in --powers")
    if options.mitigation is not None and options.backend is None:
        raise UsageError("--mitigation: goes with --backend, a device that misreads")
    if "fillvalue" in given and options.boundary != "fill":
        raise UsageError(f"--fillvalue: goes with --boundary fill, not with {options.boundary}")
    for name, methods in OPTIONS.items():
        if getattr(options, name) is not None and options.method not in methods:
            raise UsageError(
                f"--{name.replace('_', '-')}: goes with --method {' or '.join(methods)}, not with "
                f"{options.method}"
            )
    if "qubits" in given and options.blocks is None:
        raise UsageError("--qubits: goes with --blocks")
    return options


def has_own_shots(options: argparse.Namespace) -> bool:
    """Whether --powers say how many shots there are."""
    return any(isinstance(power, tuple) for power in options.powers or ())


def _add_what(parser: Parser) -> None:
    """Add picture, kernel and geometry."""
    what = parser.add_argument_group("what to convolve")
    add_photograph(what)
    what.add_argument(
        "--kernel",
        default="edge",
        metavar="NAME|FILE",
        help=f"{', '.join(KERNEL_NAMES)}, or a .npy, .csv, .txt or .tsv file (default: edge)",
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
        "--mode",
        choices=MODES,
        default="same",
        help="pixels of the result: all that the kernel reaches, as many as the picture has, or "
        "those where the kernel lies within the picture (default: same)",
    )
    what.add_argument(
        "--boundary",
        choices=BOUNDARIES,
        default="symm",
        help="what lies outside the picture: --fillvalue, the picture again, or its mirror image "
        "(default: symm)",
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
        "--method", choices=METHODS, default="collapse", help="see above (default: collapse)"
    )
    how.add_argument(
        "--shots", type=int, default=1000, metavar="N", help="shots for each pixel (default: 1000)"
    )
    how.add_argument(
        "--tolerance",
        type=float,
        metavar="E",
        help="in place of --shots: the largest standard error of a pixel, in grey levels; as few "
        "executions as leave it",
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="no shots: what they would average to, computed from the circuit",
    )
    how.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="collapse: sample only differences from the centre pixel, which are small "
        "(default: yes)",
    )
    how.add_argument(
        "--allocation",
        choices=["even", "optimal"],
        help="collapse: the same shots for every pixel, or as many in all where they help most "
        "(default: even)",
    )
    how.add_argument(
        "--shared",
        action="store_true",
        default=None,
        help="collapse: all pixels use the same shots, which makes their errors alike",
    )
    how.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="diffusion: how often the kernel is applied (default: 1)",
    )
    how.add_argument(
        "--powers",
        type=_power,
        nargs="+",
        metavar="M",
        help="estimation: Grover steps of each circuit, each with --shots a pixel, or with its own "
        "as in 0:40 1:20 2:10; auto shares --shots out among powers of its choice (default: auto)",
    )
    how.add_argument(
        "--range",
        choices=RANGES,
        help="estimation: the range of grey levels that the flag covers, of the whole picture or "
        "around each pixel, which is narrower but takes longer (default: global)",
    )


def _add_place(how: argparse._ArgumentGroup) -> None:
    """Add what decides where circuits run, and how what they give is kept and read."""
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="where the circuit runs: aer, which measures every shot, or a device imitated with "
        "its noise, such as marrakesh (needs qiskit-ibm-runtime; a wrong name lists the right "
        "ones; default: the ideal simulator)",
    )
    how.add_argument(
        "--mitigation",
        choices=["readout"],
        help="with --backend: correct counts for readout errors, which are calibrated first, on "
        "the same qubits (collapse, diffusion, interference, fourier)",
    )
    how.add_argument(
        "--seed", type=int, metavar="N", help="repeats a run to the byte (default: a fresh one)"
    )
    how.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="keep what was gathered in this file (one for each colour, FILE-red and so on): the "
        "same command goes on from it, and adds to a finished one if it asks for more --shots",
    )
    how.add_argument(
        "--amplify",
        type=_rounds,
        metavar="N|auto",
        help="interference, fourier: rounds of amplitude amplification, by which fewer executions "
        "fail; auto takes as many as pay (default: 0)",
    )
    how.add_argument(
        "--read-out",
        choices=READ_OUTS,
        help="interference, fourier: estimates from counts, which have no bias, or from their "
        "roots, whose errors are smaller with --amplify (default: linear)",
    )


def _power(text: str) -> int | str | tuple[int, int]:
    """A number of Grover steps, one with its shots, or "auto"."""
    if text == "auto":
        return text
    parts = text.split(":")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(
            f"expected a whole number >= 0, one with its shots such as 4:10, or auto, got {text!r}"
        )
    return int(text) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def _rounds(text: str) -> int | str:
    """Rounds of amplification: a whole number, or "auto"."""
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0 or auto, got {text!r}")
    return text if text == "auto" else int(text)


def _add_layout(how: argparse._ArgumentGroup) -> None:
    """Add what decides how a whole picture is laid out on registers."""
    how.add_argument(
        "--padding",
        choices=PADDINGS,
        help="fourier: what is extended by zeros to the size of the registers: picture and kernel, "
        "the kernel from its first position on, the kernel around its centre, or neither; auto "
        "takes as few qubits as --mode and --boundary allow (default: auto)",
    )
    how.add_argument(
        "--blocks",
        choices=SCHEMES,
        help="diffusion, interference, fourier: one circuit for each block of the picture, whose "
        "results are added, or for each block of the result, which reads overlapping pieces",
    )
    how.add_argument(
        "--qubits",
        type=int,
        default=16,
        metavar="N",
        help="most qubits of a block's circuit (default: 16)",
    )
