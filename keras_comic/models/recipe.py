"""What a family says of its training, and the families by name."""

DEFAULT_FAMILY = "adain"
# Short side of the drawings that named styles are averaged from, pixels.
STYLE_SIZE = 256

_recipes = {}


class Recipe:
    """What is a family's own in training. A family derives from it.

        @register_recipe("cartoon_gan")
        class CartoonGANRecipe(Recipe):
            data_kind = "unpaired"
            options = {**Recipe.options, "reconstruction_steps": 100}

            def make_gan(self, options, steps, start=None):
                ...
                return gan

    Attributes:
        data_kind: String. What a batch holds, one of
            `training_data.KINDS`.
        options: Dict of option to default; a command sets others by
            `--set NAME=VALUE`.
        search_space: Dict of option or loss term to the bounds, two floats,
            that a search tries, on a logarithmic scale.
        loss_weights: Dict of loss term to the weight that the family gives
            it, which a search tries first.
        about: String. A sentence or two for the preset's card: what was
            trained, and by which losses.
    """

    data_kind = "style_transfer"
    options = {
        "image_size": 128,
        "batch_size": 4,
        "zoom": (0.6, 1.0),
        "max_blank": (0.75, 0.4),
        "identity_fraction": 0.0,
        "learning_rate": 1e-3,
        "loss_weights": {},
        "features": "imagenet",
        "precision": "float32",
        "keep_styles": True,
        "steps_per_epoch": 100,
        "seed": 0,
    }
    search_space = {"learning_rate": (2e-4, 4e-3)}
    loss_weights = {}
    about = ""

    def make_gan(self, options, steps, start=None):
        """Makes the compiled `GAN`.

        Args:
            options: Dict of all options.
            steps: Integer > 0. Training steps, for schedules.
            start: Model whose weights (and, with the option `keep_styles`,
                styles) to begin from, or `None`. Defaults to `None`.

        Returns:
            A compiled `GAN`, whose averaged generator becomes the preset.
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` must override `make_gan`."
        )

    def search_defaults(self, space):
        """Returns the values that a search tries first.

        Args:
            space: Dict of the names that are searched.

        Returns:
            Dict of name to float.
        """
        known = {**self.loss_weights, **self.options}
        return {name: known[name] for name in space if name in known}

    def finish(self, model, data):
        """Adds to the trained model what is not trained.

        Here a `StyleGenerator` gets a named style for each label of the
        drawings.

        Args:
            model: The trained model.
            data: `TrainingData`.
        """
        if model.kind != "style_generator":
            return
        for name, paths in data.labelled_drawings().items():
            if pictures := list(data.read(paths, STYLE_SIZE)):
                model.add_style(name, pictures)


def register_recipe(family):
    """Makes a `Recipe` class known by the name of its family.

    Args:
        family: String, such as `"cartoon_gan"`.

    Returns:
        A decorator of the class.
    """

    def register(recipe):
        _recipes[family] = recipe
        return recipe

    return register


def get_recipe(family):
    """Returns a family's recipe.

    Args:
        family: String.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If there is no such family; the names are listed.
    """
    if family not in _recipes:
        raise ValueError(
            f"`family` must be one of {sorted(_recipes)}; a family of your "
            "own is known once its module is imported (`keras-comic --import "
            f"MODULE`). Received: family={family!r}"
        )
    return _recipes[family]()
