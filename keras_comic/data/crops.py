"""What the datasets cut out of pictures, and how they change it."""


class Crops:
    """Square crops at random places, half of them mirrored.

    All datasets of records take one. A crop is `size / zoom` pixels wide in
    the file, at most the file's short side. Where it lies is a function of the
    dataset's seed and of the sample's number alone. Pictures that belong
    together (a photo and its comic, the frames of a clip, the variants of a
    picture) get the same crop. For other changes, map Keras's preprocessing
    layers, such as `keras.layers.RandomColorJitter`, over a dataset.

    Args:
        size: Integer > 0. Side of the crops, pixels. Defaults to `128`.
        zoom: Pair of floats > 0. The range of the factor by which a crop is
            scaled from the file to `size`. Defaults to `(0.6, 1.0)`.
        flip: Boolean. Whether half of the crops are mirrored. Defaults to
            `True`.
        max_blank: Pair of floats in `[0, 1]`. The parts of a drawing's crop
            that may be white, and that may be empty light paper. A crop with
            more is drawn again, up to 8 times; then the least blank one is
            taken. Tinted paper counts twice: white pages teach a generator to
            bleach, empty text boxes to leave holes. Defaults to
            `(0.75, 0.4)`.

    Example:

    >>> keras_comic.data.Crops(256).zoom
    (0.6, 1.0)
    """

    def __init__(
        self,
        size=128,
        zoom=(0.6, 1.0),
        flip=True,
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
        if len(max_blank) != 2 or not all(0 <= part <= 1 for part in max_blank):
            raise ValueError(
                "`max_blank` must be a pair of numbers in [0, 1]. "
                f"Received: max_blank={max_blank}"
            )
        self.size = size
        self.zoom = tuple(map(float, zoom))
        self.flip = bool(flip)
        self.max_blank = tuple(map(float, max_blank))
