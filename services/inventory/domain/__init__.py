"""Decisions of the warehouse: pure functions on frozen values."""
