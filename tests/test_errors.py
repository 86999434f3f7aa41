"""Wrong arguments: the message has the argument's name, the expectation and the value."""

import inspect

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2

import classical
import qconv
from qconv import _memory
from qconv._checks import FOREIGN
from qconv.circuits.encoding import encode_amplitudes
from qconv.execution import run as execution
from qconv.methods.collapse import method as collapse
from qconv.methods.comparison import METHODS
from tests.cases import EDGE

VERBS = pytest.mark.parametrize("verb", [qconv.convolve, qconv.correlate])


@pytest.fixture
def nothing_runs(monkeypatch):
    """Fail on any attempt to build or run a circuit, or to draw shots."""

    def forbidden(*args, **how):
        raise AssertionError("something ran although an argument was wrong")

    for name in ("encode_amplitudes", "Windows", "portions"):
        monkeypatch.setattr(collapse, name, forbidden)
    for name in ("born_probabilities", "kept_counts", "measured_counts", "physical"):
        monkeypatch.setattr(execution, name, forbidden)
    monkeypatch.setattr("qconv.execution.outcomes.pixel_counts.split_histogram", forbidden)


def arguments(**wrong):
    return {"image": np.ones((5, 6)), "kernel": EDGE, "seed": 1} | wrong


NAN = np.array([[1.0, np.nan], [2, 3]])
INF = np.array([[1.0, np.inf], [-np.inf, 3]])
HIDING = np.ma.array([[1.0, np.nan], [2, 3]], mask=[[0, 1], [1, 1]])

WRONG = [
    # image
    ({"image": NAN}, ValueError, r"image: expected finite numbers, got 1 that"),
    ({"image": INF}, ValueError, r"image: expected finite numbers, got 2 that .*\(0, 1\)"),
    ({"image": np.full((3, 3), np.nan, np.float32)}, ValueError, r"image: expected finite .* 9"),
    ({"image": []}, ValueError, r"image: expected at least one entry, got .*\(0,\)"),
    ({"image": [[2**70, 1]]}, TypeError, r"image: .*such as int\); convert it with"),
    ({"image": [[1, None]]}, TypeError, r"image: .* objects \(such as NoneType\)$"),
    ({"image": np.ones((3, 0))}, ValueError, r"image: expected at least one .*\(3, 0\)"),
    ({"image": 3.0}, ValueError, r"image: expected 1, 2 or 3 axes, got 0 \(shape \(\)\)"),
    ({"image": np.ones((2,) * 4)}, ValueError, r"image: expected 1, 2 or 3 axes, got 4"),
    (
        {"image": HIDING},
        ValueError,
        r"image: expected .* without masked entries, got 3 masked; fill",
    ),
    ({"image": list(HIDING)}, ValueError, r"image: expected .* without masked entries, got 3 m"),
    ({"image": ([1, 2], HIDING[1])}, ValueError, r"image: expected .* masked .*, got 2 masked"),
    ({"image": [[1, np.ma.masked]]}, ValueError, r"image: expected .* masked .*, got 1 masked"),
    ({"image": "photo.png"}, TypeError, r"image: expected an array of real numbers, got str"),
    ({"image": None}, TypeError, r"image: expected an array of real numbers, got NoneType"),
    ({"image": [[1, 2], [3]]}, ValueError, r"image: expected a rectangular array"),
    ({"image": {"a": 1}}, TypeError, r"image: expected an array of real numbers, got dict"),
    ({"image": [["1", "2"]]}, TypeError, r"image: expected an array of real numbers, got"),
    ({"image": [[10**400]]}, TypeError, r"image: .* got an array of objects \(such as int\)"),
    ({"image": [[1, {}], [2, 3]]}, TypeError, r"image: .* an array of objects \(such as dict\)"),
    ({"image": np.array([], object)}, TypeError, r"image: .* got an empty array of objects"),
    # kernel
    ({"kernel": NAN}, ValueError, r"kernel: expected finite numbers, got 1 that"),
    ({"kernel": INF}, ValueError, r"kernel: expected finite numbers, got 2 that"),
    ({"kernel": []}, ValueError, r"kernel: expected at least one entry, got .*\(0,\)"),
    ({"kernel": HIDING}, ValueError, r"kernel: expected an array without masked .*, got 3 masked"),
    ({"kernel": [HIDING[0]]}, ValueError, r"kernel: expected an array without masked .*, got 1 m"),
    ({"kernel": np.zeros((3, 3))}, ValueError, r"kernel: expected .* other than 0, got all zeros"),
    ({"kernel": [1, 2, 1]}, ValueError, r"kernel: expected as many axes .*, 2, got 1 \(shape"),
    ({"kernel": np.ones((2, 2, 2))}, ValueError, r"kernel: expected as many axes .*, 2, got 3"),
    ({"kernel": 2.0}, ValueError, r"kernel: expected as many axes as the image, 2, got 0"),
    ({"kernel": "edge"}, TypeError, r"kernel: expected an array of numbers, got str"),
    ({"kernel": qconv.Propagator}, TypeError, r"kernel: expected an array of real numbers"),
    (
        {"kernel": qconv.Propagator([1.0], [1.0])},
        ValueError,
        r"kernel: expected as many axes as the image, 2, got 1 \(shape \(1,\)\)",
    ),
    # shots
    ({"shots": 0}, ValueError, r"shots: expected an integer >= 1, got 0"),
    ({"shots": -1}, ValueError, r"shots: expected an integer >= 1, got -1"),
    ({"shots": np.int64(-5)}, ValueError, r"shots: expected an integer >= 1, got .*-5"),
    ({"shots": 1.5}, TypeError, r"shots: expected an integer >= 1, got 1.5"),
    ({"shots": 0.0}, ValueError, r"shots: expected an integer >= 1, got 0"),
    ({"shots": np.inf}, TypeError, r"shots: expected an integer >= 1, got inf"),
    ({"job_shots": 2.5}, TypeError, r"job_shots: expected an integer >= 1, got 2.5"),
    ({"shots": "many"}, TypeError, r"shots: expected an integer >= 1, got 'many'"),
    ({"shots": True}, TypeError, r"shots: expected an integer >= 1, got True"),
    ({"shots": np.bool_(True)}, TypeError, r"shots: expected an integer"),
    ({"shots": [10]}, TypeError, r"shots: expected an integer >= 1, got \[10\]"),
    ({"shots": np.nan}, TypeError, r"shots: expected an integer >= 1, got nan"),
    ({"shots": 2**63}, ValueError, r"shots: expected .*, got 9223372036854775808"),
    ({"shots": np.timedelta64(5, "s")}, TypeError, r"shots: expected an integer"),
    ({"shots": 10**30}, ValueError, r"shots: expected .*, got 10{30}"),
    # mode, boundary, fillvalue
    ({"mode": "Same"}, ValueError, r"mode: expected one of 'full', 'same', 'valid', got 'Same'"),
    ({"mode": None}, ValueError, r"mode: expected one of .*, got None"),
    ({"mode": 0}, ValueError, r"mode: expected one of .*, got 0"),
    ({"mode": "reflect"}, ValueError, r"mode: .* got 'reflect'; .*, write boundary='reflect'"),
    ({"boundary": "mirrored"}, ValueError, r"boundary: expected one of 'fill', 'wrap', 'symm', "),
    ({"boundary": True}, ValueError, r"boundary: expected one of .*, got True"),
    ({"fillvalue": np.nan}, ValueError, r"fillvalue: expected a finite number, got nan"),
    ({"fillvalue": -np.inf}, ValueError, r"fillvalue: expected a finite number, got -inf"),
    ({"fillvalue": 10**400}, ValueError, r"fillvalue: expected a finite number, got 10+"),
    ({"fillvalue": "1"}, TypeError, r"fillvalue: expected a real number, got '1'"),
    ({"fillvalue": "0"}, TypeError, r"fillvalue: expected a real number, got '0'"),
    ({"fillvalue": None}, TypeError, r"fillvalue: expected a real number, got None"),
    ({"fillvalue": np.timedelta64(1, "s")}, TypeError, r"fillvalue: expected a real number, got"),
    ({"fillvalue": [1, 2]}, ValueError, r"fillvalue: expected one number, got 2 numbers"),
    ({"fillvalue": [[1], [2, 3]]}, ValueError, r"fillvalue: expected one number, got 2 numbers"),
    ({"fillvalue": np.ones((0, 3))}, ValueError, r"fillvalue: expected one number, got 0 numbers"),
    ({"fillvalue": ["1"]}, TypeError, r"fillvalue: expected a real number, got '1'"),
    ({"fillvalue": np.ma.masked}, ValueError, r"fillvalue: .*, got 1 masked; fill"),
    ({"cval": np.nan}, ValueError, r"cval: expected a finite number, got nan"),
    ({"cval": "0"}, TypeError, r"cval: expected a real number, got '0'"),
    ({"cval": 1, "fillvalue": 0.0}, ValueError, r"cval: expected no value .* fillvalue, got 1; "),
    ({"mode": "valid", "image": np.ones((2, 9))}, ValueError, r"mode: 'valid' requires one array"),
    # seed
    ({"seed": -1}, ValueError, r"seed: expected an integer >= 0, got -1"),
    ({"seed": 1.0}, TypeError, r"seed: expected an integer, .* got 1.0"),
    ({"seed": "7"}, TypeError, r"seed: expected an integer, .* got '7'"),
    ({"seed": True}, TypeError, r"seed: expected an integer, .* got True"),
    # method
    ({"method": qconv.Collapse}, TypeError, r"method: .*>; write method=qconv.Collapse\(\)$"),
    ({"method": qconv.Blocks}, TypeError, r"method: .*>; write method=qconv.Blocks\(method\)$"),
    ({"method": "collapse"}, TypeError, r"method: .* 'collapse'; write method=qconv.Collapse\(\)$"),
    (
        {"method": "Estimation"},
        TypeError,
        r"method: .*; write method=qconv.AmplitudeEstimation\(\)$",
    ),
    (
        {"method": "fft"},
        TypeError,
        r"method: .* got 'fft'; write method=qconv.Fourier\(\)$",
    ),
    ({"method": None}, TypeError, r"method: expected a method such as .* got None$"),
    # backend, progress
    ({"backend": "aer_simulator"}, TypeError, r"backend: expected None .*, got 'aer_simulator'"),
    ({"backend": BackendSamplerV2}, TypeError, r"backend: expected None .*, got <class"),
    ({"progress": 1}, TypeError, r"progress: expected True or False, got 1"),
    ({"progress": None}, TypeError, r"progress: expected True or False, got None"),
    ({"progress": "yes"}, TypeError, r"progress: expected True or False, got 'yes'"),
]


def name_of(case):
    (name, value), *_ = case[0].items()
    text = repr(value).replace("\n", " ")
    return f"{name} {text}"[:50]


@VERBS
@pytest.mark.parametrize("case", WRONG, ids=map(name_of, WRONG))
def test_wrong_argument(verb, case, nothing_runs):
    wrong, error, message = case
    with pytest.raises(error, match=message) as raised:
        verb(**arguments(**wrong))
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "right",
    [
        {"shots": 1},
        {"shots": np.int64(5)},
        {"shots": np.uint8(5)},
        {"shots": None},
        {"shots": 1e1},
        {"shots": np.float32(5)},
        {"shots": np.array(5.0)},
        {"job_shots": 1e3},
        {"cval": 0.0, "boundary": "constant"},
        {"image": np.ma.ones((5, 6))},
        {"image": [np.ma.ones(6), np.ma.ones(6)]},
        {"kernel": np.ma.array([[1.0, 2]], mask=[[False, False]])},
        {"fillvalue": 3},
        {"fillvalue": np.float32(1.5)},
        {"fillvalue": np.array(2.0)},
        {"fillvalue": True},
        {"progress": np.bool_(False)},
        {"seed": np.uint64(2**63)},
        {"mode": np.str_("same")},
        {"method": qconv.Collapse(np.bool_(True))},
    ],
    ids=repr,
)
@VERBS
def test_right_arguments(verb, right):
    result = verb(**arguments(**right))
    assert np.isfinite(result.image).all()
    assert result.shots is None or type(result.shots) is int


@pytest.mark.parametrize("option", ["shared", "baseline"])
@pytest.mark.parametrize("value", [1, 0, None, "yes", 1.0])
def test_options_of_collapse(option, value):
    with pytest.raises(TypeError, match=f"{option}: expected True or False, got {value!r}"):
        qconv.Collapse(**{option: value})


@VERBS
def test_positional_arguments_of_convolve2d(verb):
    image = np.arange(12.0).reshape(3, 4)
    one = verb(image, EDGE, "same", "fill", 5, shots=None)
    two = verb(image, EDGE, mode="same", boundary="fill", fillvalue=5, shots=None)
    assert np.array_equal(one.image, two.image)
    with pytest.raises(TypeError, match=r"fillvalue: expected a real number, got Collapse"):
        verb(image, EDGE, "same", "mirror", qconv.Collapse())
    with pytest.raises(TypeError, match="positional"):
        verb(image, EDGE, "same", "fill", 5, qconv.Collapse())
    with pytest.raises(ValueError, match=r"mode: expected one of .*, got Collapse"):
        verb(image, EDGE, qconv.Collapse())


@pytest.mark.parametrize(
    ("foreign", "remedy"),
    [
        ("rng", "write seed=..."),
        ("random_state", "write seed=..."),
        ("num_shots", "write shots=..."),
        ("simulator", "write backend=..."),
        ("device", "write backend=qiskit_aer.AerSimulator(device=...)"),
        ("weights", "write kernel=..."),
        ("input", "write image=..."),
        ("constant_values", "write fillvalue=..."),
        ("padding_mode", "write boundary=..."),
        ("sigma", "write kernel=qconv.named_kernel('gaussian', sigma=...)"),
        ("size", "write kernel=qconv.named_kernel('box', size=...)"),
        ("output", "the result is returned; result.image is its array"),
    ],
)
def test_arguments_of_other_libraries(foreign, remedy):
    image = np.ones((5, 6))
    for verb in (qconv.convolve, qconv.correlate, qconv.plan, qconv.compare_methods):
        with pytest.raises(TypeError) as raised:  # even if image or kernel are missing
            verb(image, **{foreign: 3})
        assert str(raised.value) == f"{foreign}: unexpected argument; {remedy}"
    if foreign in ("rng", "num_shots", "output"):
        with pytest.raises(TypeError, match=f"^{foreign}: unexpected argument; {remedy}"):
            qconv.filter_frequencies(image, image, **{foreign: 3})
        with pytest.raises(TypeError, match=f"^{foreign}: unexpected argument; {remedy}"):
            qconv.conv2d(image[None], image[None, None], **{foreign: 3})


def test_no_advice_hides_an_argument():
    """Names in the table are not arguments of qconv, so the advice cannot be wrong."""
    verbs = [qconv.convolve, qconv.correlate, qconv.plan, qconv.compare_methods]
    own = {name for verb in verbs for name in inspect.signature(verb).parameters}
    own |= qconv.SamplingOptions.__annotations__.keys()
    own |= {name for kind in map(type, METHODS) for name in inspect.signature(kind).parameters}
    assert not own & FOREIGN.keys()


def test_volume_with_a_flat_kernel():
    hint = r"; for a stack of images, add axes=\(1, 2\)$"
    with pytest.raises(ValueError, match=hint):
        qconv.convolve(np.ones((4, 5, 6)), EDGE)
    volume = np.random.default_rng(0).random((4, 5, 6))
    told = qconv.convolve(volume, EDGE, "same", shots=None, axes=(1, 2))
    np.testing.assert_allclose(told.image[1], classical.convolve(volume[1], EDGE, "same"))
    with pytest.raises(ValueError, match=r"; for a batch of signals, add axes=2$"):
        qconv.convolve(volume, [1, 2, 1])
    with pytest.raises(ValueError, match=r"got 2 \(shape \(3, 3\)\)$"):
        qconv.convolve([1, 2, 3], EDGE)


def test_unknown_argument():
    with pytest.raises(TypeError, match="modes"):
        qconv.convolve(np.ones((3, 3)), EDGE, modes="same")


class TestTooLarge:
    """Rejected before anything is allocated. The images are virtual: they store one number."""

    SHAPE = (10**6, 10**6)

    def refused(self, message, **wrong):
        with pytest.raises(ValueError, match=message):
            qconv.convolve(**arguments(**wrong))

    @pytest.mark.parametrize("dtype", [float, np.float32, np.uint8, bool])
    def test_image(self, dtype, nothing_runs):
        image = np.broadcast_to(np.ones((), dtype), self.SHAPE)
        self.refused(r"image .*too large: needs about [\d,.]+ GiB of memory", image=image)

    def test_margins(self, nothing_runs):
        # Image and kernel are small, each along a different axis; only the result is large.
        how = {"image": np.ones((10**6, 1)), "kernel": np.ones((1, 10**6)), "mode": "full"}
        self.refused("too large: needs about", **how)

    def test_kernel(self, nothing_runs):
        kernel = np.broadcast_to(1.0, (10**7, 10**7))
        # Reading its numbers would take 1e14 steps, so the test would not end.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qconv._checks.require_finite", self.no_time)
            patch.setattr("qconv.propagator.real_array", self.no_copy)
            self.refused(r"kernel .*too large", kernel=kernel)

    @staticmethod
    def no_time(array, name):
        assert array.size < 10**12, "looks at every one of 1e14 numbers"

    @staticmethod
    def no_copy(value, name):
        assert np.size(value) < 10**12, "looks at every one of 1e14 numbers"

    def test_message(self, monkeypatch, nothing_runs):
        monkeypatch.setattr(_memory, "available_memory", lambda: 100)
        self.refused(r"image of shape \(5, 6\) is too large: needs about .*, 0.0 GiB are available")

    def test_kernel_circuit(self, monkeypatch):
        monkeypatch.setattr(_memory, "available_memory", lambda: 100)
        with pytest.raises(ValueError, match=r"circuit of 2 qubits is too large"):
            execution.born_probabilities(encode_amplitudes(np.ones((2, 2))))

    def test_available_memory(self):
        free = _memory.available_memory()
        assert free is None or free > 2**20


class TestRefusedWithoutOptional:
    def test_progress_without_tqdm(self, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "tqdm", None)
        with pytest.raises(
            ModuleNotFoundError, match=r"progress: .* pip install 'qconv\[images\]'"
        ):
            qconv.convolve(**arguments(progress=True))


def test_numpy_options_are_those_of_python():
    """Methods with NumPy's integers and bools are equal, and their results can be added."""
    pairs = [
        (qconv.Fourier(amplify=np.int64(2)), qconv.Fourier(amplify=2)),
        (qconv.Fourier(signed=np.bool_(False)), qconv.Fourier(signed=False)),
        (qconv.Diffusion(steps=np.uint8(2)), qconv.Diffusion(steps=2)),
        (qconv.Collapse(baseline=np.bool_(True)), qconv.Collapse(baseline=True)),
        (qconv.AmplitudeEstimation(powers=np.arange(3)), qconv.AmplitudeEstimation((0, 1, 2))),
        (
            qconv.Blocks(qconv.Fourier(), qubits=np.int16(9)),
            qconv.Blocks(qconv.Fourier(), qubits=9),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == theirs
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("tolerance", [True, np.True_, ("rms", True)])
def test_a_tolerance_is_no_truth_value(tolerance):
    with pytest.raises(TypeError, match="tolerance: expected a number"):
        qconv.convolve([1, 2, 3], [1, 1], tolerance=tolerance)


def test_amplify_has_a_limit():
    with pytest.raises(ValueError, match="amplify: expected an integer <= 1000, got 1000000"):
        qconv.Fourier(amplify=10**6)


def test_nullable_columns_are_numbers():
    """Like pandas: an object for NumPy, but numbers when converted."""

    class Nullable:
        def __init__(self, values):
            self.values = values

        def isna(self):
            return [v is None for v in self.values]

        def to_numpy(self, dtype=object, na_value=None):
            return np.array([na_value if v is None else v for v in self.values], dtype=dtype)

        def __array__(self, dtype=None, copy=None):
            return np.array(self.values, dtype=object)

    result = qconv.convolve(Nullable([1, 2, 3]), [1, 1], shots=None)
    np.testing.assert_allclose(result.image, [1, 3, 5, 3])
    with pytest.raises(ValueError, match="image: expected finite numbers"):
        qconv.convolve(Nullable([1, None, 3]), [1, 1], shots=None)
