"""The checks of what a GAN is compiled with."""

import keras

from keras_comic.training.optimizers import prepare_optimizer

EXPECTED = (
    "A GAN has an optimizer for each phase, and losses of its own: `compile()` "
    "takes the published recipe, and `compile(optimizers={%s}, "
    "loss_weights={...}, repeats={...})` changes it. Received: %s"
)


def check_compile(gan, optimizers, unknown):
    """Refuses the arguments of Keras's own `compile`."""
    if unknown or not isinstance(optimizers or {}, dict):
        phases = ", ".join(f'"{phase.name}": ...' for phase in gan.phases())
        raise TypeError(
            EXPECTED % (phases, unknown or {"optimizers": optimizers})
        )


def check_weights(weights, defaults):
    """Returns the weights of all terms."""
    weights = dict(weights or {})
    _check_names("loss_weights", weights, defaults)
    if any(weight < 0 for weight in weights.values()):
        raise ValueError(
            "`loss_weights` must be at least 0. "
            f"Received: loss_weights={weights}"
        )
    return {**defaults, **weights}


def make_phases(gan, optimizers, repeats):
    """Returns the phases of a GAN with their optimizers, built."""
    phases = {phase.name: phase for phase in gan.phases()}
    optimizers, repeats = dict(optimizers or {}), dict(repeats or {})
    _check_names("optimizers", optimizers, phases)
    _check_names("repeats", repeats, phases)
    objects = [
        optimizer
        for optimizer in optimizers.values()
        if isinstance(optimizer, keras.optimizers.Optimizer)
    ]
    if len({id(optimizer) for optimizer in objects}) < len(objects):
        raise ValueError(
            "Each phase must have an optimizer object of its own, since it "
            f"keeps state for its networks. Received: optimizers={optimizers}"
        )
    for name, count in repeats.items():
        if not isinstance(count, int) or count < 1:
            raise ValueError(
                "`repeats` must be positive integers. "
                f"Received: repeats={repeats}"
            )
        phases[name].repeats = count
    for phase in phases.values():
        layers = [getattr(gan, name) for name in phase.networks]
        phase.trainable_variables = [
            variable
            for layer in layers
            for variable in layer.trainable_variables
        ]
        phase.optimizer = prepare_optimizer(
            optimizers.get(phase.name) or phase.make_optimizer(),
            layers,
            phase.trainable_variables,
        )
    return tuple(phases.values())


def _check_names(argument, given, known):
    if set(given) - set(known):
        raise ValueError(
            f"`{argument}` may name {sorted(known)}. "
            f"Received: {argument}={given}"
        )
