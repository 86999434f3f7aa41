"""Checkpoints of numbers: a resumed call is bit-identical to an uninterrupted call."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from skimage.io import imsave

import qconv
from qconv.cli import main
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.planning import number_plan

IMAGE = np.random.default_rng(0).random((4, 4))
FIELD = IMAGE + 1j * IMAGE.T
EDGE, GAUSSIAN = map(qconv.named_kernel, ("edge", "gaussian"))
HALVES = [qconv.Total((slice(0, 2),)), qconv.Mean((slice(2, 4),))]
AER = AerSimulator()
NOISE = NoiseModel()
NOISE.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.05, 0.95]]))
NOISY = AerSimulator(noise_model=NOISE)
ESTIMATION = qconv.AmplitudeEstimation()
OVERLAP = qconv.Overlap(FIELD[:2, :2])


def call(path, image=IMAGE, kernel=EDGE, observable=None, **how):
    """Estimate a number; by default the energy, by `Fourier`."""
    how = {"method": qconv.Fourier(), "shots": 300, "seed": 5} | how
    observable = qconv.Energy() if observable is None else observable
    return qconv.estimate(image, kernel, observable, "same", "wrap", checkpoint=path, **how)


def halves(path, **how):
    return call(path, kernel=GAUSSIAN, observable=HALVES, method=qconv.Diffusion(), **how)


STOPPED = {
    "sampled, jobs": lambda path: call(path, backend=AER, job_shots=70),
    "complex, sampled": lambda path: call(path, FIELD, observable=qconv.Overlap(FIELD)),
    "several, jobs": lambda path: halves(path, backend=AER, job_shots=70),
    "amplitude": lambda path: call(path, estimator="amplitude"),
    "complex, amplitude": lambda path: call(
        path, FIELD[:2, :2], observable=OVERLAP, method=ESTIMATION, estimator="amplitude", shots=60
    ),
    "schedule": lambda path: call(path, estimator="schedule"),
    "schedule, jobs": lambda path: call(path, estimator="schedule", backend=AER, job_shots=20),
    "schedule, noisy": lambda path: call(
        path, IMAGE[:2, :2], [[1, -1]], estimator="schedule", backend=NOISY, shots=60
    ),
}


def content(found):
    """Return the contents of estimates, including their circuits."""
    arrays = found.arrays()
    arrays.pop("circuits")  # names of circuits contain a running number
    one = found if isinstance(found, qconv.Estimate) else found[0]
    return {name: array.tobytes() for name, array in arrays.items()}, list(map(str, one.circuits))


@pytest.mark.parametrize("kind", STOPPED)
def test_interrupted(kind, assert_resumes):
    assert_resumes(STOPPED[kind], content)


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (call, qconv.Estimate),
        (halves, qconv.Estimates),
        (lambda path: call(path, shots=None), qconv.Estimate),
        (lambda path: call(path, kernel=GAUSSIAN, observable=HALVES[:1]), qconv.Estimates),
        (
            lambda path: call(path, observable=HALVES[1], method=qconv.Collapse()),
            qconv.Estimate,
        ),
    ],
)
def test_finished(run, kind, monkeypatch):
    """The same call returns the result at once; the class of the result reads the file."""
    first = run("run.npz")
    before = Path("run.npz").read_bytes()
    monkeypatch.setattr(number_plan, "run", None)  # nothing runs
    again = run("run.npz")
    assert type(first) is type(again) is kind
    assert content(first) == content(again) == content(kind.load("run.npz"))
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize("estimator", ["sampling", "amplitude"])
def test_more_calls_are_added(estimator):
    first = call("run.npz", estimator=estimator)
    more = call("run.npz", shots=1200, estimator=estimator)
    assert first.oracle_calls <= 300
    assert first.oracle_calls < more.oracle_calls <= 1200
    assert more.streams > first.streams
    assert content(call("run.npz", shots=1200, estimator=estimator)) == content(more)
    with pytest.raises(ValueError, match="from a finished call with shots=1200, got shots=300"):
        call("run.npz", estimator=estimator)


def test_without_a_seed_that_of_the_checkpoint_serves():
    first = call("run.npz", seed=None)
    assert content(call("run.npz", seed=None)) == content(first)
    with pytest.raises(ValueError, match="from a different call: its seed differs"):
        call("run.npz")


def test_a_tolerance_with_further_rounds(monkeypatch):
    """Readout correction needs more executions than planned; every round uses the checkpoint."""
    run, rounds = number_plan.run, []

    def counted(*given, kept, **more):
        rounds.append(kept)
        return run(*given, kept=kept, **more)

    how = {"backend": NOISY, "mitigation": "readout", "tolerance": 0.1, "seed": 2}

    def measured(path):
        where = {"mode": "same", "boundary": "wrap", "method": qconv.Diffusion(), **how}
        image, kernel = IMAGE[:2, :2], np.ones((1, 2))
        return qconv.estimate(image, kernel, qconv.Total((slice(0, 1),)), checkpoint=path, **where)

    monkeypatch.setattr(number_plan, "run", counted)
    found = measured("run.npz")
    assert len(rounds) > 1
    assert None not in rounds
    assert content(found) == content(measured(None))


FOREIGN = {
    "image": {"image": IMAGE + 1},
    "kernel": {"kernel": -EDGE},
    "method": {"method": qconv.Interference()},
    "observable": {"observable": qconv.Energy((slice(0, 2),))},
    "estimator": {"estimator": "schedule"},
    "seed": {"seed": 6},
    "job_shots": {"job_shots": 9},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_call_is_refused(name):
    call("run.npz")
    before = Path("run.npz").read_bytes()
    words = rf"^checkpoint: 'run.npz' is from a different call: its {name} differs; the file was"
    with pytest.raises(ValueError, match=words):
        call("run.npz", **FOREIGN[name])
    assert Path("run.npz").read_bytes() == before


def test_pictures_and_numbers_are_different_calls():
    how = {"method": qconv.Fourier(), "shots": 300, "seed": 5, "mode": "same", "boundary": "wrap"}
    qconv.convolve(IMAGE, EDGE, checkpoint="picture.npz", **how)
    with pytest.raises(ValueError, match="is from a different call"):
        call("picture.npz")
    call("number.npz")
    with pytest.raises(ValueError, match="is from a different call"):
        qconv.convolve(IMAGE, EDGE, checkpoint="number.npz", **how)
    call("several.npz", observable=[qconv.Energy()])
    with pytest.raises(ValueError, match="from a different call: its observable differs"):
        call("several.npz")


_KILLED = """
import numpy as np, qconv
from qiskit_aer import AerSimulator
from qconv.execution.checkpoint import checkpoint
checkpoint.LEAST_INTERVAL, checkpoint.SHARE = 0.0, float("inf")
image = np.random.default_rng(0).random((4, 4))
qconv.estimate(image, qconv.named_kernel("edge"), qconv.Energy(), "same", "wrap", seed=5,
               method=qconv.Fourier(), shots=20_000, estimator="schedule", job_shots=1,
               backend=AerSimulator(), checkpoint="run.npz")
"""


@pytest.mark.slow
def test_a_process_that_is_killed(folder):
    root = Path(__file__).parents[3]
    where = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(root)}}
    process = subprocess.Popen([sys.executable, "-c", _KILLED], **where)
    while not Path("run.npz").exists() or not Checkpoint.read(Path("run.npz")).gathered:
        assert process.poll() is None
    process.kill()
    process.wait()
    assert not Checkpoint.read(Path("run.npz")).about.finished
    how = {"shots": 20_000, "estimator": "schedule", "job_shots": 1, "backend": AER}
    assert content(call("run.npz", **how)) == content(call(None, **how))


def test_command(capsys):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 4)).astype(np.uint8)
    imsave("in.png", pixels, check_contrast=False)
    words = ["estimate", "in.png", "--boundary", "wrap", "--checkpoint", "run.npz"]
    assert main([*words, "--shots", "100"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("input 4 x 4, kernel edge, the checkpoint's seed\n")
    assert str(qconv.Estimate.load("run.npz")) in first
    assert main([*words, "--shots", "100"]) == 0
    assert capsys.readouterr().out == first
    assert main([*words, "--shots", "400"]) == 0
    assert qconv.Estimate.load("run.npz").oracle_calls == 400
    assert main([*words[:-1], "in.png"]) == 2
    assert "is an input or output file of the command" in capsys.readouterr().err
