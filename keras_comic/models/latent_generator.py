"""A generator of pictures from random codes."""

import numpy as np
from keras import ops

from keras_comic.layers import to_uint8
from keras_comic.models.zoo_model import ZooModel

EXAMPLE_SEED = 0


class LatentGenerator(ZooModel):
    """Base of the generators that make pictures from random codes.

    A family gives `call({"codes": codes}, training=False)`: float32
    `(batch, code_dim)` to pictures `(batch, height, width, 3)` in `[-1, 1]`;
    and `code_dim`. It may override `truncate`.

    Args:
        **kwargs: Keyword arguments of `keras.Model`.
    """

    kind = "latent_generator"

    @property
    def code_dim(self):
        """Length of a code."""
        raise NotImplementedError(
            f"`{type(self).__name__}` must define `code_dim`."
        )

    def sample_codes(self, count, seed=None):
        """Draws codes from the standard normal distribution.

        Args:
            count: Integer > 0.
            seed: Integer >= 0, for the same codes each time, or `None`.
                Defaults to `None`.

        Returns:
            Float32 NumPy array `(count, code_dim)`.
        """
        random = np.random.default_rng(seed)
        return random.standard_normal((count, self.code_dim), "float32")

    def truncate(self, codes, truncation):
        """Moves codes towards the mean: better pictures, less variety.

        Args:
            codes: Float32 `(batch, code_dim)`.
            truncation: Float in `[0, 1]`; 1 changes nothing.

        Returns:
            Float32 `(batch, code_dim)`.
        """
        return codes * np.float32(truncation)

    def generate(self, count=1, seed=None, truncation=1.0):
        """Makes pictures of random codes.

        Args:
            count: Integer > 0. Defaults to `1`.
            seed: Integer >= 0, for the same pictures each time, or `None`.
                Defaults to `None`.
            truncation: Float in `[0, 1]`. Defaults to `1.0`, none.

        Returns:
            uint8 NumPy array `(count, height, width, 3)`, RGB in `[0, 255]`.

        Raises:
            ValueError: If an argument is out of its range.
        """
        if not isinstance(count, int) or count < 1:
            raise ValueError(
                f"`count` must be a positive integer. Received: count={count!r}"
            )
        if not 0 <= truncation <= 1:
            raise ValueError(
                "`truncation` must be in [0, 1]. "
                f"Received: truncation={truncation!r}"
            )
        codes = self.truncate(self.sample_codes(count, seed), truncation)
        pictures = self({"codes": ops.convert_to_tensor(codes)}, training=False)
        return ops.convert_to_numpy(to_uint8(pictures))

    def example_inputs(self):
        return {"codes": self.sample_codes(1, EXAMPLE_SEED)}
