"""From files to codes: read and check responses and anchors, and number persons and items."""

from irt_jax.data.anchors import Anchors, align_anchors, read_anchors
from irt_jax.data.encode import Responses, encode
from irt_jax.data.read import read_responses

__all__ = ["Anchors", "Responses", "align_anchors", "encode", "read_anchors", "read_responses"]
