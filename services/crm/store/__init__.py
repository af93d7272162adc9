"""SQL that writes, that locks, and that loads what a decision needs."""
