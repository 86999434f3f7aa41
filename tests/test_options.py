"""The options of measurement are the same for every verb."""

import dataclasses
import inspect
import re
import typing

import dask.array as da
import numpy as np
import pytest

import qconv
import qconv.distributed as qd
from qconv.methods.comparison import METHODS
from tests.cases import EDGE, random_integers

IMAGE = random_integers((6, 7), 1) + 10
LAYER = (IMAGE[None], EDGE[None, None])
LAZY, LAZY_LAYER = da.from_array(IMAGE), (da.from_array(IMAGE[None]), EDGE[None, None])

#: Every verb with its first arguments, and the options that it does not support.
OF_DASK = {"tolerance", "mitigation", "checkpoint", "progress"}
VERBS = {
    "plan": (
        lambda **how: qconv.plan(IMAGE, EDGE, method=qconv.Collapse(), **how),
        {"checkpoint", "progress"},
    ),
    "convolve": (lambda **how: qconv.convolve(IMAGE, EDGE, **how), set()),
    "correlate": (lambda **how: qconv.correlate(IMAGE, EDGE, **how), set()),
    "filter_frequencies": (
        lambda **how: qconv.filter_frequencies(IMAGE, np.ones(IMAGE.shape), **how),
        set(),
    ),
    "match_template": (
        lambda **how: qconv.match_template(IMAGE, IMAGE[1:4, 2:5], **how),
        {"tolerance", "checkpoint"},
    ),
    "estimate": (
        lambda **how: qconv.estimate(IMAGE, EDGE, qconv.Total(), **how),
        set(),
    ),
    "conv2d": (lambda **how: qconv.conv2d(*LAYER, **how), set()),
    "conv1d": (lambda **how: qconv.conv1d(IMAGE[None, 0], EDGE[None, :1], **how), set()),
    "distributed.convolve": (lambda **how: qd.convolve(LAZY, EDGE, **how), OF_DASK),
    "distributed.correlate": (lambda **how: qd.correlate(LAZY, EDGE, **how), OF_DASK),
    "distributed.conv2d": (lambda **how: qd.conv2d(*LAZY_LAYER, **how), OF_DASK),
}
OPTIONS = set(qconv.SamplingOptions.__annotations__)


def function(name):
    found = qconv
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", VERBS)
def test_one_set_for_all(name):
    signature = inspect.signature(function(name))
    assert not OPTIONS & set(signature.parameters)
    hint = typing.get_type_hints(function(name))["sampling"]
    assert typing.get_args(hint) == (qconv.SamplingOptions,)
    assert signature.parameters["method"].default in (
        inspect.Parameter.empty,
        qconv.Collapse(baseline=True),
        qconv.Fourier(),
        qconv.Fourier(signed=False),
    )


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_each_option_is_taken_or_refused_with_the_reason(name, option, tmp_path):
    verb, refused = VERBS[name]
    value = {
        "shots": 9,
        "tolerance": 50.0,
        "backend": None,
        "seed": 3,
        "job_shots": 5,
        "mitigation": None,
        "checkpoint": tmp_path / "run.npz",
        "progress": False,
    }[option]
    if option in refused:
        with pytest.raises(TypeError, match=rf"^{option}: \w+ \w+ .*"):
            verb(**{option: value})
    else:
        assert verb(**{option: value}) is not None


@pytest.mark.parametrize("name", VERBS)
def test_what_is_wrong_is_said_alike(name):
    verb, refused = VERBS[name]
    with pytest.raises(TypeError, match=r"^shot: unexpected argument; expected one of shots, tol"):
        verb(shot=5)
    with pytest.raises(ValueError, match=r"^shots: expected an integer >= 1, got 0"):
        verb(shots=0)
    with pytest.raises(TypeError, match=r"^seed: expected an integer, a numpy SeedSequence"):
        verb(seed="7")
    if "tolerance" not in refused:
        with pytest.raises(ValueError, match=r"^shots: expected no value with a tolerance"):
            verb(shots=1024, tolerance=1.0)


#: Every option of a method, with the methods that have it.
OF_METHODS = {}
for method in dict.fromkeys(map(type, METHODS)):
    for field in dataclasses.fields(method):
        if field.default is not dataclasses.MISSING:
            OF_METHODS.setdefault(field.name, []).append(method.__name__)


def test_the_options_of_methods_are_known():
    assert {"baseline", "amplify", "steps", "powers", "signed", "qubits"} <= set(OF_METHODS)
    assert not OPTIONS & set(OF_METHODS)


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("option", OF_METHODS)
def test_an_option_of_a_method_is_said_to_be_one(name, option):
    if option in inspect.signature(function(name)).parameters:
        assert (option, "conv" in name) == ("padding", True)  # of a layer
        return
    verb, _ = VERBS[name]
    with pytest.raises(TypeError) as caught:
        verb(**{option: True})
    start, calls = str(caught.value).split(" method=")
    assert start == f"{option}: is an option of the method, not of the function; write"
    assert re.findall(rf"qconv\.(\w+)\([^()]*{option}=True\)", calls) == OF_METHODS[option]


def test_calls_with_options_of_methods():
    with pytest.raises(TypeError) as caught:
        qconv.convolve(IMAGE, EDGE, baseline=True)
    assert str(caught.value) == (
        "baseline: is an option of the method, not of the function; "
        "write method=qconv.Collapse(baseline=True)"
    )
    with pytest.raises(TypeError, match=r"qconv\.Blocks\(method, scheme='overlap-save'\)$"):
        qconv.convolve(IMAGE, EDGE, scheme="overlap-save")


def test_defaults():
    assert qconv.convolve(IMAGE, EDGE).shots == 1024
    assert qconv.conv2d(*LAYER).shots == 1024
    assert qd.convolve(LAZY, EDGE).shots == 1024
    assert qconv.match_template(IMAGE, IMAGE[1:4, 2:5]).shots == 10_000
    pairs = qconv.AmplitudeEstimation(powers=[(0, 20), (1, 30)])
    assert qconv.convolve(IMAGE, EDGE, method=pairs).shots == 50
    with pytest.raises(ValueError, match=r"shots: expected no value with pairs .* got 1024"):
        qconv.convolve(IMAGE, EDGE, method=pairs, shots=1024)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"boundry": "wrap"}, "boundary"),
        ({"chanel_axis": -1}, "channel_axis"),
        ({"fillvalues": 0}, "fillvalue"),
        ({"metod": None}, "method"),
    ],
)
@pytest.mark.parametrize("verb", [qconv.convolve, qconv.correlate, qconv.plan])
def test_misspelled_arguments(verb, given, name):
    wrong = next(iter(given))
    with pytest.raises(TypeError, match=f"^{wrong}: unexpected argument; write {name}=...$"):
        verb(np.ones((3, 3)), np.ones((2, 2)), **given)
