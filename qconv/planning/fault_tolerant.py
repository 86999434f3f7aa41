"""Price of an answer on an error-corrected quantum computer.

The formulas are from Beverland et al. 2022, arXiv:2211.07629. Microsoft's resource estimator (QDK)
uses the same formulas. They describe rotations made of T gates, a planar layout of logical qubits,
the surface code, and the distillation of T states. `ASSUMPTIONS` lists them.
"""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from scipy.special import betainc

from qconv._checks import number, whole_number
from qconv.circuits.registers import FLAG_ROTATION, PREPARATIONS, append_again
from qconv.circuits.resources import in_basis
from qconv.circuits.tables import angle_bits, table_cost
from qconv.execution.program import HasPrograms, Program
from qconv.observables.observable import Observable
from qconv.planning.number import Number
from qconv.planning.powers import scheduled

#: Gates whose costs are known: Clifford gates, T, Toffoli and rotations.
_BASIS = (
    *("rx", "ry", "rz", "h", "x", "y", "z", "s", "sdg", "t", "tdg"),
    *("cx", "cz", "swap", "ccx"),
)

#: Number of T states that replace a Toffoli gate.
_T_PER_TOFFOLI = 4

#: Maximum number of qubits of instructions whose gates are counted; formulas give the gates of
#: larger instructions.
_COUNTED_QUBITS = 10

#: Number of rotations of an instruction on ``n`` qubits with an angle for every basis state.
_ROTATIONS: dict[str, Callable[[int], int]] = {
    "diagonal": lambda n: 2**n - 1,
    **dict.fromkeys(("ucry", FLAG_ROTATION), lambda n: 2 ** (n - 1)),
    **dict.fromkeys(PREPARATIONS, lambda n: 2**n - 1),
}

#: Numbers of address qubits of the tables that replace these rotations.
_TABLES: dict[str, Callable[[int], Sequence[int]]] = {
    "diagonal": lambda n: [n],
    **dict.fromkeys(("ucry", FLAG_ROTATION), lambda n: [n - 1]),
    **dict.fromkeys(PREPARATIONS, lambda n: range(n)),
}

#: Angles that differ from a multiple of pi/4 by at most this are exact.
_EXACT = 1e-10

#: Largest distance of a surface code that is tried; probability that a round of a factory fails.
_LARGEST_DISTANCE, _ROUND_FAILS = 99, 0.01

ASSUMPTIONS = """\
assumptions (Beverland et al. 2022, arXiv:2211.07629):
- error: largest total variation distance between the outcomes of a circuit and ideal outcomes.
  Rotations, logical qubits and T states each get a third of it. All executions of a circuit have
  the same distribution, so their mean, the answer, has the same budget.
- rotations: ceil(0.53 log2(R / e) + 5.3) T each, for R rotations and the budget e; Toffoli: 4 T
- layout: 2 Q + ceil(sqrt(8 Q)) + 1 logical qubits for Q qubits; one logical cycle per measurement,
  rotation and T gate, 3 per Toffoli, and one per T gate of each layer of rotations
- surface code of distance d: 2 d^2 physical qubits, 4 gates and 2 measurements times d per cycle,
  0.03 (p / 0.01)^((d + 1) / 2) errors per logical qubit and cycle
- T states: up to 3 rounds of 15-to-1 distillation
- executions one after the other, on one machine
- tables: look-ups by unary iteration, undone in the same way; angles are added to a phase gradient,
  which is prepared once; half of the rotations' budget is for rounding the angles of the tables"""


@dataclass(frozen=True)
class Tables:
    """Image, kernel and filter from tables of angles, instead of one rotation per angle."""

    error: float
    """Error budget of the answer."""
    spare_qubits: int
    """Maximum number of qubits for entries that a look-up reads at the same time."""


@dataclass(frozen=True)
class Hardware:
    """Physical qubits: durations in seconds, and error probabilities."""

    gate: float
    """Duration of a gate."""
    measurement: float
    """Duration of a measurement."""
    error: float
    """Error probability of Clifford gates and measurements."""
    t_error: float
    """Error probability of a T gate."""


#: Hardware by the names that Microsoft's estimator uses: superconducting circuits (ns) and ions
#: (us), with errors of 1e-3 and 1e-4.
HARDWARE = {
    "qubit_gate_ns_e3": Hardware(50e-9, 100e-9, 1e-3, 1e-3),
    "qubit_gate_ns_e4": Hardware(50e-9, 100e-9, 1e-4, 1e-4),
    "qubit_gate_us_e3": Hardware(100e-6, 100e-6, 1e-3, 1e-6),
    "qubit_gate_us_e4": Hardware(100e-6, 100e-6, 1e-4, 1e-6),
}


@dataclass(frozen=True)
class LogicalCounts:
    """Counts of one execution of a circuit, before the layout."""

    qubits: int
    """Number of qubits."""
    rotations: int
    """Number of rotations by angles that are not multiples of pi/4."""
    rotation_depth: int
    """Number of layers of rotations that can be applied at the same time."""
    t_gates: int
    """Number of T gates that are not part of rotations."""
    toffolis: int
    """Number of Toffoli gates."""
    measurements: int
    """Number of measured qubits."""
    share: float = 1.0
    """Share of the rotations' budget that is for these rotations."""

    def t_per_rotation(self, error: float) -> int:
        """Return the T gates of each rotation if all of them share an error budget."""
        if not self.rotations:
            return 0
        return math.ceil(0.53 * math.log2(self.rotations / (error * self.share)) + 5.3)

    def t_states(self, error: float) -> int:
        """Return the T states of one execution, for an error budget of all rotations."""
        rotations = self.t_per_rotation(error) * self.rotations
        return rotations + self.t_gates + _T_PER_TOFFOLI * self.toffolis

    def cycles(self, error: float) -> int:
        """Return the logical cycles of one execution, for an error budget of all rotations."""
        one_each = self.measurements + self.rotations + self.t_gates
        return one_each + 3 * self.toffolis + self.t_per_rotation(error) * self.rotation_depth

    @property
    def logical_qubits(self) -> int:
        """Number of logical qubits after the layout."""
        return 2 * self.qubits + math.ceil(math.sqrt(8 * self.qubits)) + 1

    def __add__(self, other: LogicalCounts) -> LogicalCounts:
        """Add the gates of a part of the same circuit."""
        return replace(
            self,
            rotations=self.rotations + other.rotations,
            rotation_depth=self.rotation_depth + other.rotation_depth,
            t_gates=self.t_gates + other.t_gates,
            toffolis=self.toffolis + other.toffolis,
        )


@dataclass(frozen=True)
class Physical:
    """Physical resources of one execution of a circuit."""

    t_per_rotation: int
    """T gates of each rotation."""
    t_states: int
    """Number of T states."""
    distance: int
    """Distance of the surface code."""
    qubits: int
    """Number of physical qubits, including the factories of T states."""
    factory_qubits: int
    """Number of physical qubits of the factories of T states."""
    seconds: float
    """Duration in seconds."""


@dataclass(frozen=True)
class FaultTolerantCost:
    """Price of an answer on an error-corrected machine; ``print`` shows a table.

    Counts per execution are for the circuit with the most T states.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20, 10], [1, 3], method=qconv.Interference(), shots=1000)
        >>> price = plan.cost.fault_tolerant(error=0.01, estimator="formula")
        >>> price.t_states, price.distance
        (101, 9)
    """

    error: float
    """Error budget of the answer."""
    hardware: str
    """Name of the physical qubits, see ``qconv.planning.fault_tolerant.HARDWARE``."""
    estimator: str
    """Origin of the physical numbers: ``"formula"`` or ``"qdk"``."""
    counts: LogicalCounts
    """Counts of one execution before the layout."""
    t_per_rotation: int
    """T gates of each rotation."""
    t_states: int
    """Number of T states of one execution, including rotations and Toffoli gates."""
    logical_qubits: int
    """Number of logical qubits after the layout."""
    distance: int
    """Distance of the surface code."""
    physical_qubits: int
    """Number of physical qubits."""
    factory_qubits: int
    """Number of physical qubits of the factories of T states; included in `physical_qubits`."""
    executions: int
    """Number of executions of all circuits."""
    all_t_states: int
    """Number of T states of the whole answer."""
    seconds: float
    """Duration of the whole answer in seconds."""

    def __str__(self) -> str:
        counts = self.counts
        rows = [
            ("error budget", f"{self.error:g}"),
            ("hardware", self.hardware),
            ("estimator", self.estimator),
            ("rotations", f"{counts.rotations:,}, of {self.t_per_rotation} T gates each"),
            ("other T gates", f"{counts.t_gates:,}"),
            ("Toffoli gates", f"{counts.toffolis:,}"),
            ("T states per execution", f"{self.t_states:,}"),
            ("logical qubits", f"{self.logical_qubits:,} (the circuit has {counts.qubits})"),
            ("code distance", f"{self.distance}"),
            ("physical qubits", f"{self.physical_qubits:,}"),
            ("  for T states", f"{self.factory_qubits:,}"),
            ("executions", f"{self.executions:,}"),
            ("T states of the answer", f"{self.all_t_states:,}"),
            ("time of the answer", duration(self.seconds)),
        ]
        return "\n".join([*(f"{name:<26}{text}" for name, text in rows), ASSUMPTIONS])


def duration(seconds: float) -> str:
    """Write a duration in the largest unit in which it is at least 1."""
    units = {"years": 31_557_600.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "s": 1.0}
    for unit, length in units.items():
        if seconds >= length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.3g} s"


class Priced(HasPrograms, Protocol):
    """Circuits that have a price: a `Prepared` object, or a plan of numbers."""

    def number(self, observable: Observable) -> Number:
        """Return the number that the circuits measure for an observable."""


def price(
    work: Priced,
    error: float,
    estimator: str,
    hardware: str,
    spare_qubits: int | None,
    observable: Observable | None,
    oracle_calls: int,
) -> FaultTolerantCost:
    """Compute the price of all executions, see `qconv.Cost.fault_tolerant`."""
    budget = number(error, "error")
    if isinstance(budget, complex) or not 0 < budget < 1:
        raise ValueError(f"error: expected a number between 0 and 1, got {error!r}")
    if hardware not in HARDWARE:
        raise ValueError(f"hardware: expected one of {', '.join(HARDWARE)}, got {hardware!r}")
    if estimator not in ("auto", "qdk", "formula"):
        raise ValueError(f"estimator: expected 'auto', 'qdk' or 'formula', got {estimator!r}")
    if estimator == "auto":
        estimator = "formula" if importlib.util.find_spec("qsharp") is None else "qdk"
    estimate = _by_qdk if estimator == "qdk" else _by_formula
    if spare_qubits is not None:
        whole_number(spare_qubits, "spare_qubits", 0)
    tables = None if spare_qubits is None else Tables(budget, spare_qubits)
    programs = work.programs
    if observable is not None:
        calls = whole_number(oracle_calls, "oracle_calls", 1)
        asked = work.number(observable)
        programs = scheduled(asked, asked.program, calls, noisy=False)
    each = [
        (counts, n, estimate(counts, budget, hardware)) for counts, n in _circuits(programs, tables)
    ]
    if not each:  # an all-zero image or kernel has no circuit
        each = [(LogicalCounts(0, 0, 0, 0, 0, 0), 0, Physical(0, 0, 0, 0, 0, 0.0))]
    counts, _, largest = max(each, key=lambda one: one[2].t_states)
    return FaultTolerantCost(
        error=budget,
        hardware=hardware,
        estimator=estimator,
        counts=counts,
        t_per_rotation=largest.t_per_rotation,
        t_states=largest.t_states,
        logical_qubits=counts.logical_qubits if counts.qubits else 0,
        distance=max(physical.distance for _, _, physical in each),
        physical_qubits=max(physical.qubits for _, _, physical in each),
        factory_qubits=max(physical.factory_qubits for _, _, physical in each),
        executions=sum(n for _, n, _ in each),
        all_t_states=sum(n * physical.t_states for _, n, physical in each),
        seconds=math.fsum(n * physical.seconds for _, n, physical in each),
    )


def _circuits(
    programs: Iterable[Program], tables: Tables | None
) -> Iterator[tuple[LogicalCounts, int]]:
    """Yield the counts of circuits with the same number of oracle calls, and their executions.

    Blocks, and the channels of an image, have many circuits of nearly equal cost. Only the first
    circuit with a number of oracle calls is counted.
    """
    first: dict[int, tuple[LogicalCounts, int]] = {}
    few: dict[int, Gates] = {}
    for program in programs:
        calls, executions = program.oracle_calls, program.executions or 1
        if calls in first:
            counts, before = first[calls]
            first[calls] = counts, before + executions
        else:
            first[calls] = _of_program(program, few, tables).priced(tables), executions
    yield from first.values()


def _of_program(program: Program, few: dict[int, Gates], tables: Tables | None) -> Gates:
    """Count the gates of a program's circuit.

    Every step has the same gates. They are counted on the circuits with one and two steps, which
    are kept in ``few``.
    """
    steps = program.steps
    if steps is None or steps.number == 0:
        circuit = program.build()
        return gates_of(circuit, program.measurement(circuit), tables)
    for count in range(1, min(steps.number, 2) + 1):
        if count not in few:
            circuit = steps.build(count)
            few[count] = gates_of(circuit, program.measurement(circuit), tables)
    return few[1] if steps.number == 1 else few[1].repeated(few[2], steps.number - 1)


@dataclass(frozen=True)
class Gates:
    """Gates of a circuit: those that are counted, and rotations with angles from tables."""

    counts: LogicalCounts
    address: Counter[int]
    """Number of tables for each number of address qubits."""

    def repeated(self, longer: Gates, times: int) -> Gates:
        """Return these gates plus ``times`` times the additional gates of a longer circuit."""
        names = ("rotations", "rotation_depth", "t_gates", "toffolis")
        one, two = self.counts, longer.counts
        more = {name: getattr(two, name) - getattr(one, name) for name in names}
        counts = replace(one, **{name: getattr(one, name) + times * more[name] for name in names})
        tables = {
            n: self.address[n] + times * (longer.address[n] - self.address[n])
            for n in longer.address
        }
        return Gates(counts, Counter(tables))

    def priced(self, tables: Tables | None) -> LogicalCounts:
        """Return the counts of all gates, with the Toffoli gates and the qubits of the tables."""
        address = list(self.address.elements())
        if tables is None or not address:
            return self.counts
        bits = angle_bits(len(address), tables.error / 6)
        cost = table_cost(address, bits, tables.spare_qubits)
        return replace(
            self.counts,
            qubits=self.counts.qubits + cost.spare_qubits,
            toffolis=self.counts.toffolis + cost.toffolis,
            share=0.5,
        )


def gates_of(circuit: QuantumCircuit, measured: int, tables: Tables | None = None) -> Gates:
    """Count the gates of a circuit for a device; formulas count large instructions.

    Args:
        circuit: Circuit without measurement.
        measured: Number of measured qubits.
        tables: Tables that replace the rotations by image, kernel and filter; None for rotations.
    """
    rest = circuit.copy_empty_like()
    total = LogicalCounts(circuit.num_qubits, 0, 0, 0, 0, measured)
    known: dict[tuple[str, int], LogicalCounts] = {}
    address: Counter[int] = Counter()
    for item in circuit:
        if item.name not in _ROTATIONS:
            append_again(rest, item)
            continue
        rest.barrier()  # without it, gates before and after could cancel
        key = item.name, len(item.qubits)
        if tables is not None:
            address.update(_TABLES[item.name](len(item.qubits)))
            address.update([len(item.qubits)] if _is_complex(item) else [])
            continue
        if key not in known:
            known[key] = _of_instruction(item)
        total += known[key]
    return Gates(total + _counted(rest), address)


def _is_complex(item: CircuitInstruction) -> bool:
    """Return whether an instruction prepares complex amplitudes."""
    return item.name in PREPARATIONS and np.asarray(item.operation.params[0]).dtype.kind == "c"


def _of_instruction(item: CircuitInstruction) -> LogicalCounts:
    """Count the gates of an instruction that has an angle for every basis state."""
    qubits = len(item.qubits)
    if qubits <= _COUNTED_QUBITS:
        alone = QuantumCircuit(qubits)
        alone.append(item.operation, range(qubits))
        return _counted(alone)
    rotations = _ROTATIONS[item.name](qubits)
    if _is_complex(item):
        rotations = 5 * rotations // 2  # two and a half times as many as for real amplitudes
    return LogicalCounts(qubits, rotations, rotations, 0, 0, 0)


def _counted(circuit: QuantumCircuit) -> LogicalCounts:
    """Count the gates of a circuit after transpiling, with the fewest T states of two levels."""
    candidates = [_of_gates(in_basis(circuit, _BASIS, level)) for level in (0, 1)]
    return min(candidates, key=lambda counts: counts.t_states(0.01))


def _of_gates(circuit: QuantumCircuit) -> LogicalCounts:
    """Count the gates of a circuit in the basis gates."""
    rotations = t_gates = toffolis = 0
    layers = dict.fromkeys(circuit.qubits, 0)
    for item in circuit:
        t_gates += item.name in ("t", "tdg")
        toffolis += item.name == "ccx"
        rotates = False
        if item.name in ("rx", "ry", "rz"):
            eighths = float(item.params[0]) / (math.pi / 4)
            if abs(eighths - round(eighths)) * math.pi / 4 <= _EXACT:
                t_gates += round(eighths) % 2
            else:
                rotates = True
                rotations += 1
        if item.name != "barrier":
            layer = max((layers[qubit] for qubit in item.qubits), default=0) + rotates
            layers.update(dict.fromkeys(item.qubits, layer))
    depth = max(layers.values(), default=0)
    return LogicalCounts(circuit.num_qubits, rotations, depth, t_gates, toffolis, 0)


def _by_formula(counts: LogicalCounts, error: float, hardware: str) -> Physical:
    """Compute the physical resources of one execution by the formulas of `ASSUMPTIONS`."""
    qubit, third = HARDWARE[hardware], error / 3
    cycles, states = counts.cycles(third), counts.t_states(third)
    distance = _distance(third / (counts.logical_qubits * max(cycles, 1)), qubit)
    cycle = _cycle(distance, qubit)
    seconds = cycles * cycle
    own, spare = counts.logical_qubits * 2 * distance**2, 0
    if states:
        factory = _Factory(2 * distance**2, cycle)  # a physical T state, moved to a logical qubit
        if qubit.t_error > third / states:
            factory = _factory(third / states, distance, hardware)
        seconds = max(seconds, factory.seconds)
        spare = factory.qubits * math.ceil(states / math.floor(seconds / factory.seconds))
    each = counts.t_per_rotation(third)
    return Physical(each, states, distance, own + spare, spare, seconds)


def _logical_error(distance: int, qubit: Hardware) -> float:
    """Return the error probability of a logical qubit per cycle."""
    return float(0.03 * (qubit.error / 0.01) ** ((distance + 1) / 2))


def _cycle(distance: int, qubit: Hardware) -> float:
    """Return the duration of a logical cycle in seconds."""
    return (4 * qubit.gate + 2 * qubit.measurement) * distance


def _distance(error: float, qubit: Hardware) -> int:
    """Return the smallest distance with at most this error per logical qubit and cycle."""
    for distance in range(3, _LARGEST_DISTANCE + 1, 2):
        if _logical_error(distance, qubit) <= error:
            return distance
    raise ValueError(
        f"error: needs a surface code of a distance above {_LARGEST_DISTANCE}; give a larger error"
    )


@dataclass(frozen=True)
class _Factory:
    """Factory of one T state at a time."""

    qubits: int
    seconds: float


#: Qubits and durations of a 15-to-1 unit. On physical qubits: qubits, durations of a T gate; on
#: logical qubits: logical qubits, logical cycles.
_UNITS = {"RM prep": ((31, 24), (31, 11)), "space efficient": ((12, 45), (20, 13))}


@cache
def _factory(error: float, largest: int, hardware: str) -> _Factory:
    """Return the factory with the least product of qubits and time that reaches an error."""
    found: list[_Factory] = []
    qubit = HARDWARE[hardware]
    levels = []
    for distance in (1, *range(3, largest + 1, 2)):
        clifford = qubit.error if distance == 1 else _logical_error(distance, qubit)
        area, cycle = 2 * distance**2, _cycle(distance, qubit)
        units = [
            (on_physical[0], on_physical[1] * qubit.gate)
            if distance == 1
            else (on_logical[0] * area, on_logical[1] * cycle)
            for on_physical, on_logical in _UNITS.values()
        ]
        levels.append((distance, clifford, units))

    def search(rounds: Sequence[tuple[int, float, float]], state: float, least: int) -> None:
        """Append one round to the rounds (qubits, duration, failure) that give a state's error."""
        for distance, clifford, units in levels:
            after = 35 * state**3 + 7.1 * clifford
            fails = 15 * state + 356 * clifford
            if distance < least or fails >= 1 or after >= state:
                continue
            for size, length in units:
                chain = [*rounds, (size, length, fails)]
                if after <= error:
                    found.append(_assembled(chain))
                elif len(chain) < 3:
                    search(chain, after, max(distance, 3))

    search([], qubit.t_error, 1)
    if not found:
        raise ValueError(
            f"error: no factory of T states on {hardware} reaches {error:.1e}; give a larger error"
        )
    return min(found, key=lambda factory: factory.qubits * factory.seconds)


def _assembled(rounds: Sequence[tuple[int, float, float]]) -> _Factory:
    """Return the factory of rounds of distillation, which reuse each other's qubits."""
    states, sizes = 1, []
    for size, _, fails in reversed(rounds):
        units = _units(states, fails)
        sizes.append(units * size)
        states = 15 * units
    return _Factory(max(sizes), math.fsum(length for _, length, _ in rounds))


@cache
def _units(states: int, fails: float) -> int:
    """Return the fewest units that give enough states with a probability of 99 %."""
    units = states
    while betainc(states, units - states + 1, 1 - fails) < 1 - _ROUND_FAILS:
        units += max(1, units // 50)
    return units


def _by_qdk(counts: LogicalCounts, error: float, hardware: str) -> Physical:
    """Compute the physical resources of one execution by Microsoft's estimator."""
    try:
        from qsharp.estimator import LogicalCounts as Counts
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "estimator: 'qdk' needs qsharp; install it with: pip install qsharp"
        ) from None
    given = {
        "numQubits": counts.qubits,
        "rotationCount": counts.rotations,
        "rotationDepth": counts.rotation_depth,
        "tCount": counts.t_gates,
        "cczCount": counts.toffolis,
        "measurementCount": counts.measurements,
    }
    found = Counts(given).estimate({"errorBudget": error, "qubitParams": {"name": hardware}})
    physical = found["physicalCounts"]
    return Physical(
        t_per_rotation=int(physical["breakdown"]["numTsPerRotation"] or 0),
        t_states=int(physical["breakdown"]["numTstates"]),
        distance=int(found["logicalQubit"]["codeDistance"]),
        qubits=int(physical["physicalQubits"]),
        factory_qubits=int(physical["breakdown"]["physicalQubitsForTfactories"]),
        seconds=float(physical["runtime"]) * 1e-9,
    )
