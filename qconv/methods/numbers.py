"""Plans of numbers, made from the arguments of `qconv.plan` and `qconv.estimate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from qconv._checks import one_of, real_number
from qconv.methods.options import check_options
from qconv.observables.observable import Observable
from qconv.planning.build import laid_out
from qconv.planning.number_plan import NumberPlan
from qconv.planning.options import Requested, SamplingOptions
from qconv.propagator import Propagator

ESTIMATORS = ("sampling", "amplitude", "schedule")

#: Oracle calls without ``shots`` and ``tolerance``.
DEFAULT_CALLS = 10_000


def number_plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    observable: Observable | Sequence[Observable],
    estimator: str,
    sampling: SamplingOptions,
    refused: Mapping[str, str] | None = None,
    **where: Any,
) -> tuple[NumberPlan, Requested]:
    """Check the arguments of a call, and make the plan of its numbers.

    Args:
        image: Image, as for `qconv.convolve`.
        kernel: Kernel, as for `qconv.convolve`.
        observable: One observable, or several of one circuit.
        estimator: One of `ESTIMATORS`.
        sampling: Options of measurement.
        refused: Reasons for which the function rejects options, by name; None for no reasons.
        where: Method and geometry, as for `qconv.planning.build.laid_out`.

    Returns:
        The plan, and the checked options.
    """
    one_of(estimator, "estimator", ESTIMATORS)
    alone = not isinstance(observable, Sequence)
    observables: Any = (observable,) if alone else tuple(observable)  # type: ignore[arg-type]
    for each in observables:
        if not isinstance(each, Observable):
            raise TypeError(f"observable: expected an object like qconv.Energy(), got {each!r}")
    if not observables or (len(observables) > 1 and estimator != "sampling"):
        raise ValueError(
            f"observable: expected {'one' if observables else 'at least one'} observable for "
            f"estimator={estimator!r}, got {len(observables)}; circuits that amplify one number "
            "do not amplify another"
        )
    relative, sampling = _relative(sampling)
    requested = check_options(
        sampling, where["method"], default_shots=DEFAULT_CALLS, refused=refused
    )
    if requested.sampling.mitigation is not None and estimator != "sampling":
        raise ValueError(
            f"mitigation: expected estimator='sampling', got {estimator!r}, whose fitted damping "
            "includes readout errors"
        )
    tolerance = requested.tolerance
    picture = laid_out(image, kernel, replace(requested, shots=None, tolerance=None), **where)
    if not picture.method.loads_exactly:
        raise ValueError(
            f"preparation: expected 'exact' for observables, got {picture.method!r}; the error of "
            "approximate loading is known for pictures only"
        )
    made = NumberPlan(picture, observables, estimator, requested.shots, alone)
    if tolerance is not None:
        made = made.with_error(tolerance.error, relative=relative)
    return made, requested


def _relative(sampling: SamplingOptions) -> tuple[bool, SamplingOptions]:
    """Return whether a tolerance is relative, and the options with the tolerance as a number.

    Raises:
        ValueError: If a relative tolerance is not above 0.
    """
    given = sampling.get("tolerance")
    if not isinstance(given, tuple | list):
        return False, sampling
    if len(given) != 2 or given[0] != "relative":
        raise ValueError(f"tolerance: expected a number or ('relative', number), got {given!r}")
    fraction = real_number(given[1], "tolerance")
    if fraction <= 0:
        raise ValueError(f"tolerance: expected a number above 0, got {given!r}")
    return True, {**sampling, "tolerance": fraction}
