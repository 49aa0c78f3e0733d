"""What the datasets cut out of pictures, and how they change it."""


class Crops:
    """Square crops at random places, changed at random.

    All datasets of records take one. A crop is `size / zoom` pixels wide in
    the file, at most the file's short side. What happens to a crop is a
    function of the dataset's seed and of the sample's number alone. Pictures
    that belong together (a photo and its comic, the frames of a clip, the
    variants of a picture) get the same crop and the same changes.

    Args:
        size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `size`. Defaults to `(0.6, 1.0)`.
        flip: Boolean. Whether half of the crops are mirrored. Defaults to
            `True`.
        rotation: Float in `[0, 45]`. Crops are turned by up to so many
            degrees either way; what lies beyond the border of a file is
            mirrored. Defaults to `0.0`.
        color_jitter: Float in `[0, 1]`. Brightness, contrast (about middle
            grey) and saturation are multiplied by `1 - color_jitter` to `1 +
            color_jitter`, and hues turn by up to `36 * color_jitter` degrees
            either way. Defaults to `0.0`.
        cutout: Float in `[0, 1]`. Side of a square that is made middle grey,
            as a part of `size`. Defaults to `0.0`.
        max_blank: Pair of floats in `[0, 1]`. The parts of a drawing's crop
            that may be white, and that may be empty light paper. A crop with
            more is drawn again, up to 8 times; then the least blank one is
            taken. Tinted paper counts twice: white pages teach a generator to
            bleach, empty text boxes to leave holes. Defaults to
            `(0.75, 0.4)`.

    Raises:
        ValueError: If an argument is not as above.

    Example:

    >>> crops = keras_comic.data.Crops(256, rotation=10.0, color_jitter=0.2)
    >>> crops.zoom
    (0.6, 1.0)

    Reference:
        - [DeVries and Taylor, 2017](https://arxiv.org/abs/1708.04552), for
          the cutout; differs from it in: the square lies wholly inside.
    """

    def __init__(
        self,
        size=128,
        zoom=(0.6, 1.0),
        flip=True,
        rotation=0.0,
        color_jitter=0.0,
        cutout=0.0,
        max_blank=(0.75, 0.4),
    ):
        if not size > 0:
            raise ValueError(
                f"`size` must be a positive integer. Received: size={size}"
            )
        if len(zoom) != 2 or not 0 < zoom[0] <= zoom[1]:
            raise ValueError(
                "`zoom` must be a pair of positive numbers, the smaller "
                f"first. Received: zoom={zoom}"
            )
        for name, value, limit in (
            ("rotation", rotation, 45),
            ("color_jitter", color_jitter, 1),
            ("cutout", cutout, 1),
        ):
            if not 0 <= value <= limit:
                raise ValueError(
                    f"`{name}` must lie in [0, {limit}]. "
                    f"Received: {name}={value}"
                )
        if len(max_blank) != 2 or not all(0 <= part <= 1 for part in max_blank):
            raise ValueError(
                "`max_blank` must be a pair of numbers in [0, 1]. "
                f"Received: max_blank={max_blank}"
            )
        self.size = size
        self.zoom = tuple(map(float, zoom))
        self.flip = bool(flip)
        self.rotation = float(rotation)
        self.color_jitter = float(color_jitter)
        self.cutout = float(cutout)
        self.max_blank = tuple(map(float, max_blank))
