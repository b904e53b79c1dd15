"""16-bit grey to 8 bits, by one of three rules (the setting `grey16`).

- `used`: the range of the bit depth that is used becomes 0..255. Scanners, microscopes and X-ray
  machines write 10, 12 or 14 bits into 16; the depth is the smallest of 8, 10, 12, 14 and 16 bits
  that holds the image's greatest value.
- `full`: 0..65535 becomes 0..255, whatever is used: of 12 bits only 16 shades are left.
- `clip`: values are taken as they are, and what is above 255 becomes 255, as Pillow's own
  conversion does.

Values below 0 become 0, and those above 65535 (in 32-bit images) 65535.
"""

from __future__ import annotations

import numpy as np

from tintype.settings import get_settings

__all__ = ["eight_bits"]

_DEPTHS = (8, 10, 12, 14, 16)


def eight_bits(wide: np.ndarray) -> np.ndarray:
    """Integers (height, width) of any width as uint8 (height, width), by the rule of the settings.

    Raises:
        UsageError: the setting is none of the rules.
    """
    rule = get_settings().grey16
    values = wide.clip(0, 65535).astype(np.uint32)
    if rule == "clip":
        return values.clip(0, 255).astype(np.uint8)
    used = max(1, int(values.max(initial=0))).bit_length()
    depth = 16 if rule == "full" else next(depth for depth in _DEPTHS if depth >= used)
    # Rounded down: of 16 bits that is a division by 257.
    return (values * 255 // ((1 << depth) - 1)).astype(np.uint8)
