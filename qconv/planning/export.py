"""Export of circuits to text, to files and to the circuits of other packages."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit, QuantumRegister, qasm2, qasm3, qpy
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler.exceptions import TranspilerError
from qiskit.transpiler.passes import RemoveBarriers

from qconv._files import written_together
from qconv.circuits.resources import in_basis
from qconv.planning.cost import gates_of_data
from qconv.planning.packages import (
    GATES,
    braket_circuit,
    cirq_circuit,
    pennylane_script,
    pytket_circuit,
)

#: Basis gates that all formats have.
BASIS = ("h", "x", "rx", "ry", "rz", "cx")

#: Gates of the standard library of OpenQASM 2, ``qelib1.inc``, as its authors published it.
_QELIB1 = (
    *("h", "x", "y", "z", "s", "sdg", "t", "tdg", "id", "rx", "ry", "rz", "u1", "u2", "u3"),
    *("cx", "cy", "cz", "ch", "crz", "cu1", "cu3", "ccx"),
)

#: Maximum number of two-qubit gates of all circuits together.
MOST_GATES = 1_000_000


@dataclass(frozen=True)
class Format:
    """Format that a circuit can be exported to."""

    convert: Callable[[QuantumCircuit], Any]
    """Function that converts a circuit in the basis gates."""
    gates: Collection[str] | None = GATES
    """Gates that the format has; None for all standard gates of Qiskit."""
    package: str = ""
    """Name of the required package, as pip installs it; empty if Qiskit is enough."""
    text: Callable[[Any], str] | None = str
    """Function that returns the text of a file; None if the package has no files of its own."""


def _cirq_text(circuit: Any) -> str:
    import cirq

    return str(cirq.to_json(circuit))


def _pytket_text(circuit: Any) -> str:
    import json

    return json.dumps(circuit.to_dict())


def _braket_text(circuit: Any) -> str:
    return str(circuit.to_ir("OPENQASM").source)


#: Formats by name. All of ``"qpy"``'s circuits are in one file.
FORMATS = {
    "openqasm3": Format(qasm3.dumps, None),
    "openqasm2": Format(qasm2.dumps, _QELIB1),
    "qpy": Format(lambda circuit: circuit, None),
    "cirq": Format(cirq_circuit, package="cirq-core", text=_cirq_text),
    "pytket": Format(pytket_circuit, package="pytket", text=_pytket_text),
    "braket": Format(braket_circuit, package="amazon-braket-sdk", text=_braket_text),
    "pennylane": Format(pennylane_script, package="pennylane", text=None),
}


def exported(
    circuits: Sequence[QuantumCircuit],
    format: str,
    path: str | os.PathLike[str] | None,
    basis: Sequence[str] | None,
) -> Any:
    """Export circuits, see `qconv.Plan.export`."""
    if format not in FORMATS:
        raise ValueError(f"format: expected {_listed(FORMATS)}, got {format!r}")
    kind = FORMATS[format]
    if path is not None and kind.text is None:
        raise ValueError(
            f"path: expected None for the format {format!r}, which cannot be written to files, got "
            f"{os.fspath(path)!r}"
        )
    gates = _checked_basis(basis, format, kind)
    most = sum(map(gates_of_data, circuits))
    if most > MOST_GATES:
        raise ValueError(
            f"export: expected circuits that load their data with at most {MOST_GATES:,} two-qubit "
            f"gates in all, got up to {most:,} in {len(circuits):,} circuits; use a smaller image "
            "or kernel"
        )
    portable = [_portable(circuit, gates) for circuit in circuits]
    try:
        converted = tuple(map(kind.convert, portable))
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"format: {format!r} needs {kind.package}; install it with: pip install {kind.package}"
        ) from None
    if format == "qpy":
        file = io.BytesIO()
        qpy.dump(portable, file)
        if path is not None:
            _write([file.getvalue()], Path(path))
        return file.getvalue()
    if path is not None and kind.text is not None:
        _write([kind.text(each).encode() for each in converted], Path(path))
    return converted


def _checked_basis(basis: Sequence[str] | None, format: str, kind: Format) -> list[str]:
    """Return the basis gates; raise unless the format has all of them."""
    if basis is None:
        return list(BASIS)
    if isinstance(basis, str) or not all(isinstance(name, str) for name in basis):
        raise TypeError(f"basis: expected a list of names of gates or None, got {basis!r}")
    known = get_standard_gate_name_mapping() if kind.gates is None else kind.gates
    for name in basis:
        if name not in known:
            raise ValueError(
                f"basis: expected gates of {format!r} ({', '.join(known)}), got {name!r}"
            )
    return list(basis)


def _portable(circuit: QuantumCircuit, basis: list[str]) -> QuantumCircuit:
    """Transpile to basis gates, without barriers; bit ``i`` is measured at qubit ``i``."""
    # Qiskit 2.0 cannot read QPY with ancilla registers, which mean nothing to other packages.
    registers = [QuantumRegister(register.size, register.name) for register in circuit.qregs]
    bare = QuantumCircuit(*registers, *circuit.cregs, name=circuit.name)
    bare.compose(RemoveBarriers()(circuit), bare.qubits, bare.clbits, inplace=True)
    try:
        for level in (2, 1):  # level 2 may exchange qubits instead of applying a swap gate
            made = in_basis(bare, basis, level)
            measured = [made.find_bit(i.qubits[0]).index for i in made if i.name == "measure"]
            if measured == list(range(made.num_clbits)):
                break
    except TranspilerError:
        raise ValueError(
            f"basis: expected gates from which all others can be made, got {', '.join(basis)}"
        ) from None
    return made


def paths_for(path: Path, number: int) -> list[Path]:
    """Return the paths of the files of circuits: several have a number before the suffix."""
    if number == 1:
        return [path]
    width = len(str(number - 1))
    return [path.with_name(f"{path.stem}-{i:0{width}}{path.suffix}") for i in range(number)]


def _write(contents: Sequence[bytes], path: Path) -> None:
    """Write one file, or several with a number before the suffix."""
    with written_together(*paths_for(path, len(contents))) as files:
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)


def _listed(names: Collection[str]) -> str:
    """List names in a sentence."""
    *others, last = map(repr, names)
    return f"{', '.join(others)} or {last}"
