"""Read-outs of coherent circuits: from counts of cells to the filtered image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.outcomes import Outcomes
from qconv.methods.whole_image.amplification import Amplification, Scale, choose
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.encoded_image import EncodedImage
from qconv.methods.whole_image.outcome_counts import (
    Labels,
    OutcomeCounts,
    expected_root_error,
    linear,
    magnitude,
)
from qconv.planning.method import Prediction
from qconv.result.convolution import Convolution
from qconv.result.numbers import root_error

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Success probabilities below this are rounding errors.
_NOTHING = 1e-26

#: Least slope of a success probability by its angle for which uncertainty is propagated: below, the
#: success is within 1e-4 of 0 or 1.
_STEEPEST = 0.02


def superposed(content: _Array, *, signed: bool, weight: float = 0.5) -> _Array:
    """Amplitudes of an image; or of a uniform state (reference 0) and it (reference 1).

    Args:
        content: The image.
        signed: Whether there is a reference.
        weight: Of the uniform state.
    """
    image = content.ravel() / np.linalg.norm(content)
    if not signed:
        return image
    uniform = np.full(image.size, 1 / math.sqrt(image.size))
    if weight != 0.5:
        uniform, image = uniform * math.sqrt(weight), image * math.sqrt(1 - weight)
    return np.concatenate([uniform, image])


@dataclass(frozen=True, eq=False)
class CoherentReadOut:
    """What a coherent circuit makes of an image's amplitudes, and how to read it.

    The circuit leaves, where its label's qubits other than the reference read 0, the amplitude
    ``a = y / (bound |I|)`` on each cell, with ``y`` the filtered image and ``bound`` the
    subnormalisation of the block encoding. With a reference qubit, which comes first in the label,
    a uniform amplitude ``u`` interferes with it:

        P(0, cell) = (u + a)**2 / 4,    P(1, cell) = (u - a)**2 / 4,

    whose difference ``u a`` is linear, and signed. Without one, ``P = a**2`` gives the magnitude.
    """

    encoded: EncodedImage
    filtered: _Array
    """Exact content of the cells that are read, after the filter."""
    bound: float
    """By what the transfer function is divided."""
    signed: bool
    """Whether there is a reference qubit."""
    gain: float = 1.0
    """By what a kernel was divided, so that its transfer function is within range."""

    @cached_property
    def factor(self) -> float:
        """What an amplitude of 1 stands for, relative to the brightest pixel."""
        return self.bound * float(np.linalg.norm(self.encoded.content))

    @cached_property
    def expected(self) -> float:
        """Success probability of the filter."""
        return float(np.sum((self.filtered / self.factor) ** 2))

    @cached_property
    def vanishes(self) -> bool:
        """Whether the filter leaves nothing of the image where it is read, but for rounding."""
        left = np.sum(np.square(self.filtered / self.bound))
        return bool(left <= _NOTHING * np.sum(np.square(self.encoded.content)))

    @property
    def amplification(self) -> Amplification:
        """None: no round, and as much reference as image."""
        return Amplification(0, 0.5 * self.signed, self.expected)

    def predict(self) -> Prediction:
        """Success probability, and the standard error of each cell's read-out."""
        if not self.factor:
            return Prediction(0.0, np.zeros(self.encoded.plan.grid.output_shape))
        cells = self.encoded.content.size
        square = np.square(self.filtered / self.factor)
        if self.signed:
            variance = (1 + cells * square) / 2 - square
        else:
            variance = expected_root_error((self.encoded.plan.whole_shots or 0) * square)
        return self.encoded.predicted(self.expected, variance, self.factor * self.gain)

    def decode(self, outcomes: Outcomes, label_qubits: int) -> Convolution:
        """Estimate the filtered image.

        Args:
            outcomes: Of the circuit: position registers, the label's qubits, any ancillas.
            label_qubits: Qubits of the label, reference included.
        """
        encoded = self.encoded
        counts = encoded.counts(outcomes, self.labels(label_qubits))
        if not self.signed:
            return self.magnitudes(counts, magnitude(counts), counts.executions, self.expected)
        cells = encoded.content.size
        estimate = linear(counts, np.array([1.0, -1.0]) * math.sqrt(cells))
        return encoded.result(
            counts,
            estimate,
            self.factor * self.gain,
            expected=self.expected,
            gain=2.0,
            offset=-encoded.layout.num_read / cells,
        )

    def labels(self, qubits: int) -> Labels:
        """What so many qubits of a label mean: 0, with either value of the reference, is kept."""
        classes = np.full(2**qubits, -1)
        classes[: 1 + self.signed] = range(1 + self.signed)
        return Labels(qubits, classes)

    def magnitudes(
        self,
        counts: OutcomeCounts,
        estimate: tuple[_Array, _Array],
        number: float,
        expected: float,
    ) -> Convolution:
        """The result of roots of counts.

        Args:
            counts: That were counted.
            estimate: Amplitudes and their standard errors.
            number: How many executions an amplitude of 1 would be expected to have.
            expected: Success probability, predicted.
        """
        encoded, factor = self.encoded, self.factor * self.gain
        diagnostics = None
        if counts.executions:
            unit = encoded.in_units(np.array(1 / math.sqrt(number)), factor)
            shape = encoded.plan.grid.output_shape
            diagnostics = CountDiagnostics(
                encoded.layout.outputs(counts.sums[0]).astype(np.int64),
                np.full(shape, float(unit)),
            )
        return encoded.result(
            counts,
            estimate,
            factor,
            expected=expected,
            variant=" magnitude",
            diagnostics=diagnostics,
        )


#: How a coherent circuit is read.
ReadOut: TypeAlias = "CoherentReadOut | AmplifiedReadOut"


def read_out_of(
    read: CoherentReadOut, transfer: _Spectrum, amplify: int | str, read_out: str
) -> ReadOut:
    """The read-out of a method with these options.

    Args:
        read: Without amplification.
        transfer: The transfer function, its largest magnitude at most ``read.bound``.
        amplify: Rounds, or ``"auto"``.
        read_out: One of `READ_OUTS`.
    """
    if amplify == 0 and read_out == "linear":
        return read
    encoded = read.encoded
    passing = encoded.passing(transfer / read.bound) if read.bound else 0.0
    if amplify == 0:
        return AmplifiedReadOut(read, Amplification(0, 0.5, passing), read_out)
    shots = (encoded.plan.whole_shots or math.inf) / encoded.content.size
    made = choose(passing, amplify, signed=read.signed, read_out=read_out, shots=shots)
    return AmplifiedReadOut(read, made, read_out)


@dataclass(frozen=True, eq=False)
class AmplifiedReadOut:
    """The same after rounds of amplification, or with another weight of the reference.

    With ``K`` kept executions, ``n+`` and ``n-`` of them in a cell, and ``t`` from the part that
    was kept (see `qconv.methods.whole_image.amplification`),

    * the *linear* read-out is ``a = (n+ - n-) / K * sin(t)**2 / (2 u sqrt(q (1 - q)))``;
    * the *root* read-out takes ``sqrt(n+)`` and ``sqrt(n-)`` for the magnitudes of
      ``U + A`` and ``U - A``, with ``U = u sqrt(K q / 2) / sin(t)`` from the reference and
      ``A = a sqrt(K (1 - q) / 2) / sin(t)`` from the image. Which signs these have follows from
      ``U``: the larger count is above ``4 U**2`` where ``|A| > U``. Half of the roots' difference,
      or there of their sum with the sign of the difference, is ``A``, with a standard deviation of
      ``sqrt(1 / 8)``, the least that is possible;
    * magnitudes are ``a = sqrt(n / K) sin(t)``.

    Cells share out a number ``K`` that is itself random, and ``t`` is a function of ``K`` alone:
    the variances of both are independent, and add.
    """

    coherent: CoherentReadOut
    """What is read."""
    amplification: Amplification
    """Rounds and weight."""
    read_out: str
    """``"linear"`` or ``"root"``."""

    @property
    def expected(self) -> float:
        """Success probability in cells that are read, reference included."""
        made, read = self.amplification, self.coherent.encoded.layout.num_read
        q, cells = made.weight, self.coherent.encoded.content.size
        seen = q * read / cells + (1 - q) * self.coherent.expected
        return made.success * seen / made.start if made.start else 0.0

    @property
    def vanishes(self) -> bool:
        """Whether the filter leaves nothing of the image where it is read, but for rounding."""
        return self.coherent.vanishes

    def predict(self) -> Prediction:
        """Success probability, and the standard error of each cell's read-out."""
        coherent, made = self.coherent, self.amplification
        if not coherent.factor:
            return Prediction(0.0, np.zeros(coherent.encoded.plan.grid.output_shape))
        q, u2 = made.weight, 1 / coherent.encoded.content.size
        growth = made.success / made.start  # S**2
        a = coherent.filtered / coherent.factor
        shots = coherent.encoded.plan.whole_shots or 0
        t = math.asin(math.sqrt(made.start))
        relative = math.cos(t) / (made.oracle_calls * math.sin(t)) / 2  # of sin(t), one execution
        common = np.square(a) * (relative**2)
        if not coherent.signed:
            errors = expected_root_error(shots * growth * np.square(a)) / growth
            variance = errors - np.square(a) / (4 * made.success) + common
        elif self.read_out == "linear":
            pair = q * u2 + (1 - q) * np.square(a)
            variance = pair / (4 * growth * q * (1 - q) * u2) - np.square(a) / made.success
            variance = variance + 4 * common
        else:
            unit = growth * (1 - q) / 2  # A**2 / a**2, one execution
            base, image = math.sqrt(q * u2), math.sqrt(1 - q) * a
            means = [shots * growth * np.square(base + s * image) / 2 for s in (1, -1)]
            errors = (expected_root_error(means[0]) + expected_root_error(means[1])) / 4
            variance = errors / unit - np.square(a) / (4 * made.success) + common
        return coherent.encoded.predicted(self.expected, variance, coherent.factor * coherent.gain)

    def decode(self, outcomes: Outcomes, label_qubits: int) -> Convolution:
        """Estimate the filtered image.

        Args:
            outcomes: Of the circuit: position registers, the label's qubits, any ancillas.
            label_qubits: Qubits of the label, reference included.
        """
        coherent = self.coherent
        labels = coherent.labels(label_qubits)
        counts = coherent.encoded.counts(outcomes, labels, everywhere=True)
        kept, lost, spread = counts.succeeded
        number = counts.executions or 1
        scale = self.amplification.scale(kept, lost, spread)
        kept = max(kept, 1 / number if counts.executions else 0.0)
        if not coherent.signed:
            unit = kept * number / scale.sine**2
            estimate = self._magnitudes(counts, scale, kept * number)
            return coherent.magnitudes(counts, estimate, unit, self.expected)
        if self.read_out == "linear":
            estimate = self._linear(counts, scale, kept)
        else:
            estimate = self._root(counts, scale, kept * number)
        return coherent.encoded.result(
            counts,
            estimate,
            coherent.factor * coherent.gain,
            expected=self.expected,
            variant="" if self.read_out == "linear" else " root",
        )

    def _linear(self, counts: OutcomeCounts, scale: Scale, kept: float) -> tuple[_Array, _Array]:
        """Amplitudes from differences of counts, and their standard errors."""
        q, u = self.amplification.weight, 1 / math.sqrt(self.coherent.encoded.content.size)
        signs = np.array([1.0, -1.0])
        mean, stderr = linear(counts, signs, calibration=False)
        unit = scale.sine**2 / kept / (2 * u * math.sqrt(q * (1 - q)))
        if not counts.executions:
            return mean * unit, stderr
        variance = np.square(stderr)
        if counts.corrected is None:  # of so many kept; what their number adds is in the scale
            share = np.square(mean) / counts.executions
            variance = np.maximum(variance + share - share / kept, 0)
        variance = variance + np.square(2 * scale.relative * mean)
        if counts.corrected is not None:  # an error of the calibration moves mean and unit together
            slope = 2 * scale.cosine / scale.sine * self._turning(scale) - 1 / kept
            for uncertain, moved, more in counts.corrected.changes(signs):
                variance = variance + uncertain * np.square(moved + mean * slope * more)
        return mean * unit, np.sqrt(variance) * unit

    def _turning(self, scale: Scale) -> float:
        """Derivative of ``t`` by the fraction that succeeded, which is ``sin((2 m + 1) t)**2``."""
        calls = self.amplification.oracle_calls
        sine = math.sin(2 * calls * math.atan2(scale.sine, scale.cosine))
        return 1 / (calls * math.copysign(max(abs(sine), _STEEPEST), sine))

    def _root(self, counts: OutcomeCounts, scale: Scale, kept: float) -> tuple[_Array, _Array]:
        """Amplitudes from roots of counts, and their standard errors."""
        q, u = self.amplification.weight, 1 / math.sqrt(self.coherent.encoded.content.size)
        reference = u * math.sqrt(kept * q / 2) / scale.sine
        roots = np.sqrt(np.maximum(counts.sums, 0))
        difference = roots[0] - roots[1]
        larger = np.sign(difference) * (roots[0] + roots[1])  # where the image outweighs it
        image = np.where(roots.max(axis=0) > 2 * reference, larger, difference) / 2
        unit = scale.sine / math.sqrt(kept * (1 - q) / 2)
        if not counts.executions:
            return image * unit, np.zeros_like(image)
        variance = root_error(counts.sums[0]) / 4 + root_error(counts.sums[1]) / 4
        return image * unit, unit * _with_scale(variance, image, scale, kept)

    def _magnitudes(
        self, counts: OutcomeCounts, scale: Scale, kept: float
    ) -> tuple[_Array, _Array]:
        """Magnitudes of amplitudes from roots of counts, and their standard errors."""
        roots = np.sqrt(np.maximum(counts.sums[0], 0))
        unit = scale.sine / math.sqrt(kept)
        if not counts.executions:
            return roots * unit, np.zeros_like(roots)
        return roots * unit, unit * _with_scale(root_error(counts.sums[0]), roots, scale, kept)


def _with_scale(variance: _Array, roots: _Array, scale: Scale, kept: float) -> _Array:
    """Standard errors of roots of counts that share out a number, whose scale is uncertain.

    Args:
        variance: As if every count were independent.
        roots: What it is the variance of, combinations of them of the same norm for every cell.
        scale: Which they will be multiplied by.
        kept: The number that is shared out.
    """
    square = np.square(roots)
    shared = np.maximum(variance - square / (4 * kept), 0)
    return np.asarray(np.sqrt(shared + square * scale.relative**2))
