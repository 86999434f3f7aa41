"""Exported circuits: distribution after the round trip, and decoded counts of other packages.

Routes whose package is missing are skipped; `.ci/run` has them all in an environment of their own.
"""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2, qpy

import classical
import qconv
from tests import portable
from tests.chance import assert_distribution
from tests.portable import METHODS, ROUTES, planned

CORE = ["qpy", "openqasm2"]
PACKAGES = ["cirq", "pytket", "braket", "pennylane"]


def need(route):
    if not portable.installed(route):
        pytest.skip(f"needs {ROUTES[route][1]}")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ROUTES)
def test_the_law_after_the_round_trip(route, method):
    need(route)
    assert portable.deviation(planned(method), route) < 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_the_law_of_the_simulators_circuits(method):
    """The distributions are equal for flags that read 0; a device can have more flags."""
    plan = planned(method)
    for own, other in zip(plan.circuits, plan.on_device().circuits, strict=True):
        mine, exported = portable.law(own), portable.law(other)
        if own.num_clbits < other.num_clbits:  # the flags are the last qubits
            half = mine.size // 2
            mine, exported = mine[:half], exported[:half]
        np.testing.assert_allclose(exported, mine, rtol=0, atol=1e-12)


def test_the_comparison_can_fail():
    """The distributions of the mirrored image, and of reversed bits, are different."""
    plan = planned("Diffusion")
    (p,) = portable.laws(plan, "openqasm2")
    turned = portable.lowest_first(p, int(np.log2(p.size)))
    assert np.abs(p - turned).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("package", PACKAGES)
def test_counts_are_decoded(package, method):
    """Counts against their distribution, and the decoded result against the exact convolution."""
    need(package)
    plan = planned(method, shots=100, seed=3)
    counts, how = portable.counted(plan, package, seed=5)
    result = plan.decode(counts, **how)
    assert result.total_shots == sum(plan.executions)
    exact = classical.diffuse(plan.image, portable.KERNEL, plan.method.steps, **portable.WHERE)
    exact = exact if plan.method.signed else np.abs(exact)
    # 64 pixels within 6.5 standard errors, 64 * 8e-11, plus one for biases of magnitudes and angles
    assert (np.abs(result.image - exact) <= 7.5 * result.stderr + 1e-9).all()


def test_counts_of_braket_begin_with_the_first_bit():
    need("braket")
    plan = planned("Fourier", seed=3)
    results, _ = portable.counted(plan, "braket", seed=5)
    counts = [dict(result.measurement_counts) for result in results]
    images = [plan.decode(results).image, plan.decode(counts, first_bit="left").image]
    assert np.array_equal(*images)
    assert not np.array_equal(images[0], plan.decode(counts).image)


@pytest.mark.parametrize("package", PACKAGES)
def test_counts_follow_the_law(package):
    """Counts in the package's own format, read by `qconv.planning.counts.read`."""
    from qconv.planning.counts import read

    need(package)
    plan = planned("Interference", shots=100)
    counts, how = portable.counted(plan, package, seed=6)
    (item,) = read(counts, how.get("first_bit", "right"))
    (p,) = [portable.law(circuit) for circuit in plan.on_device().circuits]
    observed = np.zeros(p.size)
    for key, number in item.items():
        observed[int(key, 2)] += number
    p = np.where(p < 1e-12, 0, p)  # rounding errors where the probability is zero
    assert_distribution(observed, p / p.sum())


def test_more_flags_than_the_simulators_circuits():
    """Counts of both kinds of circuits are decoded; their numbers of bits distinguish them."""
    image = np.random.default_rng(0).random((8, 8))
    kernel = qconv.named_kernel("gaussian")
    plan = qconv.plan(image, kernel, method=qconv.Fourier(), shots=200, seed=1, **portable.WHERE)
    own, other = plan.circuits[0], plan.on_device().circuits[0]
    assert own.num_clbits == 8
    assert other.num_clbits == 9
    exact = classical.convolve(image, kernel, **portable.WHERE)
    for circuit in (own, other):
        drawn = np.random.default_rng(2).multinomial(plan.executions[0], portable.law(circuit))
        text = {f"{i:0{circuit.num_clbits}b}": int(n) for i, n in enumerate(drawn) if n}
        result = plan.decode(text)
        assert (np.abs(result.image - exact) <= 6.5 * result.stderr).all()
        left = {key[::-1]: n for key, n in text.items()}
        assert np.array_equal(plan.decode(left, first_bit="left").image, result.image)
        numbers = {int(key, 2): n for key, n in text.items()}
        if circuit is own:
            assert np.array_equal(plan.decode(numbers, first_bit="left").image, result.image)
        if circuit is other:
            assert np.array_equal(plan.on_device().decode(numbers).image, result.image)
    with pytest.raises(ValueError, match="expected outcomes of 9 bits"):
        plan.on_device().decode({"0" * 8: plan.executions[0]})
    with pytest.raises(ValueError, match="expected outcomes of 8 bits"):
        plan.decode({"0" * 10: plan.executions[0]})


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"first_bit": "left"}])
@pytest.mark.parametrize("scheme", ["overlap-add", "overlap-save"])
def test_blocks_that_differ_on_a_device(scheme, how):
    """The circuits have the same number of bits but more flags, so more blocks are needed."""
    image = np.random.default_rng(0).random((12, 12))
    kernel = qconv.named_kernel("gaussian")
    method = qconv.Blocks(qconv.Fourier(), scheme, 7)
    plan = qconv.plan(image, kernel, method=method, shots=400, seed=1, mode="same")
    device = plan.on_device()
    assert {c.num_clbits for c in (*plan.circuits, *device.circuits)} == {7}
    assert len(device.circuits) > len(plan.circuits)
    rng, counts = np.random.default_rng(3), []
    for text, executions in zip(plan.export("openqasm2"), device.executions, strict=True):
        p = portable.law(qasm2.loads(text))
        drawn = rng.multinomial(executions, p / p.sum())
        keys = [f"{i:07b}" for i in range(128)]
        keys = [key[::-1] for key in keys] if "first_bit" in how else keys
        counts.append({key: int(n) for key, n in zip(keys, drawn, strict=True) if n})
    result = plan.decode(counts, **how)
    exact = classical.convolve(image, kernel, mode="same")
    assert (np.abs(result.image - exact) <= 6.5 * result.stderr).all()  # 144 pixels, 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_what_text_contains(method):
    """No barriers, the registers' names, and bits in the order of the qubits."""
    plan = planned(method)
    for format, registers in (
        ("openqasm2", ("qreg {}[{}];", "creg {}[{}];")),
        ("openqasm3", ("qubit[{1}] {0};", "bit[{1}] {0};")),
    ):
        for text, circuit in zip(plan.export(format), plan.on_device().circuits, strict=True):
            assert "barrier" not in text
            assert "gate " not in text
            quantum, classical = registers
            for register in circuit.qregs:
                assert quantum.format(register.name, register.size) in text
            assert classical.format("meas", circuit.num_clbits) in text


def test_the_page_lists_every_route():
    """Versions of the packages with which ``python -m tests.portable`` ran."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "export.md").read_text()
    for format, package in ROUTES.values():
        assert f'| `"{format}"` | {portable.DISTRIBUTIONS[package]} ' in page
    assert f"| {len(METHODS)} |" in page


def test_the_same_text_again():
    plan = planned("Interference")
    assert plan.export("openqasm3") == plan.export("openqasm3")


def test_a_basis_of_ones_own():
    plan = planned("Interference")
    (text,) = plan.export("openqasm2", basis=["rz", "h", "cz"])
    names = {item.name for item in qasm2.loads(text)}
    assert names <= {"rz", "h", "cz", "measure"}
    (circuit,) = qpy.load(BytesIO(plan.export("qpy", basis=["u", "ecr"])))
    assert {item.name for item in circuit} <= {"u", "ecr", "measure"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_gate_of_a_package(package, monkeypatch):
    """The package understands each gate of the list as Qiskit does."""
    from qconv.planning.packages import GATES

    need(package)
    circuit = QuantumCircuit(3, name="all")
    circuit.h([0, 1, 2])
    for number, name in enumerate(GATES):
        qubits = [number % 3, (number + 1) % 3]
        angles = [0.3 + 0.1 * number] if name in ("rx", "ry", "rz", "p") else []
        getattr(circuit, name)(*angles, *(qubits if name in ("cx", "cz", "swap") else qubits[:1]))
        circuit.rx(0.4, number % 3)
    circuit.h([0, 1, 2])
    plan = qconv.plan([1, 2], [1], method=_Own(circuit), shots=10)
    monkeypatch.setattr("qconv.planning.export.BASIS", GATES)
    assert portable.deviation(plan, package) < 1e-9


class _Own(qconv.Method):
    """A method with a single given circuit."""

    def __init__(self, circuit):
        self.circuit = circuit

    def prepare(self, plan):
        return _Prepared(self, plan)


class _Prepared(qconv.Prepared):
    @property
    def programs(self):
        seed = np.random.SeedSequence(0)
        return [qconv.Program(self.method.circuit.copy, executions=10, seed=seed)]

    def decode(self, outcomes):
        raise NotImplementedError


class TestFiles:
    @pytest.mark.parametrize("format", ["openqasm2", "openqasm3"])
    def test_one_circuit(self, format, tmp_path):
        (text,) = planned("Diffusion").export(format, tmp_path / "a.qasm")
        assert [file.name for file in tmp_path.iterdir()] == ["a.qasm"]
        assert (tmp_path / "a.qasm").read_text() == text

    def test_several_circuits(self, tmp_path):
        texts = planned("AmplitudeEstimation").export("openqasm3", str(tmp_path / "a.qasm"))
        assert len(texts) == 2
        for number, text in enumerate(texts):
            assert (tmp_path / f"a-{number}.qasm").read_text() == text

    def test_qpy_is_one_file(self, tmp_path):
        given = planned("AmplitudeEstimation").export("qpy", tmp_path / "a.qpy")
        assert (tmp_path / "a.qpy").read_bytes() == given
        assert len(qpy.load(BytesIO(given))) == 2

    @pytest.mark.parametrize("package", PACKAGES[:3])
    def test_of_packages(self, package, tmp_path):
        need(package)
        (made,) = planned("Diffusion").export(package, tmp_path / "a.json")
        text = (tmp_path / "a.json").read_text()
        if package == "cirq":
            import cirq

            assert cirq.read_json(json_text=text) == made
        elif package == "pytket":
            import json

            from pytket.circuit import Circuit

            assert Circuit.from_dict(json.loads(text)) == made
        else:
            assert text.startswith("OPENQASM 3")

    def test_nothing_is_written_where_it_is_not_allowed(self, tmp_path):
        (tmp_path / "a.qasm").write_text("mine")
        (tmp_path / "a.qasm").chmod(0o444)
        with pytest.raises(PermissionError):
            planned("Diffusion").export("openqasm2", tmp_path / "a.qasm")
        assert (tmp_path / "a.qasm").read_text() == "mine"


class TestRefused:
    def test_a_format(self):
        with pytest.raises(ValueError, match=r"format: expected 'openqasm3', .* got 'qasm'"):
            planned("Collapse").export("qasm")

    @pytest.mark.parametrize(
        ("format", "basis", "message"),
        [
            ("openqasm2", ["foo"], r"basis: expected gates of 'openqasm2' .*, got 'foo'"),
            ("openqasm2", ["sx"], r"basis: expected gates of 'openqasm2' .*, got 'sx'"),
            ("cirq", ["ecr"], r"basis: expected gates of 'cirq' \(h, .*\), got 'ecr'"),
            ("openqasm2", ["h", "cx"], r"basis: expected gates from which all others can be made"),
        ],
    )
    def test_a_basis(self, format, basis, message):
        with pytest.raises(ValueError, match=message):
            planned("Interference").export(format, basis=basis)

    @pytest.mark.parametrize("basis", ["h", [1]])
    def test_a_basis_of_another_type(self, basis):
        with pytest.raises(TypeError, match="basis: expected a list of names of gates"):
            planned("Collapse").export("openqasm2", basis=basis)

    def test_a_size(self):
        image = np.random.default_rng(0).random((2048, 1024)).astype(np.float32)
        plan = qconv.plan(image, [[1.0]], method=qconv.Diffusion(), shots=1, **portable.WHERE)
        with pytest.raises(ValueError, match=r"at most 1,000,000 .* got up to 2,097,130 in 1 circ"):
            plan.export("openqasm2")

    def test_a_file_of_pennylane(self, tmp_path):
        with pytest.raises(ValueError, match="'pennylane', which cannot be written to files"):
            planned("Collapse").export("pennylane", tmp_path / "a")

    @pytest.mark.parametrize(
        ("package", "pip"),
        [
            ("cirq", "cirq-core"),
            ("pytket", "pytket"),
            ("braket", "amazon-braket-sdk"),
            ("pennylane", "pennylane"),
        ],
    )
    def test_without_the_package(self, package, pip, monkeypatch):
        for name in (package, f"{package}.circuit", f"{package}.circuits"):
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ModuleNotFoundError) as refused:
            planned("Collapse").export(package)
        assert str(refused.value).endswith(f"install it with: pip install {pip}")
        assert "\n" not in str(refused.value)

    def test_an_end_of_strings(self):
        with pytest.raises(ValueError, match="first_bit: expected 'right' or 'left', got 'first'"):
            planned("Collapse").decode({"00": 1}, first_bit="first")


def test_no_package_is_imported():
    code = (
        "import sys, numpy as np, qconv; "
        "plan = qconv.plan(np.ones(4), [1, 1], method=qconv.Collapse(), shots=10); "
        "plan.export('openqasm2'); plan.decode({'0': 25, '1': 25}); "
        "print(sorted({'cirq', 'pytket', 'braket', 'pennylane'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
