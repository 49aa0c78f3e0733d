"""A classifier of one's own, asked before a result leaves the server."""

import collections
import io
import math
import pkgutil
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.serving.errors import ServingError
from keras_comic.serving.request_log import LOGGER
from keras_comic.serving.request_log import is_loopback

MAX_REASON = 200


class Verdict(NamedTuple):
    """The answer of a classifier for a picture.

    Args:
        allowed: Boolean.
        reason: String, told to whoever asked for the picture if it is
            withheld. Defaults to `""`.
    """

    allowed: bool
    reason: str = ""


class ContentReview:
    """Asks a classifier about every picture before anybody is given it.

    It fails closed: a picture is only given away if the classifier has said
    in time that it is allowed. keras_comic comes with no classifier, and
    without one nothing is reviewed.

    Args:
        classifier: Function of a uint8 batch `(batch, height, width, 3)`, RGB
            in `[0, 255]`, that gives one answer for each picture: `True`,
            `False` or a `Verdict`. It is called from one thread at a time.
        timeout: Float > 0. Seconds for the review of a result, waiting for
            its turn included. Defaults to `10.0`.

    Raises:
        TypeError: If `classifier` cannot be called.
        ValueError: If `timeout` is not positive.

    Example:

    >>> from keras_comic.serving.content_review import ContentReview
    >>> def is_light(images):
    ...     return [image.mean() > 20 for image in images]
    >>> review = ContentReview(is_light)
    >>> review.check(np.full((1, 32, 32, 3), 200, "uint8"))
    >>> review.check(np.zeros((1, 32, 32, 3), "uint8"))
    Traceback (most recent call last):
    ...
    keras_comic.serving.errors.ServingError: The result is withheld by ...
    """

    def __init__(self, classifier, timeout=10.0):
        _check_classifier(classifier)
        if not 0 < timeout < math.inf:
            raise ValueError(
                "`timeout` must be a positive number. "
                f"Received: timeout={timeout!r}"
            )
        self.classifier = classifier
        self.timeout = float(timeout)
        self._turn = threading.Lock()

    def check(self, images):
        """Has pictures reviewed, and waits for it.

        Args:
            images: uint8 `(batch, height, width, 3)`, or a list of
                `(height, width, 3)`, RGB in `[0, 255]`.

        Raises:
            ServingError: `PERMISSION_DENIED` if a picture is withheld,
                `DEADLINE_EXCEEDED` if the review takes too long, `INTERNAL`
                if the classifier fails or gives no proper answer.
        """
        outcome = Future()
        # It ends with the process, however long a classifier hangs.
        threading.Thread(
            target=self._settle, args=(images, outcome), daemon=True
        ).start()
        try:
            outcome.result(self.timeout)
        except TimeoutError as error:
            outcome.cancel()
            raise ServingError(
                "DEADLINE_EXCEEDED",
                "The content review took too long; the result is withheld.",
            ) from error

    def check_outputs(self, inputs, outputs):
        """Has what a signature gives reviewed.

        Args:
            inputs: Dict of name to `TensorInfo`, the signature's inputs.
            outputs: Dict of name to array: uint8 pictures, or strings of
                encoded ones. Anything else cannot be reviewed, and is
                withheld, except text that is asked for by whole numbers, such
                as the names of styles.

        Raises:
            ServingError: As `check`.
        """
        is_text = all(
            info.shape.rank in (0, 1) and info.dtype.is_integer
            for info in inputs.values()
        ) and all(
            array.dtype == object and not name.endswith("_bytes")
            for name, array in outputs.items()
        )
        if not is_text:
            self.check(outputs)

    def _settle(self, images, outcome):
        try:
            with self._turn:
                if outcome.set_running_or_notify_cancel():
                    self._review(images)
        except BaseException as error:
            outcome.set_exception(_as_withheld(error))
        else:
            if not outcome.cancelled():
                outcome.set_result(None)

    def _review(self, images):
        named = images if isinstance(images, Mapping) else {"images": images}
        groups = collections.defaultdict(list)
        for name, values in named.items():
            for picture in _pictures(name, values):
                groups[picture.shape].append(picture)
        if not groups:
            raise ValueError("There is no picture in the result.")
        for pictures in groups.values():
            answers = self.classifier(np.stack(pictures))
            if isinstance(answers, str) or len(answers) != len(pictures):
                raise ValueError(
                    "The classifier must give a list of one answer for each "
                    f"picture. Received: {answers!r} for {len(pictures)} "
                    "pictures"
                )
            for answer in answers:
                verdict = _verdict(answer)
                if not verdict.allowed:
                    raise _Withheld(verdict.reason)


class _Withheld(Exception):
    """Raised where the classifier has said no."""


def load_classifier(name):
    """Imports a classifier.

    Args:
        name: String `"module:function"`. Modules of the current folder are
            found as well.

    Returns:
        The function.

    Raises:
        ImportError: If there is no such module or function.
        TypeError: If it is no function.
        ValueError: If the name has another form.

    Example:

    >>> from keras_comic.serving.content_review import load_classifier
    >>> load_classifier("builtins:all")
    <built-in function all>
    """
    if ":" not in name:
        raise ValueError(
            "A content classifier must be named module:function. "
            f"Received: {name!r}"
        )
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        classifier = pkgutil.resolve_name(name)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"The content classifier {name!r} cannot be imported: {error}"
        ) from error
    _check_classifier(classifier)
    return classifier


def _check_classifier(classifier):
    if not callable(classifier) or isinstance(classifier, type):
        raise TypeError(
            "`classifier` must be a function of a batch of pictures. "
            f"Received: classifier={classifier!r}"
        )


def check_is_reviewed(host, content_review, without_content_review=False):
    """Raises an error if others would be given what nobody has reviewed."""
    if content_review is not None and without_content_review:
        raise ValueError(
            "A content classifier and `without_content_review` exclude each "
            "other. Received: both"
        )
    if content_review or without_content_review or is_loopback(host):
        return
    raise ValueError(
        "A server for others than this machine must have a content "
        "classifier that reviews its results "
        "(--content-classifier module:function), or be told to do without "
        f"(--without-content-review). Received: host={host!r}"
    )


def _verdict(answer):
    if isinstance(answer, (bool, np.bool_)):
        return Verdict(bool(answer))
    if isinstance(answer, Verdict) and isinstance(answer.allowed, bool):
        return answer
    raise TypeError(
        "The classifier must answer True, False or a `Verdict`. "
        f"Received: {answer!r}"
    )


def _as_withheld(error):
    if isinstance(error, _Withheld):
        reason = "".join(c for c in str(error) if c.isprintable())
        reason = f": {reason[:MAX_REASON]}" if reason else ""
        LOGGER.info(
            "result is withheld", extra={"fields": {"reason": reason[2:]}}
        )
        return ServingError(
            "PERMISSION_DENIED",
            f"The result is withheld by the content review{reason}.",
        )
    LOGGER.error("the content review fails", exc_info=error)
    return ServingError(
        "INTERNAL", "The content review failed; the result is withheld."
    )


def _pictures(name, values):
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from _pictures(name, np.asarray(value)[None])
        return
    values = np.asarray(values)
    if values.dtype == "uint8" and values.ndim == 4 and values.shape[-1] == 3:
        yield from values
    elif values.dtype == object and values.ndim == 1:
        for value in values:
            with Image.open(io.BytesIO(value)) as image:
                yield np.asarray(image.convert("RGB"))
    else:
        raise ValueError(
            "Only pictures can be reviewed, uint8 (batch, height, width, 3) "
            f"or encoded ones. Received: {name} of type {values.dtype} and "
            f"shape {values.shape}"
        )
