"""The command ``qconv plan``, which compares the costs of all methods without running circuits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qconv.cli.convolve_options import METHODS
from qconv.cli.observables import add_question, observables_of, read_question
from qconv.cli.options import (
    Parser,
    UsageError,
    named_backend,
    require_place,
    shots,
)

#: Formats of `qconv.Plan.export` by the ending of a file.
_FORMATS = {".qasm": "openqasm3", ".qasm2": "openqasm2", ".qpy": "qpy"}

_DESCRIPTION = """\
Compare the costs of all methods for the convolution of a picture, without running circuits.

With --tolerance, the methods are sorted by the number of oracle calls that they need to reach
the tolerance. With --executions, the methods are sorted by their error with this number of
executions. Exactly one of these two options is required. A colour picture is converted to its
luminance. The costs of a stack are those of all its slices together.

With --method and --export, the circuits of one method are written as they run on a device.
With --observable and --method, the circuits estimate a number instead of the picture.
"""

_EPILOG = """\
examples:
  qconv plan --tolerance 5                 no standard error above 5 grey levels
  qconv plan photo.jpg --executions 1000000 --kernel sharpen
  qconv plan photo.jpg --tolerance 5 --kernel my_kernel.csv
  qconv plan --tolerance 5 --backend marrakesh
  qconv plan --executions 100000 --method collapse --export circuit.qasm
  qconv plan --executions 100000 --method fourier --fault-tolerant
  qconv plan --executions 100000 --method fourier --observable energy
"""


def parser() -> Parser:
    """Return the parser of all options."""
    made = Parser("qconv plan", _DESCRIPTION, _EPILOG)
    add_question(made, "what to convolve", "default: the picture")
    how = made.add_argument_group("error or cost")
    how.add_argument(
        "--tolerance",
        type=float,
        metavar="E",
        help="maximum standard error of any pixel, in the unit of the picture",
    )
    how.add_argument(
        "--executions",
        type=shots,
        metavar="N",
        help="approximate total number of executions of all circuits",
    )
    how.add_argument(
        "--backend",
        metavar="NAME",
        help="name of a backend, as for qconv; circuits are transpiled for this backend before "
        "their gates are counted (default: the ideal simulator)",
    )
    how.add_argument(
        "--method",
        choices=METHODS,
        help="method to plan, with its default options (default: compare all methods)",
    )
    how.add_argument(
        "--fault-tolerant",
        type=float,
        nargs="?",
        const=0.01,
        metavar="ERROR",
        help="print the price of --method on an error-corrected machine: qubits, T states and "
        "time. ERROR is the error budget of the answer (default: 0.01)",
    )
    what = made.add_argument_group("what to write")
    what.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="file for the circuits of --method: OpenQASM 3 (.qasm), OpenQASM 2 (.qasm2) or QPY "
        "(.qpy). A QPY file holds all circuits. In the other formats, several circuits have one "
        "file each, with a number before the ending",
    )
    what.add_argument("--overwrite", action="store_true", help="replace existing files")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` unless one of tolerance and executions is set."""
    options = parser().parse_args(arguments)
    if (options.tolerance is None) == (options.executions is None):
        raise UsageError("expected either --tolerance or --executions")
    for name in ("export", "fault_tolerant", "observable"):
        if getattr(options, name) is not None and options.method is None:
            raise UsageError(f"--{name.replace('_', '-')}: requires --method")
    error = options.fault_tolerant
    if error is not None and not 0 < error < 1:
        raise UsageError(f"--fault-tolerant: expected a number between 0 and 1, got {error:g}")
    if options.export is not None:
        inputs = {"IMAGE": options.image, "--kernel": options.kernel}
        overwrite = options.overwrite
        require_place("--export", options.export, tuple(_FORMATS), inputs, overwrite=overwrite)
    return options


def run(options: argparse.Namespace) -> str:
    """Compare the plans of all methods; return the text to print."""
    import qconv

    grey, kernel, batch, head = read_question(options, stacks=options.observable is None)
    where: dict[str, Any] = {"mode": options.mode, "boundary": options.boundary, **batch}
    where["backend"] = None if options.backend is None else named_backend(options.backend)
    method = None if options.method is None else getattr(qconv, METHODS[options.method])()
    if options.observable is not None:
        return _text([head, *_number(options, grey, kernel, {"method": method, **where})])
    alone: dict[str, Any] = {} if method is None else {"methods": [method]}
    compared = qconv.compare_methods(
        grey,
        kernel,
        tolerance=options.tolerance,
        executions=options.executions,
        progress=sys.stderr.isatty(),
        **alone,
        **where,
    )
    parts = [head, str(compared)]
    row = compared.rows[0]
    if row.cost is None and (options.fault_tolerant, options.export) != (None, None):
        raise UsageError(f"--method {options.method}: {row.obstacle}")
    if options.fault_tolerant is not None and row.cost is not None:
        parts.append(str(row.cost.fault_tolerant(options.fault_tolerant)))
    if options.export is not None:
        parts.append(_export(options, grey, kernel, method, where))
    return _text(parts)


def _text(parts: Sequence[str]) -> str:
    """Return the parts with empty lines between them."""
    return "\n\n".join(parts) + "\n"


def _number(
    options: argparse.Namespace, image: Any, kernel: Any, where: dict[str, Any]
) -> list[str]:
    """Plan a number; return its costs, and a line for what was written."""
    import qconv

    budget: dict[str, Any] = {"shots": options.executions, "tolerance": options.tolerance}
    budget = {name: given for name, given in budget.items() if given is not None}
    plan = qconv.plan(
        image,
        kernel,
        observable=observables_of(options),
        estimator=options.estimator,
        **budget,
        **where,
    )
    parts = [str(plan)]
    if options.fault_tolerant is not None:
        parts.append(str(plan.cost.fault_tolerant(options.fault_tolerant)))
    if options.export is not None:
        parts.append(_written(options, plan.on_device()))
    return parts


def _export(
    options: argparse.Namespace, image: Any, kernel: Any, method: Any, where: dict[str, Any]
) -> str:
    """Export the circuits of a method for a picture."""
    import qconv

    plan: qconv.Plan = qconv.plan(
        image, kernel, method=method, tolerance=options.tolerance, **where
    )
    if options.executions is not None:
        fixed = method.executions(plan.grid.pixels, 1)
        shots = max(1, options.executions // fixed)
        plan = qconv.plan(image, kernel, method=method, shots=shots, **where)
    return _written(options, plan.on_device())


def _written(options: argparse.Namespace, plan: Any) -> str:
    """Write the circuits of a plan for a device; return a line that states what was written."""
    from qconv.planning.export import paths_for

    path: Path = options.export
    executions = [f"{number:,}" for number in plan.executions]
    if not options.overwrite:
        for file in paths_for(path, 1 if path.suffix.lower() == ".qpy" else len(executions)):
            require_place("--export", file, tuple(_FORMATS), {}, overwrite=False)
    plan.export(_FORMATS.get(path.suffix.lower(), "openqasm3"), path)
    circuits = "1 circuit" if len(executions) == 1 else f"{len(executions)} circuits"
    return f"exported {circuits} to {path}\nexecutions: {', '.join(executions)}"
