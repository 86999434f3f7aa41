"""Checkpoints: results outlive the process, and a resumed call is bit-identical."""

import io
import os
import re
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_aer.primitives import SamplerV2

import classical
import qconv
from qconv import _files
from qconv._versions import versions
from qconv.cli import main
from qconv.execution.checkpoint import checkpoint
from qconv.execution.checkpoint import resume as continuing
from qconv.execution.checkpoint.checkpoint import About, Checkpoint
from qconv.execution.device import jobs as shots_module
from qconv.execution.device.retry import Retry
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.seeds import derived
from qconv.visualization import figures
from tests.cases import EDGE
from tests.execution.checkpoint import stopping
from tests.execution.checkpoint.stopping import KINDS, digest
from tests.execution.device.test_strange_backends import Vendor

IMAGE = np.random.default_rng(0).random((9, 11)) + 0.2
WIDE = np.random.default_rng(0).random((200, 330))
LARGE = np.random.default_rng(1).random((4, 4))
AER = AerSimulator()

#: Defaults, as for users; the tests write more often.
USUAL = {name: getattr(checkpoint, name) for name in ("LEAST_INTERVAL", "SHARE")}


def call(image=IMAGE, kernel=EDGE, path="run.npz", **how):
    how = {"shots": 30, "seed": 5, "mode": "same", "boundary": "wrap"} | how
    return qconv.convolve(image, kernel, checkpoint=path, **how)


def layer(path="run.npz", **how):
    rng = np.random.default_rng(1)
    images, weight = rng.random((2, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))
    return qconv.conv2d(images, weight, shots=40, seed=5, checkpoint=path, **how)


def filtered(path="run.npz", **how):
    mask = classical.low_pass(IMAGE.shape, radius=3)
    return qconv.filter_frequencies(IMAGE, mask, shots=40, seed=5, checkpoint=path, **how)


# ------------------------------------------------------------------------ interrupted and resumed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiles", "jobs"])
def test_a_process_that_is_killed(kind, folder, monkeypatch):
    """It is killed without warning after the first save, as by a power failure."""
    monkeypatch.setattr(checkpoint, "LEAST_INTERVAL", 0.5)
    expected = digest(KINDS[kind](None))
    where = {"cwd": Path(__file__).parents[3], "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(
        [sys.executable, "-m", stopping.__name__, kind, str(folder / "run.npz")], **where
    )
    assert process.stdout.readline() == "ready\n"
    while not Path("run.npz").exists() or not Checkpoint.read(Path("run.npz")).gathered:
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    assert process.communicate()[0] == ""
    before = Checkpoint.read(Path("run.npz"))
    assert before.gathered
    assert not before.about.finished
    assert digest(KINDS[kind]("run.npz")) == expected
    assert os.listdir() == ["run.npz"]


NOISE = NoiseModel()
NOISE.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.05, 0.95]]))
NOISY = AerSimulator(noise_model=NOISE)

STOPPED = {
    "tiles": lambda path: call(WIDE, path=path),
    "tiles, exact": lambda path: call(WIDE, path=path, shots=None),
    "tiles of a noisy law": lambda path: call(WIDE[:90], path=path, backend=NOISY),
    "tiles of a volume": lambda path: call(WIDE.reshape(5, 120, 110), EDGE[np.newaxis], path),
    "jobs": lambda path: call(path=path, backend=AER, job_shots=700),
    "jobs, whole image": lambda path: call(
        kernel=abs(EDGE), path=path, backend=AER, job_shots=700, method=qconv.Diffusion()
    ),
    "blocks": lambda path: call(path=path, method=qconv.Blocks(qconv.Fourier(), qubits=7)),
    "magnitudes of blocks": lambda path: call(
        path=path, method=qconv.Blocks(qconv.Fourier(signed=False), "overlap-save", 7)
    ),
    "estimation": lambda path: call(path=path, method=qconv.AmplitudeEstimation((0, 1, 2))),
    "estimation, jobs": lambda path: call(
        path=path, shots=9, method=qconv.AmplitudeEstimation((0, 1)), backend=AER, job_shots=300
    ),
    "layer": lambda path: layer(path),
    "layer, jobs": lambda path: layer(path, backend=AER, job_shots=700),
    "frequencies": lambda path: filtered(path, backend=AER, job_shots=700),
}


@pytest.mark.parametrize("kind", STOPPED)
def test_interrupted(kind, assert_resumes):
    assert_resumes(STOPPED[kind], digest)


def test_without_a_seed_that_of_the_checkpoint_serves(stop_after):
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        call(WIDE, seed=None)
    stop_after(None)
    kept = Path("run.npz").read_bytes()
    with pytest.raises(ValueError, match="from a different call: its seed differs"):
        call(WIDE, seed=5)
    assert Path("run.npz").read_bytes() == kept
    words = Checkpoint.read(Path("run.npz")).about.seed
    result = call(WIDE, seed=None)
    root = np.random.SeedSequence(words)
    method = qconv.Collapse(baseline=True)
    plan = qconv.plan(WIDE, EDGE, method=method, shots=30, mode="same", boundary="wrap")
    expected = replace(plan, sampling=replace(plan.sampling, seed=root)).run()
    assert result.image.tobytes() == expected.image.tobytes()
    assert digest(call(WIDE, seed=None)) == digest(result)


def test_a_plan_runs_with_one_as_well(stop_after):
    plan = qconv.plan(WIDE, EDGE, method=qconv.Collapse(), shots=30)  # with a seed of its own
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        plan.run(checkpoint="run.npz")
    stop_after(None)
    assert digest(plan.run(checkpoint=Path("run.npz"))) == digest(plan.run())


def test_no_two_places_share_what_was_gathered():
    """Places have numbers of several digits: (1, 11), (11, 1) and (111,) are three places."""
    root = np.random.SeedSequence(5)
    places = [(1, 11), (11, 1), (111,), (1, 1, 1), (0, 111), (1,), (11,), ()]
    kept = Checkpoint(Path("run.npz"), About({}, [5], 30))
    for number, place in enumerate(places):
        assert kept.histogram(derived(root, *place)) is None
        histogram = Histogram(np.array([number]), np.array([number + 1]))
        kept.keep_histogram(derived(root, *place), histogram, set())
        sums = kept.sums(derived(root, *place))
        assert not sums.known
        assert sums.once(lambda number=number: np.array([float(number)])) == number
    for found in (kept, Checkpoint.read(Path("run.npz"))):
        for number, place in enumerate(places):
            histogram = found.histogram(derived(root, *place))
            assert (histogram.outcomes, histogram.counts) == (number, number + 1)
            assert found.sums(derived(root, *place)).once(lambda: None) == number


@pytest.mark.parametrize("took", [0.0, 0.004, 0.5])
def test_writes_once_a_second_or_for_a_hundredth_of_the_time(took, monkeypatch):
    """With a simulated clock: pieces come every 50 ms for 200 s, and writing takes ``took``."""
    clock, written, put = SimpleNamespace(now=1e4), [], checkpoint.put_records

    def slowly(*arguments):
        put(*arguments)
        clock.now += took
        written.append(clock.now)

    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(checkpoint, "put_records", slowly)
    monkeypatch.setattr(checkpoint, "replaced", lambda path: nullcontext(io.BytesIO()))
    for name, value in USUAL.items():
        monkeypatch.setattr(checkpoint, name, value)
    kept = Checkpoint(Path("run.npz"), About({}, [5], 30))
    kept.begin()
    end = clock.now + 200
    while clock.now < end:
        clock.now += 0.05
        kept._keep("piece", (np.zeros(1),))
    pauses = np.diff(written) - took
    wanted = max(1.0, 100 * took)
    assert len(pauses) >= 3
    assert pauses.min() > wanted - 1e-6
    assert pauses.max() < wanted + 0.05 + 1e-6


# ------------------------------------------------------------------------------------- finished


def test_finished_returns_at_once(monkeypatch):
    first = call(method=qconv.Fourier())
    before = Path("run.npz").read_bytes()
    monkeypatch.setattr("qconv.planning.running.run", None)  # nothing runs
    again = call(method=qconv.Fourier())
    loaded = qconv.Convolution.load("run.npz")
    assert digest(first) == digest(again) == digest(loaded)
    for one, other in zip(first.circuits[0], again.circuits[0], strict=True):
        assert (one.name, one.qubits) == (other.name, other.qubits)
        assert all(map(np.array_equal, one.params, other.params))
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize("how", [{}, {"backend": AER}, {"method": qconv.Fourier(signed=False)}])
def test_more_shots_are_added(how, stop_after):
    first = call(shots=30, **how)
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        call(shots=120, **how)
    assert digest(qconv.Convolution.load("run.npz")) == digest(first)
    stop_after(None)
    with pytest.raises(ValueError, match=r"unfinished call with shots=120; finish that call first"):
        call(shots=200, **how)
    result = call(shots=120, **how)
    assert (result.shots, result.total_shots) == (120, 4 * first.total_shots)
    assert digest(call(shots=120, **how)) == digest(result)
    call(shots=30, path="other.npz", **how)
    assert digest(call(shots=120, path="other.npz", **how)) == digest(result)
    before = Path("run.npz").read_bytes()
    for fewer in (30, None):
        with pytest.raises(ValueError, match="from a "):
            call(shots=fewer, **how)
    assert Path("run.npz").read_bytes() == before


def test_added_shots_are_independent():
    """With 66,000 pixels, the mean square error is 6 sigma off once in 5e8 runs."""
    exact = classical.convolve(WIDE, EDGE, mode="same", boundary="wrap")
    call(WIDE, shots=100)
    result = call(WIDE, shots=400)
    z = (result.image - exact) / result.stderr
    assert abs(np.mean(z**2) - 1) < 6 * np.sqrt(2 / z.size)


# -------------------------------------------------------------------------------------- refused

BASE = {"backend": AER, "job_shots": 700}
FOREIGN = {
    "image": {"image": IMAGE + 1},
    "kernel": {"kernel": -EDGE},
    "geometry": {"boundary": "symm"},
    "method": {"method": qconv.Collapse()},
    "seed": {"seed": 6},
    "backend": {"backend": NOISY},
    "job_shots": {"job_shots": 701},
    "mitigation": {"backend": NOISY, "mitigation": "readout"},
    "shots": {"backend": AER, "shots": None},
}


@pytest.fixture
def unfinished(stop_after):
    """Return the contents of a checkpoint of two jobs."""
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        call(**BASE)
    stop_after(None)
    return Path("run.npz").read_bytes()


@pytest.mark.parametrize("name", FOREIGN)
def test_another_call_is_refused(name, unfinished):
    if name == "mitigation":
        call(**BASE | {"backend": NOISY}, path="noisy.npz")
        os.replace("noisy.npz", "run.npz")
        unfinished = Path("run.npz").read_bytes()
    words = (
        rf"^checkpoint: 'run.npz' is from a different call: its {name} differs; the file was left"
    )
    with pytest.raises(ValueError, match=words):
        call(**BASE | FOREIGN[name])
    assert Path("run.npz").read_bytes() == unfinished


def test_a_layer_is_not_a_convolution(unfinished):
    with pytest.raises(ValueError, match="from a different call: its input differs"):
        layer(**BASE)
    assert Path("run.npz").read_bytes() == unfinished


def other_versions(package):
    """Return the current versions, with a different one for ``package``."""
    kept = {text for text in versions() if text.partition(" ")[0] != package}
    assert len(kept) == len(versions()) - 1
    return frozenset(kept | {f"{package} 9.9.9"})


def test_another_version_is_refused(unfinished, monkeypatch):
    words = r"\(it was written by qconv \d+\.\d+\.\d+\)"
    with monkeypatch.context() as other:
        other.setattr(checkpoint, "versions", lambda: other_versions("qconv"))
        with pytest.raises(ValueError, match=words):
            call(**BASE)
    assert Path("run.npz").read_bytes() == unfinished


@pytest.mark.parametrize("package", ["numpy", "scipy", "qiskit", "qiskit-aer"])
def test_other_versions_of_dependencies_are_said_and_recorded(package, unfinished, monkeypatch):
    own = {text for text in versions() if text.startswith(f"{package} ")}
    words = rf"'run.npz' was begun with {package} [\d.]+ and is continued with {package} 9\.9\.9; "
    with monkeypatch.context() as other:
        other.setattr(continuing, "versions", lambda: other_versions(package))
        with pytest.warns(RuntimeWarning, match=words):
            result = call(**BASE)
    assert result.versions == versions() | other_versions(package)
    assert len(result.versions) == len(versions()) + len(own)
    again = call(**BASE)  # the call is finished: nothing is computed, so there is no warning
    assert again.versions == result.versions
    assert again.image.tobytes() == result.image.tobytes()


def saved_result(content):
    call(path=None).save("result.npz")
    return Path("result.npz").read_bytes()


def pickled(content):
    packed = io.BytesIO()
    np.savez(packed, checkpoint=np.array([{}]), data=np.zeros(3, dtype=np.uint8))
    return packed.getvalue()


DAMAGED = {
    "empty": lambda content: b"",
    "a text": lambda content: b"a text\n" * 100,
    "half": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-10],
    "a result": saved_result,
    "a pickle": pickled,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_checkpoint_is_refused(name, unfinished):
    content = DAMAGED[name](unfinished)
    Path("run.npz").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"^checkpoint: 'run.npz' is not a checkpoint .*left unchanged"
    ):
        call(**BASE)
    assert Path("run.npz").read_bytes() == content


def test_no_changed_byte_changes_the_result(unfinished):
    """A changed byte is rejected, or is irrelevant, such as the time of writing."""
    expected, refused = digest(call(path=None, **BASE)), 0
    rng = np.random.default_rng(2)
    for place in rng.integers(len(unfinished), size=60).tolist():
        changed = bytearray(unfinished)
        changed[place] ^= 1 << int(rng.integers(8))
        Path("run.npz").write_bytes(changed)
        try:
            kept = Checkpoint.read(Path("run.npz"))
        except ValueError:
            refused += 1
            continue
        assert kept.about == Checkpoint.read(Path("run.npz")).about
        assert digest(call(**BASE)) == expected
    assert refused > 30


def test_paths_that_are_none(folder):
    Path("folder").mkdir()
    for wrong, kind in ((3, TypeError), (b"x", TypeError), ("folder", ValueError)):
        with pytest.raises(kind, match="checkpoint: expected"):
            call(path=wrong)
    for stream in (os.devnull, ""):
        with pytest.raises(ValueError, match="checkpoint: expected a file name"):
            call(path=stream)
    with pytest.raises(FileNotFoundError):
        call(path="nowhere/run.npz")


def test_a_call_that_is_refused_leaves_nothing(folder):
    with pytest.raises(ValueError, match="seed"):
        call(backend=SamplerV2(seed=3), job_shots=100, path="run.npz", seed=-1)
    with pytest.raises(ValueError, match=r"shots: .* with this back"):
        call(backend=StatevectorSampler(), shots=None)
    assert os.listdir() == []


# ------------------------------------------------------------------------------------ full disks


@pytest.fixture
def full_at():
    """Return a function that sets the maximum file size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["tiles", "jobs"])
def test_a_full_disk_loses_nothing(kind, stop_after, full_at):
    run = STOPPED[kind]
    expected = digest(run(None))
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        run("run.npz")
    stop_after(None)
    saved = Path("run.npz").read_bytes()
    full_at(len(saved) + 50)
    with pytest.warns(
        RuntimeWarning, match="checkpoint: 'run.npz' could not be written .*File too"
    ):
        result = run("run.npz")
    assert digest(result) == expected  # nothing has to be measured again
    assert Checkpoint.read(Path("run.npz")).gathered
    assert os.listdir() == ["run.npz"]
    full_at(len(saved) - 50)
    with pytest.raises(OSError, match="File too large"):  # nothing runs if it cannot be saved
        run("run.npz")
    full_at(resource.RLIM_INFINITY)
    assert digest(run("run.npz")) == expected


def test_interrupted_on_a_full_disk(stop_after, full_at):
    """The error message is correct."""
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        call(WIDE)
    saved = Path("run.npz").read_bytes()
    stop_after(4)
    full_at(len(saved) + 50)
    with (
        pytest.warns(RuntimeWarning, match="could not be written"),
        pytest.raises(KeyboardInterrupt, match=r"previously saved results are in 'run.npz'"),
    ):
        call(WIDE)


def test_left_over_by_a_process_that_is_no_more(unfinished):
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    gone, here = int(done.stdout), _files._processes()
    left = {
        f".run.npz.{here}.{os.getppid()}.0a.partial": "of another process at work",
        f".run.npz.0123abcd.{gone}.0a.partial": "of another container, whose processes are hidden",
        f".other.npz.{here}.{gone}.0a.partial": "of another file",
    }
    for name in (*left, f".run.npz.{here}.{gone}.0a.partial", ".run.npz.0123abcd.1.0b.partial"):
        Path(name).write_text(left.get(name, "not in full"))
    os.utime(".run.npz.0123abcd.1.0b.partial", (0, 0))
    call(**BASE)
    assert set(os.listdir()) == {"run.npz", *left}


def test_many_writers_of_one_file(tmp_path):
    """Eight threads and two processes use the same file: it is complete at all times."""
    code = (
        "import sys; from pathlib import Path; from qconv._files import replaced\n"
        "for n in range(200):\n"
        "    with replaced(Path(sys.argv[1])) as file: file.write(bytes([n]) * 5000)\n"
    )
    path = tmp_path / "run.npz"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(2)]

    def write(number):
        for _ in range(50):
            with _files.replaced(path) as file:
                file.write(bytes([number]) * 5000)
            assert len(set(path.read_bytes())) == 1
            assert path.stat().st_size == 5000

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert [process.wait() for process in processes] == [0, 0]
    assert os.listdir(tmp_path) == ["run.npz"]


def test_keeps_permissions_and_follows_links(unfinished):
    os.chmod("run.npz", 0o640)
    os.symlink("run.npz", "link.npz")
    call(**BASE, path="link.npz")
    assert Path("link.npz").is_symlink()
    assert Path("run.npz").stat().st_mode & 0o777 == 0o640
    assert Checkpoint.read(Path("run.npz")).about.finished


# ------------------------------------------------------------------------------- jobs that fail


class Flaky(AerSimulator):
    """A backend that fails in jobs of given numbers."""

    def __init__(self, *fails):
        super().__init__()
        self._fails, self.asked = fails, 0

    def run(self, *args, **how):
        self.asked += 1
        if self.asked in self._fails:
            raise ConnectionError("the line is dead")
        return super().run(*args, **how)


@pytest.fixture
def waited(monkeypatch):
    """List of the waiting times."""
    times = []
    monkeypatch.setattr(shots_module, "RETRY", Retry(sleep=times.append))
    monkeypatch.setattr(shots_module, "NO_RETRY", Retry(sleep=times.append))
    return times


def test_asked_again(waited):
    """Jobs 2 and 3 are one job that fails twice; the final result is unaffected."""
    backend = Flaky(2, 3, 6)
    result = call(path=None, backend=backend, job_shots=700)
    assert waited == [1, 4, 1]
    assert digest(result) == digest(call(path=None, **BASE))


def test_reported_with_what_was_gathered_kept(waited, stop_after):
    jobs = len(stop_after(None)) or call(**BASE, path="whole.npz").total_shots // 700 + 1
    words = (
        "^backend: a job of 700 shots failed 4 times; last error: the line is dead; intermediate"
    )
    backend = Flaky(3, 4, 5, 6)
    with pytest.raises(RuntimeError, match=f"{words} results are in 'run.npz'; repeat the"):
        call(backend=backend, job_shots=700)
    assert waited == [1, 4, 16]
    backend = Flaky()
    result = call(backend=backend, job_shots=700)
    assert backend.asked == jobs - 2
    assert digest(result) == digest(call(path=None, **BASE))
    with pytest.raises(RuntimeError, match=r"last error: the line is dead$"):
        call(path=None, backend=Flaky(1, 2, 3, 4), job_shots=700)


def test_a_simulator_that_runs_here_is_not_asked_again():
    backend = Flaky(1)
    with pytest.raises(RuntimeError, match=r"failed once: the line is dead"):
        call(path=None, backend=backend)
    assert backend.asked == 1


def test_mistakes_are_not_tried_again():
    asked: list[object] = []
    patience = Retry(sleep=asked.append)

    def wrong():
        asked.append("job")
        raise ValueError("of the call")

    with pytest.raises(ValueError, match="of the call"):
        patience.call(wrong, "a job")
    assert asked == ["job"]


def test_a_sampler_that_fails_is_not_taken_for_one_that_repeats(waited):
    class Sampler(SamplerV2):
        fails = 1

        def run(self, *args, **how):
            self.fails -= 1
            if self.fails >= 0:
                raise ConnectionError
            return super().run(*args, **how)

    result = call(path=None, backend=Sampler(seed=3))
    assert waited == [1]
    expected = call(path=None, backend=SamplerV2(seed=3))
    assert result.image.tobytes() == expected.image.tobytes()


def test_jobs_of_a_sampler_count_as_they_came(stop_after):
    stop_after(3)
    with pytest.raises(KeyboardInterrupt):
        call(backend=StatevectorSampler(), job_shots=700)
    stop_after(None)
    before = Checkpoint.read(Path("run.npz"))
    result = call(backend=StatevectorSampler(), job_shots=700)
    assert result.total_shots == 30 * IMAGE.size
    assert before.names
    assert before.names < result.streams


@pytest.mark.parametrize("make", [SamplerV2, StatevectorSampler], ids=["aer", "qiskit"])
def test_a_finished_call_of_a_sampler_can_be_continued(make):
    """Shots of the sampler itself are not mistaken for repetitions."""
    sampler = make()
    first = call(backend=sampler, shots=10)
    more = call(backend=sampler, shots=30)
    assert more.shots == 30
    assert more.total_shots == 30 * IMAGE.size
    assert first.streams < more.streams


def beginning_again():
    return StatevectorSampler(seed=np.random.default_rng(3))


@pytest.mark.parametrize("make", [beginning_again, Vendor], ids=["bits", "counts"])
def test_a_stream_that_begins_again_is_refused(make, stop_after):
    """The first shots are in the checkpoint already, and would count twice."""
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        call(backend=make(), job_shots=700, kernel=LARGE)
    stop_after(None)
    with pytest.raises(ValueError, match=r"backend: .* estimates require independent shots"):
        call(backend=make(), job_shots=700, kernel=LARGE)


# ------------------------------------------------------------------------------ the command line


@pytest.fixture
def picture(monkeypatch):
    """A colour picture and a grey one, and figures that take no time."""
    monkeypatch.setattr(figures, "result_figure", lambda *args, **how: None)
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: path.write_bytes(b"a figure"))
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (120, 200, 3)).astype(np.uint8)
    Image.fromarray(pixels).save("colour.png")
    Image.fromarray(pixels[..., 0]).save("grey.png")


def command(*more, shots=30):
    return main(
        ["grey.png", "--shots", str(shots), "--overwrite", "--checkpoint", "run.npz", *more]
    )


def test_command_is_interrupted_and_goes_on(picture, stop_after, capsys):
    assert command("--seed", "5", "--checkpoint", "whole.npz", "--out", "whole.npy") == 0
    capsys.readouterr()
    stop_after(2)
    assert command("--seed", "5", "--out", "result.npy") == 130
    words = "interrupted; intermediate results are in 'run.npz'; repeat the call to resume"
    assert capsys.readouterr() == ("", f"qconv: {words}\n")
    assert not Path("result.npy").exists()
    stop_after(None)
    assert command("--seed", "5", "--out", "result.npy") == 0
    assert Path("result.npy").read_bytes() == Path("whole.npy").read_bytes()


def test_command_shows_progress_in_a_terminal_alone(picture, monkeypatch, capsys):
    assert command("--seed", "1") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert command("--seed", "1", "--checkpoint", "other.npz") == 0
    assert re.search(r"/6 \[\d\d:\d\d<.*, .*tile/s\]", capsys.readouterr().err)
    assert command("--seed", "1", "--checkpoint", "third.npz", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_command_adds_shots(picture, capsys):
    assert command() == 0
    assert "the checkpoint's seed: 720,000 executions" in capsys.readouterr().out
    assert command(shots=50) == 0
    assert "the checkpoint's seed: 1,200,000 executions" in capsys.readouterr().out
    assert command("--seed", "1", shots=50) == 2
    err = capsys.readouterr().err
    assert err.startswith(
        "qconv: checkpoint: 'run.npz' is from a different call: its seed differs; "
    )
    assert err.count("\n") == 1


def test_command_has_one_file_for_all_colours(picture, stop_after):
    more = ["--shots", "5", "--seed", "3"]
    assert main(["colour.png", "--out", "one.npy", *more]) == 0
    stop_after(4)
    more += ["--checkpoint", "run.npz", "--overwrite"]
    assert main(["colour.png", "--out", "two.npy", *more]) == 130
    stop_after(None)
    assert main(["colour.png", "--out", "two.npy", *more]) == 0
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()
    assert [name for name in os.listdir() if name.startswith("run")] == ["run.npz"]


@pytest.mark.parametrize("name", ["result.png", "result-figure.png", "grey.png", "nowhere/run.npz"])
def test_command_refuses(name, picture, capsys):
    assert main(["grey.png", "--checkpoint", name]) == 2
    assert re.fullmatch(r"qconv: --checkpoint: .*\n", capsys.readouterr().err)
    assert set(os.listdir()) == {"colour.png", "grey.png"}


# -------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize("kind", ["tiles", "jobs"])
def test_progress_begins_where_it_was_stopped(kind, stop_after, capsys):
    run = {"tiles": {}, "jobs": {"image": IMAGE, **BASE}}[kind]
    stop_after(2)
    with pytest.raises(KeyboardInterrupt):
        call(**{"image": WIDE, **run})
    stop_after(None)
    capsys.readouterr()
    call(**{"image": WIDE, **run}, progress=True)
    err = capsys.readouterr().err
    unit = {"tiles": "tile", "jobs": "shot"}[kind]
    shown = [line for line in re.split(r"[\r\n]", err) if f"{unit}/s]" in line]
    assert shown
    total = {"tiles": "17", "jobs": "2.97k"}[kind]
    assert any(re.search(rf"[1-9][.\dk]*/{re.escape(total)} \[\d\d:\d\d<", line) for line in shown)
