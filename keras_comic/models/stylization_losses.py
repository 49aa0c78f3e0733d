"""The loss terms of a stylised picture, that families have in common."""

from keras_comic import losses

CONTENT_LAYER = "relu3_3"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def style_layers_of(feature_network):
    """The layers of a feature network that the style terms look at."""
    names = feature_network.layer_names
    missing = [n for n in (CONTENT_LAYER, *STYLE_LAYERS[:3]) if n not in names]
    if missing:
        raise ValueError(
            f"`feature_network` must reach {CONTENT_LAYER}. "
            f"Received: a network of {names}"
        )
    return [name for name in STYLE_LAYERS if name in names]


def stylization_losses(
    comics, photos, drawings, feature_network, is_used, photo_layers=()
):
    """Content, style, and what keeps the photo in its comic."""
    layers = style_layers_of(feature_network)
    features = feature_network(comics, layers=[CONTENT_LAYER, *layers])
    photo_features = feature_network(
        photos, layers=[CONTENT_LAYER, *photo_layers]
    )
    drawing_features = feature_network(drawings, layers=layers)
    styled = [features[name] for name in layers]
    drawn = [drawing_features[name] for name in layers]
    values = {
        "content": losses.content_loss(
            features[CONTENT_LAYER], photo_features[CONTENT_LAYER]
        ),
        "style": losses.moments_style_loss(styled, drawn),
    }
    if is_used("gram"):
        values["gram"] = losses.gram_style_loss(styled, drawn)
    if is_used("structure"):
        values["structure"] = losses.structure_loss(comics, photos)
    if is_used("smoothness"):
        values["smoothness"] = losses.edge_aware_smoothness_loss(comics, photos)
    if is_used("tone"):
        values["tone"] = losses.tone_loss(comics, photos)
    if is_used("total_variation"):
        values["total_variation"] = losses.total_variation_loss(comics)
    return values, features, photo_features
