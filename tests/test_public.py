"""Public names: docstrings and signatures."""

import ast
import dataclasses
import inspect
import re
import textwrap
import typing
from pathlib import Path

import numpy as np
import pytest

import classical
import qconv

ROOT = Path(__file__).parent.parent

PUBLIC = {f"qconv.{name}": getattr(qconv, name) for name in qconv.__all__}
PUBLIC |= {f"classical.{name}": getattr(classical, name) for name in classical.__all__}
for cls in [value for value in PUBLIC.values() if inspect.isclass(value)]:
    for name, member in vars(cls).items():
        if not name.startswith("_") and callable(getattr(member, "__func__", member)):
            PUBLIC[f"{cls.__module__.split('.')[0]}.{cls.__name__}.{name}"] = getattr(cls, name)


def overridden(name):
    """Return the base classes whose method is overridden."""
    parts = name.split(".")
    cls = getattr(qconv, parts[1], None)
    return cls.__mro__[1:-1] if len(parts) == 3 and inspect.isclass(cls) else ()


#: Verbs with the same arguments as another.
TWINS = {"qconv.correlate": "convolve", "qconv.conv1d": "conv2d"}

SECTIONS = ["Args", "Returns", "Yields", "Raises", "Source", "Example"]


def sections(text):
    return re.findall(rf"^({'|'.join(SECTIONS)}):$", text, flags=re.MULTILINE)


def test_all_is_sorted_and_there():
    assert list(qconv.__all__) == sorted(qconv.__all__)
    assert {"convolve", "correlate", "Propagator", "Collapse", "Convolution"} <= set(qconv.__all__)
    assert {"encode_amplitudes", "resources"} <= set(qconv.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", qconv.__version__)


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring(name):
    thing = PUBLIC[name]
    text = inspect.getdoc(thing)
    assert text
    first, *rest = text.splitlines()
    assert first.endswith((".", "?"))
    assert len(first) <= 100
    assert not rest or rest[0] == ""
    found = sections(text)
    assert found == sorted(found, key=SECTIONS.index)


@pytest.mark.parametrize(
    "name", [n for n, v in PUBLIC.items() if inspect.isfunction(v) or inspect.ismethod(v)]
)
def test_docstring_of_a_function(name):
    thing = PUBLIC[name]
    text, signature = inspect.getdoc(thing), inspect.signature(thing)
    parameters = [p for p in signature.parameters if p not in ("self", "problem", "other", "path")]
    if any(vars(base).get(thing.__name__) for base in overridden(name)):
        return  # describes only the difference from the base class
    if name in TWINS:  # refers to the other verb
        other = getattr(qconv, TWINS[name])
        assert f"of `{TWINS[name]}`" in text
        assert signature.parameters == inspect.signature(other).parameters
        return
    if parameters and "Args" in sections(text):
        listed = re.findall(r"^    (\w+)(?: \(.*\))?: ", text.split("Args:")[1], re.MULTILINE)
        for parameter in parameters:
            assert parameter in listed, f"{name} does not describe {parameter}"
    source = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    if len(parameters) > 1:
        assert "Args" in sections(text), f"{name} has arguments that it does not describe"
    if any(isinstance(node, ast.Raise) for node in ast.walk(source)):
        assert "Raises" in sections(text), f"{name} raises what it does not describe"


@pytest.mark.parametrize("name", [n for n, v in PUBLIC.items() if dataclasses.is_dataclass(v)])
def test_dataclasses_are_frozen(name):
    assert PUBLIC[name].__dataclass_params__.frozen


def test_everything_is_typed():
    for name, thing in PUBLIC.items():
        if inspect.isfunction(thing) or inspect.ismethod(thing):
            hints = inspect.signature(thing)
            assert hints.return_annotation is not inspect.Signature.empty, name
            for parameter in hints.parameters.values():
                if parameter.name != "self":
                    assert parameter.annotation is not inspect.Parameter.empty, name
    assert typing.get_type_hints(qconv.Convolution)["image"]


def test_defaults_of_the_verbs():
    for verb in (qconv.convolve, qconv.correlate, qconv.plan):
        defaults = {p.name: p.default for p in inspect.signature(verb).parameters.values()}
        if verb is qconv.plan:
            own = [defaults.pop(name) for name in ("flipped", "observable", "estimator")]
            assert own == [True, None, "sampling"]
        assert defaults.pop("image") is defaults.pop("kernel") is inspect.Parameter.empty
        assert defaults == {
            "mode": "full",
            "boundary": "fill",
            "method": qconv.Collapse(baseline=True),
            "fillvalue": 0,
            "cval": None,
            "axes": None,
            "channel_axis": None,
            "sampling": inspect.Parameter.empty,
        }


def test_defaults_of_collapse():
    assert qconv.Collapse() == qconv.Collapse(shared=False, baseline=False)
    assert hash(qconv.Collapse()) == hash(qconv.Collapse())


def test_example_of_the_package():
    image, kernel = np.ones((4, 4)), np.ones((2, 2))
    code = "\n".join(line.strip() for line in qconv.__doc__.splitlines() if line.startswith("    "))
    names = {"image": image, "kernel": kernel}
    exec(code, names)
    assert names["result"].image.shape == (5, 5)
