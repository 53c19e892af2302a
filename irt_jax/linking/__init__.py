"""Two calibrations on one scale: drift of anchors, and comparison of parameters."""
