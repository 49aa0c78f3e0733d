"""The variables of a run."""


def add_counter(gan, name):
    """Adds an integer that counts steps."""
    return gan.add_weight(
        shape=(),
        dtype="int32",
        initializer="zeros",
        trainable=False,
        name=name,
        aggregation="only_first_replica",
    )


def training_variables(gan):
    """Lists what a run needs to go on where it stopped, by stable keys."""
    groups = {
        name: layer.variables for name, layer in _networks_of(gan).items()
    }
    groups["step_counter"] = [gan.step_counter]
    groups["skipped_steps"] = [gan.skipped_steps, gan.skipped_in_a_row]
    named = {id(v) for variables in groups.values() for v in variables}
    # Random numbers, and layers such as an `ImagePool`.
    groups["extra"] = [v for v in _run_variables(gan) if id(v) not in named]
    for name, optimizer in gan.optimizers.items():
        groups[f"{name}_optimizer"] = optimizer.variables
    return {
        f"{group}/{index:04d}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def state_of_losses(gan):
    """Lists what losses may move; a step that is skipped puts them back."""
    left = [gan.step_counter, gan.skipped_steps, gan.skipped_in_a_row]
    for name in gan.averaged_names:
        left += getattr(gan, f"ema_{name}").variables
    left = {id(variable) for variable in left}
    return [
        variable
        for variable in _run_variables(gan)
        if not variable.trainable and id(variable) not in left
    ]


def _networks_of(gan):
    names = [*gan.network_names, *(f"ema_{n}" for n in gan.averaged_names)]
    return {name: getattr(gan, name) for name in names}


def _run_variables(gan):
    """Lists all variables but those of frozen layers, such as features."""
    networks = list(_networks_of(gan).values())
    kept = {id(v) for network in networks for v in network.variables}
    frozen = {
        id(variable)
        for layer in gan.layers
        if not layer.trainable
        for variable in layer.variables
    }
    return [v for v in gan.variables if id(v) in kept or id(v) not in frozen]
