"""A training step on TensorFlow, by tf.GradientTape."""

import tensorflow as tf


class BackendStep:
    """What `GAN` needs of TensorFlow."""

    # XLA compiles long and runs convolutions slowly on a CPU.
    default_jit_compile = False

    def prepare_step(self):
        """Called at the end of `compile`; nothing to do here."""
        self.train_function = None

    def train_step(self, data):
        values = {}
        for losses_of, network, optimizer, total_name in self.phases:
            variables = network.trainable_variables
            with tf.GradientTape() as tape:
                total, means = self.weighted_total(losses_of(data))
                scaled = optimizer.scale_loss(total)
            gradients = tape.gradient(scaled, variables)
            optimizer.apply(gradients, variables)
            values.update(means)
            values[total_name] = total
        self.update_average()
        return self.update_trackers(values)

    def test_step(self, data):
        return self.update_trackers(self.evaluate_phases(data))

    def input_gradients(self, function, inputs):
        """Gradients of a function's summed output by its input.

        Inside a phase they can be differentiated again, as penalties need.

        Args:
            function: Tensor to tensor, such as the discriminator.
            inputs: Float `(batch, ...)`.

        Returns:
            Float tensor of the shape of `inputs`.
        """
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs)
