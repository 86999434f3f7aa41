"""Cases that SciPy tests ``convolve``, ``convolve2d``, ``correlate`` and ``correlate2d`` with.

They are the cases of ``scipy/signal/tests/test_signaltools.py``, except arrays of objects and
arrays without axes, which qconv rejects. The benchmark ``test_scipy`` runs SciPy's own code.
"""

from array import array

import numpy as np
import pytest
from scipy import ndimage, signal

import classical
import qconv
from tests.cases import MODES, close

A, B = [[1, 2, 3], [3, 4, 5]], [[2, 3, 4], [4, 5, 6]]
LONG = [[2, 3, 4, 5, 6, 7, 8], [4, 5, 6, 7, 8, 9, 10]]
EVEN, ODD = (
    np.array([[1 + 1j, 2 - 3j], [3 + 1j, 4]]),
    np.array([[2 - 1j, 3 + 2j, 4], [4, 5 + 1j, 6 - 3j]]),
)
SAME, VALID = {"mode": "same"}, {"mode": "valid"}
FIVE, THREE = np.arange(5), [3.2, 1.4, 3]

#: Verb, image, kernel, further arguments, expected numbers.
CASES = [
    ("convolve", [3, 4, 5, 6, 5, 4], [1, 2, 3], {}, [3, 10, 22, 28, 32, 32, 23, 12]),
    ("convolve", [3, 4, 5], [1, 2, 3, 4], SAME, [10, 22, 34]),
    ("convolve", [3, 4, 5], [1, 2, 3], SAME, [10, 22, 22]),
    ("convolve", [1 + 1j, 2 + 1j, 3 + 1j], [1 + 1j, 2 + 1j], {}, [2j, 2 + 6j, 5 + 8j, 5 + 5j]),
    ("convolve", [4967], [3920], {}, [4967 * 3920]),
    ("convolve", [1, 2, 3, 6, 5, 3], [2, 3, 4, 5, 3, 4, 2, 2, 1], VALID, [70, 78, 73, 65]),
    ("convolve", [2, 3, 4, 5, 3, 4, 2, 2, 1], [1, 2, 3, 6, 5, 3], VALID, [70, 78, 73, 65]),
    ("convolve", [1 + 5j, 2 - 1j, 3], [2 - 3j, 1], VALID, [2 - 3j, 8 - 10j]),
    ("convolve", [2 - 3j, 1], [1 + 5j, 2 - 1j, 3], VALID, [2 - 3j, 8 - 10j]),
    (
        "convolve",
        [1, 2, 3, 3, 1, 2],
        [1, 4, 3, 4, 5, 6, 7, 4, 3, 2, 1, 1, 3],
        SAME,
        [57, 61, 63, 57, 45, 36],
    ),
    ("convolve", A, B, {}, [[2, 7, 16, 17, 12], [10, 30, 62, 58, 38], [12, 31, 58, 49, 30]]),
    ("convolve", LONG, A, VALID, [[62, 80, 98, 116, 134]]),
    ("convolve", A, LONG, VALID, [[62, 80, 98, 116, 134]]),
    ("convolve", A, LONG, SAME, [[22, 28, 34], [80, 98, 116]]),
    (
        "convolve",
        LONG,
        np.array(A) + 1j,
        VALID,
        [[62 + 24j, 80 + 30j, 98 + 36j, 116 + 42j, 134 + 48j]],
    ),
    ("convolve", EVEN, ODD, VALID, [[27 - 1j, 46 + 2j]]),
    ("convolve", ODD, EVEN, VALID, [[27 - 1j, 46 + 2j]]),
    (
        "convolve",
        A,
        B,
        {"boundary": "fill", "fillvalue": 1},
        [[24, 26, 31, 34, 32], [28, 40, 62, 64, 52], [32, 46, 67, 62, 48]],
    ),
    (
        "convolve",
        A,
        B,
        {"boundary": "wrap"},
        [[80, 80, 74, 80, 80], [68, 68, 62, 68, 68], [80, 80, 74, 80, 80]],
    ),
    (
        "convolve",
        A,
        B,
        {"boundary": "symm"},
        [[34, 30, 44, 62, 66], [52, 48, 62, 80, 84], [82, 78, 92, 110, 114]],
    ),
    *(
        ("convolve", [[1, 2]], [[1, 1]], {"mode": "same", "fillvalue": value}, [[4, 3]])
        for value in (3, [3], (3.0,), np.array(3), np.array([[3]]), np.float32(3), 3 + 0j)
    ),
    *(
        (verb, [[2, -1, 3, 4]], np.ones((1, 21)), {"mode": "same", "boundary": name}, [expected])
        for verb in ("convolve", "correlate")
        for name, expected in (("symm", [37, 42, 44, 45]), ("wrap", [43, 44, 42, 39]))
    ),
    ("correlate", [0, 1, 2, 3], [1, 2], {}, [0, 2, 5, 8, 3]),
    ("correlate", [0, 1, 2, 3], [1, 2], VALID, [2, 5, 8]),
    ("correlate", [1, 2], [0, 1, 2, 3], VALID, [8, 5, 2]),
    ("correlate", [0, 1, 2, 3], [1, 2], SAME, [0, 2, 5, 8]),
    ("correlate", [1, 2, 3], [4, 5], SAME, [5, 14, 23]),
    ("correlate", [1, 2, 3], [4, 5, 6], SAME, [17, 32, 23]),
    (
        "correlate",
        [0, 1 + 1j, 2 + 2j],
        [1 + 3j, 2 + 4j, 3 + 5j, 4 + 6j],
        SAME,
        [10 - 2j, 28 - 6j, 22 - 6j],
    ),
    ("correlate", [1, 2, 3], [4, 5, 6], {}, [6, 17, 32, 23, 12]),
    ("correlate", [1, 2, 3], [4, 5, 6], VALID, [32]),
    (
        "correlate",
        [0, 1 + 1j, 2 + 2j],
        [1 + 3j, 2 + 4j, 3 + 5j, 4 + 6j],
        {},
        [0, 10 - 2j, 28 - 6j, 22 - 6j, 16 - 6j, 8 - 4j],
    ),
    ("correlate", [[1]], [[2j]], {}, [[-2j]]),
    ("correlate", [[2j]], [[3j]], {}, [[6]]),
    ("correlate", [[3j]], [[4]], {}, [[12j]]),
    *(("convolve", FIVE, THREE, {"mode": m}, np.convolve(FIVE, THREE, m)) for m in MODES),
    *(("correlate", FIVE, THREE, {"mode": m}, np.correlate(FIVE, THREE, m)) for m in MODES),
    ("correlate", THREE, FIVE, VALID, np.correlate(THREE, FIVE, "valid")),
]


@pytest.mark.parametrize(("verb", "image", "kernel", "where", "expected"), CASES)
def test_numbers(verb, image, kernel, where, expected):
    for module, told in ((qconv, {"shots": None}), (classical, {})):
        found = np.asarray(getattr(module, verb)(image, kernel, **where, **told))
        close(found, np.asarray(expected), 1e-14)


class TestThreeAxes:
    """If the kernel is larger than the image, it still moves over the image."""

    SMALL = np.arange(8.0).reshape(2, 2, 2)
    BIG = np.arange(27.0).reshape(3, 3, 3) * 1j + np.arange(26.0, -1, -1).reshape(3, 3, 3)
    MIDDLE, START = (slice(1, 3),) * 3, (slice(0, 3),) * 3

    def test_exchanged(self):
        full = signal.convolve(self.SMALL, self.BIG, method="direct")
        for one, other in ((self.SMALL, self.BIG), (self.BIG, self.SMALL)):
            same = self.MIDDLE if one is self.SMALL else self.START
            for mode, part in (("full", ...), ("same", same), ("valid", self.MIDDLE)):
                close(qconv.convolve(one, other, mode, shots=None).image, full[part], 1e-14)

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_along_one_axis(self, axis):
        image = np.arange(27).reshape(3, 3, 3)
        kernel = np.arange(3).reshape([3 if axis == other else 1 for other in range(3)])
        expected = signal.convolve(image, kernel, method="direct")
        close(qconv.convolve(image, kernel, shots=None).image, expected, 1e-14)

    @pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.complex64])
    def test_correlated(self, kind):
        image = np.linspace(0, 39, 40).reshape((2, 4, 5), order="F").astype(kind)
        kernel = np.linspace(0, 23, 24).reshape((2, 3, 4), order="F").astype(kind)
        full = signal.correlate(image.astype(complex), kernel.astype(complex), method="direct")
        close(qconv.correlate(image, kernel, shots=None).image, full, 1e-14)
        valid = qconv.correlate(image, kernel, "valid", shots=None).image
        close(valid, full[1:2, 2:4, 3:5], 1e-14)
        same = qconv.correlate(image, kernel, "same", shots=None).image
        close(same, full[0:-1, 1:-1, 1:-2], 1e-14)
        turned = qconv.correlate(kernel, image, "valid", shots=None).image
        close(turned, np.flip(valid), 1e-14)


@pytest.mark.parametrize("shape", [(10,), (10, 8, 6)], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_correlation_of_parts(mode, shape):
    """A complex correlation consists of four real ones, one of them with its sign reversed."""
    rng = np.random.default_rng(9)
    a = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    inner = tuple(n - 2 for n in shape)
    b = rng.normal(size=inner) + 1j * rng.normal(size=inner)

    def of(one, other):
        return signal.correlate(one, other, mode, method="direct")

    expected = of(a.real, b.real) + of(a.imag, b.imag)
    expected = expected + 1j * (of(a.imag, b.real) - of(a.real, b.imag))
    close(qconv.correlate(a, b, mode, shots=None).image, expected)
    if mode == "valid":
        close(qconv.correlate(b, a, mode, shots=None).image, np.conj(np.flip(expected)))


def test_kernels_larger_than_what_is_repeated():
    image, kernel = np.arange(1.0, 31).reshape(10, 3), np.arange(1.0, 101).reshape(10, 10)
    found = qconv.convolve(image, kernel, "same", "wrap", shots=None).image
    close(found, ndimage.convolve(image, kernel, mode="wrap", origin=(-1, -1)), 1e-14)
    image, kernel = np.arange(1.0, 10).reshape(3, 3), np.arange(1.0, 37).reshape(6, 6)
    padded = np.pad(image, 3, "wrap")
    found = qconv.convolve(image, kernel, "full", "wrap", shots=None).image
    close(found, ndimage.convolve(padded, kernel, mode="wrap")[:-1, :-1], 1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_types(mode):
    """Numbers of every type are computed in double precision."""
    whole = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    kinds = [*whole, "bool", "float16", "float32", "float64"]
    rng = np.random.default_rng(42)
    bits, other = rng.integers(0, 2, size=20), rng.normal(size=20)
    for one in [*kinds, "complex64", "complex128"]:
        for two in ("uint8", "bool", "float16", "complex64"):
            arrays = []
            for name in (one, two):
                kind = np.dtype(name).kind
                numbers = {"f": other, "c": other + 0.5j * other}.get(kind, bits)
                arrays.append(numbers.astype(name))
            wide = [a.astype(complex if a.dtype.kind == "c" else float) for a in arrays]
            expected = signal.convolve(*wide, mode, method="direct")
            close(qconv.convolve(*arrays, mode, shots=None).image, expected, 1e-12)


@pytest.mark.parametrize("power", [10, 20, 50, 62])
def test_large_integers(power):
    assert qconv.convolve([2**power], [2**power], shots=None).image == 2.0 ** (2 * power)


@pytest.mark.parametrize("verb", [qconv.convolve, qconv.correlate])
class TestRefused:
    @pytest.mark.parametrize(
        ("image", "kernel", "where"),
        [
            ([3, 4, 5], [1, 2, 3], {"mode": "spam"}),
            ([3, 4, 5], [1, 2, 3], {"method": "bacon"}),
            ([1], 2, {}),
            (1, [2], {}),
            ([1], [[2]], {}),
            (np.ones((2, 3)), np.ones((3, 2)), VALID),
            (np.ones((3, 2)), np.ones((2, 3)), VALID),
            ([[1]], [[1, 2]], {"fillvalue": [1, 2]}),
            ([[1]], [[1, 2]], {"fillvalue": []}),
            ([], [1], {}),
            ([1], [], {}),
            ([[1], [1, 2]], [[1]], {}),
            ([1, None], [1], {}),
            (np.array([1, 2], "m8[s]"), [1], {}),
            (np.array([1, 2], "M8[s]"), [1], {}),
            (["1", "2"], [1], {}),
            (np.zeros(3, [("a", float)]), [1], {}),
            ([1, np.nan], [1], {}),
            ([1, np.inf], [1], {}),
            (np.array([np.longdouble("1e400")]), [1], {}),  # SciPy's result is long
            ([1], [1], {"mode": None}),
            ([1], [1], {"mode": b"full"}),
            ([1], [1], {"boundary": np.array(["wrap", "fill"])}),
            ([1], [1], {"fillvalue": np.timedelta64(1, "s")}),
        ],
        ids=str,
    )
    def test_invalid(self, verb, image, kernel, where):
        with pytest.raises((TypeError, ValueError), match=r": expected |requires one array"):
            verb(image, kernel, shots=None, **where)

    def test_complex_fill_values(self, verb):
        """SciPy rejects them for real arrays; here the result is complex."""
        found = verb([[1]], [[1, 2]], "same", fillvalue=1j, shots=None).image
        assert found.dtype == np.complex128


KINDS = ["bool", "i1", "u1", "i2", ">i2", "i4", "u4", "i8", "u8"]
KINDS += ["f2", "f4", ">f4", "f8", "g", "F", "D", ">F", "G"]
LAYOUTS = [
    np.asfortranarray,
    lambda numbers: np.flip(np.ascontiguousarray(np.flip(numbers))),
    lambda numbers: np.repeat(numbers, 2, axis=-1)[..., ::2],
    lambda numbers: np.broadcast_to(numbers, numbers.shape),  # read-only
    lambda numbers: numbers.tolist(),
    np.ma.array,
    tuple,
]
OUTSIDE = [0, 1, -2.5, 1 + 2j, [3], np.float32(2), True, np.array([[1]])]
BOUNDARIES_2D = ["fill", "pad", "wrap", "circular", "symm", "symmetric"]


def random_numbers(rng, shape):
    """Draw numbers of any type and layout."""
    kind = np.dtype(str(rng.choice(KINDS)))
    numbers = rng.normal(size=shape) if kind.kind in "fc" else rng.integers(0, 100, shape)
    if kind.kind == "c":
        numbers = numbers + 1j * rng.normal(size=shape)
    numbers.flat[0] = numbers.flat[0] or 1  # kernels without an entry are rejected
    return LAYOUTS[rng.integers(len(LAYOUTS))](numbers.astype(kind))


def like_scipy(seed):
    """Compare a random call with SciPy's; return whether SciPy computes it."""
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 4))
    largest = {1: 9, 2: 6, 3: 4}[axes]
    image, kernel = (random_numbers(rng, rng.integers(1, largest + 1, axes)) for _ in range(2))
    verb, mode = str(rng.choice(["convolve", "correlate"])), str(rng.choice(MODES))
    wide = []
    for each in map(np.asarray, (image, kernel)):
        wide.append(each.astype(complex if each.dtype.kind == "c" else float))
    theirs, where = getattr(signal, verb), ()
    if axes == 2:
        theirs = getattr(signal, f"{verb}2d")
        where = (str(rng.choice(BOUNDARIES_2D)), OUTSIDE[rng.integers(len(OUTSIDE))])
        if isinstance(where[1], complex):
            wide[0] = wide[0].astype(complex)
        if verb == "correlate" and mode == "valid":  # see `test_exchanged_and_conjugated`
            theirs, where = signal.correlate, ()
    try:
        expected = theirs(*wide, mode, *where)
    except ValueError:
        for ours in (getattr(qconv, verb), getattr(classical, verb)):
            with pytest.raises(ValueError, match="requires one array to be at least as large"):
                ours(image, kernel, mode, *where)
        return False
    close(getattr(qconv, verb)(image, kernel, mode, *where, shots=None).image, expected)
    close(getattr(classical, verb)(image, kernel, mode, *where), expected)
    return True


@pytest.mark.parametrize(
    "seeds", [range(50), pytest.param(range(50, 2000), marks=pytest.mark.slow)], ids=len
)
def test_types_layouts_and_positions(seeds):
    assert sum(map(like_scipy, seeds)) > 0.8 * len(seeds)


def test_exchanged_and_conjugated():
    """If image and kernel are exchanged, only ``correlate`` conjugates, not ``correlate2d``."""
    image, kernel = np.array([[1, 2j]]), np.array([[1, 2j, 3]])
    by_definition = [[1 * np.conj(2j) + 2j * 3, 1 + 2j * np.conj(2j)]]
    close(signal.correlate(image, kernel, "valid"), np.array(by_definition), 1e-14)
    close(qconv.correlate(image, kernel, "valid", shots=None).image, np.array(by_definition), 1e-14)
    close(classical.correlate(image, kernel, "valid"), np.array(by_definition), 1e-14)


@pytest.mark.parametrize("shape", [(4, 6), (5, 4), (1, 2), (3, 3)], ids=str)
def test_centre_of_correlate(shape):
    """If zeros are appended to even sides, the centre is that of ``correlate`` and ``ndimage``."""
    rng = np.random.default_rng(3)
    image, kernel = rng.normal(size=(7, 8)), rng.normal(size=shape)
    odd = np.pad(kernel, [(0, 1 - h % 2) for h in shape])
    found = qconv.correlate(image, odd, "same", shots=None).image
    close(found, signal.correlate(image, kernel, "same", "direct"))
    close(found, ndimage.correlate(image, kernel, mode="constant"))


@pytest.mark.parametrize("method", [qconv.Collapse(), qconv.Fourier(), qconv.Diffusion()])
def test_centre_along_one_axis(method):
    """A signal, and each signal of a batch, has the centre of SciPy's and NumPy's correlations."""
    rng = np.random.default_rng(4)
    batch, kernel = rng.random((3, 9)), rng.random(4)
    for boundary, mode in (("fill", "constant"), ("symm", "reflect"), ("mirror", "mirror")):
        expected = ndimage.correlate1d(batch, kernel, mode=mode)
        where = {"mode": "same", "boundary": boundary}
        found = qconv.correlate(batch, kernel, axes=1, method=method, shots=None, **where).image
        close(found, expected)
        close(classical.correlate(batch, kernel, axes=1, **where), expected)
        close(qconv.correlate(batch[0], kernel, method=method, shots=None, **where).image, found[0])
        if boundary == "fill":
            close(found, np.array([np.correlate(row, kernel, "same") for row in batch]))


@pytest.mark.parametrize(
    "image",
    [
        range(1, 4),
        (1, 2, 3),
        [True, 2, 3.0],
        [np.float32(1), np.array(2), 3],
        bytearray([1, 2, 3]),
        array("d", [1, 2, 3]),
        memoryview(np.array([1, 2, 3], np.int16)),
        np.array([1, 2, 3], np.longdouble),
        np.rec.array([(1, 0), (2, 0), (3, 0)], names="a,b").a,
        np.array([1, 2, 3]).view(type("Subclass", (np.ndarray,), {})),
        np.array([1, 2, 3], ">u2"),
    ],
    ids=lambda image: type(image).__name__,
)
def test_containers(image):
    """SciPy treats all of these as arrays of three numbers; here as image and as kernel."""
    expected = signal.convolve(image, [1, 10])
    for found in (
        qconv.convolve(image, [1, 10], shots=None).image,
        qconv.convolve([1, 10], image, shots=None).image,
        classical.convolve(image, [1, 10]),
    ):
        assert type(found) is np.ndarray
        close(found, expected, 1e-14)
