"""Conversion of results to the arrays that files hold, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.result.circuits import packed, unpacked
from qconv.result.diagnostics import Diagnostics, kind_of, named
from qconv.result.index import View
from qconv.result.origin import Origin
from qconv.result.success import Success

_FORMAT = 6

#: Arrays that only some results have.
_OPTIONAL = ("covariance", "bias", "loading_bias")

#: Prefix of the names of the arrays of diagnostics.
_DIAGNOSTICS = "diagnostics."


def parts_of(fields: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Convert the fields of a `Convolution` to the arrays that `Convolution.save` writes."""
    shots, success, origin = fields["shots"], fields["success"], fields["origin"]
    diagnostics = fields["diagnostics"]
    numbers = {
        "format": _FORMAT,
        "shots": None if isinstance(shots, np.ndarray) else shots,
        "success": [success.probability, success.stderr, success.expected],
        **{name: fields[name] for name in ("total_shots", "oracle_calls", "independent")},
        "tolerance": fields["tolerance"],
        "quantity": origin.quantity,
        "view": None if origin.view is None else _numbers_of(origin.view),
        "streams": sorted(origin.streams),
        "versions": sorted(origin.versions),
        "diagnostics": None if diagnostics is None else kind_of(type(diagnostics)),
    }
    if fields["channel_axis"] is not None:
        numbers["channel_axis"] = fields["channel_axis"]
    optional = {} if diagnostics is None else _arrays_of(diagnostics)
    optional |= {name: fields[name] for name in _OPTIONAL if fields[name] is not None}
    if isinstance(shots, np.ndarray):
        optional["shots_of_pixels"] = shots
    return {
        "image": fields["image"],
        "stderr": fields["stderr"],
        "circuits": packed(fields["circuits"]),
        "fields": np.array(json.dumps(numbers)),
        **optional,
    }


def read_parts(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Read the fields of a `Convolution` from the arrays of a file.

    Any exception means a wrong file.

    Raises:
        UnknownKindError: If the class of the diagnostics has not been imported.
    """
    image, stderr, circuits = (arrays[name] for name in ("image", "stderr", "circuits"))
    fields = json.loads(str(arrays["fields"]))
    optional = {name: arrays.get(name) for name in _OPTIONAL}
    each = arrays.get("shots_of_pixels")
    own = {
        name.removeprefix(_DIAGNOSTICS): arrays[name]
        for name in arrays
        if name.startswith(_DIAGNOSTICS)
    }
    if fields.pop("format") != _FORMAT:
        raise ValueError("the file has the format of a different version")
    probability, stderr_of_it, expected = fields["success"]
    streams, made_by = frozenset(fields.pop("streams")), frozenset(fields.pop("versions"))
    quantity, kind = fields.pop("quantity"), fields.pop("diagnostics")
    view = fields.pop("view")
    if each is not None:
        fields["shots"] = each
    if isinstance(fields["tolerance"], list):
        fields["tolerance"] = tuple(fields["tolerance"])
    return {
        **fields,
        **optional,
        "image": image,
        "stderr": stderr,
        "circuits": unpacked(circuits),
        "success": Success(float(probability), float(stderr_of_it), expected),
        "diagnostics": None if kind is None else named(kind).from_arrays(own),
        "origin": Origin(quantity, streams, made_by, None if view is None else _view_of(**view)),
    }


def _numbers_of(view: View) -> dict[str, Any]:
    """Return a view as numbers and lists; a list is the start, stop and step of a range."""
    axes = [
        [axis.start, axis.stop, axis.step] if isinstance(axis, range) else axis
        for axis in view.axes
    ]
    return {"shape": list(view.shape), "axes": axes}


def _view_of(shape: list[int], axes: list[Any]) -> View:
    """Return the view that `_numbers_of` turned into numbers."""
    ranges = (range(*axis) if isinstance(axis, list) else axis for axis in axes)
    return View(tuple(shape), tuple(ranges))


def _arrays_of(diagnostics: Diagnostics) -> dict[str, NDArray[Any]]:
    """Return the arrays of diagnostics, by their names in the file; reject Python objects."""
    arrays = {}
    for name, value in diagnostics.arrays().items():
        array = np.asarray(value)
        if array.dtype.hasobject:
            kind = type(diagnostics).__name__
            raise TypeError(f"{kind}.arrays: expected numbers, got Python objects in {name!r}")
        arrays[f"{_DIAGNOSTICS}{name}"] = array
    return arrays
