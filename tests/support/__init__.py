"""Drivers and data that tests and benchmarks share."""
