"""Exported circuits of 16x16 pixels: distribution after the round trip (extra ``exports``)."""

import pytest

from tests import portable


@pytest.mark.parametrize("method", portable.METHODS)
@pytest.mark.parametrize("route", portable.ROUTES)
def test_the_law_of_larger_images(route, method):
    if not portable.installed(route):
        pytest.skip(f"needs {portable.ROUTES[route][1]}")
    assert portable.deviation(portable.planned(method, 16), route) < 1e-9
