"""Decisions of purchasing: what is ordered, matched with bills, paid and sent back."""
