"""Counts from any source, converted to outcomes that a method can decode."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

from qconv.execution.device.jobs import chosen
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.readout import ReadoutMitigation
from qconv.execution.program import Program
from qconv.execution.seeds import JOBS, SURPLUS, derived


def gathered(
    programs: Sequence[Program],
    counts: Any,
    seed: np.random.SeedSequence,
    mitigation: ReadoutMitigation | None = None,
) -> list[Outcomes]:
    """Convert counts in any of Qiskit's formats; raise the errors of `qconv.Plan.decode`.

    Args:
        programs: Programs that ran.
        counts: Counts of each program.
        seed: Seed of the choice of executions, where more were counted than can be used.
        mitigation: Correction for given readout errors; None for no correction.
    """
    if mitigation is not None:  # all outcomes are kept and corrected, also impossible ones
        programs = [
            replace(program, keep=None if program.keep is None else np.ones_like(program.keep))
            for program in programs
        ]
    items = _items(counts)
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
    if isinstance(counts, Mapping | BitArray | DataBin | PubResult):
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
            f"counts: expected a plan of at most {program.portions[0]:,} executions, which can be "
            f"split among pixels at once, got {wanted:,}; plan fewer shots and add the results"
        )
    which = ""
    if program.keep is not None:
        histogram = chosen(histogram, program.keep, wanted, derived(seed, JOBS, 0, SURPLUS, 0))
        which = " with possible outcomes"
    if histogram.total < wanted:
        raise ValueError(
            f"counts: expected at least {wanted:,} executions of circuit {number}{which}, got "
            f"{histogram.total:,}; run more and add their counts, or plan fewer shots"
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
