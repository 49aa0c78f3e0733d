"""How large the pictures of a request are, once their files are decoded."""

from keras_comic.data.decoders import image_format
from keras_comic.data.image_headers import read_header

# In so many bytes of a file, its size is looked for.
HEAD_BYTES = 4096
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
    head = contents[:HEAD_BYTES]
    header = read_header(image_format(head), head)
    if header.width is None or header.height is None:
        return UNKNOWN_BYTES
    return 3 * header.width * header.height
