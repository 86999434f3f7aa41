"""Options of the command ``qconv``, separate from the slow imports of the code that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from qconv.cli.kernels import add_kernel, list_kernels
from qconv.cli.options import (
    Parser,
    UsageError,
    add_checkpoint,
    add_geometry,
    add_outputs,
    add_volume,
    require_sampling,
    shots,
)

#: Class of each method in `qconv`, by the name of the method on the command line.
METHODS = {
    "collapse": "Collapse",
    "diffusion": "Diffusion",
    "interference": "Interference",
    "fourier": "Fourier",
    "estimation": "AmplitudeEstimation",
}

#: File name endings of the formats of a convolved picture.
FORMATS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".ppm", ".pnm", ".npy", ".npz")

#: Types of numbers in written files; each kind of file holds some of them.
OUT_TYPES = (
    *("input", "uint8", "int8", "uint16", "int16", "uint32", "int32"),
    *("float16", "float32", "float64"),
)

#: Copies of choices that the library defines in modules that are slow to import.
RANGES = ("global", "local")
SCHEMES = ("overlap-add", "overlap-save")
PADDINGS = ("auto", "both", "kernel", "wrapped", "none")
READ_OUTS = ("linear", "root")

_DESCRIPTION = """\
Convolve a picture with a kernel, a small array of numbers, by measuring a quantum circuit.

The magnitudes of the kernel are normalised to probabilities. Together with the signs of the
kernel, these probabilities form the propagator. A few qubits encode the probabilities as
squared amplitudes. One run of the circuit, with its measurement, is a shot. Each shot of a
pixel selects one kernel position at random, with these probabilities. The average over
--shots shots estimates the convolution. Other methods encode the whole picture in one circuit.

The command writes the measured picture and a figure. The figure shows the input, the exact
convolution, the measured picture, its standard error and the propagator. The command also
prints a comparison with the exact convolution and the cost of the circuit. The channels of
a colour picture and the slices of a stack are convolved separately. All numbers are in the unit
of the input: nothing is scaled, except in pictures for display.

methods:
  collapse      One small circuit serves all pixels. Each shot selects a kernel position.
  diffusion     The picture is a cloud of particles. Each particle moves --steps times, by
                random displacements that the kernel gives.
  interference  Shifted copies of the picture's amplitudes interfere. Most shots fail if the
                copies cancel.
  fourier       The picture's amplitudes are filtered between two Fourier transforms.
  estimation    The value of each pixel is encoded as the rotation angle of a qubit, the flag.
                Grover steps multiply this angle, so the error falls as 1/cost instead of
                1/sqrt(cost). See --powers.

kernels, with their options:
{kernels}

other commands:
  qconv match IMAGE TEMPLATE    find a small picture in a large one
  qconv estimate                measure one number of a filtered picture
  qconv plan                    compare the costs of all methods
  qconv explore                 open an interactive page in the browser
"""

_EPILOG = """\
examples:
  qconv                                    write the edges of a photograph to result.png
  qconv photo.jpg --kernel gaussian --size 7 --shots 200
  qconv photo.jpg --kernel gaussian-x --sigma 2
  qconv photo.jpg --kernel unsharp:sigma=2,amount=1.5
  qconv photo.png --kernel my_kernel.csv --mode full --boundary wrap --out mine.png
  qconv --kernel sobel-x --no-baseline     each shot gives a grey level, not a difference
  qconv --method diffusion --kernel gaussian --steps 4
  qconv --method interference --shots 100000
  qconv --method fourier --amplify auto --read-out root --shots 2000
  qconv --method estimation --shots 100
  qconv --method fourier --blocks overlap-add --qubits 14
  qconv cells.tif --kernel gaussian --out cells_g.tif --stderr cells_e.tif
  qconv scans/ --kernel gaussian --shots 100 --out-dir smooth
  qconv scan.tif --shots 100000 --checkpoint scan.npz     resumes if interrupted
  qconv --tolerance 10                     no standard error above 10 grey levels
  qconv --backend marrakesh                with the noise of a fake backend
  qconv --backend marrakesh --mitigation readout
"""

#: Methods that accept each option. Other methods reject the option, and the message lists these.
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
    """Return the parser of all options."""
    from qconv import __version__

    made = Parser("qconv", _DESCRIPTION.format(kernels=list_kernels()), _EPILOG)
    made.add_argument("--version", action="version", version=f"qconv {__version__}")
    _add_what(made)
    sampling = made.add_argument_group("how to sample")
    _add_sampling(sampling)
    _add_place(sampling)
    _add_layout(made.add_argument_group("how to encode a whole picture"))
    _add_files(made)
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` for an option that is wrong or has no effect."""
    options, given = parser().parse_intermixed_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots", "tolerance", "allocation", "shared", "stderr")
    if {"shots", "tolerance"} <= given:
        raise UsageError("--tolerance: determines the shots, so it cannot be combined with --shots")
    if "auto" in (options.powers or ()):
        if len(options.powers) > 1:
            raise UsageError(
                "--powers: auto chooses the powers, so it cannot be combined with others"
            )
        options.powers = "auto"
    if has_own_shots(options):
        for name in {"shots", "tolerance"} & given:
            raise UsageError(f"--{name}: cannot be combined with --powers of the form M:N")
    if options.mitigation is not None and options.backend is None:
        raise UsageError(
            "--mitigation: requires --backend, because an ideal simulator has no errors"
        )
    if {"fillvalue", "cval"} <= given:
        raise UsageError("--cval: cannot be combined with --fillvalue, which means the same")
    for name in {"fillvalue", "cval"} & given:
        options.fillvalue = getattr(options, name)
        if options.boundary != "fill":
            raise UsageError(f"--{name}: requires --boundary fill, got {options.boundary}")
    for name, methods in OPTIONS.items():
        if getattr(options, name) is not None and options.method not in methods:
            raise UsageError(
                f"--{name.replace('_', '-')}: requires --method {' or '.join(methods)}, got "
                f"{options.method}"
            )
    if "qubits" in given and options.blocks is None:
        raise UsageError("--qubits: requires --blocks, because it limits the circuits of blocks")
    return options


def has_own_shots(options: argparse.Namespace) -> bool:
    """Return whether --powers sets the numbers of shots."""
    return any(isinstance(power, tuple) for power in options.powers or ())


def _add_what(parser: Parser) -> None:
    """Add the options for picture, kernel and geometry."""
    what = parser.add_argument_group("what to convolve")
    what.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="pictures, stacks of pictures (TIFF), arrays (.npy, .npz) or directories of them; - "
        "is standard input (default: a photograph from scikit-image)",
    )
    add_volume(what)
    add_kernel(what, "above")
    what.add_argument(
        "--softmax",
        type=float,
        metavar="T",
        help="replace the kernel by its softmax at temperature T",
    )
    add_geometry(what)
    what.add_argument(
        "--fillvalue",
        type=float,
        default=0.0,
        metavar="G",
        help="value outside the picture with --boundary fill, in the unit of the picture "
        "(default: 0)",
    )
    what.add_argument("--cval", type=float, metavar="G", help="another name of --fillvalue")


def _add_sampling(how: argparse._ArgumentGroup) -> None:
    """Add the method, its shots and its options."""
    how.add_argument(
        "--method",
        choices=METHODS,
        default="collapse",
        help="method of convolution, see above (default: collapse)",
    )
    how.add_argument(
        "--shots", type=shots, default=1000, metavar="N", help="shots per pixel (default: 1000)"
    )
    how.add_argument(
        "--tolerance",
        type=float,
        metavar="E",
        help="maximum standard error of any pixel, in the unit of the picture. Instead of --shots, "
        "the fewest executions that reach this error are used",
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="compute the exact expectation from the circuit, without shots",
    )
    how.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="collapse: sample the differences from the pixel under the centre of the kernel, "
        "which are small where the picture is smooth (default: yes)",
    )
    how.add_argument(
        "--allocation",
        choices=["even", "optimal"],
        help="collapse: give every pixel the same number of shots (even), or distribute the same "
        "total to minimise the error (optimal) (default: even)",
    )
    how.add_argument(
        "--shared",
        action="store_true",
        default=None,
        help="collapse: use the same shots for all pixels, which takes fewer executions but "
        "correlates the errors of the pixels",
    )
    how.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="diffusion: number of applications of the kernel (default: 1)",
    )
    _add_estimation(how)


def _add_estimation(how: argparse._ArgumentGroup) -> None:
    """Add the options of amplitude estimation."""
    how.add_argument(
        "--powers",
        type=_power,
        nargs="+",
        metavar="M",
        help="estimation: number of Grover steps of each circuit. Every circuit takes --shots per "
        "pixel, unless M:N sets its shots, as in 0:40 1:20. auto chooses the numbers of steps and "
        "distributes --shots among the circuits (default: auto)",
    )
    how.add_argument(
        "--range",
        choices=RANGES,
        help="estimation: range of grey levels that the flag's angle represents, of the whole "
        "picture (global) or around each pixel (local). A local range is narrower, but takes "
        "longer to compute (default: global)",
    )


def _add_place(how: argparse._ArgumentGroup) -> None:
    """Add the options for the backend, for seed and checkpoint, and for post-selection."""
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="backend that runs the circuit: aer, which simulates every shot, or a fake backend "
        "with the noise of a device, such as marrakesh. Fake backends need qiskit-ibm-runtime. The "
        "message about an unknown name lists all backends (default: the ideal simulator)",
    )
    how.add_argument(
        "--mitigation",
        choices=["readout"],
        help="with --backend: correct the counts for readout errors, which are first calibrated "
        "on the same qubits (collapse, diffusion, interference, fourier)",
    )
    how.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed; the same seed gives bit-identical results (default: random)",
    )
    add_checkpoint(how)
    how.add_argument(
        "--amplify",
        type=_rounds,
        metavar="N|auto",
        help="interference, fourier: number of rounds of amplitude amplification. These rounds "
        "reduce the number of failed executions. auto chooses the most efficient number "
        "(default: 0)",
    )
    how.add_argument(
        "--read-out",
        choices=READ_OUTS,
        help="interference, fourier: estimator of the result. linear uses the counts and is "
        "unbiased. root uses the square roots of the counts, and has smaller errors with --amplify "
        "(default: linear)",
    )


def _add_files(parser: Parser) -> None:
    """Add the options for files to write."""
    files = add_outputs(
        parser,
        None,
        "file for the measured picture, in the unit of the input. .tif and .npy hold the numbers, "
        ".npz the whole result (see qconv.load). Other formats hold grey levels for display. - is "
        "standard output (default: result.png, or result.tif if a PNG cannot hold the numbers)",
    )
    files.add_argument(
        "--out-type",
        choices=OUT_TYPES,
        help="type of the written numbers, which are rounded and clipped if necessary. input keeps "
        "the type of the input (default: floating point in .tif and .npy, grey levels in other "
        "formats)",
    )
    files.add_argument(
        "--stderr",
        type=Path,
        metavar="FILE",
        help="file for the standard errors of the pixels; with --out-dir, a directory",
    )
    files.add_argument(
        "--out-dir",
        type=Path,
        metavar="DIR",
        help="directory for the results of several pictures, created if necessary. Each file has "
        "the name of its picture",
    )
    files.add_argument(
        "--format",
        choices=[ending[1:] for ending in FORMATS],
        help="format of files that are named automatically, and of pipes without a file name "
        "ending (default: the format of the input, or png)",
    )


def _power(text: str) -> int | str | tuple[int, int]:
    """Parse a number of Grover steps, with or without its shots, or "auto"."""
    if text == "auto":
        return text
    parts = text.split(":")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(
            f"expected an integer >= 0, with or without shots as in 4:10, or auto, got {text!r}"
        )
    return int(text) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def _rounds(text: str) -> int | str:
    """Parse a number of rounds of amplification, or "auto"."""
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected an integer >= 0 or auto, got {text!r}")
    return text if text == "auto" else int(text)


def _add_layout(how: argparse._ArgumentGroup) -> None:
    """Add the options for encoding a whole picture in registers of qubits."""
    how.add_argument(
        "--padding",
        choices=PADDINGS,
        help="fourier: which arrays are padded with zeros to the size of the registers. both: "
        "picture and kernel. kernel: only the kernel, with its first element at index 0. "
        "wrapped: only the kernel, with its centre at index 0. none: no array. auto: the choice "
        "with the fewest qubits that --mode and --boundary allow (default: auto)",
    )
    how.add_argument(
        "--blocks",
        choices=SCHEMES,
        help="diffusion, interference, fourier: convolve the picture in blocks, with one circuit "
        "each. overlap-add: one circuit per block of the picture, whose results are added. "
        "overlap-save: one circuit per block of the result, from overlapping pieces of the "
        "picture",
    )
    how.add_argument(
        "--qubits",
        type=int,
        default=16,
        metavar="N",
        help="maximum number of qubits of a block's circuit (default: 16)",
    )
