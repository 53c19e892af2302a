"""Sizes and times in words, as exact as an estimate is."""


def duration(seconds: float | int) -> str:
    """Seconds, minutes or hours, as exact as an estimate is."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.0f} h"


def gigabytes(size: float | int) -> str:
    """Bytes as GB, to two digits, or as MB."""
    if size < 1e8:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e10 else f"{size / 1e9:,.0f} GB"
