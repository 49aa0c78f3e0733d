"""The means of loss terms that `fit` logs."""

import keras
from keras import ops


class Trackers:
    """Means of the terms since the epoch began, by their names."""

    def __init__(self, phases, loss_weights, judges):
        names = [phase.total_name for phase in reversed(phases)]
        names += [name for name in loss_weights if name not in names]
        self.judged = {}
        for name, judge in judges.items():
            if judge.augmentation is not None:
                prefix = "" if name == "discriminator" else f"{name}_"
                self.judged[f"{prefix}augmentation_probability"] = (
                    judge.augmentation.probability
                )
                self.judged[f"{prefix}real_sign"] = judge.augmentation.real_sign
        self.metrics = [MeanOfSteps(name=n) for n in (*names, *self.judged)]

    def update(self, results, finite=True):
        """Updates the means by one step; returns those since the start."""
        sums, weights = {}, {}
        for terms, due, share in results:
            counted = ops.logical_and(finite, due)
            for name, value in terms.items():
                value = value if share == 1.0 else share * value
                if name in sums:
                    value = sums[name] + value
                sums[name], weights[name] = value, counted
        logs = {}
        for metric in self.metrics:
            if metric.name in sums:
                counted = weights[metric.name]
                value = ops.where(counted, sums[metric.name], 0.0)
                metric.update_state(
                    value, sample_weight=ops.cast(counted, "float32")
                )
                logs[metric.name] = metric.result()
        return logs


class MeanOfSteps(keras.metrics.Mean):
    """A mean that is NaN, rather than 0, while it has no step."""

    def result(self):
        return ops.where(self.count > 0, super().result(), float("nan"))
