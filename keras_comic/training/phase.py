"""One update of some networks: a part of a training step."""

import keras
from keras import ops


class Phase:
    """One update of some networks by one optimizer.

    A training step of a `GAN` runs its phases in their order. The weighted sum
    of a phase's loss terms is logged as `NAME_loss`.

    A lazy phase (`every=16`) runs at the steps 0, 16, 32 and so on; in
    between, its terms and its networks are left alone, and its terms are not
    counted in the logs. A loss that is to weigh as much as one that is taken
    at each step is to be multiplied by `every`, which is the family's affair.

    With `repeats=5` the batch is cut into five parts, and the phase takes a
    step with each of them. The other phases take the last of these parts, so
    that no phase sees more pictures in one step than another.

    Args:
        name: String. The phase's name, in `compile` and in the logs.
        losses: Callable. Takes a batch, gives a dict of a term's name to a
            tensor: one value per sample, or a scalar.
        networks: List of strings. Names of the networks that the phase
            trains: attributes of the `GAN`.
        optimizer: Name of a Keras optimizer, its config, or a callable that
            makes one. Defaults to `None`: Adam at 2e-4, `beta_1=0.5`.
        every: Integer > 0. Training steps from one run of the phase to the
            next. Defaults to `1`.
        repeats: Integer > 0. Updates in one training step. Defaults to `1`.

    Example:

    >>> phase = keras_comic.training.Phase(
    ...     "penalty", lambda batch: {}, ["discriminator"], "sgd", every=16
    ... )
    >>> phase.total_name
    'penalty_loss'
    """

    def __init__(
        self, name, losses, networks, optimizer=None, every=1, repeats=1
    ):
        for argument, value in (("every", every), ("repeats", repeats)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{argument}` must be a positive integer. "
                    f"Received: {argument}={value!r}"
                )
        if isinstance(networks, str) or not networks:
            raise ValueError(
                "`networks` must be a list with the names of one network or "
                f"more. Received: networks={networks!r}"
            )
        self.name = name
        self.losses = losses
        self.networks = list(networks)
        recipe = {"learning_rate": 2e-4, "beta_1": 0.5}
        self.recipe = optimizer or {"class_name": "adam", "config": recipe}
        self.optimizer = None
        self.every = every
        self.repeats = repeats
        self.trainable_variables = []
        self.term_names = []

    @property
    def total_name(self):
        """String. Name of the weighted sum of the phase's terms."""
        return f"{self.name}_loss"

    def make_optimizer(self):
        """Makes the optimizer of the recipe.

        Returns:
            Keras optimizer, a new one at each call.
        """
        if callable(self.recipe):
            return self.recipe()
        return keras.optimizers.get(self.recipe)

    def is_due(self, step):
        """Tells if the phase runs at a step.

        Args:
            step: Integer variable, the number of steps done.

        Returns:
            `True`, or a boolean scalar for a lazy phase.
        """
        if self.every == 1:
            return True
        return ops.equal(step.value % self.every, 0)


def parts_of(batch, count):
    """Cuts a batch into parts of the same size, or nearly so."""
    if count == 1:
        return [batch]

    def cut(values, number):
        size = ops.shape(values)[0]
        if isinstance(size, int) and size < count:
            raise ValueError(
                "A batch must have at least as many samples as a phase has "
                f"`repeats`. Received: {size} samples, repeats={count}"
            )
        return values[number * size // count : (number + 1) * size // count]

    return [
        keras.tree.map_structure(lambda values, i=i: cut(values, i), batch)
        for i in range(count)
    ]


def is_finite(batch):
    """Tells if all numbers of a batch are finite."""
    finite = ops.convert_to_tensor(True)
    for values in keras.tree.flatten(batch):
        if ops.is_tensor(values) and "float" in str(values.dtype):
            finite = ops.logical_and(finite, ops.all(ops.isfinite(values)))
    return finite
