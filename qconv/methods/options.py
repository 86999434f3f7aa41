"""Checks of a function's options, which reject options that belong to a method."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from qconv._checks import refuse_foreign
from qconv.planning.method import Method, check_method
from qconv.planning.options import Requested, SamplingOptions

#: Algorithms of ``scipy.signal.convolve``, each with the method that computes in the same way.
_ALGORITHMS = {"auto": "collapse", "direct": "collapse", "fft": "fourier"}


def check_options(
    given: SamplingOptions,
    method: Method,
    *,
    default_shots: int | None = None,
    refused: Mapping[str, str] | None = None,
) -> Requested:
    """Check the method and the options of a call, with the arguments of `Requested.checked`."""
    known_method(method)
    refuse_foreign(given.keys() - SamplingOptions.__annotations__)
    for name, value in given.items():
        constructors = [] if name in SamplingOptions.__annotations__ else _taking(name, value)
        if constructors:
            raise TypeError(
                f"{name}: is an option of the method, not of the function; "
                f"write method={' or '.join(constructors)}"
            )
    return Requested.checked(given, method, default_shots=default_shots, refused=refused)


def known_method(given: object) -> Method:
    """Return a method unchanged; raise a ``TypeError`` that shows what to write instead of a name.

    A class, such as `qconv.Collapse` without parentheses, is treated like its name.
    """
    try:
        return check_method(given)
    except TypeError as error:
        kinds = _kinds()
        if isinstance(given, str):
            name = "".join(filter(str.isalnum, given)).lower()
            name = _ALGORITHMS.get(name, name)
            kinds = [kind for kind in kinds if name and name in kind.__name__.lower()] or kinds
        else:
            kinds = [kind for kind in kinds if kind is given]
        calls = [f"qconv.{kind.__name__}({', '.join(_required(kind))})" for kind in kinds]
        written = f"; write method={' or '.join(calls)}" if calls else ""
        raise TypeError(f"{error}{written}") from None


def _kinds() -> list[type[Method]]:
    """Return the classes of all methods."""
    from qconv.methods.comparison import METHODS  # imports all methods, which takes time

    return list(dict.fromkeys(map(type, METHODS)))


def _required(kind: type[Method]) -> list[str]:
    """Return the names of the arguments without which a method cannot be constructed."""
    parameters = inspect.signature(kind).parameters.values()
    return [part.name for part in parameters if part.default is part.empty]


def _taking(name: str, value: Any) -> list[str]:
    """Return the constructor calls of the methods that take an option, as source code."""
    found, text = [], " ".join(repr(value).split())
    for kind in _kinds():
        if name in inspect.signature(kind).parameters:
            given = ", ".join([*_required(kind), f"{name}={text}"])
            found.append(f"qconv.{kind.__name__}({given})")
    return found
