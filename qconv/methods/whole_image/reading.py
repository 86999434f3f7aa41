"""Readings: estimates and standard errors, from the counts of each class at each output pixel.

A *class* is a group of measured outcomes, such as the outcomes with reference qubit 0. An estimate
is computed from the counts of all classes and from a few other numbers. Two of these numbers are
the unit of the result and the number of executions. A *reading* contains these other numbers, not
the counts. The counts of several runs can therefore be added, and estimates are computed from the
sum as from a single run. This matters for estimates that are biased when counts are few, because an
average of such estimates keeps the bias.

Each variance is the expected variance given the counts of all pixels, see `qconv.methods.mixture`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from qconv.methods.mixture import CountMixture
from qconv.methods.whole_image.amplification import Amplification, Scale

_Array = NDArray[np.float64]

#: Smallest derivative of the success probability with respect to its angle for which uncertainty is
#: propagated. If the derivative is smaller, the probability is within 1e-4 of 0 or 1.
_STEEPEST = 0.02

#: Mean square difference of two estimates of ``|U - |A||`` from square roots of counts, above which
#: noise is assumed. Without noise, it is at most 1/2.
_NOISY = 1.0


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts by class and output pixel, or their exact probabilities."""

    sums: _Array
    """Numbers of shots, shape ``(classes, *pixels)``; probabilities if exact."""
    executions: int
    """Total number of shots; 0 if the sums are exact probabilities."""

    @property
    def corrected(self) -> bool:
        """Whether the counts are corrected for readout errors."""
        return False

    @property
    def frequencies(self) -> _Array:
        """Fraction of all executions by class and pixel."""
        return self.sums / self.executions if self.executions else self.sums

    def moments(self, weights: _Array) -> tuple[_Array, _Array, _Array]:
        """Return moments of the weight that a shot adds to each pixel.

        Args:
            weights: Weight of each class.

        Returns:
            The mean weight, the mean square, and the expected mean square given all counts. The
            last is scaled so that the mean square of standardised errors is 1 for one class.
        """
        mean, square = (np.tensordot(weights**k, self.frequencies, axes=1) for k in (1, 2))
        if not self.executions:
            return mean, square, square
        each = [CountMixture.of(counts).variance(counts) for counts in self.sums]
        parts = [w * w * variance for w, (variance, _) in zip(weights, each, strict=True)]
        total = np.sum(parts, axis=0)
        expected = np.zeros_like(total)
        for part, (_, scale) in zip(parts, each, strict=True):
            share = np.divide(part, total, np.zeros_like(total), where=total > 0)
            expected += part * (1 + (scale - 1) * share)
        return mean, square, expected / self.executions

    def kept_stderr(self, kept: float) -> float:
        """Return the standard error of the fraction of kept executions, at any basis state."""
        return fraction_stderr(kept, self.executions)

    def changes(self, weights: _Array) -> Iterator[tuple[float, _Array, float]]:
        """Yield nothing, because no readout errors were estimated from counts."""
        yield from ()


def fraction_stderr(fraction: float, executions: int) -> float:
    """Return the standard error of a fraction of executions; 0 for an exact one.

    If all or none of the executions count, the standard error is not 0: it is the error with one
    different execution.
    """
    if not executions:
        return 0.0
    least = 1 / executions
    return math.sqrt(max(fraction * (1 - fraction), least * (1 - least)) / executions)


@dataclass(frozen=True)
class Reading:
    """Specification of an estimate from counts, with all other numbers that the estimate needs."""

    kind: str
    """Kind of estimate: ``"mean"`` (mean weight of the classes), ``"root"`` (differences of square
    roots of two classes' counts) or ``"magnitude"`` (square roots of one class's counts)."""
    factor: float
    """Unit of the estimates, relative to ``brightest``."""
    brightest: float
    """Largest magnitude in the image."""
    executions: int
    """Total number of executions; 0 if probabilities are exact."""
    weights: tuple[float, ...] = ()
    """Weight of each class, for ``"mean"``."""
    states: int = 1
    """Number of basis states of the position registers, for amplified circuits."""
    amplification: Amplification | None = None
    """Rounds and weight of the reference; None for estimates relative to all executions."""
    kept: float = 0.0
    """Number of kept executions at all basis states, for amplified circuits; a probability if
    exact."""
    lost: float = 0.0
    """Number of discarded executions, for amplified circuits; a probability if exact."""

    def __add__(self, other: Reading) -> Reading | None:
        """Return the reading of the sum of counts; None if the readings differ."""
        numbers = ("executions", "kept", "lost")
        sums = {name: getattr(self, name) + getattr(other, name) for name in numbers}
        total = replace(self, **sums)
        return total if total == replace(other, **sums) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as numbers, strings, lists and dictionaries."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Reading:
        """Create a reading from what `to_dict` returned."""
        made = fields["amplification"]
        changed = {
            "weights": tuple(fields["weights"]),
            "amplification": None if made is None else Amplification(**made),
        }
        return cls(**(fields | changed))

    def estimate(self, tally: Tally) -> tuple[_Array, _Array]:
        """Return estimates and standard errors, in units of ``factor * brightest``.

        Standard errors are 0 for exact probabilities.
        """
        if self.amplification is None and self.kind == "mean":
            weights = np.array(self.weights)
            mean, variance = mean_weight(tally, weights, tally.executions)
            if tally.executions:
                for uncertain, moved, _ in tally.changes(weights):
                    variance = variance + uncertain * np.square(moved)
            return mean, np.sqrt(variance)
        if self.amplification is None:
            unit = 1 / math.sqrt(tally.executions or 1)
            _, errors = self._magnitudes(tally, unit, tally.executions, 0.0)
            return np.sqrt(tally.frequencies[0]), errors
        number = tally.executions or 1
        kept = self.kept / number
        scale = self.amplification.scale(kept, self.lost / number, tally.kept_stderr(kept))
        kept = max(kept, 1 / number if tally.executions else 0.0)
        if self.kind == "mean":
            return self._amplified(tally, scale, kept, self.amplification)
        if self.kind == "root":
            return self._roots(tally, scale, kept * number, self.amplification.weight)
        unit = scale.sine / math.sqrt(kept * number)
        return self._magnitudes(tally, unit, kept * number, scale.relative)

    @property
    def magnitude_unit(self) -> float:
        """Magnitude that corresponds to one expected execution, in units of the image."""
        number: float = self.executions
        sine = 1.0
        if self.amplification is not None:
            kept, lost = self.kept / number, self.lost / number
            sine = self.amplification.scale(kept, lost, 0.0).sine
            number = max(self.kept, 1.0)
        return self.factor * self.brightest * sine / math.sqrt(number)

    def _amplified(
        self, tally: Tally, scale: Scale, kept: float, made: Amplification
    ) -> tuple[_Array, _Array]:
        """Estimate amplitudes from differences of counts of an amplified circuit."""
        signs = np.array([1.0, -1.0])
        q, u = made.weight, 1 / math.sqrt(self.states)
        unit = scale.sine**2 / kept / (2 * u * math.sqrt(q * (1 - q)))
        # This variance is conditional on the number of kept executions; the scale's error is added
        # below.
        among = tally.executions if tally.corrected else kept * tally.executions
        mean, variance = mean_weight(tally, signs, among)
        if tally.executions:
            variance = variance + np.square(2 * scale.relative * mean)
            slope = 2 * scale.cosine / scale.sine * _slope(scale, made.oracle_calls) - 1 / kept
            for uncertain, moved, more in tally.changes(signs):  # both mean and unit change
                variance = variance + uncertain * np.square(moved + mean * slope * more)
        return mean * unit, np.sqrt(variance) * unit

    def _roots(
        self, tally: Tally, scale: Scale, kept: float, weight: float
    ) -> tuple[_Array, _Array]:
        """Estimate amplitudes from square roots of counts of an amplified circuit."""
        reference = math.sqrt(kept * weight / 2 / self.states) / scale.sine
        roots = np.sqrt(np.maximum(tally.sums, 0))
        difference = roots[0] - roots[1]
        above = roots.max(axis=0) > 2 * reference  # |A| > U
        larger = np.sign(difference) * (roots[0] + roots[1])
        image = np.where(above, larger, difference) / 2
        unit = scale.sine / math.sqrt(kept * (1 - weight) / 2)
        if not tally.executions:
            return image * unit, np.zeros_like(image)
        each = [CountMixture.of(counts).root_variance(counts) for counts in tally.sums]
        square = np.square(image)
        shared = np.maximum((each[0] + each[1]) / 4 - square / (4 * kept), 0)
        shared += _of_both(tally.sums, reference, above)
        return image * unit, unit * np.sqrt(shared + square * scale.relative**2)

    def _magnitudes(
        self, tally: Tally, unit: float, among: float, relative: float
    ) -> tuple[_Array, _Array]:
        """Estimate magnitudes from square roots of counts.

        The counts of all pixels add up to ``among``. ``relative`` is the relative standard error of
        ``unit``.
        """
        roots = np.sqrt(np.maximum(tally.sums[0], 0))
        if not tally.executions:
            return roots * unit, np.zeros_like(roots)
        variance = CountMixture.of(tally.sums[0]).root_variance(tally.sums[0])
        variance = variance * (1 - np.square(roots) / (among + 1))
        return roots * unit, unit * np.sqrt(variance + np.square(relative * roots))


def of_wrong_decisions(distance: _Array) -> _Array:
    """Return the expected squared error of ``A`` due to wrong decisions whether ``|A| > U``.

    A wrong decision moves ``A`` by about ``|U - |A||``. The result agrees with simulated errors to
    0.02.

    Args:
        distance: The distance ``|U - |A||`` in units in which square roots of counts have a
            variance of 1/4.
    """
    return np.asarray(np.square(distance) * ndtr(-2 * distance))


def of_wrong_signs(amplitude: _Array, reference: _Array | float) -> _Array:
    """Return the expected squared error of ``A`` due to wrong signs, in the same units.

    Args:
        amplitude: The amplitude ``|A|``.
        reference: The reference's contribution ``U``.
    """
    wrong = ndtr(-math.sqrt(8) * reference)
    return np.asarray(np.where(amplitude > reference, 4 * np.square(amplitude) * wrong, 0.0))


def _of_both(counts: _Array, reference: float, above: NDArray[np.bool_]) -> _Array:
    """Return the expected squared errors of ``A`` due to wrong signs of ``A`` and of ``U - |A|``.

    See `qconv.methods.whole_image.coherent.AmplifiedReadOut`. Errors of square roots of counts have
    a variance of 1/4.

    Args:
        counts: Counts of both classes, shape ``(2, *pixels)``.
        reference: The reference's contribution ``U``.
        above: Whether ``|A| > U`` is assumed, shape ``pixels``.
    """
    few = counts.min(axis=0)
    smaller, larger = np.sqrt(few), np.sqrt(counts.max(axis=0))  # |U - |A|| and U + |A|
    sign = expit(-8 * reference * (larger - smaller))
    sign[larger == smaller] = 1 / 4  # A is then estimated as 0, half as far from both values
    signs = np.where(above, np.square(larger + smaller) * sign, 0.0)
    away = np.abs(larger - 2 * reference)  # a second estimate of |U - |A||
    if np.mean(np.square(smaller - away)) > _NOISY:
        return np.asarray(signs + np.square(smaller) * ndtr(-2 * away))
    mixture = CountMixture.of(few)
    return np.asarray(signs + mixture.expected(of_wrong_decisions(np.sqrt(mixture.means)), few))


def mean_weight(tally: Tally, weights: _Array, among: float) -> tuple[_Array, _Array]:
    """Return the mean weight over all executions per pixel, and its variance.

    With ``n_c`` of ``N`` shots of class ``c`` in a pixel, the mean is ``sum w_c n_c / N``. Its
    variance is

        sum w**2 E[n] / N**2 * (1 - T**2 / ((M + 1) V)),  V = sum w**2 n,  T = sum w n.

    ``E[n]`` is the expected mean count given the counts of all pixels. The last factor accounts for
    the fixed sum ``M`` of the counts of all pixels. ``M + 1`` replaces ``M`` so that no standard
    error is 0 if all executions end in one pixel.

    Args:
        tally: Counts by class and pixel.
        weights: Weight of each class.
        among: The number ``M``, which is ``N`` unless some executions are not counted.
    """
    mean, square, expected = tally.moments(weights)
    if not tally.executions:
        return mean, np.zeros_like(mean)
    number = tally.executions
    share = np.divide(number * mean**2, (among + 1) * square, np.zeros_like(mean), where=square > 0)
    return mean, expected / number * np.maximum(1 - share, 0)


def _slope(scale: Scale, calls: int) -> float:
    """Return ``dt / dp`` for the success probability ``p = sin((2 m + 1) t)**2``."""
    sine = math.sin(2 * calls * math.atan2(scale.sine, scale.cosine))
    return 1 / (calls * math.copysign(max(abs(sine), _STEEPEST), sine))
