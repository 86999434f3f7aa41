"""The photographs, in grey levels from 0 to 255."""

from skimage import color, data
from skimage.transform import downscale_local_mean, resize

NAMES = ("camera", "astronaut", "coins", "moon", "brick")


def picture(name, size):
    """Return the largest central square of a photograph, with ``size`` pixels per axis.

    The pixels are block means if its side is a multiple of ``size``; otherwise it is resized.
    """
    image = getattr(data, name)()
    image = color.rgb2gray(image) * 255 if image.ndim == 3 else image.astype(float)
    side = min(image.shape)
    top, left = ((length - side) // 2 for length in image.shape)
    image = image[top : top + side, left : left + side]
    if side % size:
        return resize(image, (size, size), anti_aliasing=True)
    return downscale_local_mean(image, (side // size,) * 2)
