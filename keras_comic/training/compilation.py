"""The checks of a GAN's arguments."""

import keras

from keras_comic.training.callbacks.step_callback import SkipWarning
from keras_comic.training.optimizers import prepare_optimizer
from keras_comic.training.temporal_consistency import COHERENCE
from keras_comic.training.temporal_consistency import CONSISTENCY

EXPECTED = (
    "A GAN has an optimizer for each phase, and losses of its own: `compile()` "
    "takes the published recipe, and `compile(optimizers={%s}, "
    "loss_weights={...}, repeats={...})` changes it. Received: %s"
)


def name_networks(family, networks, others):
    """Names the networks of a GAN; takes those given by name from `others`."""
    names = family.network_names
    named = dict(zip(names, networks))
    for name in names[len(networks) :]:
        if name in others:
            named[name] = others.pop(name)
    if len(named) < max(len(names), len(networks)):
        raise ValueError(
            f"`{family.__name__}` takes the networks {list(names)}. "
            f"Received: {len(networks)} networks, and by name "
            f"{list(named)[len(networks) :]}"
        )
    for name, network in named.items():
        _check_built(network, name)
    return named


def default_weights(family, consistency):
    """Returns the weights of the terms that a GAN can have."""
    weights = dict(family.default_loss_weights)
    if consistency is None:
        weights.pop(CONSISTENCY, None)
    if getattr(consistency, "coherence", None) is None:
        weights.pop(COHERENCE, None)
    return weights


def check_compile(gan, optimizers, unknown):
    """Refuses the arguments of Keras's own `compile`."""
    if unknown or not isinstance(optimizers or {}, dict):
        phases = ", ".join(f'"{phase.name}": ...' for phase in gan.phases())
        raise TypeError(
            EXPECTED % (phases, unknown or {"optimizers": optimizers})
        )


def check_callbacks(callbacks):
    """Refuses what a GAN does itself; adds the warning of skipped steps."""
    callbacks = [] if callbacks is None else keras.tree.flatten(callbacks)
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise ValueError(
                "A GAN averages its generators itself (`ema_momentum`), and "
                "validates and saves `averaged_generator`. "
                f"Received: callbacks=[{type(callback).__name__}]"
            )
    return [*callbacks, SkipWarning()]


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


def check_terms(gan, terms):
    """Refuses terms without a weight."""
    unknown = sorted(set(terms) - set(gan.loss_weights))
    if unknown:
        raise ValueError(
            f"`{type(gan).__name__}.default_loss_weights` must name every "
            "term that its losses return. "
            f"Received: {unknown}, beside {sorted(gan.loss_weights)}"
        )


def make_phases(gan, optimizers, repeats):
    """Returns the phases of a GAN with their optimizers, built."""
    phases = {phase.name: phase for phase in gan.phases()}
    optimizers, repeats = dict(optimizers or {}), dict(repeats or {})
    _check_names("optimizers", optimizers, phases)
    _check_names("repeats", repeats, phases)
    kind = keras.optimizers.Optimizer
    objects = [id(o) for o in optimizers.values() if isinstance(o, kind)]
    if len(set(objects)) < len(objects):
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
            variable for x in layers for variable in x.trainable_variables
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


def _check_built(network, name):
    """Refuses a network without weights, and says how to make them."""
    if network.built:
        return
    call = f'{name}(np.zeros((1, 64, 64, 3), "float32"))'
    if hasattr(network, "example_inputs"):
        call = f"{name}({name}.example_inputs())"
    raise ValueError(
        f"`{name}` must be built: call it once on a batch before it is given "
        f"to the GAN, as in `{call}`. Received: {name}.built=False"
    )
