"""Common code of `Interference` and `Fourier`: options, circuit, and read-out of the counts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister

from qconv._checks import Numbers, boolean
from qconv.circuits.amplification.rounds import Rounds
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.readout import Readout
from qconv.execution.program import Program
from qconv.methods.mixture import root_variance
from qconv.methods.parts import IMAGINARY, REAL, PreparedParts
from qconv.methods.whole_image.amplification import (
    Amplification,
    check_read_out,
    checked_amplify,
    choose,
)
from qconv.methods.whole_image.encoded_image import EncodedImage, PreparedImage
from qconv.methods.whole_image.options import WholeImageMethod
from qconv.methods.whole_image.outcome_counts import Labels, OutcomeCounts
from qconv.methods.whole_image.reading import (
    Reading,
    Tally,
    of_wrong_decisions,
    of_wrong_signs,
)
from qconv.methods.whole_image.referenced import Overlapping, Referenced
from qconv.methods.whole_image.state import State
from qconv.observables.observable import Observable
from qconv.planning.method import LoadingError, Prediction, Prepared
from qconv.planning.number import Number, Scored, Terms
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Success probabilities below this value are rounding errors.
_NOTHING = 1e-26


class CoherentMethod(WholeImageMethod):
    """Options of a method whose circuit leaves the filtered image in its amplitudes."""

    signed: bool
    """Whether a reference qubit gives the signs."""
    amplify: int | str
    """Number of rounds of amplification, or ``"auto"``."""
    read_out: str
    """Estimator, ``"linear"`` or ``"root"``."""
    takes_complex = True

    def _check_options(self) -> None:
        object.__setattr__(self, "signed", boolean(self.signed, "signed"))
        object.__setattr__(self, "amplify", checked_amplify(self.amplify))
        check_read_out(self.read_out, signed=self.signed)
        self._check_preparation()

    @property
    def corrects_readout(self) -> bool:
        """Whether readout errors can be corrected: not if estimates are square roots of counts."""
        return self.signed and self.read_out == "linear"

    def _prepared(
        self, plan: Problem, make: Callable[[Problem, str], PreparedCoherent[Any]]
    ) -> Prepared[Any]:
        """Return the `Prepared` object; with a reference, complex results have one for each part.

        Args:
            plan: The plan.
            make: Function that prepares one part.
        """
        if plan.is_complex and not self.loads_exactly:
            raise ValueError(
                f"preparation: expected 'exact' for complex numbers, got {self.preparation!r}"
            )
        if not (plan.is_complex and self.signed):
            return make(plan, REAL)
        if self.read_out == "root":
            raise ValueError(
                "read_out: expected 'linear' for complex numbers, got 'root', which needs the sign "
                "of a real number"
            )
        return PreparedParts.of(self, plan, make)


_C = TypeVar("_C", bound=CoherentMethod)


@dataclass(frozen=True, eq=False)
class Filtered:
    """Exact result of a filter, which depends neither on the shots nor on the sampling."""

    image: Numbers
    """Filtered content of the basis states that are read."""
    everywhere: Numbers
    """Filtered content of all basis states, flattened."""
    bound: float
    """Subnormalisation: the circuit divides the transfer function by this number."""
    passing: float
    """Fraction of the content's squared norm that passes; 0 if it is not needed."""

    def success(self, encoded: EncodedImage) -> float:
        """Return the success probability of the filter alone, for an encoded image."""
        factor = self.bound * float(np.linalg.norm(encoded.content))
        return float(np.sum(np.abs(self.image / factor) ** 2)) if factor else 0.0


@dataclass(frozen=True, eq=False)
class PreparedCoherent(PreparedImage[_C]):
    """A coherent method prepared for one plan: its circuit, and the decoding of the counts."""

    shared_filter: Filtered | None = field(default=None, repr=False)
    """Exact filtered image of an earlier plan; None to compute it."""

    nothing: ClassVar[str]
    """Reason why there is nothing to measure, for the warning."""
    part: str = REAL
    """Part of a complex result that the reference qubit gives."""
    mirror: bool = True
    """Whether mirror qubits replace the margins where that is possible."""

    def again(self, plan: Problem) -> Self:
        """Return the `Prepared` object for another plan, with the same filtered image."""
        return replace(super().again(plan), shared_filter=self.filtered)

    @cached_property
    def programs(self) -> list[Program]:
        """Program of the circuit; none if the filtered image vanishes."""
        encoded = self.encoded
        if encoded.unit == 0 or self._vanishes:
            return []
        rounds = Rounds(self._read_out.amplification.rounds, self._reflect)
        measured = encoded.layout.num_qubits + self._label_qubits
        return [encoded.program(self._shell, self._state, measured, self._finish, rounds)]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode the counts of the basis states into amplitudes."""
        if self.encoded.unit == 0:
            return self.encoded.nothing("image: zero everywhere")
        if self._vanishes:
            return self.encoded.nothing(f"image: {self.nothing}")
        return self._read_out.decode(next(outcomes), self._label_qubits)

    def predict(self) -> Prediction:
        """Predict the success probability and the standard errors, 0 if nothing is measured."""
        if self._vanishes:
            return Prediction(0.0, np.zeros(self.plan.grid.output_shape))
        bits = self.encoded.layout.num_qubits + self._label_qubits
        return self._read_out.predict(self.plan.expected_readout(bits))

    def number(self, observable: Observable) -> Number:
        """Return an energy, which is a success probability, or a linear observable.

        Energies are measured without a reference qubit. The value of a linear observable is the
        mean of its weights at the measured positions, with the sign of the reference qubit.

        Raises:
            TypeError: If a linear observable of magnitudes or of complex numbers is requested.
            ValueError: If the method amplifies or takes square roots.
        """
        method = self.method
        if observable.band is not None:
            return self._in_bands([observable.band])[0]
        if observable.quadratic and self._plain is not self:
            return self._plain.number(observable)
        if not observable.quadratic and not method.signed:
            raise TypeError(f"observable: expected a method with signed=True, got {method!r}")
        if method.amplify != 0 or method.read_out != "linear":
            raise ValueError(
                f"method: expected amplify=0 and read_out='linear' for observables, got {method!r}"
            )
        layout = self.encoded.layout
        weights = layout.scattered(observable.weights(self.plan.grid.output_shape)).ravel()
        if self._nothing or not weights.any():
            return Scored.zero(self._amplified)
        if observable.quadratic:
            return self._energy(weights, np.asarray(layout.read(weights)), self._read_out.squares)
        return self._linear(weights, observable)

    def terms(self, observables: Sequence[Observable]) -> list[Terms]:
        """Return one number per observable; bands of frequency share one circuit."""
        bands = [observable.band for observable in observables if observable.band is not None]
        if len(bands) < len(observables):
            return super().terms(observables)
        return [((1.0, number),) for number in self._in_bands(bands)]

    @cached_property
    def _plain(self) -> Self:
        """The same filter without a reference qubit and without amplification."""
        plain = replace(self.method, signed=False, amplify=0, read_out="linear")  # type: ignore[type-var]
        if plain == self.method:
            return self
        made: Self = plain.prepare(self.plan)  # type: ignore[assignment]
        return replace(made, mirror=self.mirror)

    def _in_bands(self, bands: Sequence[tuple[float, float]]) -> list[Number]:
        """Return the energies of bands of frequency, which are measured by one circuit.

        Raises:
            TypeError: If the method has no frequencies.
            ValueError: If the registers have other frequencies than the picture.
        """
        raise TypeError(f"observable: expected qconv.Fourier() for a Band, got {self.method!r}")

    def _energy(self, of_states: _Array, weights: _Array, squares: _Array) -> Scored:
        """Return the weighted energy of the measured states.

        Args:
            of_states: Weight of each basis state.
            weights: The same weights, in the order of ``squares``.
            squares: Exact squared magnitude of the amplitudes of these states.
        """
        moments = float((weights * squares).sum()), float((weights**2 * squares).sum())
        return self._scored(of_states, moments, self._read_out.value_of_one**2)

    def _linear(self, of_states: _Array, observable: Observable) -> Scored:
        """Return the weighted sum of the values of basis states, with their signs."""
        read_out, layout, cells = self._read_out, self.encoded.layout, of_states.size
        weights = np.asarray(layout.read(of_states), np.float64)
        halves = (1 / cells + read_out.squares) / 2
        moments = (
            float((weights * read_out.amplitudes).sum()) / math.sqrt(cells),
            float((weights**2 * halves).sum()),
        )
        unit = read_out.value_of_one * math.sqrt(cells)
        made = self._scored(of_states, moments, unit)
        amplified = None if self.plan.is_complex else partial(self._overlapping, observable)
        return Referenced(**vars(made), make=amplified)

    def _overlapping(self, observable: Observable) -> Overlapping:
        """Return the circuit of the overlap with an observable's weights, without mirror qubits."""
        if any(self.encoded.layout.mirrored):
            made: Self = self.method.prepare(self.plan)  # type: ignore[assignment]
            return replace(made, mirror=False)._overlapping(observable)
        weights = observable.weights(self.plan.grid.output_shape)
        of_states = self.encoded.layout.scattered(weights).ravel()
        size = float(np.linalg.norm(of_states))
        plain, encoded = self._plain, self.encoded
        spectrum = encoded.spectrum(of_states.reshape(encoded.content.shape) / size)
        turned = np.asarray(encoded.everywhere(np.conj(self._transfer), spectrum), np.float64)
        filtering = plain._shell()
        plain._finish(filtering)
        bound, unit = self.filtered.bound, self._read_out.value_of_one * size
        labels = plain._label_qubits
        return Overlapping(encoded, filtering, labels, of_states / size, turned / bound, unit)

    def _scored(self, of_states: _Array, moments: tuple[float, float], unit: float) -> Scored:
        """Return the number with given scores of the basis states, negated for reference 1."""
        labels = self._read_out.labels(self._label_qubits)
        of_label = np.where(labels.classes < 0, 0.0, 1.0 - 2 * labels.classes)
        scores = labels.scores(of_label, of_states.reshape(self.encoded.layout.shape))
        (program,) = self.programs
        return Scored(program, scores, unit, moments, self._amplified)

    @property
    def _nothing(self) -> bool:
        """Whether there is nothing to measure."""
        return self.encoded.unit == 0 or self._vanishes

    def _amplified(self, power: int, marked: NDArray[np.bool_]) -> Program:
        """Return the program with rounds that amplify marked outcomes."""
        return self.encoded.amplified(self._shell, self._state, marked, power, self._finish)

    @property
    def amplification(self) -> Amplification:
        """Number of rounds of amplification, and the weight of the reference qubit."""
        return self._read_out.amplification

    @property
    def _vanishes(self) -> bool:
        """Whether the filter leaves nothing of the image where it is read, up to rounding."""
        exact = self.filtered
        left = np.sum(np.square(np.abs(exact.image / exact.bound)))
        return bool(left <= _NOTHING * np.sum(np.square(np.abs(self.encoded.content))))

    def loading_error(self) -> LoadingError | None:
        """Return the exact difference that approximate loading makes; None for exact loading."""
        encoded = self.encoded
        if self.method.loads_exactly:
            return None
        if encoded.unit == 0 or self._vanishes:
            return LoadingError.none(self.plan.grid.output_shape)
        exact = self.filtered.image.real * encoded.kernel[1]
        exact = encoded.layout.outputs(encoded.in_units(exact, 1.0))
        exact = exact if self.method.signed else np.abs(exact)
        return LoadingError(self._read_out.expectation() - exact, exact)

    def _state(self) -> State:
        """Return the state of the image; if signed, after a uniform state (reference 0)."""
        content, weight = self.encoded.content, self._amplification.weight
        shape = (2,) * self.method.signed + content.shape
        image: Numbers = content.ravel() / np.linalg.norm(content)
        if self.method.signed:
            uniform = np.full(image.size, 1 / math.sqrt(image.size))
            if weight != 0.5:
                uniform, image = uniform * math.sqrt(weight), image * math.sqrt(1 - weight)
            image = np.concatenate([uniform, image])
        return State.of(image.reshape(shape), self.method.preparation)

    def _append_interference(self, circuit: QuantumCircuit, reference: QuantumRegister) -> None:
        """Append the measurement basis of the reference: X, or Y for the imaginary part."""
        if self.part == IMAGINARY:
            circuit.sdg(reference)
        circuit.h(reference)

    @cached_property
    def filtered(self) -> Filtered:
        """Exact filtered image."""
        return self._filter_exactly() if self.shared_filter is None else self.shared_filter

    @cached_property
    def _read_out(self) -> CoherentReadOut:
        """Read-out of the outcomes."""
        encoded, signed, made = self.encoded, self.method.signed, self._amplification
        everywhere, reference = self.filtered.everywhere, None
        if not self.method.loads_exactly:
            everywhere, reference, made = self._as_loaded()
        shared = (encoded, everywhere, self.filtered.bound, signed, self.part, made, reference)
        if self._is_plain:
            return CoherentReadOut(*shared)
        return AmplifiedReadOut(*shared, self.method.read_out)

    def _as_loaded(self) -> tuple[_Array, Numbers | None, Amplification]:
        """Return what the filter makes of the loaded state, exactly.

        Returns:
            The filtered image at all basis states, flattened; the filtered reference, relative to
            the amplitude of a uniform reference, or None without a reference; and the amplification
            with the fraction of the loaded state that passes.
        """
        encoded, made, exact = self.encoded, self._amplification, self.filtered
        shape, cells = encoded.content.shape, encoded.content.size
        halves = self._state().unit.reshape(-1, *shape)
        norm = float(np.linalg.norm(encoded.content))
        size = norm / math.sqrt(1 - made.weight)
        image = encoded.everywhere(self._transfer, encoded.spectrum(halves[-1] * size))
        passed = (1 - made.weight) * float(np.sum(np.square(image / (exact.bound * norm))))
        reference = None
        if self.method.signed:
            size = math.sqrt(cells / made.weight)
            wave = encoded.spectrum(halves[0] * size)
            reference = encoded.everywhere(self._reference_transfer(), wave)
            passed += made.weight * float(np.sum(np.square(np.abs(reference)))) / cells
        passing = (passed - made.weight) / (1 - made.weight)
        return image, reference, replace(made, passing=passing)

    @property
    def _is_plain(self) -> bool:
        """Whether estimates need neither the scale of an amplification nor square roots."""
        return self._rounds == 0 and self.method.read_out == "linear"

    @cached_property
    def _amplification(self) -> Amplification:
        """Number of rounds and weight of the reference, chosen for exact loading."""
        encoded, read_out, exact = self.encoded, self.method.read_out, self.filtered
        signed, amplify = self.method.signed, self._rounds
        if self._is_plain:
            return Amplification(0, 0.5 * signed, math.nan)
        if amplify == 0:
            return Amplification(0, 0.5, exact.passing)
        cells = encoded.content.size
        executions = round((encoded.plan.whole_shots or 0) * encoded.plan.growth)
        return choose(
            exact.passing,
            amplify,
            seen=exact.success(encoded) * cells / encoded.layout.num_read,
            cells=cells,
            signed=signed,
            read_out=read_out,
            shots=(executions or math.inf) / cells,
        )

    @property
    def _rounds(self) -> int | str:
        """Number of rounds, or ``"auto"``."""
        return self.method.amplify

    def _through(self, transfer: _Spectrum, bound: float) -> Filtered:
        """Return the exact result of a filter that divides a transfer function by ``bound``."""
        spectrum = self.encoded.spectrum()
        everywhere = self.encoded.everywhere(transfer, spectrum)
        image = np.asarray(self.encoded.layout.read(everywhere))
        if self._is_plain or not bound:
            return Filtered(image, everywhere, bound, 0.0)
        passing = self.encoded.passing(transfer / bound, spectrum)
        return Filtered(image, everywhere, bound, passing)

    @abstractmethod
    def _filter_exactly(self) -> Filtered:
        """Compute the exact filtered image."""

    @property
    @abstractmethod
    def _transfer(self) -> _Spectrum:
        """Transfer function of the kernel in ``numpy.fft.fftn`` order."""

    @abstractmethod
    def _reference_transfer(self) -> _Spectrum:
        """Return the transfer function of the reference; 1 for a uniform reference."""

    @property
    @abstractmethod
    def _label_qubits(self) -> int:
        """Number of measured qubits besides the position qubits."""

    @abstractmethod
    def _shell(self) -> QuantumCircuit:
        """Return the circuit without the preparation of the image."""

    def _finish(self, circuit: QuantumCircuit) -> None:
        """Append large gates at the end, which avoids a copy of them."""

    @abstractmethod
    def _reflect(self, circuit: QuantumCircuit) -> None:
        """Append the filter, a flip of the failed component's sign, and the inverse filter."""


@dataclass(frozen=True, eq=False)
class CoherentReadOut:
    """Read-out of the filtered image from the counts of a coherent circuit.

    Where the label's qubits other than the reference read 0, the circuit leaves the amplitude
    ``a = y / (bound |I|)`` on each basis state. Here ``y`` is the filtered image and ``bound`` the
    subnormalisation of the block encoding. A reference qubit, the first of the label, lets a
    uniform amplitude ``u`` interfere with ``a``:

        P(0) = (u + a)**2 / 4,    P(1) = (u - a)**2 / 4.

    The difference ``u a`` is linear in ``a`` and has its sign. For a complex ``a``, it is the real
    part of ``u a``, and a reference that is measured in the Y basis gives the imaginary part.
    Without a reference, ``P = |a|**2`` gives the magnitude.
    """

    encoded: EncodedImage
    """Encoded image."""
    everywhere: Numbers
    """Exactly filtered content of all basis states, flattened. With approximate loading, the
    content is the loaded image."""
    bound: float
    """Subnormalisation: the circuit divides the transfer function by this number."""
    signed: bool
    """Whether there is a reference qubit."""
    part: str
    """Part of a complex amplitude that a reference gives."""
    amplification: Amplification
    """Rounds, and the weight of the reference."""
    reference: Numbers | None
    """Filtered reference at all basis states, flattened, relative to ``u``; None if it is uniform,
    so that the filter leaves it unchanged."""

    @cached_property
    def filtered(self) -> Numbers:
        """Exact filtered content of the basis states that are read."""
        return np.asarray(self.encoded.layout.read(self.everywhere))

    @cached_property
    def factor(self) -> float:
        """Value that an amplitude of 1 represents, relative to the brightest pixel."""
        return self.bound * float(np.linalg.norm(self.encoded.content))

    @property
    def value_of_one(self) -> float:
        """Value that an amplitude of 1 represents, in the unit of the result."""
        return float(self.encoded.in_units(np.array([1.0]), self._scaled)[0])

    @property
    def _scaled(self) -> float:
        """Value that an amplitude of 1 represents before the kernel was scaled."""
        return self.factor * self.encoded.kernel[1]

    @cached_property
    def _success(self) -> float:
        """Success probability of the filter alone."""
        return float(np.sum(self.squares))

    @cached_property
    def squares(self) -> _Array:
        """Exact squared magnitude of each amplitude."""
        return np.asarray(np.square(np.abs(self.filtered / self.factor)))

    @property
    def amplitudes(self) -> _Array:
        """Exact real or imaginary part of each amplitude, as given by ``part``."""
        filtered = self.filtered
        if self.reference is not None:
            filtered = np.asarray(self._reference_read).conj() * filtered
        filtered = filtered.imag if self.part == IMAGINARY else filtered.real
        return np.asarray(filtered / self.factor)

    @cached_property
    def _reference_read(self) -> Numbers | float:
        """Filtered reference at the basis states that are read, relative to ``u``."""
        return 1.0 if self.reference is None else self.encoded.layout.read(self.reference)

    @property
    def _reference_square(self) -> _Array | float:
        """Squared magnitude of the filtered reference at the basis states that are read."""
        return 1.0 if self.reference is None else np.square(np.abs(self._reference_read))

    @property
    def _reference_share(self) -> float:
        """Fraction of the reference that ends at basis states that are read."""
        if self.reference is None:
            return self.encoded.layout.num_read / self.encoded.content.size
        return float(np.sum(self._reference_square)) / self.encoded.content.size

    @property
    def expected(self) -> float:
        """Expected success probability."""
        return self._success

    def predict(self, readout: Readout | None = None) -> Prediction:
        """Predict the success probability and the standard error of each pixel.

        Args:
            readout: Readout errors that counts of position and label will be corrected for; None
                without correction.
        """
        variance = self._variance()
        if readout is not None:
            plain, corrected = self._squares_of_shots(readout)
            more = self.encoded.layout.read(corrected - plain)
            variance = variance + np.asarray(more, dtype=np.float64)
        return self.encoded.predicted(self.expected, variance, self._scaled)

    def _squares_of_shots(self, readout: Readout) -> tuple[_Array, _Array]:
        """Return the expected square of what a shot adds to the signed linear estimate.

        The first array is without readout errors; the second is for counts that are corrected for
        readout errors. A failed shot can be read as a successful shot. The positions of failed
        shots are assumed to be distributed as the image, and their labels uniformly.
        """
        made, content = self.amplification, self.encoded.content.ravel()
        cells, position = content.size, self.encoded.layout.num_qubits
        growth, kept = self._growth, self._chances
        weight = math.sqrt(cells / (made.weight * (1 - made.weight))) / (2 * growth)
        own = readout.bits(position, position + 1).squares_of(np.array([1.0, -1.0]))
        others = readout.bits(position + 1, None)
        labels = others.squares_of(np.eye(1, 2 ** len(others.errors)).ravel())
        density = np.square(np.abs(content))
        failed = density / density.sum() * max(1 - kept.sum(), 0.0)
        square = labels[0] * (own @ kept)
        if labels.size > 1:
            square = square + float(labels[1:].mean() * own.mean()) * failed
        found = readout.bits(0, position).squares_at(square)
        return kept.sum(axis=0) * weight**2, found * weight**2

    @property
    def _growth(self) -> float:
        """Factor by which the rounds increase the success probability."""
        return 1.0

    @property
    def _chances(self) -> _Array:
        """Probability of each class and basis state, shape ``(classes, states)``."""
        made = self.amplification
        image: Numbers = math.sqrt(1 - made.weight) * self.everywhere / self.factor
        if not self.signed:
            return self._growth * np.square(np.abs(image))[np.newaxis]
        reference: Numbers | float = math.sqrt(made.weight / self.encoded.content.size)
        reference = reference if self.reference is None else reference * self.reference
        image = -1j * image if self.part == IMAGINARY else image
        return self._growth * np.square(np.abs([reference + image, reference - image])) / 2

    def expectation(self) -> _Array:
        """Return the exact expectation of the estimate, by decoding exact probabilities."""
        encoded, chances = self.encoded, self._chances
        read = [encoded.layout.outputs(np.asarray(encoded.layout.read(p))) for p in chances]
        reading = self._reading(0, self.amplification.success, self._lost)
        estimate, _ = reading.estimate(Tally(np.array(read, np.float64), 0))
        return encoded.in_units(estimate, reading.factor)

    @property
    def _lost(self) -> float:
        """Predicted fraction of discarded executions."""
        return math.cos(self.amplification.turned) ** 2

    def _variance(self) -> _Array:
        """Predict the variance of every amplitude, times the number of executions."""
        square = self.squares
        if not self.signed:
            errors = root_variance((self.encoded.plan.whole_shots or 0) * square)
            return np.asarray(errors * (1 - square))
        pair = self._reference_square + self.encoded.content.size * square
        return np.asarray(pair / 2 - np.square(self.amplitudes))

    def decode(self, outcomes: Outcomes, label_qubits: int) -> Convolution:
        """Estimate the filtered image.

        Args:
            outcomes: Outcomes of the circuit: position registers, label qubits, any ancillas.
            label_qubits: Number of label qubits, including the reference.
        """
        counts = self._counts(outcomes, label_qubits)
        reading = self._reading(counts.executions, 0.0, 0.0)
        if not self.signed:
            return self.encoded.result(
                counts, reading, expected=self.expected, variant=" magnitude"
            )
        return self.encoded.result(
            counts,
            reading,
            expected=self.expected,
            gain=2.0,
            offset=-self._reference_share,
        )

    def _reading(self, executions: int, kept: float, lost: float) -> Reading:
        """Return the reading of counts; 0 executions for exact probabilities.

        ``kept`` and ``lost`` are the numbers of kept and discarded executions, for amplified
        circuits; probabilities if exact.
        """
        root = math.sqrt(self.encoded.content.size)
        weights, kind = ((root, -root), "mean") if self.signed else ((), "magnitude")
        return Reading(kind, self._scaled, self.encoded.unit, executions, weights)

    def _counts(self, outcomes: Outcomes, qubits: int, everywhere: bool = False) -> OutcomeCounts:
        encoded, labels = self.encoded, self.labels(qubits)
        return OutcomeCounts.of(
            outcomes, encoded.layout, labels, encoded.plan.seed, everywhere=everywhere
        )

    def labels(self, qubits: int) -> Labels:
        """Return the labels: shots count if all other qubits are 0; the reference is the class.

        Args:
            qubits: Number of label qubits, including reference and mirror qubits.
        """
        layout = self.encoded.layout
        classes = np.full(2 ** (qubits - sum(layout.mirrored)), -1)
        classes[: 1 + self.signed] = range(1 + self.signed)
        return Labels.of(layout, classes, before=self.signed)


@dataclass(frozen=True, eq=False)
class AmplifiedReadOut(CoherentReadOut):
    """Read-out after rounds of amplification, or with another weight of the reference.

    ``K`` executions are kept, ``n+`` and ``n-`` of them at a basis state. The fraction of kept
    executions gives ``t`` (see `qconv.methods.whole_image.amplification`).

    * The *linear* read-out is ``a = (n+ - n-) / K * sin(t)**2 / (2 u sqrt(q (1 - q)))``.
    * The *root* read-out takes ``sqrt(n+)`` and ``sqrt(n-)`` as the magnitudes of ``U + A`` and
      ``U - A``. The reference contributes ``U = u sqrt(K q / 2) / sin(t)``, the image
      ``A = a sqrt(K (1 - q) / 2) / sin(t)``. The signs follow from ``U``: the larger count exceeds
      ``4 U**2`` where ``|A| > U``. There ``A`` is half the sum of the square roots, with the sign
      of their difference; elsewhere it is half their difference. The standard deviation of ``A`` is
      ``sqrt(1 / 8)``, the smallest possible. Where ``|A| > U``, the difference ``d`` of the square
      roots is ``2 U`` or ``-2 U``, with a variance of 1/2. The sign is then wrong with the
      probability ``1 / (1 + exp(8 U |d|))``. The variance of ``A`` includes the squared errors of
      wrong signs, and of wrong decisions whether ``|A| > U``.
    * Magnitudes are ``a = sqrt(n / K) sin(t)``.

    ``K`` is random, and ``t`` is a function of ``K`` alone. Given ``K``, the kept executions are
    distributed over the basis states. The errors of ``t`` and of this distribution are independent,
    so their variances add.
    """

    read_out: str
    """Estimator, ``"linear"`` or ``"root"``."""

    @property
    def _growth(self) -> float:
        made = self.amplification
        return made.success / made.start if made.rounds or made.weight != 0.5 else 1.0

    @property
    def expected(self) -> float:
        """Expected success probability at basis states that are read, including the reference."""
        made, q = self.amplification, self.amplification.weight
        seen = q * self._reference_share
        seen += (1 - q) * self._success
        return made.success * seen / made.start if made.start else 0.0

    def _variance(self) -> _Array:
        made = self.amplification
        q, u2 = made.weight, 1 / self.encoded.content.size
        growth = made.success / made.start  # S**2
        a, square = self.amplitudes, self.squares
        shots = self.encoded.plan.whole_shots or 0
        t = math.asin(math.sqrt(made.start))
        relative = math.cos(t) / (made.oracle_calls * math.sin(t)) / 2  # of sin(t), one execution
        common = np.square(a) * (relative**2)
        if not self.signed:
            errors = root_variance(shots * growth * square) / growth
            common = square * (relative**2)
            return np.asarray(errors - square / (4 * made.success) + common)
        if self.read_out == "linear":
            pair = q * u2 * self._reference_square + (1 - q) * square
            variance = pair / (4 * growth * q * (1 - q) * u2) - np.square(a) / made.success
            return np.asarray(variance + 4 * common)
        unit = growth * (1 - q) / 2  # A**2 / a**2, one execution
        base = math.sqrt(q * u2) * self._reference_read
        image = math.sqrt(1 - q) * np.asarray(self.filtered.real / self.factor)
        means = [shots * growth * np.square(np.abs(base + s * image)) / 2 for s in (1, -1)]
        errors = (root_variance(means[0]) + root_variance(means[1])) / 4
        scale = math.sqrt(shots * growth / 2)
        reference, amplitude = scale * np.abs(base), scale * np.abs(image)
        errors += of_wrong_decisions(np.abs(reference - amplitude))
        errors += of_wrong_signs(amplitude, reference)
        return np.asarray(errors / unit - np.square(a) / (4 * made.success) + common)

    def decode(self, outcomes: Outcomes, label_qubits: int) -> Convolution:
        """Estimate the filtered image, as in `CoherentReadOut.decode`."""
        counts = self._counts(outcomes, label_qubits, everywhere=True)
        if counts.everywhere is None:
            raise RuntimeError("expected counts of all basis states")
        reading = self._reading(counts.executions, *counts.everywhere)
        variant = {"mean": "", "root": " root", "magnitude": " magnitude"}[reading.kind]
        return self.encoded.result(counts, reading, expected=self.expected, variant=variant)

    def _reading(self, executions: int, kept: float, lost: float) -> Reading:
        return Reading(
            "magnitude" if not self.signed else "mean" if self.read_out == "linear" else "root",
            self._scaled,
            self.encoded.unit,
            executions,
            states=self.encoded.content.size,
            amplification=self.amplification,
            kept=kept,
            lost=lost,
        )
