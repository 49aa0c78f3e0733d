"""Random square crops of pictures, turned into what a network takes."""

import tensorflow as tf

from keras_comic.data.augmentation import check_augmentation
from keras_comic.data.augmentation import color_changes
from keras_comic.data.augmentation import cutout_boxes
from keras_comic.data.augmentation import finish_images
from keras_comic.data.crop_geometry import largest_ratio
from keras_comic.data.crop_geometry import largest_window
from keras_comic.data.crop_geometry import plan_crops
from keras_comic.data.crops import NUM_UNIFORMS
from keras_comic.data.crops import check_crop
from keras_comic.data.image_ops import resample
from keras_comic.data.image_ops import resize_square


class Cropper:
    """Plans the crops of many pictures and makes them in batches."""

    def __init__(self, image_size, zoom, augmentation):
        check_crop(image_size, zoom)
        self.image_size = image_size
        self.zoom = zoom
        self.augmentation = check_augmentation(augmentation)
        arguments = (image_size, zoom, self.augmentation)
        self.largest_ratio = largest_ratio(*arguments)
        self.largest_window = largest_window(*arguments)

    def num_uniforms(self, num_tries):
        """Random numbers that a picture needs."""
        return NUM_UNIFORMS + 3 * num_tries

    def plan(self, sizes, uniforms, parts):
        """Works out the crops of pictures."""
        places = tf.reshape(
            uniforms[:, NUM_UNIFORMS:],
            (-1, (uniforms.shape[1] - NUM_UNIFORMS) // 3, 3),
        )
        uniforms = uniforms[:, :NUM_UNIFORMS]
        augmentation, size = self.augmentation, self.image_size
        plan = plan_crops(
            sizes, places, uniforms, size, self.zoom, augmentation
        )
        parts = {"window", *parts}
        if self.largest_ratio > 1:
            parts.add("ratio")
        if augmentation.rotation:
            parts.add("matrix")
        crops = {key: getattr(plan, key) for key in sorted(parts)}
        changes = {}
        # What turns a crop mirrors it, too.
        if augmentation.flip and not augmentation.rotation:
            changes["mirrored"] = plan.mirrored
        if augmentation.color_jitter:
            jitter = augmentation.color_jitter
            changes["colors"] = color_changes(uniforms, jitter)
        if augmentation.cutout:
            cutout = augmentation.cutout
            changes["cutouts"] = cutout_boxes(uniforms, cutout, size)
        return crops, changes

    def fit(self, image, crop):
        """Makes a crop of the pixels that it needs."""
        if self.augmentation.rotation:
            return resample(
                image, crop["matrix"], self.image_size, self.largest_window
            )
        return resize_square(image, self.image_size)

    def finish(self, images, changes):
        """Turns crops into floats."""
        return finish_images(images, **changes)
