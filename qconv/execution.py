"""Execution: circuits, shots, backend and seed in; probabilities or outcomes out.

Two ways to draw what a circuit's measurement would give:

* *From the Born probabilities* that Aer computed for the circuit. Ideal simulators only.
* *From measured shots* of any backend or sampler. Shots of one circuit are independent and
  identically distributed, so a histogram of them dealt out at random (`qconv.dealing`) has exactly
  the law of keeping every shot's own outcome, at a tiny part of the cost.

Random numbers are tied to what they are for: every tile of the output and every job has a seed
sequence of its own, named by its place. How many threads share the work changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qconv._memory import require_memory
from qconv._progress import progress_bar
from qconv.dealing import deal

Backend: TypeAlias = BackendV2 | BaseSamplerV2 | None
#: Outcomes and how often each was seen.
Seen: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None

#: Part of the executions that must be kept for a backend to be of use; an even spread over the
#: outcomes of a 3x3 kernel's four qubits keeps 9/16.
_LEAST_SUCCESS = 0.01

#: Shots whose outcomes name a sampler's random stream.
_STREAM_SHOTS = 256

#: Shots of one job; more are split. Few enough for a sampler that keeps every shot's bits.
JOB_SHOTS = 1_000_000

#: States of at most as many qubits are simulated by one thread: several would wait for each other
#: at every gate, for longer than they save, and far longer where other programs use the cores.
_PARALLEL_QUBITS = 19

# ---------------------------------------------------------------------------------------- seeds


def root_seed(seed: Seed) -> np.random.SeedSequence:
    """One seed sequence for a whole call; every other one is derived from it by `derived`.

    An ``int`` or ``SeedSequence`` gives the same one each time, a ``Generator`` moves on, ``None``
    is fresh entropy.

    Raises:
        TypeError: ``seed`` is none of these.
        ValueError: ``seed`` is negative.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(
        seed, int | np.integer | np.random.SeedSequence | np.random.Generator | None
    ):
        raise TypeError(
            "seed: expected a whole number, a numpy SeedSequence, a numpy Generator or None, "
            f"got {seed!r}"
        )
    if isinstance(seed, int | np.integer) and seed < 0:
        raise ValueError(f"seed: expected a whole number >= 0, got {seed}")
    words = np.random.default_rng(seed).integers(0, 2**32, size=4, dtype=np.uint32)
    return np.random.SeedSequence([int(word) for word in words])


def derived(root: np.random.SeedSequence, *place: int) -> np.random.SeedSequence:
    """The seed sequence that belongs to one place (a tile, a job) under ``root``."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *place))


def stream_name(root: np.random.SeedSequence) -> str:
    """A name that two results share only if their random numbers are the same."""
    return np.random.SeedSequence(root.entropy).generate_state(4, np.uint32).tobytes().hex()


# ------------------------------------------------------------------------------------- backends


def check_backend(backend: object) -> None:
    """Raise a ``TypeError`` unless ``backend`` is something that circuits can run on."""
    if not isinstance(backend, BackendV2 | BaseSamplerV2 | None):
        raise TypeError(
            "backend: expected None (the ideal Aer simulator), a qiskit BackendV2 or a "
            f"BaseSamplerV2, got {backend!r}"
        )


def is_ideal(backend: Backend) -> bool:
    """Whether the backend is an Aer simulator without noise, whose probabilities can be asked."""
    return backend is None or (
        isinstance(backend, AerSimulator) and backend.options.noise_model is None
    )


def noise_name(backend: Backend) -> str:
    """A text that tells backends apart whose expectations differ; empty for ideal simulators.

    Samplers do not say how they are made, so they go by their kind.
    """
    if is_ideal(backend):
        return ""
    model = getattr(getattr(backend, "options", None), "noise_model", None)
    noise = repr(model.to_dict(serializable=True)) if isinstance(model, NoiseModel) else ""
    return f"{type(backend).__name__} {getattr(backend, 'name', '')} {noise}"


def is_statevector(backend: Backend) -> bool:
    """Whether the backend simulates a state vector without noise and takes circuits as they are.

    Such a simulator knows arrays as instructions (``initialize``, ``diagonal``) and gates of any
    number of controls.
    """
    return backend is None or (
        isinstance(backend, AerSimulator)
        and is_ideal(backend)
        and backend.options.method in ("automatic", "statevector")
        and backend.coupling_map is None
    )


@cache
def _ideal_simulator() -> AerSimulator:
    return AerSimulator(method="statevector", statevector_parallel_threshold=_PARALLEL_QUBITS)


def born_probabilities(
    circuit: QuantumCircuit, backend: Backend = None, *, measured: int | None = None
) -> NDArray[np.float64]:
    """Probability of every outcome of measuring a circuit's first qubits, as Aer computes it.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: How many qubits are measured; None for all.

    Returns:
        ``2**measured`` probabilities, little-endian: outcome ``i`` has qubit 0 in its lowest bit.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
    """
    measured = circuit.num_qubits if measured is None else measured
    circuit.save_probabilities(circuit.qubits[:measured])
    try:
        return saved_probabilities(circuit, backend, measured=measured)["probabilities"]
    finally:
        del circuit.data[-1]


def saved_probabilities(
    circuit: QuantumCircuit, backend: Backend, *, measured: int
) -> dict[str, NDArray[np.float64]]:
    """What the ``save_probabilities`` instructions of a circuit saved, by their labels.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: Of how many qubits the probabilities are saved.

    Returns:
        ``2**measured`` probabilities each.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
    """
    if not is_ideal(backend):
        raise ValueError(
            "shots: expected a whole number with this backend; None (the exact expectation) needs "
            "an Aer simulator without noise"
        )
    require_memory(
        state_memory(circuit.num_qubits, measured), f"circuit of {circuit.num_qubits} qubits is"
    )
    simulator = _ideal_simulator() if backend is None else backend
    result = simulator.run(_ready(circuit, simulator), shots=1).result()
    _require_success(result)
    saved: dict[str, NDArray[np.float64]] = result.data(0)
    return saved


def state_memory(num_qubits: int, measured: int) -> int:
    """Bytes that it takes to simulate a state vector and know the probabilities of outcomes."""
    return int(16 * 2**num_qubits + 3 * 8 * 2**measured)


def append_measurement(circuit: QuantumCircuit, measured: int) -> None:
    """End a circuit with the measurement of its first qubits, ``measured`` of them."""
    bits = ClassicalRegister(measured, "meas")
    circuit.add_register(bits)
    circuit.barrier()
    circuit.measure(circuit.qubits[:measured], bits)


def measured_counts(
    circuit: QuantumCircuit,
    shots: int,
    backend: Backend,
    root: np.random.SeedSequence,
    *,
    log: ShotLog | None = None,
    progress: bool = False,
) -> Seen:
    """Run a circuit on a backend or sampler and count its outcomes.

    Args:
        circuit: A circuit that ends with measuring into the register ``meas``, at most 63 bits.
        shots: Executions, split into jobs of at most ``JOB_SHOTS``.
        backend: Where to run; transpiled for with a preset pass manager.
        root: Seeds the jobs, where the backend takes a seed.
        log: What a sampler gave so far in this call; a new one if not given.
        progress: Show a progress bar.

    Returns:
        The outcomes that were seen, little-endian and in order, and how often each was, sum
        ``shots``.

    Raises:
        RuntimeError: A job failed.
        ValueError: The circuit does not fit on the backend, or a sampler repeats its shots, so
            that they would be counted twice.
    """
    if isinstance(backend, BaseSamplerV2):
        job = _sampler_job(circuit, backend, ShotLog() if log is None else log)
    else:
        job = _backend_job(circuit, _ideal_simulator() if backend is None else backend)
    total = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    with progress_bar(shots, "shot") if progress else nullcontext() as bar:
        for number, start in enumerate(range(0, shots, JOB_SHOTS)):
            seed = int(derived(root, number).generate_state(1)[0] >> 1)  # Aer wants 31 bits
            executed = min(JOB_SHOTS, shots - start)
            total = _merged(total, job(executed, seed))
            if bar is not None:
                bar.update(executed)
    return total


_Job = Callable[[int, int], Seen]


def _merged(first: Seen, second: Seen) -> Seen:
    """Outcomes of both, in order, each with its counts together."""
    outcomes, place = np.unique(np.concatenate([first[0], second[0]]), return_inverse=True)
    counts = np.zeros(len(outcomes), dtype=np.int64)
    np.add.at(counts, place, np.concatenate([first[1], second[1]]))
    return outcomes, counts


def _backend_job(measured: QuantumCircuit, backend: BackendV2) -> _Job:
    """A function of shots and seed that runs the circuit on a backend."""
    ready = _ready(measured, backend)
    seedable = hasattr(backend.options, "seed_simulator")

    def job(shots: int, seed: int) -> Seen:
        options = {"seed_simulator": seed} if seedable else {}
        result = backend.run(ready, shots=shots, **options).result()
        _require_success(result)
        counts = result.data(0)["counts"]  # get_counts() would write each outcome out in bits
        outcomes = np.fromiter((int(key, 16) for key in counts), np.int64, len(counts))
        return outcomes, np.fromiter(counts.values(), np.int64, len(counts))

    return job


REPEATED = (
    "backend: the sampler returned the same shots on two runs (it has a fixed seed), which would "
    "be counted as independent; give it seed=None"
)


class ShotLog:
    """The shots that a sampler gave during one call, to tell when they come again.

    Two honest runs of ``n`` shots coincide with probability ``(sum p**2)**n``; where that is below
    1e-12 a coincidence is none.
    """

    def __init__(self) -> None:
        self._latest: NDArray[np.uint8] | None = None
        self._seed: str | None = None
        self.names: set[str] = set()
        """Names of the runs' random streams: two are equal only if the shots are."""

    def before(self, sampler: BaseSamplerV2) -> None:
        """Take note that a sampler is about to run.

        Raises:
            ValueError: It ran before, with the same fixed seed.
        """
        seed = _fixed_seed(sampler)
        if seed is None:
            return
        if seed == self._seed:
            raise ValueError(REPEATED)
        self._seed = seed
        self.names.add(seed)

    def add(self, bits: NDArray[np.uint8]) -> None:
        """Take note of a run, ``(shots, bytes)``.

        Raises:
            ValueError: It begins as the one before, as with a sampler of fixed seed.
        """
        if self._latest is not None:
            n = min(len(self._latest), len(bits))
            if _is_distinctive(bits[:n]) and np.array_equal(self._latest[:n], bits[:n]):
                raise ValueError(REPEATED)
        self._latest = bits
        start = bits[:_STREAM_SHOTS]
        if _is_distinctive(start):
            digest = hashlib.blake2b(np.ascontiguousarray(start).data, digest_size=16)
            self.names.add(digest.hexdigest())


def _fixed_seed(sampler: BaseSamplerV2) -> str | None:
    """A name for the fixed seed of a sampler that has one: each of its runs is the same."""
    options = getattr(sampler, "options", None)
    for seed in (getattr(sampler, "seed", None), getattr(options, "seed_simulator", None)):
        if isinstance(seed, int | np.integer):
            return f"{type(sampler).__module__}.{type(sampler).__name__} {seed}"
    return None


def _is_distinctive(bits: NDArray[np.uint8]) -> bool:
    """Whether an independent run would hardly ever, once in 1e12, give the same shots."""
    n = len(bits)
    _, counts = np.unique(bits, axis=0, return_counts=True)
    return bool(n * np.log(np.sum((counts / n) ** 2)) < np.log(1e-12))


def _sampler_job(measured: QuantumCircuit, sampler: BaseSamplerV2, log: ShotLog) -> _Job:
    """A function of shots and seed that runs the circuit on a sampler, which seeds itself."""
    target = getattr(sampler, "backend", None) or getattr(sampler, "_backend", None)
    target = target() if callable(target) else target
    ready = _ready(measured, target) if isinstance(target, BackendV2) else measured

    def job(shots: int, seed: int) -> Seen:
        log.before(sampler)
        bits = sampler.run([ready], shots=shots).result()[0].data.meas.array
        log.add(bits)
        places = 256 ** np.arange(bits.shape[1], dtype=np.int64)[::-1]
        return np.unique(bits.astype(np.int64) @ places, return_counts=True)

    return job


def _ready(circuit: QuantumCircuit, backend: BackendV2) -> QuantumCircuit:
    """The circuit in the backend's own gates, on its own qubits."""
    if is_statevector(backend):
        return circuit
    if backend.num_qubits is not None and circuit.num_qubits > backend.num_qubits:
        raise ValueError(
            f"backend: expected at least {circuit.num_qubits} qubits for this circuit, got "
            f"{backend.num_qubits}"
        )
    manager = generate_preset_pass_manager(2, backend=backend, seed_transpiler=0)
    return manager.run(circuit)


def _require_success(result: Result) -> None:
    if not result.success:
        details = "; ".join(str(part.status) for part in result.results) or result.status
        raise RuntimeError(f"the simulator failed: {details}")


# ----------------------------------------------------------------------------- post-selection


def kept_counts(
    circuit: QuantumCircuit,
    keep: NDArray[np.bool_],
    shots: int,
    backend: Backend,
    root: np.random.SeedSequence,
    *,
    log: ShotLog | None = None,
    progress: bool = False,
) -> tuple[NDArray[np.int64], int]:
    """Run a circuit until exactly ``shots`` outcomes that ``keep`` allows have come.

    Noise makes outcomes that the ideal circuit never gives; they are discarded and run again.
    When to stop depends only on how many were kept, so the kept ones stay independent draws.

    Returns:
        Counts of the kept outcomes, ``2**num_qubits``, sum ``shots``, and the executions it took.

    Raises:
        RuntimeError: Next to nothing is ever kept.
    """
    log = ShotLog() if log is None else log
    measured = circuit.measure_all(inplace=False)
    total = np.zeros(len(keep), dtype=np.int64)
    executions, kept, success, round_ = 0, 0, 1.0, 0
    while kept < shots:
        missing = shots - kept
        asked = int(np.ceil(missing / success))
        seed = derived(root, 0, round_)
        outcomes, counts = measured_counts(
            measured, asked, backend, seed, log=log, progress=progress
        )
        new = np.zeros(len(keep), dtype=np.int64)
        new[outcomes] = counts
        new *= keep
        executions += asked
        if new.sum() > missing:
            rng = np.random.default_rng(derived(root, 1, round_))
            new = deal(new, [missing, int(new.sum()) - missing], rng)[0]
        total += new
        kept = int(total.sum())
        round_ += 1
        success = max(kept / executions, _LEAST_SUCCESS)
        if executions >= 10 / _LEAST_SUCCESS and kept < _LEAST_SUCCESS * executions:
            raise RuntimeError(
                f"only {kept} of {executions} executions gave a position of the kernel; "
                "the backend is too noisy for this circuit"
            )
    return total, executions
