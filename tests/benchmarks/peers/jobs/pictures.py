"""The photographs, as block means in grey levels from 0 to 255."""

import numpy as np
from skimage import color, data
from skimage.transform import downscale_local_mean

NAMES = ("camera", "astronaut", "coins", "moon", "brick")


def picture(name, size):
    """Return the largest central square whose side is a multiple of ``size``, as block means."""
    image = getattr(data, name)()
    image = color.rgb2gray(image) * 255 if image.ndim == 3 else image.astype(float)
    side = min(image.shape) // size * size
    top, left = ((length - side) // 2 for length in image.shape)
    image = np.ascontiguousarray(image[top : top + side, left : left + side])
    return downscale_local_mean(image, (side // size,) * 2)
