"""Random motion with its exact flow.

The flow belongs to the moved picture and points into the original:
`moved(x, y) = image((x, y) + flow(x, y))`.
"""

import math

import numpy as np

# Random numbers of one motion apart from its deformation: shift and matrix.
_NUM_AFFINE = 6


def synthetic_flow(
    shape,
    seed,
    max_shift=10.0,
    max_affine=4.0,
    max_deformation=8.0,
    cell_size=100,
):
    """Draws a random smooth flow.

    It is the sum of three parts, each bounded by its argument in `x` and in
    `y`, pixels: a shift of the whole picture; an affine map about the centre;
    and a deformation, a cubic B-spline over a grid of random control points,
    `cell_size` pixels apart. After Wang et al., 2020 (ReReVST). Returns
    float32 `(height, width, 2)`, `x`, then `y`.
    """
    limits = (max_shift, max_affine, max_deformation)
    _check(*limits, cell_size)
    height, width = (int(side) for side in shape[:2])
    generator = np.random.default_rng(seed)
    affine = generator.uniform(-1, 1, _NUM_AFFINE)
    rows = _spline_weights(height, cell_size)
    columns = _spline_weights(width, cell_size)
    grid = generator.uniform(-1, 1, (rows.shape[1], columns.shape[1], 2))
    # Columns and rows from -1 to 1.
    across, down = (
        (2 * np.arange(side) - (side - 1)) / max(side - 1, 1)
        for side in (width, height)
    )
    shift, matrix = affine[:2] * max_shift, affine[2:].reshape(2, 2)
    places = np.stack(
        np.broadcast_arrays(across[None, :], down[:, None]), axis=-1
    )
    flow = shift + places @ matrix * (max_affine / 2)
    deformation = rows @ (columns @ grid).reshape(rows.shape[1], -1)
    flow += deformation.reshape(height, width, 2) * max_deformation
    return flow.astype("float32")


def _spline_weights(size, cell_size):
    """Weights of the control points for each pixel of a side."""
    places = np.arange(size) / cell_size
    num_points = math.ceil((size - 1) / cell_size) + 3
    distances = np.abs(places[:, None] + 1 - np.arange(num_points))
    near = 2 / 3 - distances**2 * (1 - distances / 2)
    far = np.maximum(2 - distances, 0) ** 3 / 6
    return np.where(distances < 1, near, far)


def _check(max_shift, max_affine, max_deformation, cell_size):
    for name, value in (
        ("max_shift", max_shift),
        ("max_affine", max_affine),
        ("max_deformation", max_deformation),
    ):
        if not value >= 0:
            raise ValueError(
                f"`{name}` must be at least 0 pixels. Received: {name}={value}"
            )
    if not cell_size >= 1:
        raise ValueError(
            "`cell_size` must be at least 1 pixel. "
            f"Received: cell_size={cell_size}"
        )
