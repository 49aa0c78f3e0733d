"""A training step on TensorFlow, by tf.GradientTape."""

import keras
import tensorflow as tf


class BackendStep:
    """What `GAN` needs of TensorFlow."""

    # XLA compiles long and runs convolutions slowly on a CPU.
    default_jit_compile = False

    def check_backend(self):
        """Called at the start of `compile`: this backend trains."""

    def prepare_step(self):
        """Called at the end of `compile`: Keras's trainer is ready as it is."""

    def sync_state(self):
        """Called before variables are read in a `fit`: they are up to date."""

    def train_step(self, data):
        batch = self.batch_of(data)
        values = {}
        for losses_of, network, optimizer, total_name in self.phases:
            variables = network.trainable_variables
            with tf.GradientTape() as tape:
                total, means = self.weighted_total(losses_of(batch))
                scaled = optimizer.scale_loss(total)
            if not means:
                # The weights of this phase's terms are all 0.
                continue
            gradients = tape.gradient(scaled, variables)
            optimizer.apply(gradients, variables)
            values.update(means)
            values[total_name] = total
        self.update_average()
        return self.update_trackers(values)

    def test_step(self, data):
        # What the losses would move, such as the vectors of a spectral
        # normalisation, is dropped with the scope.
        with keras.StatelessScope():
            values = self.evaluate_phases(self.batch_of(data))
        return self.update_trackers(values)

    def input_gradients(self, function, inputs):
        """Gradients of a function's summed output by its input.

        Inside a phase they can be differentiated again, as penalties need.

        Args:
            function: Tensor to tensor, such as the discriminator. It must not
                update variables: call the discriminator in it with
                `training=False`.
            inputs: Float `(batch, ...)`.

        Returns:
            Float tensor of the shape of `inputs`.
        """
        inputs = tf.convert_to_tensor(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs, unconnected_gradients="zero")
