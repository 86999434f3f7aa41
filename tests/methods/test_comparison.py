"""Comparison of methods: predictions side by side, confirmed by runs."""

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2

import classical
import qconv
from qconv.cli import main
from qconv.methods.whole_image.coherent import CoherentMethod, PreparedCoherent
from qconv.methods.whole_image.encoded_image import EncodedImage
from tests.cases import EDGE

IMAGE = np.random.default_rng(20).random((8, 8)) + 0.2
WHERE = {"mode": "same", "boundary": "wrap"}


@pytest.fixture(scope="module")
def by_tolerance():
    return qconv.compare_methods(IMAGE, EDGE, tolerance=0.3, **WHERE)


def test_sorted_by_oracle_calls(by_tolerance):
    calls = [row.cost.oracle_calls for row in by_tolerance.rows]
    assert calls == sorted(calls)
    assert by_tolerance.best is by_tolerance.rows[0]
    assert len(by_tolerance.rows) == 15


def test_every_row_is_within_the_tolerance(by_tolerance):
    for row in by_tolerance.rows:
        assert row.possible
        assert row.cost.rmse <= 0.3 * (1 + 1e-9)


def test_predictions_hold(by_tolerance):
    """Errors of 64 pixels: their root mean square has a relative deviation of 9 %, six allowed.

    Errors of shared shots are correlated, so a factor of 4 is allowed.
    """
    exact = classical.convolve(IMAGE, EDGE, **WHERE)
    for row in by_tolerance.rows:
        result = qconv.convolve(IMAGE, EDGE, method=row.method, tolerance=0.3, seed=2, **WHERE)
        image = np.abs(exact) if not row.method.signed else exact
        rmse = np.sqrt(np.mean((result.image - image) ** 2))
        most = 4 if "shared=True" in str(row.method) else 1.6
        assert rmse < most * row.cost.rmse
        assert row.cost.executions <= result.total_shots <= 8 * row.cost.executions  # more rounds


def test_by_executions():
    compared = qconv.compare_methods(IMAGE, EDGE, executions=50_000, **WHERE)
    errors = [row.cost.rmse for row in compared.rows]
    assert errors == sorted(errors)
    for row in compared.rows:
        assert row.cost.executions == pytest.approx(50_000, rel=0.03)


def test_table(by_tolerance):
    lines = str(by_tolerance).splitlines()
    assert lines[0].split()[:2] == ["method", "qubits"]
    assert any(line.startswith("Collapse(baseline=True)") for line in lines)
    assert lines[-1] == "sorted by oracle calls"
    assert max(map(len, lines)) < 140


def test_a_small_device():
    compared = qconv.compare_methods(
        IMAGE, EDGE, executions=10_000, backend=GenericBackendV2(5, seed=1), **WHERE
    )
    able = [row for row in compared.rows if row.possible]
    assert {type(row.method).__name__ for row in able} == {"Collapse"}
    assert any("the backend's 5 qubits" in row.obstacle for row in compared.rows)
    assert "cannot run:" in str(compared)


def test_what_a_method_refuses_is_said():
    compared = qconv.compare_methods(IMAGE - 5, EDGE, executions=10_000, **WHERE)
    (diffusion,) = [row for row in compared.rows if isinstance(row.method, qconv.Diffusion)]
    assert "expected values >= 0 for Diffusion" in diffusion.obstacle


@pytest.mark.parametrize("wrong", [{}, {"tolerance": 1.0, "executions": 5}])
def test_one_of_both(wrong):
    with pytest.raises(ValueError, match="tolerance: expected either a tolerance or executions"):
        qconv.compare_methods(IMAGE, EDGE, **wrong)


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (qconv.Collapse(), TypeError, "methods: expected a list of methods"),
        ("collapse", TypeError, "methods: expected a list of methods"),
        ([qconv.Collapse], TypeError, "method: expected a method such as"),
        ([], ValueError, "methods: expected at least one"),
    ],
)
def test_no_methods(wrong, kind, message):
    with pytest.raises(kind, match=message):
        qconv.compare_methods(IMAGE, EDGE, executions=5, methods=wrong)


def test_methods_with_shots_of_their_own():
    method = qconv.AmplitudeEstimation(((0, 40), (1, 20)))
    options = {"methods": [method], **WHERE}
    (row,) = qconv.compare_methods(IMAGE, EDGE, executions=10_000, **options).rows
    assert row.cost.executions == 60 * IMAGE.size
    (row,) = qconv.compare_methods(IMAGE, EDGE, executions=100, **options).rows
    assert row.obstacle == "needs at least 3,840 executions"


def test_wrong_for_all():
    with pytest.raises(ValueError, match="kernel: expected as many axes"):
        qconv.compare_methods(IMAGE, [1, 2], executions=5)


def test_command(tmp_path, capsys):
    from skimage.io import imsave

    path = tmp_path / "small.png"
    imsave(path, (IMAGE * 200).astype(np.uint8), check_contrast=False)
    assert main(["plan", str(path), "--executions", "10000"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("input 8 x 8, kernel edge")
    assert "sorted by root mean square error" in printed
    for wrong in (["plan"], ["plan", "--tolerance", "1", "--executions", "2"]):
        assert main(wrong) == 2
        assert "expected either --tolerance or --executions" in capsys.readouterr().err
    assert main(["plan", "--tolerance", "1", "--kernel", "what"]) == 2
    assert "--kernel: expected one of" in capsys.readouterr().err


def test_progress_is_shown_per_method(capsys):
    methods = [qconv.Collapse(), qconv.Diffusion()]
    for progress in (False, True):
        qconv.compare_methods(
            IMAGE, EDGE, executions=10_000, methods=methods, progress=progress, **WHERE
        )
        assert ("method" in capsys.readouterr().err) == progress
    with pytest.raises(TypeError, match="progress"):
        qconv.compare_methods(IMAGE, EDGE, executions=10, progress="yes", **WHERE)


def test_a_constant_image_needs_nothing():
    """Nothing passes an edge filter: no search, no rounds, no circuit and no error."""
    compared = qconv.compare_methods(np.full((64, 64), 9.0), EDGE, tolerance=1.0, **WHERE)
    whole = [row.cost for row in compared.rows if isinstance(row.method, CoherentMethod)]
    assert len(whole) == 7
    assert all(cost.executions == cost.circuits == cost.rmse == 0 for cost in whole)


def test_transforms_of_a_search_are_shared(monkeypatch):
    """The search for a tolerance filters the image once, for any number of steps."""
    steps, filtered = [], []
    real, everywhere = PreparedCoherent.predict, EncodedImage.everywhere
    monkeypatch.setattr(PreparedCoherent, "predict", lambda own: steps.append(0) or real(own))
    monkeypatch.setattr(EncodedImage, "everywhere", lambda *a: filtered.append(0) or everywhere(*a))
    method = qconv.Fourier(amplify="auto", read_out="root")
    qconv.plan(IMAGE, EDGE, method=method, tolerance=0.02, **WHERE)
    assert len(steps) > 2
    assert len(filtered) == 1
