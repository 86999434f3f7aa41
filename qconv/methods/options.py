"""Checks of a function's options, which reject options that belong to a method."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from qconv.planning.method import Method, check_method
from qconv.planning.options import Requested, SamplingOptions


def check_options(
    given: SamplingOptions,
    method: Method,
    *,
    default_shots: int | None = None,
    refused: Mapping[str, str] | None = None,
) -> Requested:
    """Check the method and the options of a call, with the arguments of `Requested.checked`."""
    check_method(method)
    for name, value in given.items():
        constructors = [] if name in SamplingOptions.__annotations__ else _taking(name, value)
        if constructors:
            raise TypeError(
                f"{name}: is an option of the method, not of the function; "
                f"write method={' or '.join(constructors)}"
            )
    return Requested.checked(given, method, default_shots=default_shots, refused=refused)


def _taking(name: str, value: Any) -> list[str]:
    """Return the constructor calls of the methods that take an option, as source code."""
    from qconv.methods.comparison import METHODS  # imports all methods, which takes time

    found, text = [], " ".join(repr(value).split())
    for kind in dict.fromkeys(map(type, METHODS)):
        parameters = inspect.signature(kind).parameters.values()
        required = [part.name for part in parameters if part.default is part.empty]
        if name in (part.name for part in parameters):
            found.append(f"qconv.{kind.__name__}({', '.join([*required, f'{name}={text}'])})")
    return found
