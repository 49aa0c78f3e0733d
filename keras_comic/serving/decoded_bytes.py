"""How large the pictures of a request are, once their files are decoded."""

from keras_comic.data.images import ImageError
from keras_comic.data.images import image_size

# Of a file that does not say it there: more than any picture.
UNKNOWN_BYTES = 2**40


def decoded_bytes(inputs):
    """Bytes of a request's inputs, with its image files decoded."""
    total = 0
    for array in inputs.values():
        if array.dtype == object:
            total += sum(_pixel_bytes(contents) for contents in array.flat)
        else:
            total += array.nbytes
    return total


def _pixel_bytes(contents):
    try:
        width, height = image_size(contents)
    except ImageError:
        return UNKNOWN_BYTES
    return 3 * width * height
