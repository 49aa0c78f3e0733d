"""What these tests compile runs a few times; optimising it takes longer."""

import keras

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
