"""Counts from any source, converted to outcomes that a method can decode."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

from qconv.execution.device.jobs import chosen
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.readout import ReadoutMitigation
from qconv.execution.program import HasPrograms, Program
from qconv.execution.seeds import JOBS, SURPLUS, derived
from qconv.planning.packages import bits_of

_W = TypeVar("_W", bound=HasPrograms)

#: Ends of a string at which the first bit can be.
_ENDS = ("right", "left")


def read(counts: Any, first_bit: str) -> list[Any]:
    """List the counts of each circuit in Qiskit's formats.

    Args:
        counts: Counts of each circuit, see `qconv.Plan.decode`.
        first_bit: Position of the first bit in strings: ``"right"`` or ``"left"``.
    """
    if first_bit not in _ENDS:
        raise ValueError(f"first_bit: expected 'right' or 'left', got {first_bit!r}")
    return [_of_package(item, first_bit) for item in _items(counts)]


def from_elsewhere(counts: Any) -> bool:
    """Return whether counts are results of another package, which ran exported circuits."""
    return any(bits_of(item) is not None for item in _items(counts))


def _of_package(item: Any, first_bit: str) -> Any:
    """Convert the result of another package; turn strings whose first bit is on the left."""
    found = bits_of(item)
    if found is not None:
        bits, numbers = found
        item = dict.fromkeys(("".join(map(str, row[::-1])) for row in bits), 0)
        for row, number in zip(bits, numbers, strict=True):
            item["".join(map(str, row[::-1]))] += int(number)
        return item
    if first_bit == "left" and isinstance(item, Mapping):
        return {_turned(key): number for key, number in item.items()}
    return item


def _turned(key: Any) -> Any:
    """Return a string of bits in reverse order, and every other notation unchanged."""
    return key[::-1] if isinstance(key, str) and set(key) <= set("01 ") else key


def for_counts(
    candidates: Sequence[Callable[[], _W]], items: Sequence[Any]
) -> tuple[_W, list[Program]]:
    """Return the first object whose circuits fit the counts, and its programs.

    Exported circuits can have more flag qubits than the circuits of a simulator. If no circuits fit
    the numbers of bits, the first object is returned.

    Args:
        candidates: Functions that prepare the method, in the order of preference.
        items: Counts of each circuit.
    """
    found = [_number_of_bits(item) for item in items]
    first: tuple[_W, list[Program]] | None = None
    for prepare in candidates:
        work = prepare()
        programs = list(work.programs)
        if _fits(programs, found):
            return work, programs
        first = first or (work, programs)
    assert first is not None
    return first


def _fits(programs: Sequence[Program], found: Sequence[int | None]) -> bool:
    """Return whether each circuit measures as many bits as its counts have."""
    if len(programs) != len(found):
        return False
    for program, bits in zip(programs, found, strict=True):
        if bits is not None:
            measured = program.measured
            if bits != (program.build().num_qubits if measured is None else measured):
                return False
    return True


def _number_of_bits(item: Any) -> int | None:
    """Return the number of bits of the counts of a circuit; None if they do not show it."""
    if isinstance(item, PubResult):
        item = item.data
    if isinstance(item, DataBin):
        arrays = [value for value in item.values() if isinstance(value, BitArray)]
        item = arrays[0] if len(arrays) == 1 else None
    if isinstance(item, BitArray):
        return int(item.num_bits)
    if isinstance(item, ExperimentResult):
        header = item.header if isinstance(item.header, Mapping) else vars(item.header or object)
        bits = header.get("memory_slots")
        return None if bits is None else int(bits)
    key = next(iter(item), None) if isinstance(item, Mapping) else None
    if not isinstance(key, str) or key.strip().lower().startswith("0x"):
        return None
    return len("".join(key.split()).removeprefix("0b"))


def gathered(
    programs: Sequence[Program],
    items: Sequence[Any],
    seed: np.random.SeedSequence,
    mitigation: ReadoutMitigation | None = None,
) -> list[Outcomes]:
    """Convert counts in any of Qiskit's formats; raise the errors of `qconv.Plan.decode`.

    Args:
        programs: Programs that ran.
        items: Counts of each program, see `read`.
        seed: Seed of the choice of executions, where more were counted than can be used.
        mitigation: Correction for given readout errors; None for no correction.
    """
    if mitigation is not None:  # all outcomes are kept and corrected, also impossible ones
        programs = [
            replace(program, keep=None if program.keep is None else np.ones_like(program.keep))
            for program in programs
        ]
    if len(items) != len(programs):
        raise ValueError(
            f"counts: expected one item for each of {len(programs)} circuits, got {len(items)}"
        )
    found = [
        _outcomes(number, program, item, seed)
        for number, (program, item) in enumerate(zip(programs, items, strict=True))
    ]
    streams = _streams([part.histograms[0] for part in found])
    found = [replace(part, streams=streams) for part in found]
    if mitigation is None:
        return found
    bits = [part.program.measurement(part.circuit) for part in found]
    return [
        replace(part, readout=mitigation.given(None, n))
        for part, n in zip(found, bits, strict=True)
    ]


def _items(counts: Any) -> list[Any]:
    """List the counts of each circuit."""
    if isinstance(counts, Result):
        return list(counts.results)
    if isinstance(counts, Mapping | BitArray | DataBin | PubResult) or bits_of(counts) is not None:
        return [counts]
    if isinstance(counts, PrimitiveResult | Sequence) and not isinstance(counts, str):
        return list(counts)
    raise TypeError(
        "counts: expected a list of counts, a PrimitiveResult or a Result, got "
        f"{type(counts).__name__}"
    )


def _outcomes(number: int, program: Program, item: Any, seed: np.random.SeedSequence) -> Outcomes:
    """Convert the counts of one program."""
    circuit = program.circuit()
    histogram = _histogram(item, circuit.num_clbits)
    executed, wanted = histogram.total, program.executions or 0
    if len(program.portions) > 1:
        raise ValueError(
            f"counts: expected a plan of at most {program.portions[0]:,} executions, the most that "
            f"can be split among pixels, got {wanted:,}; plan fewer shots and add the results"
        )
    which = ""
    if program.keep is not None:
        histogram = chosen(histogram, program.keep, wanted, derived(seed, JOBS, 0, SURPLUS, 0))
        which = " with possible outcomes"
    if histogram.total < wanted:
        some = f" of {executed:,}; check first_bit," if histogram.total < executed else ";"
        raise ValueError(
            f"counts: expected at least {wanted:,} executions of circuit {number}{which}, got "
            f"{histogram.total:,}{some} run more and add their counts, or plan fewer shots"
        )
    return Outcomes(program, histograms=(histogram,), executed=executed, ran=circuit)


def _histogram(item: Any, bits: int) -> Histogram:
    """Convert the counts of one program to a histogram."""
    if isinstance(item, PubResult):
        item = item.data
    if isinstance(item, DataBin):
        registers = [value for value in item.values() if isinstance(value, BitArray)]
        if len(registers) != 1:
            raise ValueError(
                "counts: expected the bits of one classical register, got "
                f"{', '.join(item.keys()) or 'none'}"
            )
        item = registers[0]
    if isinstance(item, ExperimentResult):
        header = item.header if isinstance(item.header, Mapping) else vars(item.header or object)
        slots = header.get("memory_slots", bits)
        if slots != bits:
            raise ValueError(f"counts: expected outcomes of {bits} bits, got {slots}")
        item = getattr(item.data, "counts", None)
    if not isinstance(item, BitArray):
        return Histogram.of_mapping(item, bits)
    if item.num_bits != bits:
        raise ValueError(f"counts: expected outcomes of {bits} bits, got {item.num_bits}")
    return Histogram.of_bits(item.array.reshape(-1, item.array.shape[-1]))


def _streams(histograms: Sequence[Histogram]) -> frozenset[str]:
    """Name the executions; no name if another run could easily have given the same counts."""
    names = [histogram.name for histogram in histograms if histogram.name]
    if not names:
        return frozenset()
    return frozenset({hashlib.blake2b("".join(names).encode(), digest_size=16).hexdigest()})
