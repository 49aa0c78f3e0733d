"""The base of every adversarial model: networks by name, and phases."""

import keras
from keras import ops

from keras_comic.training import compilation
from keras_comic.training.average import average_decay
from keras_comic.training.average import copy_network
from keras_comic.training.average import update_average
from keras_comic.training.batches import check_data
from keras_comic.training.batches import holds_arrays
from keras_comic.training.judge import Judge
from keras_comic.training.judge import deserialized
from keras_comic.training.optimizers import PhaseOptimizers
from keras_comic.training.phase import Phase
from keras_comic.training.phase import is_finite
from keras_comic.training.phase import parts_of
from keras_comic.training.run_state import add_counter
from keras_comic.training.run_state import training_variables
from keras_comic.training.steps import BackendStep
from keras_comic.training.temporal_consistency import COHERENCE
from keras_comic.training.trackers import Trackers


class GAN(BackendStep, keras.Model):
    """Networks that are trained against each other, in phases, by `fit`.

    A training step runs the phases in their order, then moves the averages of
    the generators and the logs. By default there are two networks and two
    phases, the discriminator's and the generator's; a family overrides
    `generator_losses(batch)` and `discriminator_losses(batch)`, and gives the
    weights of all terms in `default_loss_weights`. A family of other networks
    names them in `network_names` and `averaged_names`, and lists its `Phase`s
    in `phases()`. Losses get the discriminator's logits by `judge(pictures)`,
    for reals and fakes in both phases, so that both are augmented alike.

    A phase whose loss or gradients are not finite moves nothing, and neither
    do those after it; the step is counted in `skipped_steps` and
    `skipped_in_a_row`, and `fit` warns once. Under `mixed_float16` each
    optimizer scales its loss. `evaluate` and `validation_data` judge the
    averaged generators, without augmentation and noise, and move nothing.

    Args:
        *networks: The networks, built, in the order of `network_names`, which
            are also the names of these arguments and of the attributes. A
            `Judge` may stand for a discriminator.
        ema_momentum: Float in `[0, 1)`. Momentum of the exponential averages,
            ramped up from the first steps. Defaults to `0.998`.
        consistency: `TemporalConsistency`, or `None`; what it has to train is
            trained in the generator's phase. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: As the first generator takes them.
        training: Boolean, as in Keras. Defaults to `False`.

    Raises:
        ValueError: If `ema_momentum` is out of its range, or a network is
            missing or not built.

    Example:

    >>> class Blur(keras_comic.GAN):
    ...     default_loss_weights = {"pixels": 1.0, "discriminator": 1.0}
    ...     def generator_losses(self, batch):
    ...         fakes = self.active_generator(batch["photos"])
    ...         return {"pixels": (fakes - batch["photos"]) ** 2}
    ...     def discriminator_losses(self, batch):
    ...         return {"discriminator": self.judge(batch["photos"])}
    >>> photos = np.random.uniform(-1, 1, (4, 32, 32, 3)).astype("float32")
    >>> networks = [keras.layers.Conv2D(3, 3, padding="same") for _ in "gd"]
    >>> networks = [keras.Sequential([keras.Input((32, 32, 3)), network])
    ...             for network in networks]
    >>> gan = Blur(*networks)
    >>> gan.compile()
    >>> history = gan.fit({"photos": photos}, batch_size=2, verbose=0).history
    >>> sorted(history)
    ['discriminator', 'discriminator_loss', 'generator_loss', 'pixels']

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661).
    """

    network_names = ("generator", "discriminator")
    # Names of the pictures that a batch must have, where a family says so.
    batch_names = ()
    averaged_names = ("generator",)
    default_loss_weights = {}

    def __init__(
        self, *networks, ema_momentum=0.998, consistency=None, **kwargs
    ):
        if not 0.0 <= ema_momentum < 1.0:
            raise ValueError(
                "`ema_momentum` must be in [0, 1). "
                f"Received: ema_momentum={ema_momentum}"
            )
        named = compilation.name_networks(type(self), networks, kwargs)
        super().__init__(**kwargs)
        self.ema_momentum = ema_momentum
        self.consistency = consistency
        self.judges = {n: v for n, v in named.items() if isinstance(v, Judge)}
        for name, network in named.items():
            network = getattr(self.judges.get(name), "discriminator", network)
            setattr(self, name, network)
        with self.average_scope():
            for name in self.averaged_names:
                setattr(self, f"ema_{name}", copy_network(named[name], name))
        weights = compilation.default_weights(type(self), consistency)
        self.default_loss_weights = weights
        self.loss_weights = dict(weights)
        self.step_counter = add_counter(self, "step_counter")
        self.skipped_steps = add_counter(self, "skipped_steps")
        self.skipped_in_a_row = add_counter(self, "skipped_in_a_row")
        self.trackers = None
        self.optimizers = {}
        self._phases = ()
        self._evaluating = False
        self.built = True

    def phases(self):
        """Lists the phases of a training step, in their order."""
        judging, drawing = self.discriminator_losses, self.generator_losses
        return [
            Phase("discriminator", judging, ["discriminator"]),
            Phase("generator", drawing, self.generator_side),
        ]

    def generator_losses(self, batch):
        """Computes the terms of the generator's phase.

        Args:
            batch: A batch of the dataset.

        Returns:
            Dict of name to tensor, one value per sample or a scalar.
        """
        raise TypeError(
            f"`{type(self).__name__}` must override `generator_losses(batch)`."
        )

    def discriminator_losses(self, batch):
        """Computes the terms of the discriminator's phase.

        Args:
            batch: A batch of the dataset.

        Returns:
            Dict, as of `generator_losses`.
        """
        raise TypeError(
            f"`{type(self).__name__}` must override "
            "`discriminator_losses(batch)`."
        )

    def active(self, name):
        """Returns a generator by its name; in evaluation its average.

        Args:
            name: String, one of `averaged_names`.
        """
        return getattr(self, f"ema_{name}" if self._evaluating else name)

    @property
    def active_generator(self):
        """The first generator; in evaluation its average."""
        return self.active(self.averaged_names[0])

    @property
    def averaged_generator(self):
        """The average of the first generator."""
        return getattr(self, f"ema_{self.averaged_names[0]}")

    @property
    def generator_side(self):
        """Names of all that is trained in the generator's phase."""
        coherent = self.consistency is not None and self.is_used(COHERENCE)
        return ["generator", *(["consistency"] if coherent else [])]

    def is_used(self, name):
        """Tells if a loss term has a weight above zero.

        Args:
            name: String, the name of the term.
        """
        return self.loss_weights.get(name, 0.0) > 0.0

    def augment(self, pictures, discriminator="discriminator"):
        """Returns pictures as a discriminator sees them, for a penalty too.

        Args:
            pictures: As in `judge`.
            discriminator: String, its name. Defaults to `"discriminator"`.

        Returns:
            The structure of `pictures`; in evaluation and without a `Judge`
            the pictures themselves.
        """
        judge = self.judges.get(discriminator)
        if judge is None or self._evaluating:
            return pictures
        step = self.step_counter.value
        return judge.augment(pictures, step, **self.replica_arguments())

    def judge(
        self,
        pictures,
        training=False,
        real=False,
        discriminator="discriminator",
    ):
        """Returns a discriminator's logits of augmented pictures.

        Args:
            pictures: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`, or
                a structure of them, which are augmented alike.
            training: Boolean. `True` in the discriminator's phase only, since
                none of its state may move in others. Defaults to `False`.
            real: Boolean. `True` for real pictures, which an adaptive
                augmentation watches. Defaults to `False`.
            discriminator: String, its name. Defaults to `"discriminator"`.

        Returns:
            Whatever the discriminator returns.
        """
        shown = self.augment(pictures, discriminator)
        logits = getattr(self, discriminator)(shown, training=training)
        judge = self.judges.get(discriminator)
        if judge is not None and real and training and not self._evaluating:
            judge.observe(logits, self.sum_over_replicas)
        return logits

    def compile(
        self,
        optimizers=None,
        loss_weights=None,
        repeats=None,
        run_eagerly=False,
        jit_compile=None,
        steps_per_execution=1,
        **unknown,
    ):
        """Sets optimizers and weights; without arguments, the recipe's.

        Args:
            optimizers: Dict of a phase's name to a Keras optimizer, its name
                or its config; others are the recipe's. Defaults to `None`.
            loss_weights: Dict of a term's name to a float >= 0 (0 switches
                it off); others are the recipe's. Defaults to `None`.
            repeats: Dict of a phase's name to an integer > 0, such as
                `{"discriminator": 5}`: updates in one step, see `Phase`.
                Defaults to `None`.
            run_eagerly: As in Keras. Defaults to `False`.
            jit_compile: As in Keras. Defaults to `None`, on JAX only.
            steps_per_execution: As in Keras. Defaults to `1`.
            **unknown: Not taken.

        Raises:
            ValueError: If a phase or a term is unknown, a number is out of
                its range, or two phases have one optimizer object.
            RuntimeError: If Keras runs on a backend without training here.
        """
        self.check_backend()
        compilation.check_compile(self, optimizers, unknown)
        self.loss_weights = compilation.check_weights(
            loss_weights, self.default_loss_weights
        )
        options = {
            "run_eagerly": run_eagerly,
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
        }
        self._compile_options = {"repeats": repeats, **options}
        if jit_compile is None and not run_eagerly:
            options["jit_compile"] = self.default_jit_compile
        super().compile(optimizer=None, **options)
        self._phases = compilation.make_phases(self, optimizers, repeats)
        self.optimizers = {p.name: p.optimizer for p in self._phases}
        self.optimizer = PhaseOptimizers(self.optimizers.values())
        self.trackers = Trackers(
            self._phases, self.default_loss_weights, self.judges
        )
        self.prepare_step()

    def default_optimizer(self, phase):
        """Makes the recipe's optimizer of a phase, a new one at each call.

        Args:
            phase: String, the name of the phase.
        """
        return {p.name: p for p in self.phases()}[phase].make_optimizer()

    def get_compile_config(self):
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "optimizers": {n: serialize(o) for n, o in self.optimizers.items()},
            "loss_weights": dict(self.loss_weights),
            **self._compile_options,
        }

    def compile_from_config(self, config):
        optimizers = deserialized(config["optimizers"])
        self.compile(**{**config, "optimizers": optimizers})

    def _run_step(self, batch):
        """Runs one training step; returns the means since the epoch began."""
        finite = is_finite(batch)
        parts = parts_of(batch, max(phase.repeats for phase in self._phases))
        results = []
        for phase in self._phases:
            due = phase.is_due(self.step_counter)
            for part in parts[-phase.repeats :]:
                terms, finite = self._update(phase, part, due, finite)
                results.append((terms, due, 1.0 / phase.repeats))
        skipped = ops.cast(ops.logical_not(finite), "int32")
        self.step_counter.assign(self.step_counter + 1)
        self.skipped_steps.assign(self.skipped_steps + skipped)
        self.skipped_in_a_row.assign((self.skipped_in_a_row + 1) * skipped)
        decay = average_decay(self.ema_momentum, self.step_counter)
        decay = ops.where(finite, decay, 1.0)
        for name in self.averaged_names:
            average, network = getattr(self, f"ema_{name}"), getattr(self, name)
            update_average(average, network, decay)
        for judge in self.judges.values():
            if judge.augmentation is not None:
                judge.augmentation.adapt(finite)
        observed = {n: v.value for n, v in self.trackers.judged.items()}
        return self.trackers.update([*results, (observed, True, 1.0)], finite)

    def _run_test(self, batch):
        """Computes the terms of each phase with the averaged generators."""
        self._evaluating = True
        try:
            return [self._losses_of(p, batch)[1] for p in self._phases]
        finally:
            self._evaluating = False

    def _losses_of(self, phase, batch):
        """Returns the weighted sum of a phase's terms, and all as a dict."""
        terms = {
            name: ops.mean(ops.cast(value, "float32"))
            for name, value in phase.losses(batch).items()
        }
        compilation.check_terms(self, terms)
        total = ops.zeros((), dtype="float32")
        for name, value in terms.items():
            total = total + self.loss_weights[name] * value
        if terms:
            terms[phase.total_name] = total
        return total, terms

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **rest,
    ):
        x = check_data(x, y, self.batch_names)
        rest.setdefault("shuffle", holds_arrays(x))
        callbacks = compilation.check_callbacks(callbacks)
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **rest)

    def evaluate(self, x=None, y=None, *args, **options):
        x = check_data(x, y, self.batch_names)
        return super().evaluate(x, y, *args, **options)

    @property
    def metrics(self):
        return [] if self.trackers is None else self.trackers.metrics

    def training_variables(self):
        """Returns all variables that a run needs to go on, by stable keys."""
        return training_variables(self)

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs, training=False):
        return self.active_generator(inputs, training=training)

    def get_config(self):
        networks = {
            name: self.judges.get(name, getattr(self, name))
            for name in self.network_names
        }
        parts = {**networks, "consistency": self.consistency}
        config = {**super().get_config(), "ema_momentum": self.ema_momentum}
        for name, part in parts.items():
            config[name] = keras.saving.serialize_keras_object(part)
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**deserialized(config))
