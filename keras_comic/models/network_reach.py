"""Measures how far a change of a frame is seen in its comic."""

import numpy as np

# The receptive field is measured on pictures of this side at first; it is
# doubled as long as the field is larger.
PROBE_SIDE = 128
PROBE_WIDTH = 64
LARGEST_PROBE = 1024
# A probe is cut at so many neighbouring positions, and at least at every one
# within a stride.
NUM_CUTS = 8
# Smaller changes of an output in [0, 255] are the noise of the arithmetic.
SMALLEST_CHANGE = 1e-3
# Length of the strip whose one end is changed, in pixels and in strides; the
# other end is half of it away, farther than convolutions reach.
FAR = 1024
FAR_STRIDES = 16
WIDTH = 32


def receptive_field(runner):
    """Measures how far a pixel reaches under fixed statistics, pixels.

    Half of a picture of noise is replaced; the farthest change counts.
    """
    side = PROBE_SIDE
    while True:
        random = np.random.default_rng(0)
        one, other = random.integers(0, 256, (2, side, side, 3), "uint8")
        profile = _influence(runner, one, other)
        places = np.flatnonzero(profile > SMALLEST_CHANGE)
        field = int(places[-1]) + 1 if len(places) else 0
        if field < len(profile) - _num_cuts(runner) or side >= LARGEST_PROBE:
            return field
        side *= 2


def reach_of_changes(runner, frame, statistics, tolerance):
    """Measures beyond which distance changes are within a tolerance.

    Half of the frame is replaced by its mirror image; the root mean square of
    the other half's change counts, in units of 1/255 of the range.
    """
    field, step = runner.receptive_field, runner.alignment
    side = -(-(2 * field + 8 * _num_cuts(runner)) // step) * step
    frame = runner.pad(frame[None])[0]
    top, left = (max(0, n - side) // 2 // step * step for n in frame.shape[:2])
    part = frame[top : top + side, left : left + side]
    profile = _influence(runner, part, part[::-1, ::-1], statistics)
    if len(profile) < field and profile[-1] > tolerance:
        # The frame is too small to see the end of it.
        return field
    places = np.flatnonzero(profile[:field] > tolerance)
    return int(places[-1]) + 1 if len(places) else 0


def far_pixels_matter(runner):
    """Measures if far pixels matter under given statistics."""
    stride = runner.alignment
    length = -(-max(FAR, FAR_STRIDES * stride) // stride) * stride
    end = length // 4
    photos = np.random.default_rng(0).integers(0, 256, (length, WIDTH, 3))
    one = photos.astype("uint8")[None]
    other = one.copy()
    other[:, :end] = 255 - other[:, :end] // 4
    for axes in ((0, 1, 2, 3), (0, 2, 1, 3)):
        first, second = (np.transpose(frames, axes) for frames in (one, other))
        statistics = runner.statistics_of(first)
        comics = [
            runner.run(frames, statistics, rounded=False).transpose(axes)
            for frames in (first, second)
        ]
        change = np.abs(comics[0][:, -end:] - comics[1][:, -end:])
        if change.max() > SMALLEST_CHANGE:
            return True
    return False


def _num_cuts(runner):
    return max(NUM_CUTS, runner.alignment)


def _influence(runner, one, other, statistics=None):
    """Measures the change at each distance from where pictures join."""
    exact = statistics is None
    if exact:
        statistics = runner.statistics_of(one[None])
    num_cuts, profiles = _num_cuts(runner), []
    for axis in (0, 1):
        # A strip across is enough.
        strip = np.s_[:, :PROBE_WIDTH] if axis == 0 else np.s_[:PROBE_WIDTH]
        first, second = one[strip], other[strip]
        original = runner.run(first[None], statistics, rounded=False)[0]
        middle = first.shape[axis] // 2
        for cut in range(middle, middle + num_cuts, 1 if exact else 3):
            is_behind = np.arange(first.shape[axis]) >= cut
            is_behind = np.expand_dims(is_behind, (1 - axis, 2))
            joined = np.where(is_behind, second, first)[None]
            change = runner.run(joined, statistics, rounded=False)[0] - original
            lines = np.moveaxis(np.abs(change), axis, 0)[:cut][::-1]
            lines = lines.reshape(cut, -1).astype("float64")
            profile = lines.max(1) if exact else (lines**2).mean(1)
            profiles.append(profile[: max(1, middle - num_cuts)])
    longest = min(map(len, profiles))
    profiles = [profile[:longest] for profile in profiles]
    if exact:
        return np.max(profiles, axis=0)
    return np.sqrt(np.mean(profiles, axis=0))
