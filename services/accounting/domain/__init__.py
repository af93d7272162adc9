"""Decisions of accounting, pure: read an event, apply a rule, prove a pack."""
