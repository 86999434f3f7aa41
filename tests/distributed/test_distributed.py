"""Dask: bit-identical to one machine, for any chunks, scheduler and workers."""

import importlib.util
import math
import os
import re
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import qconv
from qconv.grid import strided_grid
from tests.boundaries import NAMES
from tests.cases import BOUNDARIES, EDGE, MODES
from tests.test_layout import python

dask = pytest.importorskip("dask", reason="needs Dask, which the extra `distributed` has")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
qd = pytest.importorskip("qconv.distributed")
halo = pytest.importorskip("qconv.distributed.halo")

BENCHMARKS = Path(__file__).parents[2] / "docs" / "benchmarks"
KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


#: Columns, rows, squares.
CHUNKS = [(300, 20), (20, 170), (77, 77)]


def noisy():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.03, 0.97]]))
    return AerSimulator(noise_model=model)


def other_noise():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.03, 0.97]]))
    return AerSimulator(noise_model=model)


def photograph(shape=(300, 170), seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=shape).astype(np.uint8)


def computed(lazy, **how):
    """Compute estimate and standard error; by default with one thread."""
    return dask.compute(lazy.image, lazy.stderr, **(how or {"scheduler": "sync"}))


def same(lazy, result, **how):
    for found, expected in zip(computed(lazy, **how), (result.image, result.stderr), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert lazy.shots == result.shots
    return True


@contextmanager
def small_parts():
    """Context with small tiles, and parts of a few tiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qconv.grid.TILE_PIXELS", 24)
        patch.setattr("qconv.distributed.halo._LEAST", 1)
        yield


@pytest.fixture(scope="module")
def client():
    """Two workers, separate processes of one thread each."""
    how = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**how) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    most = {1: 90, 2: 22, 3: 9}[axes]
    sides, kernel = (
        draw(st.lists(st.integers(1, n), min_size=axes, max_size=axes)) for n in (most, 5)
    )
    chunks = [draw(st.integers(1, n)) for n in sides]
    method = draw(st.sampled_from([(), ("baseline",), ("shared",), ("baseline", "shared")]))
    return {
        "shape": sides,
        "kernel": kernel,
        "chunks": tuple(chunks),
        "method": qconv.Collapse(**dict.fromkeys(method, True)),
        "shots": draw(st.sampled_from([1, 4, 40, None])),
        "mode": draw(st.sampled_from(MODES)),
        "boundary": draw(st.sampled_from(BOUNDARIES)),
        "fillvalue": draw(st.sampled_from([0.0, 3.0, 0.5])),
        "flipped": draw(st.booleans()),
        "dtype": draw(st.sampled_from([np.uint8, np.float32, np.float64])),
    }


class Exact(qconv.Method):
    """A user's method: the exact convolution, without a circuit, in parts of any size."""

    def __init__(self, sides=(1, 1)):
        self.sides = sides

    def prepare(self, plan):
        return PreparedExact(self, plan)


class PreparedExact(qconv.Prepared):
    programs = ()

    @property
    def part_sides(self):
        return self.method.sides

    def decode(self, outcomes):
        plan = self.plan
        everywhere = tuple(map(slice, (0, 0), plan.grid.output_shape))
        total = np.zeros(plan.grid.output_shape)
        for index, weight in np.ndenumerate(plan.propagator.effective_kernel):
            total += weight * plan.grid.view(plan.padded, index, everywhere)
        return plan.result(total, np.zeros_like(total), [])


#: Start of each part that a `Noted` method was prepared for.
RAN: list = []


class Noted(Exact):
    """Records its calls."""

    def prepare(self, plan):
        return PreparedNoted(self, plan)


class PreparedNoted(PreparedExact):
    def decode(self, outcomes):
        RAN.append(self.plan.grid.origin)
        return super().decode(outcomes)


class TestBytes:
    @pytest.mark.slow
    @settings(max_examples=60)
    @given(case=convolutions())
    def test_any_shape_and_chunks(self, case):
        with small_parts():
            rng = np.random.default_rng(1)
            image = rng.integers(0, 9, size=case.pop("shape")).astype(case.pop("dtype"))
            kernel = rng.normal(size=case.pop("kernel"))
            verb = "convolve" if case.pop("flipped") else "correlate"
            chunks = case.pop("chunks")
            try:
                expected = getattr(qconv, verb)(image, kernel, seed=3, **case)
            except ValueError as refused:
                with pytest.raises(ValueError, match=str(refused)[:20]):
                    getattr(qd, verb)(da.from_array(image, chunks), kernel, seed=3, **case)
                return
            lazy = getattr(qd, verb)(da.from_array(image, chunks), kernel, seed=3, **case)
            assert same(lazy, expected)
            assert lazy.total_shots == expected.total_shots

    @settings(max_examples=8)
    @given(
        chunks=st.tuples(*(st.integers(1, n) for n in (7, 4, 12, 11))),
        stride=st.sampled_from([1, 2, (1, 3)]),
        padding=st.sampled_from([0, 1, (2, 0)]),
        dilation=st.sampled_from([1, 2]),
        groups=st.sampled_from([1, 2]),
        method=st.sampled_from([qconv.Collapse(**{name: True}) for name in ("baseline", "shared")]),
        shots=st.sampled_from([3, 40, None]),
    )
    def test_layers(self, chunks, groups, **options):
        with small_parts():
            rng = np.random.default_rng(2)
            images, bias = rng.normal(size=(7, 4, 12, 11)), rng.normal(size=4)
            weight = rng.normal(size=(4, 4 // groups, 2, 2))
            weight[1] = 0  # a channel without a circuit
            options |= {"groups": groups, "seed": 5}
            lazy = qd.conv2d(da.from_array(images, chunks), weight, bias, **options)
            expected = qconv.conv2d(images, weight, bias, **options)
            assert same(lazy, expected)
            assert lazy.total_shots == expected.total_shots
            assert lazy.circuits == expected.circuits

    @pytest.mark.parametrize("kinds", [(0, 0, 1), (1, 0, 0), (0, 1, 0)], ids=str)
    def test_complex_layers(self, kinds):
        with small_parts():
            rng = np.random.default_rng(3)
            shapes = (3, 4, 12, 11), (4, 4, 2, 2), (4,)
            each = zip(shapes, kinds, strict=True)
            given = [rng.normal(size=shape) + wide * 1j for shape, wide in each]
            lazy = qd.conv2d(da.from_array(given[0], 5), *given[1:], shots=9, seed=5)
            expected = qconv.conv2d(*given, shots=9, seed=5)
            assert same(lazy, expected)
            assert np.array_equal(lazy.covariance.compute(), expected.covariance)
            nothing = qd.conv2d(da.from_array(given[0][:0]), *given[1:], shots=9)
            assert nothing.image.dtype == np.complex128
            assert nothing.covariance.compute().shape == nothing.image.shape

    def test_a_single_image_of_a_layer(self):
        image, weight = photograph((2, 9, 9)), np.ones((3, 2, 3, 3))
        lazy = qd.conv2d(da.from_array(image, 4), weight, shots=9, seed=1)
        assert same(lazy, qconv.conv2d(image, weight, shots=9, seed=1))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "method", [qconv.Fourier(), qconv.Fourier(signed=False), qconv.Diffusion()], ids=repr
    )
    @pytest.mark.parametrize(
        ("mode", "boundary"), [(MODES[i % 3], name) for i, name in enumerate(BOUNDARIES)]
    )
    def test_blocks(self, method, mode, boundary):
        image = photograph((70, 50))
        image[:30, :30] = 0  # all-zero blocks
        blocks = qconv.Blocks(method, "overlap-save", 14 if "Diff" in repr(method) else 10)
        where = {"method": blocks, "mode": mode, "boundary": boundary, "shots": 20, "seed": 7}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qconv.distributed.halo._LEAST", 1)
            lazy = qd.convolve(da.from_array(image, 17), KERNEL, **where)
        assert lazy.image.npartitions > 2
        assert same(lazy, qconv.convolve(image, KERNEL, **where))
        assert lazy.circuits == ()

    @pytest.mark.parametrize("scale", [1e-160, 1e-300, 1e160])
    def test_extremes_far_away_change_nothing(self, scale):
        image = photograph((30, 30)).astype(float)
        image[:15] *= scale
        with small_parts():
            lazy = qd.convolve(da.from_array(image, 9), KERNEL, shots=9, seed=1)
            assert lazy.image.npartitions > 7
            assert same(lazy, qconv.convolve(image, KERNEL, shots=9, seed=1))

    @pytest.mark.parametrize("shots", [20, None])
    def test_noise_whose_distribution_is_known(self, shots):
        image, method = photograph(), qconv.Collapse(baseline=True)
        how = {"method": method, "shots": shots, "seed": 2, "backend": noisy()}
        lazy = qd.convolve(da.from_array(image, 64), EDGE, **how)
        assert same(lazy, qconv.convolve(image, EDGE, **how))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("scheduler", "chunks"),
        [
            *(("threads", chunks) for chunks in CHUNKS),
            ("processes", CHUNKS[2]),  # starting processes takes seconds
            *(("cluster", chunks) for chunks in CHUNKS),
        ],
        ids=str,
    )
    def test_any_scheduler(self, scheduler, chunks, client):
        how = {"shots": 20, "seed": 4, "boundary": "symm"}
        image = photograph()
        lazy = qd.convolve(da.from_array(image, chunks), EDGE, **how)
        assert lazy.image.npartitions > 2
        scheduler = client if scheduler == "cluster" else scheduler
        assert same(lazy, qconv.convolve(image, EDGE, **how), scheduler=scheduler)

    def test_blocks_and_layers_on_a_cluster(self, client):
        image = photograph()
        method = qconv.Blocks(qconv.Fourier(), "overlap-save", 14)
        how = {"method": method, "shots": 5, "seed": 4}
        lazy = qd.convolve(da.from_array(image, 100), EDGE, **how)
        assert same(lazy, qconv.convolve(image, EDGE, **how), scheduler=client)
        images, weight = photograph((40, 2, 28, 28)), np.ones((2, 2, 3, 3))
        lazy = qd.conv2d(da.from_array(images, 10), weight, shots=5, seed=4)
        assert same(lazy, qconv.conv2d(images, weight, shots=5, seed=4), scheduler=client)

    @pytest.mark.slow
    def test_a_worker_is_killed(self, client):
        """It is killed while it works; the other worker repeats everything that was lost."""
        image = photograph((700, 512))
        lazy = qd.convolve(da.from_array(image, 64), EDGE, shots=100, seed=4)
        both = client.persist([lazy.image, lazy.stderr])
        blocks = client.futures_of(both)
        while not any(block.done() for block in blocks):
            time.sleep(0.005)
        assert not all(block.done() for block in blocks)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        expected = qconv.convolve(image, EDGE, shots=100, seed=4)
        found = client.gather(client.compute(both))
        np.testing.assert_array_equal(found, (expected.image, expected.stderr))


class TestLazy:
    def test_building_runs_nothing(self, monkeypatch):
        read, ran = [], []
        monkeypatch.setattr("qconv.distributed.convolution.run", lambda *a, **k: ran.append(1))

        def load():
            read.append(1)
            return np.ones((40, 40))

        image = da.from_delayed(dask.delayed(load)(), (40, 40), np.float64)
        lazy = qd.convolve(image, KERNEL, shots=3, seed=1)
        assert lazy.image.shape == lazy.stderr.shape == (41, 42)
        assert lazy.image.dtype == lazy.stderr.dtype == np.float64
        assert lazy.circuits[0].num_qubits == 3
        assert not read
        assert not ran

    def test_one_distribution_for_all_parts(self):
        lazy = qd.convolve(da.from_array(photograph(), 50), KERNEL, shots=3, seed=1)
        names = [key for key in map(str, lazy.image.dask) if key.startswith("qconv-probabilities")]
        assert len(names) == 1
        assert lazy.image.npartitions > 2

    def test_no_block_runs_twice(self):
        """This holds also if the two arrays are optimised separately, as when they are stored."""
        RAN.clear()
        image = da.from_array(photograph(), 50)
        lazy = qd.convolve(image, KERNEL, method=Noted((50, 50)))
        alone = [dask.optimize(array + 1)[0] for array in (lazy.image, lazy.stderr)]
        dask.compute(*alone, scheduler="sync", optimize_graph=False)
        assert len(RAN) == len(set(RAN)) == lazy.image.npartitions > 1

    def test_names_that_a_dashboard_shows(self):
        image = da.from_array(photograph((2, 3, 30, 30)), 15)
        for lazy, name in (
            (qd.convolve(image[0, 0], KERNEL), "qconv-convolve"),
            (qd.correlate(image[0, 0], KERNEL), "qconv-correlate"),
            (qd.conv2d(image, np.ones((1, 3, 2, 2))), "qconv-conv2d"),
        ):
            assert any(layer.startswith(name) for layer in lazy.image.dask.layers)

    def test_a_seed_of_its_own_for_every_call_that_gives_none(self):
        image = da.from_array(photograph((20, 20)), 20)
        one, other = (qd.convolve(image, KERNEL, shots=3) for _ in range(2))
        assert one.image.name != other.image.name
        assert not np.array_equal(computed(one), computed(other))
        np.testing.assert_array_equal(computed(one), computed(one))

    def test_names_tell_apart_what_differs(self):
        """Dask treats tasks of the same name as equal, and would compute them once."""
        image = da.from_array(photograph((20, 20)), 10)
        base = {"shots": 3, "seed": 1, "backend": noisy()}
        changes = [
            {},
            {"image": image + 1},
            {"kernel": -KERNEL},
            {"kernel": qconv.Propagator.softmax(KERNEL)},
            {"mode": "same"},
            {"boundary": "wrap"},
            {"fillvalue": 1.0},
            {"method": qconv.Collapse()},
            {"shots": 4},
            {"seed": 2},
            {"backend": None},
            {"backend": other_noise()},
        ]
        calls = [{"image": image, "kernel": KERNEL} | base | change for change in changes]
        lazy = [qd.convolve(call.pop("image"), call.pop("kernel"), **call) for call in calls]
        for field in ("image", "stderr"):
            assert len({getattr(one, field).name for one in lazy}) == len(lazy)
        together = dask.compute(*(lazy[n].image for n in (0, 10, 11)), scheduler="sync")
        for found, n in zip(together, (0, 10, 11), strict=True):
            alone = qconv.convolve(photograph((20, 20)), KERNEL, **base | changes[n])
            np.testing.assert_array_equal(found, alone.image)
        images, weight = image.reshape(1, 1, 20, 20), np.ones((2, 1, 2, 2))
        changes = [
            *({}, {"weight": -weight}, {"bias": [1.0, 2]}, {"padding": 1}, {"stride": 2}),
            *({"shots": 4}, {"seed": 2}, {"method": qconv.Collapse()}),
            *({"backend": None}, {"backend": other_noise()}),
        ]
        calls = [{"weight": weight} | base | change for change in changes]
        lazy = [qd.conv2d(images, **call) for call in calls]
        assert len({one.image.name for one in lazy}) == len(lazy)

    def test_channels_of_zeros_run_nothing(self):
        image = photograph((2, 3, 12, 12))
        weight = np.ones((4, 3, 2, 2))
        weight[1] = weight[2, :2] = 0
        lazy = qd.conv2d(da.from_array(image, 6), weight, shots=5, seed=1)
        at_once = qconv.conv2d(image, weight, shots=5, seed=1)
        assert lazy.total_shots == at_once.total_shots == 3 * 5 * 2 * 11 * 11
        assert len(lazy.circuits) == 3
        assert same(lazy, at_once)

    @pytest.mark.slow
    def test_gigapixels_are_only_numbers(self):
        """No array of the image's size is allocated: 1e9 pixels are 8 GB."""
        image = da.zeros((32_768, 32_768), chunks=4096, dtype=np.uint8)
        start = time.process_time()
        lazy = qd.convolve(image, EDGE, mode="same", shots=10, seed=1)
        assert time.process_time() - start < 20
        assert lazy.total_shots == 10 * 2**30
        assert math.prod(max(sides) for sides in lazy.image.chunks) <= 2**22
        corner = lazy.image[:5, :5]
        np.testing.assert_array_equal(corner.compute(scheduler="sync"), np.zeros((5, 5)))


@pytest.mark.parametrize("channel_axis", [0, 1, 2])
@pytest.mark.parametrize(
    "method", [qconv.Collapse(), qconv.Blocks(qconv.Diffusion(), "overlap-save", 13)]
)
def test_colours(method, channel_axis):
    """Bit-identical to one machine, also for parts that contain some of the channels."""
    image = np.insert([60, 40], channel_axis, 3)
    image = photograph(tuple(image))
    where = {"method": method, "shots": 20, "seed": 3, "channel_axis": channel_axis}
    whole = qconv.convolve(image, np.abs(KERNEL), **where)
    for chunks in (17, -1):
        lazy = qd.convolve(da.from_array(image, chunks=chunks), np.abs(KERNEL), **where)
        estimate, stderr = computed(lazy)
        assert estimate.tobytes() == whole.image.tobytes()
        assert stderr.tobytes() == whole.stderr.tobytes()


def test_zarr_to_zarr(tmp_path):
    pytest.importorskip("zarr")
    image = photograph()
    da.from_array(image, 64).to_zarr(str(tmp_path / "in.zarr"))
    lazy = qd.convolve(da.from_zarr(str(tmp_path / "in.zarr")), EDGE, shots=10, seed=1)
    lazy.image.astype(np.float32).to_zarr(str(tmp_path / "out.zarr"))
    expected = qconv.convolve(image, EDGE, shots=10, seed=1).image.astype(np.float32)
    np.testing.assert_array_equal(da.from_zarr(str(tmp_path / "out.zarr")).compute(), expected)


def test_a_method_of_a_stranger():
    image = photograph()
    for sides in ((1, 1), (7, 90)):
        lazy = qd.convolve(da.from_array(image, 30), KERNEL, method=Exact(sides), boundary="wrap")
        assert lazy.image.npartitions > 1
        expected = qconv.convolve(image, KERNEL, method=Exact(), boundary="wrap")
        np.testing.assert_array_equal(lazy.image.compute(scheduler="sync"), expected.image)


def test_parts_see_no_more_than_they_need():
    """Parts read no pixels of the next part if strides exceed the kernel's extent."""
    for strides, dilations, depths in (
        ((1, 1), (1, 1), [0, 0, 1, 2]),
        ((3, 1), (1, 2), [0, 0, 0, 4]),
        ((2, 2), (2, 1), [0, 0, 1, 1]),
        ((1, 5), (3, 3), [0, 0, 3, 2]),
    ):
        grid = strided_grid((1, 1, 40, 40), (1, 1, 2, 3), strides, dilations)
        assert halo._depths(grid) == depths
        reads = grid.reads((slice(0, 1), slice(0, 1), slice(0, 2), slice(0, 2)))
        for read, stride, depth in zip(reads[2:], strides, depths[2:], strict=True):
            assert max(0, read.stop - 2 * stride) == depth


class TestRefusals:
    IMAGE = da.ones((8, 8), chunks=4)

    @pytest.mark.parametrize(
        ("method", "message"),
        [
            (qconv.Fourier(), r"part by part \(qconv.Blocks\(method, 'overlap-save'\), qconv.Co"),
            (qconv.AmplitudeEstimation(), r"part by part \(qconv.Collapse\(\)\), got Amplitude"),
        ],
    )
    def test_methods(self, method, message):
        with pytest.raises(TypeError, match=message):
            qd.convolve(self.IMAGE, EDGE, method=method)

    def test_blocks_that_are_added(self):
        blocks = qconv.Blocks(qconv.Fourier(), "overlap-add")
        message = "scheme: expected 'overlap-save' to compute the result part by part"
        with pytest.raises(ValueError, match=message):
            qd.convolve(self.IMAGE, EDGE, method=blocks)

    @pytest.mark.parametrize("verb", [qd.convolve, qd.conv2d])
    def test_backends_that_count(self, verb):
        image = self.IMAGE if verb is qd.convolve else self.IMAGE[np.newaxis, np.newaxis]
        kernel = EDGE if verb is qd.convolve else EDGE[np.newaxis, np.newaxis]
        with pytest.raises(ValueError, match=r"can only count shots, .*; qconv\.convolve"):
            verb(image, kernel, backend=AerSimulator())
        verb(image, kernel, backend=AerSimulator(), shots=None)

    def test_backends_that_seed_themselves(self):
        from qiskit.primitives import StatevectorSampler

        with pytest.raises(ValueError, match="backend: expected None or a simulator that takes a"):
            qd.convolve(self.IMAGE, EDGE, backend=StatevectorSampler(seed=1), shots=None)

    @pytest.mark.parametrize(
        ("image", "error", "message"),
        [
            (np.ones((8, 8)), TypeError, "expected a Dask array, got ndarray"),
            (da.ones((8, 8), dtype="U1"), TypeError, "expected real numbers, got dtype"),
            (da.ones((0, 8)), ValueError, r"expected at least one entry, got an empty array \(0, "),
            (IMAGE[IMAGE[:, 0] > 0], ValueError, r"expected a known shape.*compute_chunk_sizes"),
            (da.ones((2, 2, 2, 2)), ValueError, "expected 1, 2 or 3 axes, got 4"),
            (da.ones(8), ValueError, "expected as many axes as the image, 1, got 2"),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_images(self, image, error, message):
        with pytest.raises(error, match=message):
            qd.convolve(image, EDGE)

    def test_what_is_in_a_block_is_said_when_it_is_computed(self):
        lazy = qd.convolve(da.full((8, 8), np.nan, chunks=4), EDGE, shots=1)
        with pytest.raises(ValueError, match="image: expected finite numbers"):
            computed(lazy)

    def test_without_dask(self, tmp_path):
        done = python("import qconv\nimport qconv.distributed", tmp_path, "dask")
        assert done.returncode == 1
        assert "pip install 'qconv[distributed]'" in done.stderr


def test_the_page_of_the_gigapixel(capsys, monkeypatch):
    """The page's tables equal the output of its command."""
    spec = importlib.util.spec_from_file_location("gigapixel", BENCHMARKS / "gigapixel.py")
    gigapixel = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gigapixel", gigapixel)
    spec.loader.exec_module(gigapixel)
    page = (BENCHMARKS / "gigapixel.md").read_text()
    command = re.search(r"^\S*python docs/benchmarks/gigapixel.py (--cpu .*)$", page, re.MULTILINE)
    monkeypatch.setattr(sys, "argv", ["gigapixel.py", *command[1].split()])
    gigapixel.main()
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 10
    for line in [*rows, *(line for line in lines if line.startswith("chunks of"))]:
        assert line in page, line


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_the_place_of_a_nan_is_that_of_the_image(mode, boundary):
    image = np.ones((9, 10))
    image[5, 6] = np.nan
    lazy = qconv.distributed.convolve(
        da.from_array(image, chunks=4), np.ones((3, 3)), mode=mode, boundary=boundary, seed=1
    )
    with pytest.raises(ValueError, match=r"expected finite numbers.*the first at \(5, 6\)"):
        lazy.image.compute(scheduler="sync")


def test_a_layer_of_no_images():
    images, weight = np.zeros((0, 2, 5, 5)), np.ones((3, 2, 3, 3))
    expected = qconv.conv2d(images, weight, shots=10, seed=1)
    lazy = qconv.distributed.conv2d(da.from_array(images), weight, shots=10, seed=1)
    for ours in (lazy.image, lazy.stderr):
        assert ours.compute().shape == expected.shape == (0, 3, 3, 3)


def test_the_place_of_a_nan_in_a_later_part():
    image = np.ones((500, 600))
    image[433, 577] = np.nan
    lazy = qconv.distributed.convolve(
        da.from_array(image, chunks=100), np.ones((3, 3)), shots=1, mode="same", seed=1
    )
    assert lazy.image.numblocks != (1, 1)
    with pytest.raises(ValueError, match=r"the first at \(433, 577\)"):
        lazy.image.compute(scheduler="sync")


def test_the_place_of_a_nan_in_a_layer_is_that_of_the_input():
    images = np.ones((3, 2, 7, 8))
    images[2, 1, 5, 6] = np.nan
    lazy = qconv.distributed.conv2d(
        da.from_array(images, chunks=(1, 2, 4, 4)), np.ones((1, 2, 3, 3)), padding=1, seed=1
    )
    with pytest.raises(ValueError, match=r"input: expected.*the first at \(2, 1, 5, 6\)"):
        lazy.image.compute(scheduler="sync")


@pytest.mark.parametrize("boundary", NAMES)
def test_names_of_boundaries(boundary):
    image = np.random.default_rng(6).random((7, 5))
    lazy = da.from_array(image, chunks=3)
    for verb in ("convolve", "correlate"):
        where = [EDGE, "same", boundary]
        how = {"cval": 0.5, "shots": 9, "seed": 1}
        one = getattr(qconv.distributed, verb)(lazy, *where, **how).image.compute()
        assert np.array_equal(one, getattr(qconv, verb)(image, *where, **how).image)
    with pytest.raises(TypeError, match="weights: unexpected argument; write kernel="):
        qconv.distributed.convolve(lazy, weights=EDGE)
