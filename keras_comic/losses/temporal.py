"""Losses on clips: what moves with the scene shall not change.

Everywhere here a flow leads from a frame back to an earlier one: with
`flow[:, t]` from frame `t + 1` to frame `t`, warping what belongs to frame `t`
gives what frame `t + 1` would be if nothing but the motion had happened.
"""

from keras import ops

from keras_comic.layers import warp_images
from keras_comic.layers.flow import compose_flow
from keras_comic.layers.flow import flow_stays_inside
from keras_comic.losses.samples import check_same_shape
from keras_comic.losses.samples import float32
from keras_comic.losses.samples import sample_mean

NORMS = {"l1": ops.abs, "l2": ops.square}


def photometric_weights(frames, warped_frames, alpha=50.0):
    """Returns weights of trust in a flow, by how it predicts the source.

    `exp(-alpha |frame - warped frame|^2)`, the squared length over the
    channels, with pixels scaled to `[0, 1]`. Where the source itself, moved
    along the flow, is not what is seen, something was hidden, has changed its
    light, or the flow is wrong.

    Args:
        frames: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, of the
            source.
        warped_frames: Float of the same shape: earlier frames of the source,
            warped along the flow.
        alpha: Float >= 0. Defaults to `50.0`.

    Returns:
        Float32 `(batch, height, width, 1)` in `[0, 1]`, without gradient.

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), equation 4;
          no differences from the paper.
    """
    check_same_shape(frames, warped_frames, "frames", "warped_frames")
    # From [-1, 1] to [0, 1].
    difference = (float32(frames) - float32(warped_frames)) / 2.0
    distance = ops.sum(ops.square(difference), axis=-1, keepdims=True)
    return ops.stop_gradient(ops.exp(-alpha * distance))


def warping_loss(comics, earlier_comics, flow, weights, norm="l1"):
    """Difference of a frame's output and an earlier one moved along the flow.

    `mean(weights * |comic - warp(earlier comic)|)`, or its square, over all
    pixels and channels: as in the papers, pixels of no weight count in the
    mean.

    Args:
        comics: Float `(batch, height, width, channels)`, any range; RGB in
            `[-1, 1]` as the generators make it.
        earlier_comics: Float of the same shape, of an earlier frame.
        flow: Float `(batch, height, width, 2)`, pixels, from each pixel of
            the frame to its place in the earlier one, `x` (to the right),
            then `y` (down).
        weights: Float `(batch, height, width, 1)` in `[0, 1]`, where the flow
            holds, such as a mask times `photometric_weights`.
        norm: `"l1"` or `"l2"`. Defaults to `"l1"`.

    Returns:
        Float32 `(batch,)`, at least 0, in the unit of the pixels, or its
        square.

    Reference:
        - [Ruder et al., 2016](https://arxiv.org/abs/1604.08610), equation 7,
          with `norm="l2"`.
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), equation 3,
          with `norm="l1"`; the mean in the place of the sum, as in its code.
    """
    if norm not in NORMS:
        raise ValueError(
            f"`norm` must be one of {sorted(NORMS)}. Received: norm={norm!r}"
        )
    check_same_shape(comics, earlier_comics, "comics", "earlier_comics")
    warped = warp_images(float32(earlier_comics), flow)
    difference = NORMS[norm](float32(comics) - warped)
    return sample_mean(float32(weights) * difference)


def short_term_warping_loss(
    comics, clips, flow, valid=None, alpha=50.0, norm="l1"
):
    """`warping_loss` of every frame of a clip against the one before.

    The mean over the frames from the second on. Its weights are the validity
    of the flow times the photometric weights of the source.

    Args:
        comics: Float `(batch, frames, height, width, 3)`, what was made of
            the clips; two frames at least, of a known number.
        clips: Float of the same shape, RGB in `[-1, 1]`, the source.
        flow: Float `(batch, frames - 1, height, width, 2)`, pixels, `x`, then
            `y`, from each frame but the first to the one before it.
        valid: Boolean or float `(batch, frames - 1, height, width)`, where
            the flow holds, or `None` for everywhere. Defaults to `None`.
        alpha: Float >= 0, see `photometric_weights`. Defaults to `50.0`.
        norm: `"l1"` or `"l2"`. Defaults to `"l1"`.

    Returns:
        Float32 `(batch,)`, at least 0.

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), equations 3
          and 4; differs from it in the mean over the frames, and in the
          validity that may be given as well.
    """
    num_frames = _check_clips(comics, clips, flow, valid, 2)
    losses = [
        _weighted_loss(
            comics,
            clips,
            t,
            t - 1,
            flow[:, t - 1],
            _mask(valid, t),
            alpha,
            norm,
        )
        for t in range(1, num_frames)
    ]
    return sum(losses) / len(losses)


def long_term_warping_loss(
    comics, clips, flow, valid=None, alpha=50.0, norm="l1"
):
    """`warping_loss` of every frame of a clip against the first.

    The mean over the frames from the third on (of the second, the first is
    the one before). It keeps small steps, which the short-term loss allows,
    from adding up. The flow to the first frame is chained of those from frame
    to frame; where a part of the chain is not valid, or leads out of the
    picture, it is not valid.

    Args:
        comics: As for `short_term_warping_loss`, of three frames at least.
        clips: As for `short_term_warping_loss`.
        flow: As for `short_term_warping_loss`.
        valid: As for `short_term_warping_loss`. Defaults to `None`.
        alpha: As for `short_term_warping_loss`. Defaults to `50.0`.
        norm: `"l1"` or `"l2"`. Defaults to `"l1"`.

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), equation 5;
          differs from it in the flow, which is chained, not estimated
          between the distant frames, and in the mean over the frames.
        - [Ruder et al., 2016](https://arxiv.org/abs/1604.08610), section 5.1.
    """
    num_frames = _check_clips(comics, clips, flow, valid, 3)
    losses = []
    chains = chained_flows(flow, valid)
    for t, (flow_to_first, mask) in zip(range(1, num_frames), chains):
        if t > 1:
            losses.append(
                _weighted_loss(
                    comics, clips, t, 0, flow_to_first, mask, alpha, norm
                )
            )
    return sum(losses) / len(losses)


def chained_flows(flow, valid=None):
    """The flow of every frame of a clip to the first.

    Args:
        flow: Float `(batch, frames - 1, height, width, 2)`, pixels, from each
            frame but the first to the one before it; a known number.
        valid: Boolean or float `(batch, frames - 1, height, width)`, where
            the flow holds, or `None` for everywhere. Defaults to `None`.

    Returns:
        List of pairs, one for each frame from the second on: flow to the
        first frame, float32 `(batch, height, width, 2)`, pixels, and where
        all of the chain holds, float32 `(batch, height, width, 1)`, 0 or 1.
    """
    chains = []
    for t in range(1, flow.shape[1] + 1):
        step = float32(flow[:, t - 1])
        mask = flow_stays_inside(step)
        if valid is not None:
            mask = mask * _mask(valid, t)
        if chains:
            before, held = chains[-1]
            # Between a place that holds and one that does not, it does not.
            held = ops.cast(warp_images(held, step) > 0.999, "float32")
            chains.append((compose_flow(step, before), mask * held))
        else:
            chains.append((step, mask))
    return chains


def _weighted_loss(comics, clips, t, earlier, flow, mask, alpha, norm):
    warped = warp_images(float32(clips[:, earlier]), flow)
    weights = photometric_weights(clips[:, t], warped, alpha)
    if mask is not None:
        weights = weights * mask
    return warping_loss(comics[:, t], comics[:, earlier], flow, weights, norm)


def _mask(valid, t):
    return None if valid is None else float32(valid[:, t - 1])[..., None]


def _check_clips(comics, clips, flow, valid, smallest):
    check_same_shape(comics, clips, "comics", "clips")
    num_frames = comics.shape[1] if len(comics.shape) == 5 else None
    lengths = [flow.shape[1]] + ([] if valid is None else [valid.shape[1]])
    if (
        num_frames is None
        or num_frames < smallest
        or any(length != num_frames - 1 for length in lengths)
    ):
        raise ValueError(
            "`comics` must be (batch, frames, height, width, 3) with at least "
            f"{smallest} frames, and `flow` and `valid` have one frame less. "
            f"Received: comics.shape={tuple(comics.shape)}, "
            f"flow.shape={tuple(flow.shape)}, valid.shape="
            f"{None if valid is None else tuple(valid.shape)}"
        )
    return num_frames
