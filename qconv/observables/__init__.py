"""Observables: numbers of a filtered picture that are measured instead of its pixels."""
