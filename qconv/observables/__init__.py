"""Observables: what is measured of a filtered picture besides its pixels."""
