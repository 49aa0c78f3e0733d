"""Rules for pictures: not too small, not blurred, not blank."""

import collections
from math import inf

from keras_comic.data.borders import check_image
from keras_comic.data.borders import trim_box
from keras_comic.data.picture_measures import blank_fraction
from keras_comic.data.picture_measures import sharpness

# The names of the pictures in messages, by the kind of record.
NOUNS = {"photos": "photo", "comics": "comic", "pairs": "pair", "clips": "clip"}


# A rule that a picture breaks.
Violation = collections.namedtuple("Violation", "rule value limit reason")


class CleaningRules:
    """Says which pictures are good enough to train on.

    Each rule has a threshold, and `None` turns it off. The defaults keep
    nearly everything that a person would keep: of 1788 photos and 768
    drawings they leave out one photo, which is blurred all over.

    Args:
        min_side: Integer. The least short side, pixels. Defaults to `64`.
        min_sharpness: Float >= 0, as `sharpness` measures it. Defaults to
            `15.0`.
        max_blank: Float in `[0, 1]`, as `blank_fraction` measures it.
            Defaults to `0.95`.
        exact_duplicates: Boolean. Whether only the first of pictures with
            the same bytes is kept. Defaults to `True`.
        duplicate_distance: Integer in `[0, 64]`. Only the first of pictures
            is kept whose `perceptual_hash` differ in at most so many bits.
            Defaults to `4`.
        trim: Boolean. Whether bars and page margins are cut off. Defaults to
            `True`.

    Example:

    >>> rules = keras_comic.data.CleaningRules(max_blank=0.5)
    >>> page = np.full((96, 96, 3), 255, "uint8")
    >>> page[32:64, 32:64] = np.random.randint(256, size=(32, 32, 3))
    >>> [violation.rule for violation in rules.violations(page, "comics")]
    ['blank']
    >>> rules.trim_box(page)
    (32, 32, 32, 32)
    """

    def __init__(
        self,
        min_side=64,
        min_sharpness=15.0,
        max_blank=0.95,
        exact_duplicates=True,
        duplicate_distance=4,
        trim=True,
    ):
        for name, value, low, high in (
            ("min_side", min_side, 1, inf),
            ("min_sharpness", min_sharpness, 0, inf),
            ("max_blank", max_blank, 0, 1),
            ("duplicate_distance", duplicate_distance, 0, 64),
        ):
            if value is not None and not low <= value <= high:
                allowed = f">= {low}" if high == inf else f"in [{low}, {high}]"
                raise ValueError(
                    f"`{name}` must be {allowed}, or None for no such rule. "
                    f"Received: {name}={value}"
                )
        self.min_side = min_side
        self.min_sharpness = min_sharpness
        self.max_blank = max_blank
        self.exact_duplicates = exact_duplicates
        self.duplicate_distance = duplicate_distance
        self.trim = trim

    def get_config(self):
        """Returns the arguments, as a dict that JSON can hold."""
        return dict(vars(self))

    def trim_box(self, image):
        """Returns the box `(top, left, height, width)` within bars and margins.

        Args:
            image: uint8 `(height, width, 3)`, RGB in `[0, 255]`.
        """
        if self.trim:
            return trim_box(image)
        check_image(image)
        return (0, 0, *image.shape[:2])

    def violations(self, image, kind):
        """Lists the rules that a picture breaks, as `Violation`s.

        Trim it first: bars count as blank. A picture that is too small is
        not measured any further, and a blank one not called blurred too.

        Args:
            image: As in `trim_box`.
            kind: String, `"photos"` or `"comics"`.
        """
        check_image(image)
        if kind not in NOUNS:
            raise ValueError(
                f"`kind` must be one of {', '.join(NOUNS)}. "
                f"Received: kind={kind}"
            )
        noun, side = NOUNS[kind], min(image.shape[:2])
        if self.min_side is not None and side < self.min_side:
            reason = (
                f"The {noun} is too small: its short side is {side} pixels, "
                f"less than {self.min_side}."
            )
            return [Violation("too small", side, self.min_side, reason)]
        violations = []

        def report(rule, value, limit, reason):
            reason = f"The {noun} is {reason.format(value, limit)}."
            violations.append(Violation(rule, value, limit, reason))

        limit = self.max_blank
        if limit is not None and (value := blank_fraction(image)) > limit:
            reason = "blank: {:.1%} of it is one colour, more than {:.1%}"
            report("blank", value, limit, reason)
        limit = None if violations else self.min_sharpness
        if limit is not None and (value := sharpness(image)) < limit:
            reason = "blurred: its sharpness is {:.1f}, less than {:g}"
            report("blurred", value, limit, reason)
        return violations
