"""Templates: finding a small picture in a large one, or a few seconds of sound in a recording.

A position where the template fits is a peak of the correlation. In Fourier space, correlation with
a template ``t`` multiplies every frequency of the image by the conjugate of the spectrum ``T``. The
filters keep different parts of this factor, in the circuit or in a classical computation after it:

* ``phase``: the phase-only matched filter ``conj(T) / |T|``. All factors have modulus 1, so the
  filter is *unitary*. The circuit prepares the amplitudes ``I(x) / |I|``, then applies a quantum
  Fourier transform, a diagonal of phases, and the inverse transform. It needs neither a flag qubit
  nor post-selection, so every execution gives a position. Where the template fits, all frequencies
  are in phase. The peak is therefore a single pixel, and few measurements suffice to find it.
* ``correlation``: the factor ``conj(T) / max|T|``. Its magnitude requires a flag qubit that must
  read 0. Any other method of `qconv.correlate` can be used instead.
* ``normalized``: the circuits of ``correlation``. A classical computer then divides the map by the
  norms of the template and of every window of the image, to obtain Pearson's coefficient. The means
  are subtracted in these norms. Two convolutions with a box give the norms of all windows.

Before encoding, the part of the image that does not distinguish positions is removed. ``phase``
standardises image and template locally, by classical computation over windows of a quarter of the
template's sides (`qconv.matching.standardise`). The other two filters subtract the means.

In a circuit that encodes the whole image, each shot gives one position. The circuit proposes
positions, and a classical check decides. The positions with the most shots are compared with the
template pixel by pixel (`qconv.matching.verification`), and the most similar one is the answer. Its
certainty follows from the counts (`qconv.matching.posterior`) and from this check.
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
from qconv.grid import CHANNEL
from qconv.matching.posterior import from_counts, from_estimates
from qconv.matching.standardise import standardised, window_of, without_units
from qconv.matching.verification import EQUAL, certainty, looked_at
from qconv.methods.options import check_options
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.fourier import Fourier
from qconv.planning.axes import axis_names
from qconv.planning.build import laid_out
from qconv.planning.method import Method
from qconv.planning.options import Requested, SamplingOptions
from qconv.planning.plan import Plan
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

FILTERS = ("phase", "correlation", "normalized")

#: Default total number of executions.
DEFAULT_SHOTS = 10_000

#: Sampling options that do not apply to matching, with the reason.
_REFUSED = {
    "tolerance": "the position of a match has no standard error; give shots",
    "checkpoint": "a match is one short run, which is not saved; run it again with its seed",
}

#: Thresholds of rounding errors: variance as a fraction of the mean square, and magnitude of a
#: frequency as a fraction of the largest.
_ROUNDING, _SILENT = 1e-12, 1e-9


@dataclass(frozen=True, eq=False)
class Match:
    """Position of a template in an image, its certainty, and the sampled map.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.random.default_rng(7).random((32, 32))
        >>> match = qconv.match_template(image, image[5:17, 9:21], shots=1000, seed=7)
        >>> match.map.shape  # one value per position of the template inside the image
        (21, 21)
        >>> match.candidates[0]  # the most similar compared position
        array([5, 9])
        >>> match.certainty > 0.99
        True
    """

    position: tuple[int, ...]
    """Position of the template's first element in the image, equal to ``candidates[0]``."""
    certainty: float
    """Probability that no other position in the whole image is more similar to the template than
    ``position``. Positions one step away do not count as other positions. The certainty follows
    from the shots and the classical check. The certainty is 1 if every position was compared, or if
    the answer is a perfect copy. Positions with equal similarity share the probability. Certainties
    above 80 % are approximately calibrated. Lower certainties are smaller than the fraction of
    correct answers. The similarity, not the certainty, states whether the template is in the image
    at all. See `qconv.matching.verification`."""
    similarity: float
    """Normalised correlation of template and image at ``position``, from -1 to 1, computed
    classically. It is 1 for a copy that differs only in brightness and contrast."""
    candidates: NDArray[np.int64]
    """Positions that were compared classically, most similar first, shape ``(n, axes)``. They are
    the positions that rank highest by the shots, and some neighbours of these positions. The number
    of highest-ranked positions is twice the ratio of the image's pixels to the template's pixels,
    but at least 200. If an image has fewer positions, all positions are compared."""
    similarities: NDArray[np.float64]
    """Similarities of ``candidates``, shape ``(n,)``."""
    map: NDArray[np.float64]
    """Sampled fit of the template at every position inside the image, shape ``image.shape -
    template.shape + 1``. The map converges to `classical.match_template`, or to the magnitudes of
    these scores if the method is not signed."""
    stderr: NDArray[np.float64]
    """Standard error of ``map``, same shape and unit; 0 where the map is exact."""
    counts: NDArray[np.int64] | None
    """Number of shots at each position, shape of ``map``; None if the map is exact or signed, and
    therefore does not consist of counts."""
    count_unit: NDArray[np.float64] | None
    """Value of ``map`` that corresponds to one expected shot, same shape; None without ``counts``.
    """
    shots: int | None
    """Total number of executions of the circuit; None for the exact expectation."""
    success_probability: float
    """Fraction of successful executions; 1 with the filter ``phase``, which needs no flag qubit to
    mark failures."""
    circuits: tuple[QuantumCircuit, ...]
    """Circuits that ran, before transpiling, with named registers. With the filter ``phase``, the
    measured values of the registers ``row`` and ``column`` are the position."""

    @property
    def percent(self) -> str:
        """Certainty as text.

        Higher certainties are given as ``> 99.99 %``, unless the exact map was searched.
        """
        known = self.shots is None and self.certainty == 1
        rounded = f"{100 * self.certainty:.2f} %"
        return "> 99.99 %" if self.certainty > 0.9999 and not known else rounded

    def __str__(self) -> str:
        rows = [
            ("position", ", ".join(map(str, self.position))),
            ("certainty", self.percent),
            (
                "similarity",
                f"{self.similarity:.4f}, among {len(self.candidates):,} compared positions",
            ),
            ("shots", "exact expectation" if self.shots is None else f"{self.shots:,}"),
            ("success probability", f"{self.success_probability:.6g}"),
            ("positions", " x ".join(map(str, self.map.shape))),
        ]
        return "\n".join(f"{name:<22}{text}" for name, text in rows)


@numpy_defaults
def match_template(
    image: ArrayLike,
    template: ArrayLike,
    *,
    filter: str = "phase",
    method: Method = Fourier(signed=False),  # noqa: B008  (frozen)
    channel_axis: int | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Match:
    """Find a template in an image, or in a signal, by measuring a quantum circuit.

    Shots propose positions. A classical computer then compares only these positions with the
    template. The comparison reads twice the number of pixels of the image, or 200 times the number
    of pixels of the template, whichever is larger. With ``"phase"``, image and template are first
    standardised classically. Neither the comparison nor the standardisation requires a circuit.

    Args:
        image: Real array with 1 or 2 axes, any unit, not constant.
        template: Real array with the axes of the image, no larger than the image, not constant.
        filter: ``"phase"`` (sharp peaks, success probability 1), ``"correlation"`` or
            ``"normalized"`` (values from -1 to 1 up to sampling errors). ``"normalized"`` requires
            classical computation on every window, see `qconv.matching.template`.
        method: Method of correlation; ``"phase"`` requires a `Fourier`. A method that is not signed
            gives magnitudes. In its map, an inverted copy of the template scores as high as the
            template; only the classical check separates them.
        channel_axis: Axis of the channels of image and template; None for no channels. All channels
            are compared together, in one circuit. The map is the sum over the channels. The
            similarity is the correlation of the pixels of all channels.
        sampling: Options of measurement, see `SamplingOptions`. Here ``shots`` is the maximum total
            number of executions, 10,000 by default; `Blocks` use at least one execution per block.
            `Fourier`, `Interference`, `Diffusion`, `Blocks` of them and ``Collapse(shared=True)``
            use all executions for every position. The other methods distribute them among the
            positions. ``tolerance`` and ``checkpoint`` are rejected.

    Returns:
        The position with its similarity and certainty, and the sampled map.

    Raises:
        TypeError: If an argument is of the wrong type, or complex.
        ValueError: If the template is larger than the image, or if an array is constant, empty or
            not finite, or does not have 1 or 2 axes. A ValueError is also raised for an unknown
            ``filter``, or for a ``method`` that does not suit the filter. Other reasons are
            fewer shots than positions, for a method that distributes its shots, and a circuit that
            would not fit in memory.
        RuntimeError: If a backend failed.

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
    x, t = _checked(image, template, channel_axis)
    if filter == "normalized":
        x, t = without_units(x), without_units(t)
    last = None if channel_axis is None else -1
    found = match_plan(x, t, filter, method, channel_axis=last, **sampling)
    norms = _window_norms(x, t) if filter == "normalized" else None
    match = _matched(found.run(sampling.get("progress", False)), found.shots, (x, t), norms)
    return match if channel_axis is None else _without_channels(match)


def _checked(
    image: ArrayLike, template: ArrayLike, channel_axis: int | None
) -> tuple[_Array, _Array]:
    """Check image and template, and return them with the channels, if any, along the last axis."""
    x, t = real_array(image, "image"), real_array(template, "template")
    named = x.ndim - (channel_axis is not None)
    if named not in (1, 2):
        besides = "" if channel_axis is None else " besides the channels"
        hint = "; for a colour image, add channel_axis=-1" if _coloured(x) and not besides else ""
        raise ValueError(
            f"image: expected 1 or 2 axes{besides}, got {named} (shape {x.shape}){hint}"
        )
    if t.ndim != x.ndim:
        raise ValueError(
            f"template: expected as many axes as the image, {x.ndim}, got {t.ndim} "
            f"(shape {t.shape})"
        )
    if channel_axis is not None:
        channel = axis_names(x.shape, channel_axis=channel_axis).index(CHANNEL)
        if t.shape[channel] != x.shape[channel]:
            raise ValueError(
                f"template: expected as many channels as the image, {x.shape[channel]}, got "
                f"{t.shape[channel]}"
            )
        x, t = (np.moveaxis(array, channel, -1) for array in (x, t))
    if any(h > n for h, n in zip(t.shape, x.shape, strict=True)):
        raise ValueError(
            f"template: expected a shape no larger than the image, {x.shape}, got {t.shape}"
        )
    for name, array in (("image", x), ("template", t)):
        if array.min() == array.max():
            raise ValueError(
                f"{name}: expected at least two different values, got {array.flat[0]} everywhere"
            )
    return x, t


def _coloured(image: _Array) -> bool:
    """Return whether an array could be a colour image."""
    return image.ndim == 3 and image.shape[-1] in (3, 4)


def _without_channels(match: Match) -> Match:
    """Return a match without the last axis, along which the channels are."""
    return replace(
        match,
        position=match.position[:-1],
        candidates=match.candidates[:, :-1],
        map=match.map[..., 0],
        stderr=match.stderr[..., 0],
        counts=None if match.counts is None else match.counts[..., 0],
        count_unit=None if match.count_unit is None else match.count_unit[..., 0],
    )


@numpy_defaults
def match_plan(
    image: ArrayLike,
    template: ArrayLike,
    filter: str = "phase",
    method: Method = Fourier(signed=False),  # noqa: B008  (frozen)
    channel_axis: int | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Plan:
    """Return the plan of the filter as a convolution, with the total number of shots.

    Arguments and errors are those of `match_template`.
    """
    x, t = _checked(image, template, channel_axis)
    window = window_of(t)
    if channel_axis is not None:
        window[-1] = 1  # channels are not neighbours
    requested = check_options(sampling, method, default_shots=DEFAULT_SHOTS, refused=_REFUSED)
    if method.steps > 1:
        raise ValueError(f"method: expected a method that applies the kernel once, got {method!r}")
    if one_of(filter, "filter", FILTERS) != "phase":
        return _correlation_plan(x, t, method, requested)
    placed = method.in_place() if method.unitary_filters else None
    if placed is None:
        raise ValueError(
            "method: expected qconv.Fourier(...) with padding 'auto' for the filter 'phase', got "
            f"{method!r}"
        )
    return _phase_plan(x, t, window, placed, requested)


def phase_filter(template: _Array, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Return the phase-only matched filter of a template, for a lattice of at least its shape.

    The factors are in the order of ``numpy.fft.fftn``. They are 1 for frequencies that the template
    does not contain, up to rounding.
    """
    spectrum = np.fft.fftn(template, shape, range(template.ndim))
    size = np.abs(spectrum)
    heard = size > _SILENT * size.max()
    return np.asarray(np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1))


def _phase_plan(
    image: _Array, template: _Array, window: list[int], method: Method, requested: Requested
) -> Plan:
    """Return the plan of the phase filter, on a zero-padded ring of powers of two."""
    ring = tuple(1 << (length - 1).bit_length() for length in image.shape)
    if is_ideal(requested.sampling.backend):
        qubits = (math.prod(ring) - 1).bit_length() + method.signed
        require_room(qubits, qubits, qubits, image.shape)
    extended = np.zeros(ring)
    extended[tuple(map(slice, image.shape))] = standardised(image, window, "image")
    factors = phase_filter(standardised(template, window, "template"), ring)
    once = replace(requested, shots=None if requested.shots is None else 1)  # per position
    return replace(filter_plan(extended, factors, method, once), total=requested.shots)


def _correlation_plan(
    image: _Array, template: _Array, method: Method, requested: Requested
) -> Plan:
    """Return the plan of a correlation at all positions of the template inside the image.

    The mean of the image does not affect the result, as the template's mean is subtracted.
    Subtracting the mean of the image increases the amplitudes of its details. If the method
    requires nonnegative values, the minimum is subtracted instead.
    """
    x = image - (image.min() if method.nonnegative else image.mean())
    where = {"mode": "valid", "boundary": "fill", "fillvalue": 0.0, "flipped": False}
    once = replace(requested, shots=None if requested.shots is None else 1)  # per position
    found = laid_out(x, template - template.mean(), once, method=method, **where)
    total = requested.shots
    if total is None:
        return found
    if method.whole_image:
        return replace(found, total=total)
    least = method.executions(found.grid.pixels, 1)
    if total < least:
        raise ValueError(
            f"shots: expected at least {least} for {found.grid.pixels} positions with {method!r}, "
            f"got {total}; qconv.Fourier(...) and qconv.Collapse(shared=True) use each shot for "
            "all positions"
        )
    return replace(found, shots=total // least)


def _window_norms(image: _Array, template: _Array) -> _Array:
    """Return the norm of the template times the norm of every window, after subtracting means.

    The product is 0 for constant windows. Both arrays are scaled, so that squares cannot overflow.
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
    """Compare the highest-ranked positions of ``pair``, image and template; return the match."""
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
    # An exact map of similarities is known at every position.
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
    """Divide values by norms; return 0 where a norm is 0."""
    if norms is None:
        return np.ascontiguousarray(numbers)
    return np.asarray(np.divide(numbers, norms, np.zeros_like(numbers), where=norms > 0))
