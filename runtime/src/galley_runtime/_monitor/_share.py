"""Shares as integers (MONITORS.md §2): a sum of them is the same in any order, on any machine, in any language."""

SCALE = 1 << 20


def share(part, whole):
    """`part / whole` in units of 1/SCALE, halves away from zero; exact, both are integers with 0 <= part <= whole."""
    return (2 * part * SCALE + whole) // (2 * whole)


def scaled(fraction):
    """A float in [0, 1] in units of 1/SCALE, halves away from zero, clipped."""
    if not fraction > 0.0:
        return 0
    return min(SCALE, int(fraction * SCALE + 0.5))
