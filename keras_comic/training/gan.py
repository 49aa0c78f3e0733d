"""The base of every adversarial model: the order of a training step."""

import keras
from keras import ops

from keras_comic.training.schedules import ScaledSchedule
from keras_comic.training.steps import BackendStep
from keras_comic.training.temporal_consistency import COHERENCE
from keras_comic.training.temporal_consistency import CONSISTENCY

GENERATOR_TOTAL = "generator_loss"
DISCRIMINATOR_TOTAL = "discriminator_loss"
SKIPPED = "skipped_steps"
PROBABILITY = "augmentation_probability"
REAL_SIGN = "real_sign"


class GAN(BackendStep, keras.Model):
    """A generator and a discriminator, trained in turn by `fit`.

    One step is: the discriminator's phase (several of them with
    `compile(discriminator_steps=...)`), the generator's phase, the
    exponential average of the generator, the trackers. A family overrides
    `generator_losses(batch)` and `discriminator_losses(batch)`, which return
    dicts of named terms, and states `default_loss_weights` for all of them.
    It asks for the discriminator's opinion by `judge(images)`, reals and fakes
    in both phases, so that both are augmented alike.

    How gradients are taken is one small file for each Keras backend, in
    `keras_comic/training/steps/`; families do not know which one runs.

    A phase whose loss or gradients are not finite moves nothing, and its step
    is counted in `skipped_steps` and `skipped_in_a_row`.

    Under `mixed_float16` the losses of both phases are scaled, each by its own
    optimizer. `evaluate` and `validation_data` judge the averaged generator,
    without augmentation and noise, and move nothing.

    The two networks have an optimizer each: two rates are two time scales.
    Clipping and gradient accumulation are arguments of a Keras optimizer
    (`global_clipnorm`, `gradient_accumulation_steps`) and work for each.
    Layers that are to keep the weights of a pretrained network are frozen by
    `freeze_layers` before `compile`.

    Args:
        generator: `keras.Model`, the one to train, built.
        discriminator: `keras.Model` that gives logits, built.
        ema_momentum: Float in `[0, 1)`. Momentum of the exponential average
            of the generator; it is ramped up from the first steps. Defaults
            to `0.998`.
        augmentation: `AdaptiveAugmentation` layer of what the discriminator
            sees, or `None`. Its `p` and `r_t` are logged as
            `augmentation_probability` and `real_sign`. Defaults to `None`.
        instance_noise: `InstanceNoise` layer, or `None`. Defaults to `None`.
        consistency: `TemporalConsistency`, or `None`; what it has to train is
            trained in the generator's phase. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: What the generator takes.
        training: Boolean, as in Keras. Defaults to `False`.

    Returns:
        What the generator returns.

    Raises:
        ValueError: If `ema_momentum` is out of its range, or a network is not
            built.

    Example: a family of one loss term in each phase.

    >>> class Blur(keras_comic.GAN):
    ...     default_loss_weights = {"pixels": 1.0, "discriminator": 1.0}
    ...     def generator_losses(self, batch):
    ...         fakes = self.active_generator(batch["photos"])
    ...         return {"pixels": (fakes - batch["photos"]) ** 2}
    ...     def discriminator_losses(self, batch):
    ...         return {"discriminator": self.discriminator(batch["photos"])}
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
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661),
          algorithm 1, by default with one discriminator step for each
          generator step.
    """

    default_loss_weights = {}

    def __init__(
        self,
        generator,
        discriminator,
        ema_momentum=0.998,
        augmentation=None,
        instance_noise=None,
        consistency=None,
        **kwargs,
    ):
        if not 0.0 <= ema_momentum < 1.0:
            raise ValueError(
                "`ema_momentum` must be in [0, 1). "
                f"Received: ema_momentum={ema_momentum}"
            )
        for name, network in (
            ("generator", generator),
            ("discriminator", discriminator),
        ):
            if not network.built:
                raise ValueError(
                    f"`{name}` must be built: call it once, or give its "
                    "layers the shape of their input. "
                    f"Received: {name}.built={network.built}"
                )
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.ema_momentum = ema_momentum
        self.augmentation = augmentation
        self.instance_noise = instance_noise
        self.consistency = consistency
        absent = [] if consistency is not None else [CONSISTENCY]
        if consistency is None or consistency.coherence is None:
            absent.append(COHERENCE)
        self.default_loss_weights = {
            name: weight
            for name, weight in self.default_loss_weights.items()
            if name not in absent
        }
        with self.average_scope():
            self.ema_generator = generator.__class__.from_config(
                generator.get_config()
            )
        self.ema_generator.trainable = False
        self.ema_generator.set_weights(generator.get_weights())
        self.step_counter = self._add_counter("step_counter")
        self.skipped_steps = self._add_counter(SKIPPED)
        self.skipped_in_a_row = self._add_counter("skipped_in_a_row")
        self.learning_rate_scale = self.add_weight(
            shape=(),
            dtype="float32",
            initializer="ones",
            trainable=False,
            name="learning_rate_scale",
            aggregation="only_first_replica",
        )
        self.loss_weights = dict(self.default_loss_weights)
        self.discriminator_steps = 1
        self.generator_optimizer = None
        self.discriminator_optimizer = None
        self._evaluating = False
        names = [GENERATOR_TOTAL, DISCRIMINATOR_TOTAL]
        names += [n for n in self.default_loss_weights if n not in names]
        names += [PROBABILITY, REAL_SIGN] if augmentation is not None else []
        self.trackers = [_MeanOfSteps(name=name) for name in names]
        # There is nothing to build by a call on a batch.
        self.built = True

    # What a family overrides.

    def generator_losses(self, batch):
        """Named loss terms of the generator's phase.

        Args:
            batch: What the dataset yields.

        Returns:
            Dict of name to tensor, one value per sample or a scalar. The
            discriminator is called with `training=False`.
        """
        raise TypeError(
            f"`{type(self).__name__}` must override `generator_losses(batch)`."
        )

    def discriminator_losses(self, batch):
        """Named loss terms of the discriminator's phase.

        Args:
            batch: What the dataset yields.

        Returns:
            Dict of name to tensor, one value per sample or a scalar.
        """
        raise TypeError(
            f"`{type(self).__name__}` must override "
            "`discriminator_losses(batch)`."
        )

    def default_optimizers(self):
        """The optimizers of the published recipe.

        Returns:
            Two Keras optimizers: generator's and discriminator's.
        """
        return (
            keras.optimizers.Adam(2e-4, beta_1=0.5),
            keras.optimizers.Adam(2e-4, beta_1=0.5),
        )

    # What a family uses.

    @property
    def active_generator(self):
        """The generator in training; the averaged one in evaluation."""
        return self.ema_generator if self._evaluating else self.generator

    def is_used(self, name):
        """Whether a loss term has a weight above zero.

        Args:
            name: String, the name of the term.

        Returns:
            Boolean.
        """
        return self.loss_weights.get(name, 0.0) > 0.0

    def consistency_losses(
        self,
        photos,
        comics,
        stylize,
        comic_features=None,
        photo_features=None,
    ):
        """Loss terms of coherence in time, for `generator_losses`.

        Args:
            photos: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            comics: Float, of the same shape: what the generator makes of
                them.
            stylize: Function that makes comics of photos, with the same
                styles.
            comic_features: List of feature maps of the comics, or `None`.
                Defaults to `None`.
            photo_features: List of feature maps of the photos, or `None`.
                Defaults to `None`.

        Returns:
            Dict of name to tensor, one value per sample; empty without a
            `consistency`, and for terms of weight 0.
        """
        if self.consistency is None:
            return {}
        names = [n for n in (CONSISTENCY, COHERENCE) if self.is_used(n)]
        return self.consistency.terms(
            photos, comics, stylize, comic_features, photo_features, names
        )

    def augment(self, images):
        """What the discriminator is shown in the place of images.

        Args:
            images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.

        Returns:
            The images themselves if there is no augmentation and no noise,
            and in evaluation; otherwise float32 of the same shape. For a
            penalty, augment first and take the gradients by what comes out.
        """
        if self._evaluating:
            return images
        replica = self.replica_arguments()
        if self.augmentation is not None:
            images = self.augmentation(images, **replica)
        if self.instance_noise is not None:
            step = self.step_counter.value
            images = self.instance_noise(images, step=step, **replica)
        return images

    def judge(self, images, training=False, real=False):
        """The discriminator's logits of images, augmented and with noise.

        Args:
            images: Float `(batch, height, width, 3)`, RGB in `[-1, 1]`.
            training: Boolean. `True` in the discriminator's phase only: no
                state of the discriminator may move in the generator's.
                Defaults to `False`.
            real: Boolean. Whether the images are real ones; an adaptive
                augmentation watches those of the discriminator's phase.
                Defaults to `False`.

        Returns:
            What the discriminator returns.
        """
        logits = self.discriminator(self.augment(images), training=training)
        watched = real and training and not self._evaluating
        if watched and self.augmentation is not None:
            signs = self.augmentation.signs_of(logits)
            self.augmentation.observe(self.sum_over_replicas(signs))
        return logits

    # The machinery.

    def _add_counter(self, name):
        return self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name=name,
            aggregation="only_first_replica",
        )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        loss_weights=None,
        discriminator_steps=1,
        **kwargs,
    ):
        """Sets optimizers and weights; without arguments, the recipe's.

        Args:
            generator_optimizer: Keras optimizer, its name or config, or
                `None` for the recipe's. Defaults to `None`.
            discriminator_optimizer: As above. Defaults to `None`.
            loss_weights: Dict of term to float >= 0, or `None`; terms left
                out keep the recipe's weight, a weight of 0 switches a term
                off. Defaults to `None`.
            discriminator_steps: Integer > 0. Steps of the discriminator for
                each of the generator. The batch is split into as many parts:
                each step of the discriminator takes its own, the generator's
                takes the last. A batch of n times the size, the average of n
                steps, is what the logs show. Defaults to `1`.
            **kwargs: `run_eagerly`, `jit_compile` and `steps_per_execution`
                of `keras.Model.compile`.

        Raises:
            ValueError: If a name in `loss_weights` is not a term, a weight is
                negative, both optimizers are one object, or
                `discriminator_steps` is not positive.
            RuntimeError: If Keras runs on a backend without training here.
        """
        self.check_backend()
        loss_weights = dict(loss_weights or {})
        unknown = sorted(set(loss_weights) - set(self.default_loss_weights))
        if unknown:
            raise ValueError(
                "`loss_weights` may name "
                f"{sorted(self.default_loss_weights)}. "
                f"Received: loss_weights={loss_weights}"
            )
        if any(weight < 0 for weight in loss_weights.values()):
            raise ValueError(
                "`loss_weights` must be at least 0. "
                f"Received: loss_weights={loss_weights}"
            )
        if generator_optimizer is not None and (
            generator_optimizer is discriminator_optimizer
            and not isinstance(generator_optimizer, (str, dict))
        ):
            raise ValueError(
                "The two optimizers must be two objects, since each keeps "
                "state for its own network. "
                f"Received: {generator_optimizer.name!r} twice"
            )
        if not isinstance(discriminator_steps, int) or discriminator_steps < 1:
            raise ValueError(
                "`discriminator_steps` must be a positive integer. "
                f"Received: discriminator_steps={discriminator_steps!r}"
            )
        self.loss_weights = {**self.default_loss_weights, **loss_weights}
        self.discriminator_steps = discriminator_steps
        self._compile_options = dict(kwargs)
        jit_compile = self.default_jit_compile and not kwargs.get("run_eagerly")
        kwargs.setdefault("jit_compile", jit_compile)
        super().compile(optimizer=None, **kwargs)
        defaults = self.default_optimizers()
        self.generator_optimizer = self._prepare_optimizer(
            generator_optimizer or defaults[0], self._generator_side
        )
        self.discriminator_optimizer = self._prepare_optimizer(
            discriminator_optimizer or defaults[1], self.discriminator
        )
        self.prepare_step()

    def _prepare_optimizer(self, optimizer, network):
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if network.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        inner = optimizer
        while isinstance(inner, keras.optimizers.LossScaleOptimizer):
            inner = inner.inner_optimizer
        schedule = self._schedule_of(inner)
        if schedule is not None:
            inner.learning_rate = ScaledSchedule(
                schedule, self.learning_rate_scale
            )
        if not optimizer.built:
            optimizer.build(network.trainable_variables)
        return optimizer

    @staticmethod
    def _schedule_of(optimizer):
        """The schedule as it was given, or `None` if the rate has none."""
        # A plain rate is a variable of the optimizer.
        schedule = optimizer._learning_rate
        if isinstance(schedule, ScaledSchedule):
            return schedule.schedule
        is_schedule = isinstance(
            schedule, keras.optimizers.schedules.LearningRateSchedule
        )
        return schedule if is_schedule else None

    def scale_learning_rates(self, factor):
        """Multiplies the learning rates of both optimizers.

        Args:
            factor: Float > 0.

        Raises:
            ValueError: If `factor` is not positive.
        """
        if not factor > 0:
            raise ValueError(
                f"`factor` must be above 0. Received: factor={factor}"
            )
        self.learning_rate_scale.assign(self.learning_rate_scale * factor)
        for optimizer in (
            self.generator_optimizer,
            self.discriminator_optimizer,
        ):
            while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                optimizer = optimizer.inner_optimizer
            if self._schedule_of(optimizer) is None:
                rate = keras.ops.convert_to_numpy(optimizer.learning_rate)
                optimizer.learning_rate = float(rate) * factor

    def get_compile_config(self):
        return {
            "generator_optimizer": self._serialized(self.generator_optimizer),
            "discriminator_optimizer": self._serialized(
                self.discriminator_optimizer
            ),
            "loss_weights": dict(self.loss_weights),
            "discriminator_steps": self.discriminator_steps,
            **self._compile_options,
        }

    def _serialized(self, optimizer):
        inner = optimizer
        while isinstance(inner, keras.optimizers.LossScaleOptimizer):
            inner = inner.inner_optimizer
        schedule, scaled = self._schedule_of(inner), inner._learning_rate
        if schedule is None:
            return keras.saving.serialize_keras_object(optimizer)
        # The scale belongs to the run.
        inner.learning_rate = schedule
        try:
            return keras.saving.serialize_keras_object(optimizer)
        finally:
            inner.learning_rate = scaled

    def compile_from_config(self, config):
        config = dict(config)
        for name in ("generator_optimizer", "discriminator_optimizer"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        self.compile(**config)

    @property
    def _generator_side(self):
        """What is trained in the generator's phase."""
        if self.consistency is None or not self.is_used(COHERENCE):
            return self.generator
        return _Together(self.generator, self.consistency)

    @property
    def phases(self):
        """The order of a step: (losses, network, optimizer, total's name)."""
        return (
            (
                self.discriminator_losses,
                self.discriminator,
                self.discriminator_optimizer,
                DISCRIMINATOR_TOTAL,
            ),
            (
                self.generator_losses,
                self._generator_side,
                self.generator_optimizer,
                GENERATOR_TOTAL,
            ),
        )

    def phases_of(self, batch):
        """The phases of one step, in order, each with its part of a batch.

        Args:
            batch: What the dataset yields.

        Returns:
            List of tuples: the phase, as in `phases`, its batch, and its
            share in what is logged.

        Raises:
            ValueError: If a batch has fewer samples than there are parts.
        """
        discriminator, generator = self.phases
        if self.discriminator_steps == 1:
            return [(discriminator, batch, 1.0), (generator, batch, 1.0)]
        parts = self._parts_of(batch, self.discriminator_steps)
        return [
            *((discriminator, part, 1.0 / len(parts)) for part in parts),
            (generator, parts[-1], 1.0),
        ]

    @staticmethod
    def _parts_of(batch, count):
        def cut(values, number):
            size = ops.shape(values)[0]
            if isinstance(size, int) and size < count:
                raise ValueError(
                    "A batch must have at least as many samples as "
                    "`discriminator_steps`. "
                    f"Received: {size} samples, discriminator_steps={count}"
                )
            return values[number * size // count : (number + 1) * size // count]

        return [
            keras.tree.map_structure(lambda values, i=i: cut(values, i), batch)
            for i in range(count)
        ]

    def batch_of(self, data):
        """What the dataset yields, of what Keras hands to a step.

        Args:
            data: A batch, or the tuple `(batch, None, None)`, as
                `train_on_batch` makes it.

        Returns:
            The batch.
        """
        batch, targets, _ = keras.utils.unpack_x_y_sample_weight(data)
        return batch if targets is None else data

    def is_finite(self, batch):
        """Whether a batch has no NaN and no infinity.

        Args:
            batch: What the dataset yields.

        Returns:
            Boolean scalar.
        """
        finite = ops.convert_to_tensor(True)
        for values in keras.tree.flatten(batch):
            if ops.is_tensor(values) and "float" in str(values.dtype):
                finite = ops.logical_and(finite, ops.all(ops.isfinite(values)))
        return finite

    def weighted_total(self, losses):
        """The scalar that a phase minimises, and the terms' means.

        Args:
            losses: Dict of name to tensor; empty if nothing in this phase is
                used.

        Returns:
            Float32 scalar, and a dict of name to float32 scalar.

        Raises:
            ValueError: If a name has no weight.
        """
        unknown = sorted(set(losses) - set(self.loss_weights))
        if unknown:
            raise ValueError(
                f"`{type(self).__name__}.default_loss_weights` must name every "
                "term that its losses return. "
                f"Received: {unknown}, beside {sorted(self.loss_weights)}"
            )
        means = {
            name: ops.mean(ops.cast(value, "float32"))
            for name, value in losses.items()
        }
        total = ops.zeros((), dtype="float32")
        for name, value in means.items():
            total = total + self.loss_weights[name] * value
        return total, means

    def ema_decay(self, step):
        """Momentum of the average at a step, ramped up from the start.

        Args:
            step: Integer scalar, the number of steps done.

        Returns:
            Float32 scalar.
        """
        step = ops.cast(step, "float32")
        return ops.minimum(self.ema_momentum, (1.0 + step) / (10.0 + step))

    def run_phases(self, batch, run):
        """Runs the phases of one step, one after the other.

        Args:
            batch: What the dataset yields.
            run: Function of a phase, its batch and whether all was finite so
                far; it gives a dict of name to scalar, and whether all is
                finite still.

        Returns:
            Dict of name to scalar, and boolean scalar.
        """
        values, finite = {}, self.is_finite(batch)
        for phase, part, share in self.phases_of(batch):
            logs, finite = run(phase, part, finite)
            for name, value in logs.items():
                if share != 1.0:
                    value = values.get(name, 0.0) + share * value
                values[name] = value
        return values, finite

    def finish_step(self, values, finite):
        """What follows the phases: counters, averages, adaptation, trackers.

        Args:
            values: Dict of name to scalar, of this step.
            finite: Boolean scalar. Whether all that the step found was
                finite; if not, it was skipped.

        Returns:
            Dict of name to scalar, the means so far.
        """
        self.count_step(finite)
        self.update_average(finite)
        values = dict(values)
        if self.augmentation is not None:
            self.augmentation.adapt(finite)
            values[PROBABILITY] = self.augmentation.probability.value
            values[REAL_SIGN] = self.augmentation.real_sign.value
        return self.update_trackers(values, finite)

    def state_of_losses(self):
        """Variables that the losses themselves may move.

        Returns:
            List of variables, such as the vectors of a spectral
            normalisation; in a step that is skipped they are put back.
        """
        state = [
            *self.generator.non_trainable_variables,
            *self.discriminator.non_trainable_variables,
        ]
        for layer in (self.augmentation, self.instance_noise):
            state += [] if layer is None else layer.variables
        if self.consistency is not None:
            state += self.consistency.non_trainable_variables
        return state

    def count_step(self, finite):
        """Counts a step, and whether it was skipped.

        Args:
            finite: Boolean scalar. Whether all that the step found was
                finite; if not, it was skipped.
        """
        skipped = ops.cast(ops.logical_not(finite), "int32")
        self.step_counter.assign(self.step_counter + 1)
        self.skipped_steps.assign(self.skipped_steps + skipped)
        self.skipped_in_a_row.assign((self.skipped_in_a_row + 1) * skipped)

    def update_average(self, finite):
        """Moves the averaged generator towards the trained one.

        Args:
            finite: Boolean scalar. A step that was skipped moves nothing.
        """
        decay = ops.where(finite, self.ema_decay(self.step_counter), 1.0)
        for average, variable in zip(
            self.ema_generator.variables, self.generator.variables, strict=True
        ):
            if "float" not in str(variable.dtype):
                average.assign(variable)
                continue
            value = ops.cast(variable.value, average.dtype)
            average.assign(average + (value - average) * (1.0 - decay))

    @property
    def metrics(self):
        return self.trackers

    def update_trackers(self, values, finite=True):
        """Updates the means of the terms, and gives those of this epoch.

        Args:
            values: Dict of name to scalar, of one step.
            finite: Boolean scalar. A step that was skipped counts for
                nothing. Defaults to `True`.

        Returns:
            Dict of name to scalar, the means so far; NaN where all steps so
            far were skipped.
        """
        results = {}
        for tracker in self.trackers:
            if tracker.name in values:
                value = ops.where(finite, values[tracker.name], 0.0)
                weight = ops.cast(finite, "float32")
                tracker.update_state(value, sample_weight=weight)
                results[tracker.name] = tracker.result()
        return results

    def evaluate_phases(self, batch):
        """Loss terms of both phases, by the averaged generator.

        Args:
            batch: What the dataset yields.

        Returns:
            Dict of name to scalar.
        """
        values = {}
        self._evaluating = True
        try:
            for losses_of, _, _, total_name in self.phases:
                total, means = self.weighted_total(losses_of(batch))
                if means:
                    values.update(means)
                    values[total_name] = total
        finally:
            self._evaluating = False
        return values

    def extra_variables(self):
        """Further state of a run; a family adds what it keeps of its own.

        Returns:
            List of variables, in a stable order: the states of the seed
            generators of this model and its networks, and what an adaptive
            augmentation keeps. A family adds, say, the variables of an
            `ImagePool`.
        """
        seeds = [
            variable
            for variable in self.variables
            if "seed_generator_state" in variable.path
        ]
        known = {id(variable) for variable in seeds}
        state = [] if self.augmentation is None else self.augmentation.variables
        if self.consistency is not None:
            state = [*state, *self.consistency.variables]
        return [*seeds, *(v for v in state if id(v) not in known)]

    def training_variables(self):
        """Everything that a run needs to go on exactly where it stopped.

        Returns:
            Dict of a stable key to variable: both networks, the average, the
            step counter, the state of both optimizers, and
            `extra_variables`.
        """
        groups = {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "ema_generator": self.ema_generator.variables,
            "step_counter": [self.step_counter],
            SKIPPED: [self.skipped_steps, self.skipped_in_a_row],
            "learning_rate_scale": [self.learning_rate_scale],
            "extra": self.extra_variables(),
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        return {
            f"{group}/{index:04d}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs, training=False):
        return self.active_generator(inputs, training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(
                self.discriminator
            ),
            "ema_momentum": self.ema_momentum,
            "augmentation": keras.saving.serialize_keras_object(
                self.augmentation
            ),
            "instance_noise": keras.saving.serialize_keras_object(
                self.instance_noise
            ),
            "consistency": keras.saving.serialize_keras_object(
                self.consistency
            ),
        }

    @classmethod
    def from_config(cls, config):
        config = {
            name: keras.saving.deserialize_keras_object(value)
            if isinstance(value, dict) and "class_name" in value
            else value
            for name, value in config.items()
        }
        return cls(**config)


class _Together:
    """Networks that are trained in one phase by one optimizer."""

    def __init__(self, *networks):
        self.networks = networks
        self.dtype_policy = networks[0].dtype_policy

    @property
    def trainable_variables(self):
        return [v for n in self.networks for v in n.trainable_variables]


class _MeanOfSteps(keras.metrics.Mean):
    """A mean that is not a number, rather than 0, as long as it has no step."""

    def result(self):
        return ops.where(self.count > 0, super().result(), float("nan"))
