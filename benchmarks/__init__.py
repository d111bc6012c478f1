"""Measure what the documentation states: each module is one measurement, run as python -m benchmarks.NAME.

Imports: everything but tests, of which only tests.support.
"""
