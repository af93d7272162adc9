"""How much a part does."""

RUNS = 5  # by turns, of which the median counts
SHORT = 0.1


def runs(scale: float) -> int:
    """A run that is too short for its figures to mean anything is done once."""
    return RUNS if scale >= SHORT else 1
