"""Comparison of methods by the cost of their plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from numpy.typing import ArrayLike
from qiskit.providers import BackendV2

from qconv._checks import boolean, convolution, numpy_defaults, shot_number
from qconv._memory import available_memory
from qconv._progress import progress_bar
from qconv.execution.device.backends import Backend
from qconv.execution.device.physical import target_of
from qconv.grid import NO_FILLVALUE, value_outside
from qconv.methods.amplitude_estimation.method import AmplitudeEstimation
from qconv.methods.blocks import Blocks
from qconv.methods.collapse.method import Collapse
from qconv.methods.whole_image.diffusion import Diffusion
from qconv.methods.whole_image.fourier import Fourier
from qconv.methods.whole_image.interference import Interference
from qconv.planning.allocation import check_tolerance
from qconv.planning.axes import Axes
from qconv.planning.build import laid_out
from qconv.planning.cost import Cost
from qconv.planning.method import Method, check_method
from qconv.planning.options import Requested
from qconv.planning.plan import Plan
from qconv.propagator import Propagator

#: Methods that are compared by default.
METHODS: tuple[Method, ...] = (
    Collapse(),
    Collapse(baseline=True),
    Collapse(baseline=True, allocation="optimal"),
    Collapse(baseline=True, shared=True),
    Diffusion(),
    Interference(),
    Interference(signed=False),
    Interference(amplify="auto", read_out="root"),
    Fourier(),
    Fourier(signed=False),
    Fourier(amplify="auto"),
    Fourier(amplify="auto", read_out="root"),
    AmplitudeEstimation(),
    AmplitudeEstimation(range="local"),
    Blocks(Fourier(), "overlap-save"),
)


@dataclass(frozen=True, eq=False)
class Planned:
    """Cost of one method, or the reason why it cannot run."""

    method: Method
    """Method with its options."""
    cost: Cost | None
    """Cost of the method's plan; None if no plan could be made."""
    obstacle: str = ""
    """Reason why the method cannot run here or on the device; empty if it can run."""

    @property
    def possible(self) -> bool:
        """Whether the method can run."""
        return not self.obstacle


@dataclass(frozen=True, eq=False)
class MethodComparison:
    """Costs of methods, in ascending order; ``print`` shows them as a table.

    Example:
        >>> import qconv
        >>> methods = [qconv.Collapse(), qconv.Collapse(baseline=True)]
        >>> compared = qconv.compare_methods(
        ...     [10, 11, 12, 11], [1, -2, 1], tolerance=1.0, methods=methods, mode="valid"
        ... )
        >>> [row.cost.executions for row in compared.rows]
        [4, 4060]
    """

    rows: tuple[Planned, ...]
    """Methods that can run, in ascending order of cost, and then all other methods."""
    by_error: bool
    """Whether methods are ranked by predicted error; if not, by oracle calls."""

    @property
    def best(self) -> Planned | None:
        """Cheapest method that can run; None if no method can."""
        return next((row for row in self.rows if row.possible), None)

    @numpy_defaults
    def __str__(self) -> str:
        head = (
            *("method", "qubits", "2-qubit gates", "without image", "executions", "oracle calls"),
            *("success", "rmse", "memory"),
        )
        lines = [head, *(_cells(row.method, row.cost) for row in self.rows if row.cost)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(
                text.ljust(width) if number == 0 else text.rjust(width)
                for number, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        cannot = [f"{_name(row.method)}: {row.obstacle}" for row in self.rows if not row.possible]
        order = "root mean square error" if self.by_error else "oracle calls"
        notes = [f"sorted by {order}"]
        return "\n".join([*table, *notes, *(["cannot run:", *cannot] if cannot else [])])


@convolution
def compare_methods(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    *,
    tolerance: float | tuple[str, float] | None = None,
    executions: int | None = None,
    methods: Sequence[Method] = METHODS,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = NO_FILLVALUE,
    cval: float | None = None,
    axes: Axes | None = None,
    channel_axis: int | None = None,
    backend: Backend = None,
    progress: bool = False,
) -> MethodComparison:
    """Compare the costs of methods for the same convolution; nothing runs.

    Args:
        image: Image, as for `qconv.convolve`.
        kernel: Kernel, as for `qconv.convolve`.
        tolerance: Standard error that no pixel may exceed, or ``("rms", error)``; methods are
            ranked by oracle calls. None if ``executions`` is given.
        executions: Approximate total number of executions; methods are ranked by predicted error.
            None if ``tolerance`` is given.
        methods: Methods to compare, with their options.
        mode: ``full``, ``same`` or ``valid``, as for `qconv.convolve`.
        boundary: Values outside the image, by any of the names that `qconv.convolve` accepts.
        fillvalue: Value outside the image with ``fill``, as for `qconv.convolve`.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        axes: Axes that are convolved, as for `qconv.convolve`; None for all except the channels.
        channel_axis: Axis of the channels, as for `qconv.convolve`; None for no channels.
        backend: Device for which gates are counted; its number of qubits limits the methods. None
            for the simulator.
        progress: Whether to show a progress bar (needs tqdm).

    Returns:
        A comparison with one row per method: qubits, two-qubit gates (with and without loading the
        image), executions, oracle calls, success probability, predicted root mean square error, and
        memory.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If neither or both of ``tolerance`` and ``executions`` are given, if
            ``methods`` is empty, or if an argument has a wrong value.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.random.default_rng(7).random((8, 8))
        >>> edge = qconv.named_kernel("edge")
        >>> compared = qconv.compare_methods(image, edge, executions=10_000, mode="same")
        >>> compared.best.method
        Collapse(shared=True, baseline=True, allocation='even')
    """
    if (tolerance is None) == (executions is None):
        raise ValueError(
            "tolerance: expected either a tolerance or executions, got "
            f"{'neither' if tolerance is None else 'both'}"
        )
    check_tolerance(tolerance)
    compared = _checked(methods)
    outside = value_outside(fillvalue, cval)
    number = None if executions is None else shot_number(executions, "executions")

    def plan_for(method: Method, **sampling: Any) -> Plan:
        requested = Requested.checked({"backend": backend, **sampling}, method)  # type: ignore[typeddict-item]
        where = {"mode": mode, "boundary": boundary, "fillvalue": outside, "flipped": True}
        batch = {"axes": axes, "channel_axis": channel_axis}
        return laid_out(image, kernel, requested, method=method, **where, **batch)

    plan_for(Collapse())  # raises errors that concern all methods
    rows = []
    with progress_bar(len(compared), "method", show=boolean(progress, "progress")) as done:
        for method in compared:
            rows.append(_planned(plan_for, method, tolerance, number))
            done.update()
    rows.sort(key=lambda row: _order(row, by_error=tolerance is None))
    return MethodComparison(tuple(rows), by_error=tolerance is None)


def _checked(given: object) -> list[Method]:
    """Check a list of at least one method."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"methods: expected a list of methods such as [qconv.Collapse()], got {given!r}"
        )
    found = [check_method(method) for method in given]
    if not found:
        raise ValueError("methods: expected at least one, got none")
    return found


def _planned(
    plan_for: Callable[..., Plan],
    method: Method,
    tolerance: float | tuple[str, float] | None,
    executions: int | None,
) -> Planned:
    """Plan one method and compute its cost."""
    try:
        if executions is None:
            planned = plan_for(method, tolerance=tolerance)
        else:
            planned = _with_executions(plan_for, method, executions)
        cost = planned.cost
    except (TypeError, ValueError) as error:
        return Planned(method, None, " ".join(str(error).split()))
    return Planned(method, cost, _obstacle(planned, cost))


def _with_executions(plan_for: Callable[..., Plan], method: Method, executions: int) -> Plan:
    """Plan about the given number of executions."""
    one = plan_for(method)
    pixels = one.grid.pixels
    if method.whole_image:
        return replace(one, total=executions, shots=max(1, round(executions / pixels)))
    fixed = method.executions(pixels, 1)
    if fixed == method.executions(pixels, 2):  # independent of the shots
        if fixed > executions:
            raise ValueError(f"needs at least {fixed:,} executions")
        return one
    shots = executions // fixed
    if shots < method.least_shots:
        least = method.executions(pixels, method.least_shots)
        raise ValueError(f"needs at least {least:,} executions")
    return plan_for(method, shots=shots)


def _obstacle(planned: Plan, cost: Cost) -> str:
    """Return why a plan cannot run; empty if it can."""
    target = target_of(planned.sampling.backend)
    if isinstance(target, BackendV2) and not planned.simulated:
        room = target.num_qubits
        if room is not None and cost.filtering.qubits > room:
            return f"needs {cost.filtering.qubits} qubits, the device has {room}"
        return ""
    if cost.memory > available_memory():
        return f"needs {cost.memory / 2**30:.3g} GiB to simulate"
    return ""


def _order(row: Planned, *, by_error: bool) -> tuple[bool, float]:
    """Return the sort key of a row."""
    if row.cost is None:
        return True, 0.0
    error = float("inf") if row.cost.rmse is None else row.cost.rmse
    return not row.possible, error if by_error else float(row.cost.oracle_calls)


def _name(value: object) -> str:
    """Write a method with the options that differ from their defaults."""
    if not isinstance(value, Method) or not is_dataclass(value):
        return repr(value)
    given = [
        f"{part.name}={_name(getattr(value, part.name))}"
        for part in fields(value)
        if getattr(value, part.name) != part.default
    ]
    return f"{type(value).__name__}({', '.join(given)})"


def _cells(method: Method, cost: Cost) -> tuple[str, ...]:
    """Return the cells of one line of the table."""
    most = "<= " if cost.bounds else ""
    success = "" if cost.expected_success is None else f"{cost.expected_success:.4g}"
    return (
        _name(method),
        f"{cost.qubits}",
        f"{most}{cost.two_qubit_gates:,}",
        f"{cost.filter_gates:,}",
        f"{cost.executions:,}",
        f"{cost.oracle_calls:,}",
        success,
        "" if cost.rmse is None else f"{cost.rmse:.4g}",
        f"{cost.memory / 2**20:,.1f} MiB",
    )
