"""Diagnostics of results: sums, parts, blocks, files; of a user's class, and of our own."""

import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

import qconv
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.fourier import PreparedFourier
from qconv.result.diagnostics import assembled
from qconv.result.origin import Origin

IMAGE = np.random.default_rng(0).random((6, 5)) + 0.2
KERNEL = np.array([[1.0, 2.0], [0.5, 0.25]])
WHERE = {"mode": "same", "boundary": "wrap"}


@dataclass(frozen=True, eq=False)
class Rejected(qconv.Diagnostics):
    """Diagnostics of a user's method: one number per pixel, a number, a string."""

    pixels: np.ndarray
    weight: float
    note: str = "none"

    def __add__(self, other):
        return Rejected(self.pixels + other.pixels, self.weight + other.weight, self.note)

    def __getitem__(self, index):
        return replace(self, pixels=self.pixels[index])

    def shares(self, other):
        total = self.weight + other.weight
        return self.weight / total, other.weight / total

    def rows(self):
        return [("rejected", f"{self.pixels.sum():,}")]

    def arrays(self):
        return {"pixels": self.pixels, "weight": self.weight, "note": self.note}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["pixels"], float(arrays["weight"]), str(arrays["note"]))

    @classmethod
    def assembled(cls, shape, parts):
        pixels = np.zeros(shape, dtype=int)
        for position, part in parts:
            pixels[position] += part.pixels
        return cls(pixels, sum(part.weight for _, part in parts))


@dataclass(frozen=True, eq=False)
class Told(Rejected):
    """Diagnostics that can be converted to estimates."""

    def __add__(self, other):
        return Told(self.pixels + other.pixels, self.weight + other.weight)

    def estimate(self):
        return self.pixels * 1.0, self.pixels / 10


@dataclass(frozen=True)
class Own(qconv.Fourier):
    """A method outside the package."""

    def prepare(self, plan):
        return PreparedOwn(self, plan)


class PreparedOwn(PreparedFourier):
    """The method prepared for one plan."""

    def decode(self, outcomes):
        plan, result = self.plan, super().decode(outcomes)
        pixels = np.arange(result.image.size).reshape(result.shape)
        return plan.result(
            result.image,
            result.stderr,
            [],
            shots=plan.shots,
            circuits=result.circuits,
            diagnostics=Rejected(pixels, 2.5),
        )


def by_hand(name, image, diagnostics):
    image = np.array(image, dtype=float)
    return qconv.Convolution(
        image,
        np.ones_like(image),
        10,
        10 * image.size,
        (),
        diagnostics=diagnostics,
        origin=Origin("q", frozenset({name})),
    )


def counted(seed, **how):
    method = qconv.Fourier(signed=False)
    return qconv.convolve(IMAGE, KERNEL, **({"method": method, "seed": seed} | WHERE | how))


def estimated(seed, **how):
    method = qconv.AmplitudeEstimation(**how)
    return qconv.convolve(IMAGE, KERNEL, method=method, shots=100, seed=seed, **WHERE)


class TestOfOnesOwn:
    def test_sums(self):
        one = by_hand("a", [0, 10], Rejected(np.array([1, 2]), 1.0))
        two = by_hand("b", [8, 2], Rejected(np.array([4, 0]), 3.0))
        total = one + two
        assert total.image.tolist() == [6, 4]  # weighted by the diagnostics' weights, not by shots
        assert total.stderr.tolist() == [np.hypot(0.25, 0.75)] * 2
        assert total.shots == 20
        assert total.diagnostics.pixels.tolist() == [5, 2]
        assert "rejected              7" in str(total).splitlines()

    def test_estimate(self):
        one = by_hand("a", [0, 10], Told(np.array([1, 2]), 1.0))
        two = by_hand("b", [8, 2], Told(np.array([4, 0]), 3.0))
        assert (one + two).image.tolist() == [5, 2]
        assert (one + two).stderr.tolist() == [0.5, 0.2]

    def test_of_another_kind_or_missing(self):
        one = by_hand("a", [0, 10], Rejected(np.array([1, 2]), 1.0))
        for other in (None, Told(np.array([1, 2]), 1.0)):
            two = by_hand("b", [8, 2], other)
            for total in (one + two, two + one):
                assert total.diagnostics is None
                assert total.image.tolist() == [4, 6]  # by shots

    def test_without_shares(self):
        @dataclass(frozen=True)
        class Plain(Rejected):
            shares = qconv.Diagnostics.shares

        one = by_hand("a", [0, 10], Plain(np.array([1, 2]), 1.0))
        two = by_hand("b", [8, 2], Plain(np.array([4, 0]), 3.0))
        assert (one + two).image.tolist() == [4, 6]

    def test_parts(self):
        one = by_hand("a", [[0, 10], [1, 2]], Rejected(np.array([[1, 2], [3, 4]]), 1.0))
        assert one[1].diagnostics.pixels.tolist() == [3, 4]

    def test_files(self, tmp_path):
        results = [
            qconv.convolve(IMAGE, KERNEL, method=Own(), shots=50, seed=seed, **WHERE)
            for seed in (1, 2)
        ]
        results = [
            replace(r, origin=Origin("q", frozenset({str(i)}))) for i, r in enumerate(results)
        ]
        for result in (results[0], sum(results), sum(results)[2:4]):
            result.save(tmp_path / "r.npz")
            loaded = qconv.load(tmp_path / "r.npz")
            assert type(loaded.diagnostics) is Rejected
            assert np.array_equal(loaded.diagnostics.pixels, result.diagnostics.pixels)
            assert loaded.diagnostics.pixels.dtype == result.diagnostics.pixels.dtype
            assert loaded.diagnostics.weight == result.diagnostics.weight
            assert loaded.diagnostics.note == "none"
            assert str(loaded) == str(result)

    def test_checkpoints(self, tmp_path):
        how = {"method": Own(), "seed": 1, "checkpoint": tmp_path / "run.npz", **WHERE}
        first, again = (qconv.convolve(IMAGE, KERNEL, shots=50, **how) for _ in range(2))
        assert np.array_equal(again.diagnostics.pixels, first.diagnostics.pixels)

    def test_blocks(self):
        method = qconv.Blocks(Own(), "overlap-save", 5)
        result = qconv.convolve(np.ones((8, 8)), KERNEL, method=method, shots=50, seed=1, **WHERE)
        assert len(np.unique(result.diagnostics.pixels)) > 1
        assert result.diagnostics.weight > 2.5  # the sum over several blocks

    def test_python_objects_are_not_saved(self, tmp_path):
        wrong = Rejected(np.array([{}, None]), 1.0)
        with pytest.raises(TypeError, match=r"Rejected.arrays: expected numbers, .* in 'pixels'"):
            by_hand("a", [0, 1], wrong).save(tmp_path / "r.npz")
        assert list(tmp_path.iterdir()) == []

    def test_unfinished_classes(self):
        class Half(qconv.Diagnostics):
            def arrays(self):
                return {}

        with pytest.raises(TypeError, match="abstract"):
            Half()


class TestUnknown:
    """A file names a class by module and name; only the package's own are imported."""

    @pytest.fixture
    def kind(self, monkeypatch, tmp_path):
        def save(module):
            with monkeypatch.context() as changed:
                changed.setattr(Rejected, "__module__", module)
                by_hand("a", [0, 1], Rejected(np.array([1, 2]), 1.0)).save(tmp_path / "r.npz")

        return save

    @pytest.mark.parametrize(
        "module",
        [
            "elsewhere",
            "this",
            "qconv.methods.gone",
            "qconv.methods",
            "qconv.methods.blocks",
            "qconv.methods..blocks",
            "qconv.cli.explore",
        ],
    )
    def test_is_named(self, kind, module, tmp_path, monkeypatch):
        kind(module)
        for name in ("this", "qconv.cli.explore"):  # other tests may have imported these
            monkeypatch.delitem(sys.modules, name, raising=False)
        expected = rf"r.npz: expected diagnostics of a known class, got {module}.Rejected; import"
        with pytest.raises(ValueError, match=expected):
            qconv.load(tmp_path / "r.npz")
        assert not {"this", "qconv.cli.explore"} & set(sys.modules)

    def test_in_a_checkpoint(self, tmp_path, monkeypatch):
        how = {"method": Own(), "shots": 50, "seed": 1, "checkpoint": tmp_path / "r.npz", **WHERE}
        with monkeypatch.context() as changed:
            changed.setattr(Rejected, "__module__", "elsewhere")
            qconv.convolve(IMAGE, KERNEL, **how)
        with pytest.raises(ValueError, match=r"got elsewhere.Rejected; import the module"):
            qconv.convolve(IMAGE, KERNEL, **how)


@pytest.mark.slow
@pytest.mark.parametrize("make", [counted, estimated], ids=["counts", "angles"])
@pytest.mark.parametrize("reader", ["qconv.load", "qconv.Convolution.load"])
def test_ours_load_in_a_fresh_process(make, reader, tmp_path):
    result = make(1)
    result.save(tmp_path / "r.npz")
    code = f"import qconv; print({reader}({str(tmp_path / 'r.npz')!r}).diagnostics.arrays())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with np.printoptions():
        assert done.stdout == f"{result.diagnostics.arrays()}\n"


class TestCounts:
    def test_none_without_counts_of_pixels(self):
        result = qconv.convolve(IMAGE, KERNEL, method=qconv.Collapse(), shots=10, seed=1, **WHERE)
        assert result.diagnostics is None
        assert counted(1, shots=None).diagnostics is None

    def test_no_unit_of_signed_results(self):
        for method in (qconv.Fourier(), qconv.Diffusion()):
            result = qconv.convolve(IMAGE, KERNEL, method=method, shots=10, seed=1, **WHERE)
            assert result.diagnostics.unit is None
            assert result.diagnostics.counts.shape == result.shape

    def test_roots(self):
        one, two = counted(1, shots=20), counted(2, shots=60)
        total = one + two
        for result in (one, two, total):
            found = result.diagnostics
            assert type(found) is CountDiagnostics
            np.testing.assert_allclose(result.image, found.unit * np.sqrt(found.counts))
        assert np.array_equal(
            total.diagnostics.counts, one.diagnostics.counts + two.diagnostics.counts
        )
        np.testing.assert_allclose(total.diagnostics.unit, one.diagnostics.unit / 2)

    def test_parts_add_as_the_whole(self):
        one, two = counted(1), counted(2)
        part = one[1:3] + two[1:3]
        assert np.array_equal(part.image, (one + two).image[1:3])
        assert np.array_equal(part.stderr, (one + two).stderr[1:3])

    def test_blocks_and_templates_have_them(self):
        method = qconv.Blocks(qconv.Fourier(signed=False), "overlap-save", 5)
        result = counted(1, method=method)
        found = result.diagnostics
        assert found.counts.dtype == np.int64
        assert found.counts.sum() > 0
        np.testing.assert_allclose(result.image, found.unit * np.sqrt(found.counts))


class TestAngles:
    def test_estimated_anew_from_all_hits(self):
        one, two = estimated(1), estimated(2)
        both = one + two
        total = both.diagnostics
        assert type(total) is AngleDiagnostics
        for hits, a, b in zip(total.hits, one.diagnostics.hits, two.diagnostics.hits, strict=True):
            assert np.array_equal(hits.table, a.table + b.table)
            assert np.array_equal(hits.estimates[2], total.reliable[hits.block.outputs])
        assert np.array_equal(total.estimate()[0], both.image)
        assert total.contrast is None
        assert total.information == 2 * one.diagnostics.information

    def test_sums_of_parts_are_parts_of_sums(self):
        one, two = estimated(1), estimated(2)
        whole, part = one + two, one[2:4, 1] + two[2:4, 1]
        assert np.array_equal(part.image, whole.image[2:4, 1])
        assert np.array_equal(part.stderr, whole.stderr[2:4, 1])
        assert np.array_equal(part.diagnostics.reliable, whole.diagnostics.reliable[2:4, 1])

    def test_saved_hits_add_up(self, tmp_path):
        parts = [estimated(seed) for seed in (1, 2)]
        for number, part in enumerate(parts):
            part.save(tmp_path / f"{number}.npz")
        loaded = [qconv.load(tmp_path / f"{number}.npz") for number in range(2)]
        assert np.array_equal((loaded[0] + loaded[1]).image, (parts[0] + parts[1]).image)

    def test_contrast_by_information(self):
        everywhere = np.ones(2, dtype=bool)
        one = AngleDiagnostics(everywhere, np.array([1.0, 0.5]), 10.0)
        two = AngleDiagnostics(everywhere, np.array([0.6, 0.1]), 30.0)
        total = by_hand("a", [0, 10], one) + by_hand("b", [8, 2], two)
        np.testing.assert_allclose(total.diagnostics.contrast, [0.7, 0.2])
        np.testing.assert_allclose(total.image, [6, 4])
        assert total.diagnostics.information == 40
        assert "contrast left         0.700, 0.200" in str(total).splitlines()

    def test_without_information(self):
        one, two = (AngleDiagnostics(np.array([True, part])) for part in (True, False))
        total = by_hand("a", [0, 10], one) + by_hand("b", [8, 2], two)
        assert total.image.tolist() == [4, 6]
        assert total.diagnostics.reliable.tolist() == [True, False]
        assert total.diagnostics.information is None

    def test_parts(self):
        result = estimated(1)
        part = result[2:4, 1]
        assert np.array_equal(part.diagnostics.reliable, result.diagnostics.reliable[2:4, 1])
        assert part.diagnostics.information == result.diagnostics.information


def test_blocks_of_one_kind_only():
    part = Rejected(np.array([1]), 1.0)
    told = Told(np.array([1]), 1.0)
    assert assembled((2,), []) is None
    assert assembled((2,), [((slice(0, 1),), part), ((slice(1, 2),), told)]) is None
    assert assembled((2,), [((slice(1, 2),), part)]).pixels.tolist() == [0, 1]
    angles = AngleDiagnostics(np.array([True]))
    assert assembled((1,), [((slice(0, 1),), angles)]).reliable.tolist() == [True]
