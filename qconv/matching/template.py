"""Templates: finding a small picture in a large one, or a few seconds of sound in a recording.

A place where a template fits is a bright spot of a correlation. In Fourier space the correlation
with a template ``t`` of spectrum ``T`` multiplies every frequency of the image by the conjugate of
``T``. What of that is left out, and where it is done, are the filters:

* ``phase``: the phase-only matched filter ``conj(T) / |T|``. All factors have modulus 1, so the
  filter is *unitary*: amplitudes ``I(x) / |I|``, a quantum Fourier transform, one diagonal of
  phases, the transform back. No flag, no post-selection: every execution gives a place, and where
  the template fits all frequencies arrive in phase, so that the spot is a single pixel, sharp
  enough to be found by a few measurements.
* ``correlation``: ``conj(T) / max|T|`` itself, whose magnitude takes a flag that must read 0; or
  any other method of `qconv.correlate`.
* ``normalized``: the same circuits; afterwards a classical computer divides by the norms of the
  template and of every window of the image, all less their means (Pearson's coefficient). These
  norms it computes from the whole image, by three convolutions with a box.

Amplitudes are spent on what distinguishes positions: ``phase`` first standardises image and
template locally, classically, over windows of a quarter of the template's sides
(`qconv.matching.standardise`); the other two subtract the means.

Each shot of a circuit that holds the whole image is one position. The circuit proposes, a classical
check decides: the positions with the most shots are compared with the template pixel by pixel
(`qconv.matching.verification`), and the most similar one is the answer. Its certainty follows from
the counts (`qconv.matching.posterior`) and this check together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit
from scipy.signal import fftconvolve

from qconv._checks import numpy_defaults, one_of, real_array
from qconv.execution.device.backends import is_ideal
from qconv.execution.simulate.probabilities import require_room
from qconv.filtering import filter_plan
from qconv.matching.posterior import from_counts, from_estimates
from qconv.matching.standardise import standardised, window_of, without_units
from qconv.matching.verification import EQUAL, certainty, looked_at
from qconv.methods.options import check_options
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.fourier import Fourier
from qconv.planning.build import laid_out
from qconv.planning.method import Method
from qconv.planning.options import Requested, SamplingOptions
from qconv.planning.plan import Plan
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

FILTERS = ("phase", "correlation", "normalized")

#: Executions altogether, if none are given.
DEFAULT_SHOTS = 10_000

#: Sampling options that mean nothing here.
_REFUSED = {
    "tolerance": "a position has no standard error; give shots",
    "checkpoint": "a match is one short run, which is not saved; run it again with its seed",
}

#: A variance below this part of the mean square is rounding, and so is a frequency below the second
#: part of the strongest.
_ROUNDING, _SILENT = 1e-12, 1e-9


@dataclass(frozen=True, eq=False)
class Match:
    """Where a template was found, how sure that is, and the sampled map behind it.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.random.default_rng(7).random((32, 32))
        >>> match = qconv.match_template(image, image[5:17, 9:21], shots=1000, seed=7)
        >>> match.map.shape  # one number for each place where the template fits into the image
        (21, 21)
        >>> match.candidates[0]  # the most similar of the places that were compared
        array([5, 9])
        >>> match.certainty > 0.99
        True
    """

    position: tuple[int, ...]
    """Place of the template's first element in the image: ``candidates[0]``."""
    certainty: float
    """Probability, from the shots and the look, that no place of the whole image is more similar,
    but for places one step away: that looking everywhere would give the same answer. 1 if every
    place was looked at, or the answer is a perfect copy; places that are seen to be equally similar
    share it. Of the answers that are more than 80 % sure about as many are right; less sure ones
    are right more often than they say. It does not say whether the template is in the image at all:
    the similarity does. See `qconv.matching.verification`."""
    similarity: float
    """How alike the template and the image are at the place: their normalised correlation there
    (-1 to 1; 1: a copy, but for brightness and contrast), computed classically."""
    candidates: NDArray[np.int64]
    """Places that were looked at, the most similar first, shape ``(n, axes)``: those that lead by
    the shots, with the pixels of two images altogether, at least 200; and some neighbours."""
    similarities: NDArray[np.float64]
    """Of the candidates, shape ``(n,)``."""
    map: NDArray[np.float64]
    """How well the template fits at every place where it lies inside the image, shape
    ``image.shape - template.shape + 1``; converges to `classical.match_template`, or its magnitude
    where the method is not signed."""
    stderr: NDArray[np.float64]
    """Standard error of ``map``, same shape and unit; 0 where it is exact."""
    counts: NDArray[np.int64] | None
    """How many shots gave each place, shape of ``map``; None where the map is not made of counts,
    as when it is exact or has signs."""
    count_unit: NDArray[np.float64] | None
    """The magnitude at which one shot is expected at a place, shape of ``map``; None without
    ``counts``."""
    shots: int | None
    """Executions of the circuit altogether; None for the exact expectation."""
    success_probability: float
    """Part of the executions that were of use; 1 with a phase filter, which needs no flag."""
    circuits: tuple[QuantumCircuit, ...]
    """The circuits that ran, before transpiling, with named registers. With the filter ``phase``
    ``row`` and ``column`` are measured as the place itself."""

    @property
    def percent(self) -> str:
        """The certainty as text, which never claims more than it knows."""
        known = self.shots is None and self.certainty == 1
        rounded = f"{100 * self.certainty:.2f} %"
        return "> 99.99 %" if self.certainty > 0.9999 and not known else rounded

    def __str__(self) -> str:
        rows = [
            ("position", ", ".join(map(str, self.position))),
            ("certainty", self.percent),
            ("similarity", f"{self.similarity:.4f}, of {len(self.candidates):,} places looked at"),
            ("shots", "exact expectation" if self.shots is None else f"{self.shots:,}"),
            ("success probability", f"{self.success_probability:.6g}"),
            ("places", " x ".join(map(str, self.map.shape))),
        ]
        return "\n".join(f"{name:<22}{text}" for name, text in rows)


@numpy_defaults
def match_template(
    image: ArrayLike,
    template: ArrayLike,
    *,
    filter: str = "phase",
    method: Method = Fourier(signed=False),  # noqa: B008  (frozen)
    **sampling: Unpack[SamplingOptions],
) -> Match:
    """Find a template in an image, or in a signal, by measuring a quantum circuit.

    Shots propose places; a classical computer then compares these places, and no others, with the
    template: twice the pixels of the image, or 200 times the template's if they are more. Before,
    ``"phase"`` standardises image and template classically. Neither costs a circuit.

    Args:
        image: Real array with 1 or 2 axes, any unit, not constant.
        template: Real array with as many axes, no larger than the image, not constant.
        filter: ``"phase"`` (sharp spots, success probability 1), ``"correlation"``, or
            ``"normalized"`` (from -1 to 1 but for sampling errors, by classical work on every
            window; see the module).
        method: ``"phase"`` needs a `Fourier`. One that is not signed gives magnitudes: an inverted
            copy of the template is as bright as the template, until it is looked at.
        sampling: How to measure, see `SamplingOptions`. Here ``shots`` are the executions of the
            circuit altogether, at most (or one for each of the `Blocks`, if they are more), 10,000
            by default: `Fourier`, `Interference`, `Diffusion`, `Blocks` of them and
            ``Collapse(shared=True)`` use all of them for every place; the other methods share them
            out among the places. ``tolerance`` and ``checkpoint`` are refused.

    Returns:
        The place, how similar it is and how sure that is, and the map that was sampled.

    Raises:
        TypeError: An argument is of the wrong type, or complex.
        ValueError: The template is larger than the image, one of them is constant, empty or not
            finite, or has not 1 or 2 axes; ``filter`` is unknown or does not go with ``method``;
            fewer shots than places to share them out to; or the circuit would not fit in memory.
        RuntimeError: A backend failed.

    Source:
        Horner and Gianino, Applied Optics 23, 812 (1984) (phase-only matched filter); Lewis, Vision
        Interface 120 (1995), section 2 (normalised correlation).

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.random.default_rng(7).random((32, 32))
        >>> match = qconv.match_template(image, image[5:17, 9:21], shots=1000, seed=7)
        >>> match.position
        (5, 9)
        >>> print(f"{match.similarity:.3f}")
        1.000
    """
    x, t = _checked(image, template)
    if filter == "normalized":
        x, t = without_units(x), without_units(t)
    found = match_plan(x, t, filter, method, **sampling)
    norms = _window_norms(x, t) if filter == "normalized" else None
    return _matched(found.run(sampling.get("progress", False)), found.shots, (x, t), norms)


def _checked(image: ArrayLike, template: ArrayLike) -> tuple[_Array, _Array]:
    x, t = real_array(image, "image"), real_array(template, "template")
    if x.ndim not in (1, 2):
        raise ValueError(f"image: expected 1 or 2 axes, got {x.ndim} (shape {x.shape})")
    if t.ndim != x.ndim:
        raise ValueError(
            f"template: expected as many axes as the image, {x.ndim}, got {t.ndim} "
            f"(shape {t.shape})"
        )
    if any(h > n for h, n in zip(t.shape, x.shape, strict=True)):
        raise ValueError(
            f"template: expected a shape no larger than the image, {x.shape}, got {t.shape}"
        )
    for name, array in (("image", x), ("template", t)):
        if array.min() == array.max():
            raise ValueError(f"{name}: expected different values, got {array.flat[0]} everywhere")
    return x, t


@numpy_defaults
def match_plan(
    image: ArrayLike,
    template: ArrayLike,
    filter: str = "phase",
    method: Method = Fourier(signed=False),  # noqa: B008  (frozen)
    **sampling: Unpack[SamplingOptions],
) -> Plan:
    """The filter as a convolution, with all shots that it may have.

    Arguments and errors are those of `match_template`.
    """
    x, t = _checked(image, template)
    requested = check_options(sampling, method, default_shots=DEFAULT_SHOTS, refused=_REFUSED)
    if method.steps > 1:
        raise ValueError(f"method: expected one that applies the kernel once, got {method!r}")
    if one_of(filter, "filter", FILTERS) != "phase":
        return _correlation_plan(x, t, method, requested)
    placed = method.in_place() if method.unitary_filters else None
    if placed is None:
        raise ValueError(
            "method: expected qconv.Fourier(...), on a ring of its own with padding 'auto', for "
            f"the filter 'phase', got {method!r}"
        )
    return _phase_plan(x, t, placed, requested)


def phase_filter(template: _Array, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """The phase-only matched filter of a template, for a lattice of at least its shape.

    Its factors are in the order of ``numpy.fft.fftn``. A frequency that the template lacks, but
    for rounding, passes as it is.
    """
    spectrum = np.fft.fftn(template, shape, range(template.ndim))
    size = np.abs(spectrum)
    heard = size > _SILENT * size.max()
    return np.asarray(np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1))


def _phase_plan(image: _Array, template: _Array, method: Method, requested: Requested) -> Plan:
    """A filter on a ring of powers of two; zeros are added to what is standardised."""
    window = window_of(template)
    ring = tuple(1 << (length - 1).bit_length() for length in image.shape)
    if is_ideal(requested.sampling.backend):
        qubits = (math.prod(ring) - 1).bit_length() + method.signed
        require_room(qubits, qubits, qubits, image.shape)
    extended = np.zeros(ring)
    extended[tuple(map(slice, image.shape))] = standardised(image, window, "image")
    factors = phase_filter(standardised(template, window, "template"), ring)
    once = replace(requested, shots=None if requested.shots is None else 1)  # for each place
    return replace(filter_plan(extended, factors, method, once), total=requested.shots)


def _correlation_plan(
    image: _Array, template: _Array, method: Method, requested: Requested
) -> Plan:
    """A correlation, where the template lies inside the image.

    As the template's mean is taken away the image's makes no difference to the result; without it
    the amplitudes are fuller of the rest. Where numbers must not be negative the lowest value is
    taken away instead.
    """
    x = image - (image.min() if method.nonnegative else image.mean())
    where = {"mode": "valid", "boundary": "fill", "fillvalue": 0.0, "flipped": False}
    once = replace(requested, shots=None if requested.shots is None else 1)  # for each place
    found = laid_out(x, template - template.mean(), once, method=method, **where)
    total = requested.shots
    if total is None:
        return found
    if method.whole_image:
        return replace(found, total=total)
    least = method.executions(found.grid.pixels, 1)
    if total < least:
        raise ValueError(
            f"shots: expected at least {least} for {found.grid.pixels} places with {method!r}, "
            f"got {total}; qconv.Fourier(...) and qconv.Collapse(shared=True) use each shot for "
            "all places"
        )
    return replace(found, shots=total // least)


def _window_norms(image: _Array, template: _Array) -> _Array:
    """Norm of the template times that of every window, less their means; 0 if one is constant.

    Both arrays are without units, so that no square leaves the range of floating point.
    """
    ones = np.ones_like(template)
    total = fftconvolve(image, ones, mode="valid")
    square = fftconvolve(image**2, ones, mode="valid")
    spread = square - total**2 / ones.size
    varied = spread > _ROUNDING * square.max()
    return np.asarray(
        np.where(varied, np.sqrt(np.where(varied, spread, 1)), 0) * template.std() * ones.size**0.5
    )


def _matched(
    result: Convolution, shots: int | None, pair: tuple[_Array, _Array], norms: _Array | None
) -> Match:
    """Look at the places of image and template that lead, and say which is the most similar."""
    places = tuple(slice(n - h + 1) for n, h in zip(*(part.shape for part in pair), strict=True))
    found, stderr = (_per_norm(part[places], norms) for part in (result.image, result.stderr))
    counts = unit = None
    counted = result.diagnostics
    if isinstance(counted, CountDiagnostics) and counted.unit is not None:
        counts = np.ascontiguousarray(counted.counts[places])
        unit = _per_norm(counted.unit[places], norms)
        exposure = None if norms is None else norms**2
        evidence = from_counts(counts.astype(np.float64), exposure)
    else:
        evidence = from_estimates(found, stderr)
    look = looked_at(*pair, evidence)
    similarity = float(look.similarities[0])
    # An exact map of similarities was searched altogether.
    searched = norms is not None and shots is None and found.max() <= similarity + EQUAL
    return Match(
        position=tuple(int(index) for index in look.places[0]),
        certainty=certainty(look, evidence, found.shape, pair[1].shape, searched=searched),
        similarity=similarity,
        candidates=look.places,
        similarities=look.similarities,
        map=found,
        stderr=stderr,
        counts=counts,
        count_unit=unit,
        shots=None if shots is None else result.total_shots,
        success_probability=result.success_probability,
        circuits=result.circuits,
    )


def _per_norm(numbers: _Array, norms: _Array | None) -> _Array:
    """Numbers divided by norms; 0 where a norm is 0."""
    if norms is None:
        return np.ascontiguousarray(numbers)
    return np.asarray(np.divide(numbers, norms, np.zeros_like(numbers), where=norms > 0))
