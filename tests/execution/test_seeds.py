"""The same seed gives bit-identical results, with any threads and chunks."""

import numpy as np
import pytest
from qiskit_aer import AerSimulator

import qconv
from qconv import _threads
from qconv.execution.seeds import derived, root_seed, stream_name
from tests.cases import EDGE, random_integers

IMAGE = random_integers((150, 101), 0)  # four tiles in mode same, the last one smaller

HOW = {
    "one draw a shot": {"shots": 3},
    "counts": {"shots": 50},
    "baseline": {"shots": 50, "method": qconv.Collapse(baseline=True)},
    "shared": {"shots": 50, "method": qconv.Collapse(shared=True)},
    "exact": {"shots": None},
    "backend": {"shots": 20, "backend": AerSimulator()},
}


def run(seed, **how):
    result = qconv.convolve(IMAGE, EDGE, mode="same", seed=seed, **how)
    return result.image.tobytes() + result.stderr.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_any_number_of_threads_and_any_chunk(how, monkeypatch):
    assert len(qconv.grid.plan_grid(IMAGE.shape, (3, 3), mode="same").tiles) == 4
    monkeypatch.setenv("QCONV_NUM_THREADS", "1")
    expected = run(7, **how)
    for threads in "23":
        monkeypatch.setenv("QCONV_NUM_THREADS", threads)
        assert run(7, **how) == expected
    for chunk in (1, 2, 4, 100):

        def parts(todo, workers, chunk=chunk):
            for start in reversed(range(0, len(todo), chunk)):  # and in reverse order
                yield todo[start : start + chunk]

        monkeypatch.setattr(_threads, "_parts", parts)
        assert run(7, **how) == expected
    monkeypatch.delenv("QCONV_NUM_THREADS")
    assert run(7, **how) == expected


@pytest.mark.parametrize("threads", ["0", "-1", "two", "1.5", " 2"])
def test_wrong_number_of_threads(threads, monkeypatch):
    monkeypatch.setenv("QCONV_NUM_THREADS", threads)
    with pytest.raises(ValueError, match="QCONV_NUM_THREADS: expected an integer >= 1, got"):
        run(1)


def test_an_empty_number_of_threads_is_none(monkeypatch):
    monkeypatch.setenv("QCONV_NUM_THREADS", "")
    assert run(1) == run(1)


class TestThreads:
    @pytest.mark.parametrize(("count", "workers"), [(1, 1), (1, 4), (7, 2), (100, 2), (1000, 3)])
    def test_parts_cover_once(self, count, workers):
        parts = list(_threads._parts(list(range(count)), workers))
        assert [index for part in parts for index in part] == list(range(count))

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_each_once(self, workers, monkeypatch):
        monkeypatch.setenv("QCONV_NUM_THREADS", workers)
        done = []
        _threads.for_each(done.append, 100, progress=False)
        assert sorted(done) == list(range(100))

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_first_error_comes_out_and_cancels_the_rest(self, workers, monkeypatch):
        monkeypatch.setenv("QCONV_NUM_THREADS", workers)
        done = []

        def work(index):
            if index == 3:
                raise ZeroDivisionError("tile 3")
            done.append(index)

        with pytest.raises(ZeroDivisionError, match="tile 3"):
            _threads.for_each(work, 10_000, progress=False)
        assert workers == "2" or done == [0, 1, 2]

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_progress_counts_every_tile(self, workers, monkeypatch):
        monkeypatch.setenv("QCONV_NUM_THREADS", workers)
        seen = []

        class Bar:
            def __init__(self, total, unit, *, show):
                assert show
                seen.append(total)

            def __enter__(self):
                return self

            def update(self, count=1):
                seen.append(count)

            def __exit__(self, *error):
                seen.append("closed")

        monkeypatch.setattr(_threads, "progress_bar", Bar)
        _threads.for_each(lambda index: None, 50, progress=True)
        assert seen[0] == 50
        assert seen[-1] == "closed"
        assert sum(seen[1:-1]) == 50


class TestKinds:
    def test_numbers(self):
        expected = run(7)
        assert run(7) == expected
        assert run(np.int64(7)) == expected
        assert run(np.uint8(7)) == expected
        assert run(8) != expected

    def test_huge_and_zero(self):
        assert run(0) != run(2**200)
        assert run(2**200) == run(2**200)

    def test_sequence_is_not_used_up(self):
        sequence = np.random.SeedSequence(7)
        first = run(sequence)
        assert run(sequence) == first
        assert run(sequence.spawn(1)[0]) != first
        assert run(sequence) == first
        assert sequence.n_children_spawned == 1

    def test_spawned_sequences_differ(self):
        one, other = np.random.SeedSequence(7).spawn(2)
        assert run(one) != run(other)

    def test_generator_moves_on(self):
        rng = np.random.default_rng(7)
        first, second = run(rng), run(rng)
        assert first != second
        rng = np.random.default_rng(7)
        assert (run(rng), run(rng)) == (first, second)

    def test_none_differs(self):
        assert run(None) != run(None)

    def test_global_generator_is_left_alone(self):
        before = repr(np.random.get_state())  # noqa: NPY002
        run(None)
        assert repr(np.random.get_state()) == before  # noqa: NPY002

    @pytest.mark.parametrize(
        "seed", [True, np.bool_(True), 1.0, "7", b"7", [7], (1, 2), np.array([1, 2]), 1j, object()]
    )
    def test_wrong_type(self, seed):
        with pytest.raises(TypeError, match=r"seed: expected an integer, .* got"):
            qconv.convolve(IMAGE, EDGE, seed=seed)

    @pytest.mark.parametrize("seed", [-1, np.int64(-3)])
    def test_negative(self, seed):
        with pytest.raises(ValueError, match=f"seed: expected an integer >= 0, got {seed}"):
            qconv.convolve(IMAGE, EDGE, seed=seed)

    def test_legacy_generator(self):
        with pytest.raises(TypeError, match="seed: expected"):
            qconv.convolve(IMAGE, EDGE, seed=np.random.RandomState(1))


class TestStreams:
    def test_places_have_streams_of_their_own(self):
        root = root_seed(7)
        places = [(0,), (1,), (0, 0), (0, 1), (1, 0), (1, 0, 0), (2,), (2, 0)]
        states = {derived(root, *place).generate_state(4).tobytes() for place in places}
        assert len(states | {root.generate_state(4).tobytes()}) == len(places) + 1

    def test_derived_step_by_step(self):
        root = root_seed(7)
        one, other = derived(root, 1, 2), derived(derived(root, 1), 2)
        assert one.generate_state(4).tolist() == other.generate_state(4).tolist()

    def test_name_is_that_of_the_seed(self):
        names = [stream_name(root_seed(seed)) for seed in (1, 1, 2, np.random.SeedSequence(1))]
        assert names[0] == names[1] == names[3]
        assert names[0] != names[2]

    def test_the_first_tile_does_not_depend_on_the_others(self):
        # A longer image only adds tiles; the first tile is unchanged.
        long = qconv.convolve(IMAGE, [[1.0, 2, 1]], mode="same", seed=7, shots=20).image
        short = qconv.convolve(IMAGE[:45], [[1.0, 2, 1]], mode="same", seed=7, shots=20).image
        assert np.array_equal(long[:40], short[:40])

    def test_pixels_do_not_repeat_the_tiles_before(self):
        image = np.tile(random_integers((40, 100), 1), (2, 1))  # all tiles of 40 rows are equal
        result = qconv.convolve(
            image, [[1.0, 2, 1]], mode="same", boundary="wrap", seed=7, shots=20
        ).image
        assert not np.array_equal(result[:40], result[40:])

    def test_convolve_and_correlate_may_share_a_seed(self):
        one = qconv.convolve(IMAGE, EDGE, seed=7)
        other = qconv.correlate(IMAGE, EDGE, seed=7)
        assert one.streams == other.streams
        assert one.quantity != other.quantity
