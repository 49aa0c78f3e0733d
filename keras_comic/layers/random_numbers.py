"""Random numbers of layers: shared by replicas, kept in files."""

from keras import ops

SEED_KEY = "seed_generator_state"


def draw_for_replica(draw, shape, seed, replica=0, num_replicas=1):
    """Draws what one of several replicas needs."""
    if num_replicas == 1:
        return draw(shape, seed=seed)
    # Not a slice, of which XLA would have to know where it begins.
    return ops.take(draw((num_replicas, *shape), seed=seed), replica, axis=0)


class SavedSeed:
    """A layer whose `seed_generator` Keras would leave out of its files."""

    def save_own_variables(self, store):
        """Adds the state of the random numbers to the weights."""
        super().save_own_variables(store)
        store[SEED_KEY] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        """Takes the state of the random numbers from the weights."""
        self.seed_generator.state.assign(store[SEED_KEY][:])
        super().load_own_variables(
            {key: store[key] for key in store.keys() if key != SEED_KEY}
        )
