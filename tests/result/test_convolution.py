"""Results: sums, intervals, files."""

import dataclasses
import functools
import gc
import io
import json
import operator
import zipfile

import numpy as np
import pytest
from qiskit import QuantumCircuit
from scipy import stats

import classical
import qconv
from qconv import Convolution, Diagnostics
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.reading import Reading
from qconv.result.origin import Origin
from qconv.result.success import Success
from tests.cases import EDGE, random_integers
from tests.chance import Moments, assert_honest, window_samples

IMAGE = random_integers((9, 8), 0)


def run(seed=1, image=IMAGE, kernel=EDGE, verb=qconv.convolve, **how):
    plain = {"shots": 20, "mode": "same", "seed": seed, "method": qconv.Collapse()}
    return verb(image, kernel, **(plain | how))


def by_hand(image, stderr, shots, name, *, quantity="", **fields):
    return Convolution(
        image=np.array(image, dtype=float),
        stderr=np.array(stderr, dtype=float),
        shots=shots,
        total_shots=shots * len(image),
        circuits=(),
        origin=Origin(quantity, frozenset({name})),
        **fields,
    )


class TestAddition:
    def test_by_hand(self):
        one = by_hand([0.0, 4], [3.0, 0], 10, "a", oracle_calls=20)
        other = by_hand([4.0, 4], [4.0, 0], 30, "b", oracle_calls=60, success=Success(0.5))
        total = one + other
        assert total.image.tolist() == [3, 4]
        assert total.stderr.tolist() == [np.hypot(0.75, 3), 0]
        assert (total.shots, total.total_shots, total.oracle_calls) == (40, 80, 80)
        assert total.success_probability == (20 + 0.5 * 60) / 80
        assert total.streams == {"a", "b"}
        assert total.independent

    def test_magnitudes(self):
        """Square roots of all counts in a joint unit, not means of square roots."""
        one, other = (
            by_hand(
                [image, 0.0],
                [1.0, 1.0],
                shots,
                name,
                diagnostics=CountDiagnostics(
                    np.array([[count, 0]]),
                    (Reading("magnitude", 2.0, 30.0, executions),),
                    np.array([0, -1]),
                ),
            )
            for image, shots, name, count, executions in (
                (9.0, 10, "a", 9, 400),
                (16.0, 90, "b", 16, 225),
            )
        )
        total = one + other
        assert total.diagnostics.counts.tolist() == [25, 0]
        np.testing.assert_allclose(total.diagnostics.unit, [12 / 5, 0])  # 1 / unit**2 is additive
        np.testing.assert_allclose(total.image, [12, 0])
        np.testing.assert_allclose(total.stderr, [12 / 5 * 0.5, 0], rtol=0.05)

    def test_pixels_without_shots(self):
        """Pixels without shots are exact in both results, so both have the same weight."""
        one, other = (
            dataclasses.replace(
                by_hand(image, stderr, 1, name, bias=np.array(bias)),
                shots=np.array(shots),
            )
            for image, stderr, bias, shots, name in (
                ([7.0, 1, 4, 2], [0.0, 0, 3, 5], [1.0, 2, 0, 4], [0, 0, 10, 6], "a"),
                ([7.0, 5, 8, 9], [0.0, 1, 4, 0], [3.0, 4, 8, 8], [0, 9, 30, 0], "b"),
            )
        )
        total = one + other
        assert total.shots.tolist() == [0, 9, 40, 6]
        assert total.image.tolist() == [7, 5, 7, 2]
        assert total.stderr.tolist() == [0, 1, np.hypot(0.75, 3), 5]
        assert total.bias.tolist() == [2, 4, 6, 4]

    def test_many(self):
        parts = [run(seed) for seed in range(30)]
        total = functools.reduce(operator.add, parts)
        assert total.shots == 600
        assert total.total_shots == 600 * IMAGE.size
        np.testing.assert_allclose(total.image, np.mean([part.image for part in parts], axis=0))
        np.testing.assert_allclose(total.stderr, parts[0].stderr / np.sqrt(30))
        assert len(total.streams) == 30
        assert len(total.circuits) == 1
        assert_honest(total, Moments(*window_samples(IMAGE, EDGE, "fill")), 600)

    def test_any_order(self):
        a, b, c = (run(seed, shots=10 * seed) for seed in (1, 2, 3))
        one, other = (a + b) + c, c + (b + a)
        np.testing.assert_allclose(one.image, other.image)
        np.testing.assert_allclose(one.stderr, other.stderr)
        assert one.shots == other.shots == 60

    def test_operands_are_left_alone(self):
        one = run(1)
        before = one.image.copy(), one.stderr.copy()
        _ = one + run(2)
        assert np.array_equal(one.image, before[0])
        assert np.array_equal(one.stderr, before[1])

    def test_independence(self):
        shared = run(2, method=qconv.Collapse(shared=True))
        assert not shared.independent
        assert not (run(1) + shared).independent

    def test_different_options_of_a_method_estimate_the_same(self):
        other = run(2, method=qconv.Collapse(baseline=True))
        total = run(1) + other
        assert total.shots == 40
        assert len(total.circuits) == 2

    def test_spawned_and_moving_seeds(self):
        rng = np.random.default_rng(1)
        assert (run(rng) + run(rng)).shots == 40
        one, other = np.random.SeedSequence(1).spawn(2)
        assert (run(one) + run(other)).shots == 40
        assert (run(None) + run(None)).shots == 40

    def test_same_seed(self):
        one = run(1)
        for other in (one, run(1), run(np.random.SeedSequence(1)), run(1, shots=30)):
            with pytest.raises(ValueError, match="same seed, so their shots are the same"):
                _ = one + other
        with pytest.raises(ValueError, match="same seed"):
            _ = (run(2) + one) + run(1)

    @pytest.mark.parametrize(
        "different",
        [
            {"image": IMAGE + 1},
            {"image": IMAGE.T},
            {"kernel": -EDGE},
            {"kernel": qconv.Propagator.softmax(EDGE)},
            {"mode": "full"},
            {"boundary": "wrap"},
            {"fillvalue": 1},
            {"verb": qconv.correlate, "kernel": [[1, 2.0]]},
        ],
    )
    def test_different_things(self, different):
        with pytest.raises(ValueError, match="only results of the same image, kernel, mode, bound"):
            _ = run(1) + run(2, **different)

    def test_different_steps(self):
        """With a kernel of one position, the shape does not depend on the number of steps."""
        one, other, two = (
            run(seed, abs(IMAGE), [[2.0]], method=qconv.Diffusion(steps=steps))
            for seed, steps in ((1, 1), (2, 1), (3, 2))
        )
        assert (one + other).shots == 40
        with pytest.raises(ValueError, match="only results of the same image"):
            _ = one + two

    def test_exact(self):
        exact = run(shots=None)
        for one, other in [(exact, run(1)), (run(1), exact), (exact, exact)]:
            with pytest.raises(ValueError, match=r"an exact result \(shots=None\) has no shots"):
                _ = one + other

    def test_sum_of_a_list(self):
        assert sum([run(1), run(2), run(3)]).shots == 60

    @pytest.mark.parametrize("other", [1, 0.0, None, IMAGE, "x", np.float64(2), [1.0]])
    def test_other_things(self, other):
        kind = type(other).__name__
        with pytest.raises(TypeError, match=rf"got result \+ {kind}; .* write result.image \+ "):
            _ = run() + other
        with pytest.raises(TypeError, match=rf"got {kind} \+ result; .* write ... \+ result.image"):
            _ = other + run()

    @pytest.mark.parametrize("symbol", ["-", "*", "/", "//", "%", "**", "@"])
    @pytest.mark.parametrize("other", [2, np.float64(2), IMAGE, run(2)], ids=type)
    def test_operators_that_would_lose_errors(self, symbol, other):
        """The error states the right expression, on either side, also for two results."""
        kind = "result" if isinstance(other, Convolution) else type(other).__name__
        instead = "result.image" if kind == "result" else "..."
        for left, right, names, images in (
            ("a", "b", ("result", kind), ("result.image", instead)),
            ("b", "a", (kind, "result"), (instead, "result.image")),
        ):
            told = f"got {f' {symbol} '.join(names)}; for the image without its standard error, "
            with pytest.raises(TypeError) as caught:
                eval(f"{left} {symbol} {right}", {"a": run(), "b": other})
            assert told + f"write {f' {symbol} '.join(images)}" in str(caught.value)

    def test_negative(self):
        with pytest.raises(TypeError, match=r"got -result; .* write -result.image"):
            _ = -run()

    def test_ufuncs(self):
        """NumPy raises its own error, and no number loses its standard error."""
        for call in (np.sqrt, lambda x: np.add(x, 1), lambda x: np.multiply(IMAGE, x)):
            with pytest.raises(TypeError, match="'Convolution' does not support ufuncs"):
                call(run())

    def test_success_is_weighted_by_executions(self):
        one = by_hand([1.0], [1.0], 10, "a", success=Success(0.2, 0.3, 0.4))
        two = by_hand([1.0], [1.0], 30, "b", success=Success(0.6, 0.1, 0.8))
        assert (one + two).success == Success(
            pytest.approx(0.5), np.hypot(3, 3) / 40, pytest.approx(0.7)
        )
        unknown = by_hand([1.0], [1.0], 30, "b", success=Success(0.6, 0.1))
        assert (one + unknown).expected_success is None
        nothing = [
            dataclasses.replace(part, total_shots=0, success=Success(0.5, 0.0, 0.5))
            for part in (one, two)
        ]
        assert sum(nothing).success_probability == 1

    def test_shapes(self):
        with pytest.raises(ValueError, match="only results of the same image"):
            _ = by_hand([1.0], [1.0], 1, "a") + by_hand([1.0, 2], [1.0, 2], 1, "b")


class TestFields:
    def test_few(self):
        names = [field.name for field in dataclasses.fields(Convolution)]
        assert len(names) <= 15
        assert names[:5] == ["image", "stderr", "shots", "total_shots", "circuits"]

    def test_short_names(self):
        result = dataclasses.replace(
            run(),
            success=Success(0.25, 0.125, 0.5),
            origin=Origin("what", frozenset({"a"}), frozenset({"numpy 1"})),
        )
        assert result.success_probability == 0.25
        assert result.success_stderr == 0.125
        assert result.expected_success == 0.5
        assert (result.quantity, result.streams, result.versions) == ("what", {"a"}, {"numpy 1"})
        assert result.diagnostics is None
        for name in ("success_probability", "quantity", "shape"):
            with pytest.raises(AttributeError):
                setattr(result, name, 1)

    def test_bias_is_replaced(self):
        result = dataclasses.replace(run(), bias=IMAGE)
        assert result.bias is IMAGE
        assert result.success == run().success

    def test_versions_of_a_sum_are_those_of_both(self):
        one, two = (by_hand([1.0], [1.0], 1, name) for name in "ab")
        old = dataclasses.replace(two.origin, versions=frozenset({"numpy 1"}))
        total = one + dataclasses.replace(two, origin=old)
        assert total.versions == one.versions | {"numpy 1"}

    def test_shape(self):
        result = run()
        assert (result.shape, result.ndim) == ((9, 8), 2) == (np.shape(result), np.ndim(result))


def varied(seed):
    """Return a result with all optional arrays."""
    rng = np.random.default_rng(seed)
    return by_hand(
        rng.random((6, 5, 4)),
        rng.random((6, 5, 4)),
        1,
        f"{seed}",
        quantity="q",
        bias=rng.random((6, 5, 4)),
        diagnostics=CountDiagnostics(
            rng.integers(0, 9, (1, 6, 5, 4)),
            (Reading("magnitude", 1.0, 2.0, 100), Reading("magnitude", 3.0, 2.0, 100)),
            rng.integers(0, 2, (6, 5, 4)),
        ),
    )


class TestParts:
    @pytest.mark.parametrize(
        "index",
        [
            np.s_[1],
            np.s_[-1, ..., 2],
            np.s_[1:3],
            np.s_[::-2, 1:, None],
            np.s_[..., :2],
            np.s_[2:3, np.int64(1)],
            (),
            ...,
            np.s_[:],
        ],
        ids=str,
    )
    def test_all_arrays_alike(self, index):
        shots = np.arange(120).reshape(6, 5, 4)
        whole = dataclasses.replace(varied(1), shots=shots)
        part = whole[index]
        for ours, theirs in (
            (part.image, whole.image),
            (part.stderr, whole.stderr),
            (part.shots, shots),
            (part.bias, whole.bias),
            (part.diagnostics.counts, whole.diagnostics.counts),
            (part.diagnostics.unit, whole.diagnostics.unit),
        ):
            assert np.array_equal(ours, theirs[index])
        assert (part.total_shots, part.circuits) == (whole.total_shots, whole.circuits)
        assert part.shape == whole.image[index].shape

    def test_one_number_of_shots_and_nothing_else(self):
        part = run()[2:5]
        assert (part.shots, part.bias, part.diagnostics) == (20, None, None)
        assert np.array_equal(part.stderr, run().stderr[2:5])

    @pytest.mark.parametrize(
        ("first", "second", "both"),
        [
            (np.s_[1:6], np.s_[1:3], np.s_[2:4]),
            (np.s_[::-1], np.s_[1:3], np.s_[4:2:-1]),
            (np.s_[::2, 1], np.s_[1:], np.s_[2::2, 1]),
            (np.s_[2], np.s_[1:3, 2], np.s_[2, 1:3, 2]),
            (np.s_[2:3], np.s_[0, ..., 1:], np.s_[2, :, 1:]),
            (np.s_[None, 1:3], np.s_[0, 1], np.s_[2]),
            (np.s_[:, None, 2], np.s_[1:, :, None], np.s_[1:, None, None, 2]),
            (np.s_[:, 1:2], np.s_[:, ::-3], np.s_[:, 1:2]),
        ],
        ids=str,
    )
    def test_parts_of_parts(self, first, second, both, tmp_path):
        """They equal parts of the whole result, with the same name, diagnostics and sums."""
        whole, other = varied(1), varied(2)
        part, expected = whole[first][second], whole[both]
        assert part.quantity == expected.quantity
        assert part.shape == expected.shape
        assert np.array_equal(part.diagnostics.counts, expected.diagnostics.counts)
        assert np.array_equal(part.diagnostics.pixels, expected.diagnostics.pixels)
        total = part + other[both]
        assert np.array_equal(total.image, (whole + other)[both].image)
        assert np.array_equal(total.stderr, (whole + other)[both].stderr)
        part.save(tmp_path / "part")
        assert Convolution.load(tmp_path / "part")[:1].quantity == expected[:1].quantity

    @pytest.mark.parametrize("there", [np.s_[::-1], np.s_[None]])
    def test_there_and_back_is_the_whole(self, there):
        whole = varied(1)
        back = whole[there][np.s_[::-1] if there == np.s_[::-1] else 0]
        assert back.quantity == whole.quantity
        assert back.diagnostics.pixels is None
        assert np.array_equal((back + varied(2)).image, (whole + varied(2)).image)

    def test_same_parts_add_up(self):
        one, two = run(1), run(2)
        total = one[1:4, 2] + two[-8:4:1, -6]  # the same pixels, by other indices
        whole = one + two
        assert np.array_equal(total.image, whole.image[1:4, 2])
        assert np.array_equal(total.stderr, whole.stderr[1:4, 2])
        assert np.array_equal((one[:] + two).image, whole.image)  # a complete slice is not a part

    @pytest.mark.parametrize(
        "other",
        [np.s_[2:5], np.s_[1:7:2], np.s_[3:0:-1], np.s_[1:4, None, 0], np.s_[1:4, 0:1]],
        ids=str,
    )
    def test_other_parts_do_not(self, other):
        image = np.ones((9, 9))
        one, two = run(1, image), run(2, image)
        for wrong in (two[other], two):
            with pytest.raises(ValueError, match="only results of the same image"):
                _ = one[1:4] + wrong
        with pytest.raises(ValueError, match="only results of the same image"):
            _ = one[1:2] + two[2:3]

    def test_shots_are_still_the_same(self):
        with pytest.raises(ValueError, match="same seed"):
            _ = run(1)[1:3] + run(1)[1:3]

    @pytest.mark.parametrize(
        "index",
        [np.ones((9, 8), bool), np.array([1, 2]), [1, 2], True, np.True_, (1, [2]), 1.0, "a"],
        ids=str,
    )
    def test_masks_and_arrays_are_refused(self, index):
        with pytest.raises(TypeError, match=r"index: .*, got \w+; .* instead: result.image\[index"):
            run()[index]

    @pytest.mark.parametrize("index", [9, np.s_[0, -9], np.s_[0, 0, 0], np.s_[..., ...]], ids=str)
    def test_out_of_range(self, index):
        with pytest.raises(IndexError):
            run()[index]

    def test_a_single_pixel_or_none(self):
        with pytest.raises(IndexError, match=r"a single pixel; write result.image"):
            run()[1, 2]
        with pytest.raises(IndexError, match=r"got a selection of shape \(0, 8\)"):
            run()[5:5]
        assert run()[1:2, 2].shape == (1,)

    def test_no_length_and_no_iteration(self):
        """As a sequence, a result would lose its standard errors; a result is always true."""
        result = run()
        with pytest.raises(TypeError, match="no len"):
            len(result)
        for use in (list, np.stack, max, sum, lambda x: [*zip(x, x, strict=True)]):
            with pytest.raises(
                TypeError, match=r"not iterable; iterate over result.image, or index"
            ):
                use(result)
        with pytest.raises(TypeError, match="iterable"):
            _image, _stderr = result
        with pytest.raises(TypeError, match="iterable"):
            _ = 1.0 in result
        assert result

    def test_as_an_array(self):
        assert np.array_equal(np.asarray(run()[1:3]), run().image[1:3])
        assert np.array([run(), run()]).shape == (2, 9, 8)

    def test_a_row_is_drawn_by_matplotlib(self):
        from matplotlib.figure import Figure

        row, axes = run()[3], Figure().subplots()
        (line,) = axes.plot(row)
        assert np.array_equal(line.get_ydata(orig=False), run().image[3])
        for lines in (axes.plot(np.arange(8), row), axes.errorbar(np.arange(8), row, row.stderr)):
            assert np.array_equal(lines[0].get_ydata(orig=False), run().image[3])
        assert axes.scatter(row, row).get_offsets()[:, 1].tolist() == run().image[3].tolist()
        bars = axes.bar(np.arange(8), np.asarray(row))  # matplotlib 3.9 accepts only arrays here
        assert [bar.get_height() for bar in bars] == row.image.tolist()
        assert axes.hist(row)[0].sum() == 8
        assert len(axes.plot(run())) == 8

    def test_saved(self, tmp_path):
        part = varied(1)[1:3]
        part.save(tmp_path / "part.npz")
        loaded = Convolution.load(tmp_path / "part.npz")
        same(loaded, part)
        assert np.array_equal((loaded + varied(2)[1:3]).image, (varied(1) + varied(2)).image[1:3])


class TestInterval:
    @pytest.mark.parametrize("level", [0.5, 0.95, 0.99, np.float32(0.5)])
    def test_normal(self, level):
        result = run()
        low, high = result.interval(level)
        expected = stats.norm.interval(
            float(level), result.image, np.maximum(result.stderr, 1e-300)
        )
        np.testing.assert_allclose([low, high], expected, rtol=1e-7)

    def test_default(self):
        low, high = by_hand([1.0], [1.0], 10, "a").interval()
        np.testing.assert_allclose([low[0], high[0]], [1 - 1.959964, 1 + 1.959964], atol=1e-6)

    def test_exact_is_a_point(self):
        result = run(shots=None)
        low, high = result.interval()
        assert np.array_equal(low, result.image)
        assert np.array_equal(high, result.image)

    @pytest.mark.parametrize("level", [0, 1, -0.1, 95, np.nan, np.inf])
    def test_wrong_value(self, level):
        with pytest.raises(ValueError, match="level: expected a"):
            run().interval(level)

    @pytest.mark.parametrize("level", ["95%", None, 0.5j, [0.5, 0.9]])
    def test_wrong_type(self, level):
        with pytest.raises(TypeError, match="level: expected a real number, got"):
            run().interval(level)


def same(one, other):
    for field in dataclasses.fields(Convolution):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert type(a) is type(b)
        if isinstance(a, Diagnostics):
            same_arrays(a.arrays(), b.arrays())
        elif isinstance(a, np.ndarray):
            same_arrays({field.name: a}, {field.name: b})
        else:
            assert a == b


def same_arrays(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        a, b = np.asarray(array), np.asarray(other[name])
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


class TestFiles:
    @pytest.mark.parametrize(
        "result",
        [
            run(),
            run(shots=None),
            run(1) + run(2, method=qconv.Collapse(shared=True, baseline=True)),
            run(image=np.ones(5), kernel=[1.0], mode="full"),
            run(image=np.ones((2, 3, 4)), kernel=np.ones((2, 1, 2)), mode="full"),
            by_hand([1.0], [np.nan], 1, "a", success=Success(0.5, 0.25, 0.75)),
            dataclasses.replace(
                run(method=qconv.Fourier(signed=False), boundary="wrap"), circuits=()
            ),
            dataclasses.replace(
                run(image=IMAGE[:3, :3], method=qconv.AmplitudeEstimation()), circuits=()
            ),
        ],
    )
    def test_roundtrip(self, result, tmp_path):
        path = tmp_path / "result.npz"
        result.save(path)
        loaded = Convolution.load(path)
        same(loaded, result)
        for circuit, other in zip(loaded.circuits, result.circuits, strict=True):
            assert [r.name for r in circuit.qregs] == [r.name for r in other.qregs]
        assert [p.name for p in tmp_path.iterdir()] == ["result.npz"]

    def test_loaded_results_add_up(self, tmp_path):
        run(1).save(tmp_path / "one")
        loaded = Convolution.load(tmp_path / "one")
        assert (loaded + run(2)).shots == 40
        with pytest.raises(ValueError, match="same seed"):
            _ = loaded + run(1)

    def test_a_name_without_an_ending_is_kept(self, tmp_path):
        run().save(str(tmp_path / "result"))
        assert [p.name for p in tmp_path.iterdir()] == ["result"]
        same(Convolution.load(str(tmp_path / "result")), run())

    @pytest.mark.parametrize("name", ["r.png", "r.npz.txt", "run.2024", "r.npy"])
    def test_other_endings_are_refused(self, name, tmp_path):
        with pytest.raises(
            ValueError, match=f"path: expected a name ending in .npz, got '.*{name}"
        ):
            run().save(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_capitals(self, tmp_path):
        run().save(tmp_path / "r.NPZ")
        same(qconv.load(tmp_path / "r.NPZ"), run())

    def test_load(self, tmp_path):
        run().save(tmp_path / "r.npz")
        same(qconv.load(str(tmp_path / "r.npz")), run())
        with pytest.raises(FileNotFoundError):
            qconv.load(tmp_path / "missing.npz")

    def test_replaces(self, tmp_path):
        path = tmp_path / "result.npz"
        path.write_text("something else")
        run().save(path)
        same(Convolution.load(path), run())

    def test_relative(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        run().save("result.npz")
        same(Convolution.load("result.npz"), run())

    def test_no_pickle(self, tmp_path):
        path = tmp_path / "result.npz"
        run().save(path)
        with np.load(path, allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            run().save(tmp_path / "missing" / "result.npz")
        assert list(tmp_path.iterdir()) == []

    def test_onto_a_folder(self, tmp_path):
        (tmp_path / "folder").mkdir()
        with pytest.raises(OSError, match="folder"):
            run().save(tmp_path / "folder")
        assert [p.name for p in tmp_path.iterdir()] == ["folder"]

    def test_a_failure_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "result.npz"
        run().save(path)

        def full(*args, **kwargs):
            raise OSError("No space left on device")

        monkeypatch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space"):
            run(2).save(path)
        monkeypatch.undo()
        same(Convolution.load(path), run())
        assert [p.name for p in tmp_path.iterdir()] == ["result.npz"]

    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Convolution.load(tmp_path / "result.npz")


def changed(name, change):
    """Return the bytes of a saved result with one of its arrays changed or removed."""
    packed = io.BytesIO()
    result = run()
    circuits = io.BytesIO()
    fields = {
        "format": 6,
        "shots": result.shots,
        "total_shots": 1440,
        "success": [1.0, 0.0, None],
        "oracle_calls": 1440,
        "independent": True,
        "tolerance": None,
        "view": None,
        "quantity": result.quantity,
        "streams": sorted(result.streams),
        "versions": sorted(result.versions),
        "diagnostics": None,
    }
    arrays = {
        "image": result.image,
        "stderr": result.stderr,
        "circuits": np.frombuffer(circuits.getvalue(), dtype=np.uint8),
    }
    if name in fields:
        fields[name] = change
        if change is None:
            del fields[name]
    arrays["fields"] = np.array(json.dumps(fields))
    if name in arrays:
        arrays[name] = change
    np.savez(packed, **{key: value for key, value in arrays.items() if value is not None})
    return packed.getvalue()


def npy(array, **how):
    packed = io.BytesIO()
    np.save(packed, array, **how)
    return packed.getvalue()


def npz(**arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def saved():
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        run().save(Path(folder, "x"))
        return Path(folder, "x").read_bytes()


def plain_zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("image.npy", "no array")
    return packed.getvalue()


WRONG = {
    "empty": lambda: b"",
    "text": lambda: b"a text\n" * 100,
    "npy": lambda: npy(IMAGE),
    "pickle": lambda: npy(np.array([{}]), allow_pickle=True),
    "another npz": lambda: npz(image=IMAGE),
    "another npz of objects": lambda: npz(
        image=np.array([None]), stderr=IMAGE, circuits=IMAGE, fields=np.array("{}")
    ),
    "zip": plain_zip,
    "zip's first bytes": lambda: b"PK\x03\x04 and no more",
    "half": lambda: saved()[: len(saved()) // 2],
    "without its end": lambda: saved()[:-10],
    "one byte changed": lambda: saved()[:300] + bytes([saved()[300] ^ 255]) + saved()[301:],
    "no stderr": lambda: changed("stderr", None),
    "no fields": lambda: changed("fields", None),
    "fields no JSON": lambda: changed("fields", np.array("shots")),
    "fields a list": lambda: changed("fields", np.array("[1]")),
    "fields a number": lambda: changed("fields", np.array(3.0)),
    "another version": lambda: changed("format", 4),
    "no version": lambda: changed("format", None),
    "success a text": lambda: changed("success", "all"),
    "four numbers of success": lambda: changed("success", [1.0, 0.0, None, 0.0]),
    "diagnostics a number": lambda: changed("diagnostics", 3),
    "diagnostics without arrays": lambda: changed(
        "diagnostics", "qconv.methods.whole_image.diagnostics.CountDiagnostics"
    ),
    "no streams": lambda: changed("streams", None),
    "streams a number": lambda: changed("streams", 3),
    "circuits no QPY": lambda: changed("circuits", np.arange(200, dtype=np.uint8)),
    "circuits of three bytes": lambda: changed("circuits", np.arange(3, dtype=np.uint8)),
    "circuits of cut QPY": lambda: changed(
        "circuits", np.frombuffer(b"QISKIT" + bytes([14, 2, 0, 0]) + bytes(30), dtype=np.uint8)
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(name, tmp_path):
    path = tmp_path / "result.npz"
    path.write_bytes(WRONG[name]())
    gc.freeze()  # so that only objects from this call are collected
    with pytest.raises(ValueError, match=r"path: .*result\.npz is not a saved Convolution"):
        Convolution.load(path)
    gc.collect()  # a file that was left open warns here, not in the next test
    gc.unfreeze()


def test_files_made_by_hand_are_right_otherwise(tmp_path):
    path = tmp_path / "result.npz"
    path.write_bytes(changed("", None))
    assert np.array_equal(Convolution.load(path).image, run().image)


class TestText:
    def test_repr(self):
        assert repr(run()) == "<Convolution (9, 8), 20 shots per pixel, 1440 executions>"
        assert repr(run(shots=None)) == "<Convolution (9, 8), exact, 0 executions>"

    def test_str(self):
        lines = dict(line.split("  ", 1) for line in str(run()).splitlines())
        rows = {name: text.strip() for name, text in lines.items()}
        assert rows["output pixels"] == "9 x 8"
        assert rows["shots per pixel"] == "20"
        assert rows["total executions"] == "1,440"
        assert rows["errors of pixels"] == "independent"
        assert "exact expectation" in str(run(shots=None))
        assert "correlated" in str(run(method=qconv.Collapse(shared=True)))

    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            run().shots = 3

    def test_circuits_are_measured_and_draw(self):
        circuit = run().circuits[0]
        assert isinstance(circuit, QuantumCircuit)
        assert circuit.count_ops()["measure"] == circuit.num_qubits
        assert "kernel_row" in str(circuit.draw("text"))

    def test_reference_accepts_it(self):
        exact = classical.convolve(IMAGE, EDGE, mode="same")
        report = classical.compare(run(), exact)
        assert report.shots == 20
        assert report.pixels == IMAGE.size


def test_large_circuits_are_told_apart_at_once(camera):
    """A sum keeps equal circuits once, and different circuits separately."""
    where = {"shots": 3, "mode": "same", "boundary": "wrap"}
    kernel = qconv.named_kernel("edge")
    one, two, other = (
        qconv.convolve(camera, kernel, method=method, seed=seed, **where)
        for seed, method in enumerate((qconv.Fourier(), qconv.Fourier(), qconv.Interference()))
    )
    assert len((one + two).circuits) == 1
    assert len((one + two + other).circuits) == 2


def test_circuits_of_any_size_are_saved(tmp_path):
    """QPY counts the parameters of an instruction in 16 bits; here they are more."""
    image = np.random.default_rng(0).random((180, 150))
    for method in (qconv.Fourier(), qconv.Interference()):
        plan = qconv.plan(image, EDGE, method=method, shots=10, seed=1)
        circuit = plan.circuits[0]
        assert any(np.size(item.params) > 2**16 for item in circuit)
        result = dataclasses.replace(run(), circuits=(circuit,))
        result.save(tmp_path / "large.npz")
        loaded = qconv.Convolution.load(tmp_path / "large.npz").circuits[0]
        for one, other in zip(circuit, loaded, strict=True):
            assert (one.name, one.qubits) == (other.name, other.qubits)
            assert type(one.operation) is type(other.operation)
            assert all(map(np.array_equal, one.params, other.params))
