"""From bytes to model input: fetching, decoding under limits, preprocessing, loading in threads."""

from tintype.images.decode import ImageLimits, decode_image

__all__ = ["ImageLimits", "decode_image"]
