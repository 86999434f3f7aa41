"""Simulators of other packages: probabilities of exported circuits, and counts in own formats.

``python -m tests.portable`` prints the table of the page "Circuits for other packages".

Every route takes a plan. For each circuit, the other package's simulator or reader computes the
outcome probabilities from the output of `Plan.export`, with bit 0 as the lowest bit, as in Qiskit.
Every counter returns counts in the package's format, and keywords for `Plan.decode`.
"""

import importlib.metadata
import importlib.util
from io import BytesIO

import numpy as np
from qiskit import qasm2, qasm3, qpy
from qiskit.quantum_info import Statevector

import qconv

#: Format and package of each route; packages are named as Python imports them.
ROUTES = {
    "qpy": ("qpy", "qiskit"),
    "openqasm2": ("openqasm2", "qiskit"),
    "openqasm3": ("openqasm3", "qiskit_qasm3_import"),
    "cirq": ("cirq", "cirq"),
    "cirq reads openqasm2": ("openqasm2", "cirq"),
    "pytket": ("pytket", "pytket"),
    "pytket reads openqasm2": ("openqasm2", "pytket"),
    "braket": ("braket", "braket"),
    "braket reads openqasm3": ("openqasm3", "braket"),
    "pennylane": ("pennylane", "pennylane"),
}

#: Kernel, image and geometry of all round trips.
KERNEL = np.array([[1.0, -2.0], [0.5, 0.25]])
WHERE = {"mode": "same", "boundary": "wrap"}
METHODS = {
    "Collapse": qconv.Collapse(),
    "Collapse, baseline": qconv.Collapse(baseline=True),
    "Diffusion": qconv.Diffusion(),
    "Diffusion, two steps": qconv.Diffusion(steps=2),
    "Interference": qconv.Interference(),
    "Interference, magnitudes": qconv.Interference(signed=False),
    "Interference, amplified": qconv.Interference(amplify=1),
    "Fourier": qconv.Fourier(),
    "Fourier, magnitudes": qconv.Fourier(signed=False),
    "Fourier, amplified": qconv.Fourier(amplify=1),
    "AmplitudeEstimation": qconv.AmplitudeEstimation(powers=(0, 1)),
    "AmplitudeEstimation, local": qconv.AmplitudeEstimation(powers=(0, 1), range="local"),
}


def installed(route):
    needed = [ROUTES[route][1], *(["ply"] if route == "cirq reads openqasm2" else [])]
    return all(importlib.util.find_spec(name) for name in needed)


def planned(method, side=8, **how):
    image = np.random.default_rng(side).random((side, side)) + 0.1
    return qconv.plan(image, KERNEL, method=METHODS[method], **{**WHERE, "shots": 50, **how})


def law(circuit):
    """Return the probabilities of the outcomes of a Qiskit circuit with final measurements."""
    ends = {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit
        if item.name == "measure"
    }
    bare = circuit.remove_final_measurements(inplace=False)
    return Statevector(bare).probabilities([ends[i] for i in range(len(ends))])


def lowest_first(probabilities, bits):
    """Reverse the bits of outcomes whose first bit is the highest."""
    return np.asarray(probabilities).reshape([2] * bits).transpose().ravel()


def marginal(state, order, bits):
    """Return probabilities of the bits at qubits ``order``, from a state, first qubit highest."""
    every = np.abs(np.asarray(state).reshape([2] * int(np.log2(np.size(state))))) ** 2
    others = tuple(axis for axis in range(every.ndim) if axis not in order[:bits])
    kept = [axis for axis in range(every.ndim) if axis in order[:bits]]
    places = [kept.index(axis) for axis in order[:bits]]
    return lowest_first(every.sum(axis=others).transpose(places), bits)


def by_qiskit(plan, format):
    given = plan.export(format)
    if format == "qpy":
        return [law(circuit) for circuit in qpy.load(BytesIO(given))]
    return [law({"openqasm2": qasm2, "openqasm3": qasm3}[format].loads(text)) for text in given]


def by_cirq(plan, format):
    import cirq

    probabilities = []
    for made, circuit in zip(plan.export(format), plan.on_device().circuits, strict=True):
        read = made
        if format == "openqasm2":
            from cirq.contrib.qasm_import import circuit_from_qasm

            read = circuit_from_qasm(made)
        qubits = [cirq.NamedQubit(f"{r.name}_{i}") for r in circuit.qregs for i in range(r.size)]
        state = cirq.Simulator(dtype=np.complex128).simulate(
            cirq.drop_terminal_measurements(read), qubit_order=qubits
        )
        ends = [q for _, op in read.findall_operations(cirq.is_measurement) for q in op.qubits]
        keys = [k for _, op in read.findall_operations(cirq.is_measurement) for k in _keys(op)]
        order = [qubits.index(q) for _, q in sorted(zip(keys, ends, strict=True))]
        probabilities.append(marginal(state.final_state_vector, order, circuit.num_clbits))
    return probabilities


def _keys(operation):
    """Number of the bit of each qubit of a measurement."""
    import cirq

    key = cirq.measurement_key_name(operation)
    return range(len(operation.qubits)) if key == "meas" else [int(key.removeprefix("meas_"))]


def by_pytket(plan, format):
    from pytket.circuit import Circuit, OpType
    from pytket.qasm import circuit_from_qasm_str, circuit_to_qasm_str

    probabilities = []
    for made in plan.export(format):
        read = made if format == "pytket" else circuit_from_qasm_str(made)
        if read.n_qubits > 11:  # too large for pytket: written by pytket, simulated by Qiskit
            probabilities.append(law(qasm2.loads(circuit_to_qasm_str(read))))
            continue
        bare = Circuit()
        for qubit in read.qubits:
            bare.add_qubit(qubit)
        ends = {}
        for command in read:
            if command.op.type == OpType.Measure:
                ends[command.bits[0].index[0]] = command.qubits[0]
            else:
                bare.add_gate(command.op, command.qubits)
        order = [bare.qubits.index(ends[i]) for i in range(len(ends))]
        probabilities.append(marginal(bare.get_statevector(), order, len(ends)))
    return probabilities


def by_braket(plan, format):
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator
    from braket.ir.openqasm import Program

    probabilities = []
    for made in plan.export(format):
        if format == "braket":
            gates = [step for step in made.instructions if step.operator.name != "Measure"]
            ends = [s.target[0] for s in made.instructions if s.operator.name == "Measure"]
            bare = Circuit(gates).i(range(max(map(int, made.qubits)) + 1))
            run = LocalSimulator().run(bare.probability(target=ends), shots=0)
            probabilities.append(lowest_first(run.result().values[0], len(ends)))
            continue
        lines = made.splitlines()
        ends = [line.split("measure ")[1].rstrip(";") for line in lines if " = measure " in line]
        bare = [line for line in lines if " = measure " not in line and "include" not in line]
        bare = [line for line in bare if not line.startswith("bit[")]
        text = "\n".join([*bare, f"#pragma braket result probability {', '.join(ends)}"])
        text = text.replace("cx ", "cnot ")
        run = LocalSimulator().run(Program(source=text), shots=0)
        probabilities.append(lowest_first(run.result().values[0], len(ends)))
    return probabilities


def by_pennylane(plan, format):
    import pennylane as qml

    probabilities = []
    for made, circuit in zip(plan.export(format), plan.on_device().circuits, strict=True):
        tape = qml.tape.QuantumScript(
            made.operations, [qml.probs(wires=made.measurements[0].wires)]
        )
        (found,) = qml.execute([tape], qml.device("default.qubit"))
        probabilities.append(lowest_first(found, circuit.num_clbits))
    return probabilities


BY = {
    "qiskit": by_qiskit,
    "qiskit_qasm3_import": by_qiskit,
    "cirq": by_cirq,
    "pytket": by_pytket,
    "braket": by_braket,
    "pennylane": by_pennylane,
}


def laws(plan, route):
    """Probabilities of the outcomes of every circuit after the round trip."""
    format, package = ROUTES[route]
    return BY[package](plan, format)


def deviation(plan, route):
    """Return the maximum difference of probabilities from the circuits before the export."""
    before = [law(circuit) for circuit in plan.on_device().circuits]
    after = laws(plan, route)
    return max(np.abs(a - b).max() for a, b in zip(before, after, strict=True))


def counted(plan, package, seed):
    """Return counts of each circuit by the package's simulator, and keywords for `Plan.decode`."""
    made = zip(plan.export(package), plan.on_device().executions, strict=True)
    if package == "cirq":
        import cirq

        simulator = cirq.Simulator(seed=seed)
        return [simulator.run(circuit, repetitions=shots) for circuit, shots in made], {}
    if package == "pytket":
        from pytket.backends.backendresult import BackendResult
        from pytket.utils.outcomearray import OutcomeArray

        # pytket has no sampler: its probabilities are sampled here, into its own result class
        rng, results = np.random.default_rng(seed), []
        for (circuit, shots), p in zip(made, laws(plan, "pytket"), strict=True):
            drawn = rng.choice(p.size, shots, p=p / p.sum())
            bits = sorted(circuit.bits)
            shots_table = OutcomeArray.from_readouts((drawn[:, None] >> np.arange(len(bits))) & 1)
            results.append(BackendResult(shots=shots_table, c_bits=bits))
        return results, {}
    if package == "braket":
        from braket.devices import LocalSimulator

        np.random.seed(seed)  # noqa: NPY002  (the simulator draws from the global generator)
        return [LocalSimulator().run(circuit, shots=shots).result() for circuit, shots in made], {}
    import pennylane as qml

    tapes = [qml.tape.QuantumScript(c.operations, c.measurements, shots=n) for c, n in made]
    found = qml.execute(tapes, qml.device("default.qubit", seed=seed))
    return list(found), {"first_bit": "left"}


#: Name of each package in package indices.
DISTRIBUTIONS = {
    "qiskit": "qiskit",
    "qiskit_qasm3_import": "qiskit-qasm3-import",
    "cirq": "cirq-core",
    "pytket": "pytket",
    "braket": "amazon-braket-sdk",
    "pennylane": "pennylane",
}


def table(side=8):
    """Rows of the table of compatibility: route, package, version, methods, largest deviation."""
    for route, (format, package) in ROUTES.items():
        if installed(route):
            name = DISTRIBUTIONS[package]
            worst = max(deviation(planned(method, side), route) for method in METHODS)
            version = importlib.metadata.version(name)
            yield f'| `"{format}"` | {name} {version} | {len(METHODS)} | {worst:.0e} |'


if __name__ == "__main__":
    print(*table(), sep="\n")
