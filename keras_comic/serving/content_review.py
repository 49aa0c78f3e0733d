"""A classifier of one's own, asked before a result leaves the server."""

import collections
import concurrent.futures
import importlib
import io
import ipaddress
import logging
import math
import numbers
import queue
import sys
import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_comic.serving.errors import ServingError

LOGGER = logging.getLogger("keras_comic.serving")

MAX_REASON = 200


class Verdict(NamedTuple):
    """What a classifier says of a picture.

    Args:
        allowed: Boolean.
        reason: String, told to whoever asked for the picture if it is
            withheld. Defaults to `""`.
    """

    allowed: bool
    reason: str = ""


class ContentReview:
    """Asks a classifier of every picture before anybody is given it.

    It fails closed: a picture is only given away if the classifier has said
    in time that it is allowed. What this finds is what the classifier finds:
    keras_comic comes with none, and without one nothing is reviewed.

    Args:
        classifier: Function of a uint8 batch `(batch, height, width, 3)`, RGB
            in `[0, 255]`, that gives one answer for each picture: `True` or
            `False`, a `Verdict`, or, with `thresholds`, a dict of label to
            score. It is called from `num_threads` threads.
        thresholds: Dict of label to float, or `None`. A picture is withheld
            if the score of a label is not below its threshold. Defaults to
            `None`.
        timeout: Float > 0. Seconds for the review of a result, waiting for
            its turn included. Defaults to `10.0`.
        num_threads: Integer > 0. How many reviews run at the same time.
            Defaults to `1`.
        max_pending: Integer > 0. How many results may wait or be reviewed;
            more are refused. Defaults to `64`.

    Raises:
        TypeError: If `classifier` cannot be called.
        ValueError: If a number is out of its range.

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

    def __init__(
        self,
        classifier,
        thresholds=None,
        timeout=10.0,
        num_threads=1,
        max_pending=64,
    ):
        if not callable(classifier) or isinstance(classifier, type):
            raise TypeError(
                "`classifier` must be a function of a batch of pictures. "
                f"Received: classifier={classifier!r}"
            )
        for name, value, kind in (
            ("timeout", timeout, numbers.Real),
            ("num_threads", num_threads, numbers.Integral),
            ("max_pending", max_pending, numbers.Integral),
        ):
            if not isinstance(value, kind) or not 0 < value < math.inf:
                raise ValueError(
                    f"`{name}` must be a positive number. "
                    f"Received: {name}={value!r}"
                )
        if thresholds is not None:
            thresholds = dict(thresholds)
            if not thresholds or not all(map(_is_number, thresholds.values())):
                raise ValueError(
                    "`thresholds` must be numbers by label, at least one. "
                    f"Received: thresholds={thresholds!r}"
                )
        self.classifier = classifier
        self.thresholds = thresholds
        self.timeout = float(timeout)
        self._slots = threading.BoundedSemaphore(max_pending)
        self._tasks = queue.SimpleQueue()
        # They end with the process, however long a classifier hangs.
        for number in range(num_threads):
            threading.Thread(
                target=_work,
                args=(self._tasks,),
                name=f"content-review-{number}",
                daemon=True,
            ).start()

    def check(self, images):
        """Has pictures reviewed, and waits for it.

        Args:
            images: uint8 `(batch, height, width, 3)`, or a list of
                `(height, width, 3)`, RGB in `[0, 255]`.

        Raises:
            ServingError: `PERMISSION_DENIED` if a picture is withheld,
                `DEADLINE_EXCEEDED` if the review takes too long,
                `RESOURCE_EXHAUSTED` if too many wait for it, `INTERNAL` if
                the classifier fails or gives no proper answer.
        """
        self.submit({"images": images}).result()

    def submit(self, outputs):
        """Has a result reviewed.

        Args:
            outputs: Dict of name to what a signature gives: uint8 pictures,
                or strings of encoded ones. Anything else cannot be reviewed,
                and is withheld.

        Returns:
            `concurrent.futures.Future` of `outputs`, the same object; it
            raises what `check` raises.
        """
        future = concurrent.futures.Future()
        if not self._slots.acquire(blocking=False):
            future.set_exception(
                ServingError(
                    "RESOURCE_EXHAUSTED",
                    "Too many results wait for the content review; come again "
                    "later.",
                )
            )
            return future
        timer = threading.Timer(self.timeout, _give_up, (future,))
        timer.daemon = True
        timer.start()

        def review():
            try:
                if future.done():
                    return
                try:
                    self._review(outputs)
                except BaseException as error:
                    _settle(future, error=_as_withheld(error))
                else:
                    _settle(future, result=outputs)
            finally:
                timer.cancel()
                self._slots.release()

        self._tasks.put(review)
        return future

    def _review(self, outputs):
        groups = collections.defaultdict(list)
        for name, values in outputs.items():
            for picture in _pictures(name, values):
                groups[picture.shape].append(picture)
        if not groups:
            raise ValueError("There is no picture in the result.")
        for pictures in groups.values():
            answers = self.classifier(np.stack(pictures))
            answers = answers if isinstance(answers, str) else list(answers)
            if isinstance(answers, str) or len(answers) != len(pictures):
                raise ValueError(
                    "The classifier must give a list of one answer for each "
                    f"picture. Received: {len(answers)} answers for "
                    f"{len(pictures)} pictures"
                )
            for answer in answers:
                verdict = self._verdict(answer)
                if not verdict.allowed:
                    raise _Withheld(verdict.reason)

    def _verdict(self, answer):
        if self.thresholds is None:
            if isinstance(answer, Verdict):
                if isinstance(answer.allowed, (bool, np.bool_)):
                    return answer
            elif isinstance(answer, (bool, np.bool_)):
                return Verdict(bool(answer))
            raise TypeError(
                "The classifier must answer True, False or a `Verdict`. "
                f"Received: {answer!r}"
            )
        if not isinstance(answer, Mapping):
            raise TypeError(
                "The classifier must answer a dict of label to score. "
                f"Received: {answer!r}"
            )
        for label, threshold in self.thresholds.items():
            score = answer.get(label)
            if not _is_number(score):
                raise ValueError(
                    f"The classifier must give a score for {label!r}. "
                    f"Received: {score!r}"
                )
            if not score < threshold:
                return Verdict(False, str(label))
        return Verdict(True)


class ReviewedRepository:
    """A repository of models whose results are all reviewed.

    It stands in for the repository in a server.

    Args:
        repository: `ModelRepository`.
        content_review: `ContentReview`.
    """

    def __init__(self, repository, content_review):
        self._repository = repository
        self.content_review = content_review

    def __getattr__(self, name):
        return getattr(self._repository, name)

    def find(self, name, version=None, label=None):
        """Finds who answers a request, see `ModelRepository.find`.

        Args:
            name: String.
            version: Integer. Defaults to `None`, for the newest.
            label: String, instead of a version. Defaults to `None`.

        Returns:
            A `ReviewedServable`.

        Raises:
            ServingError: As `ModelRepository.find`.
        """
        servable = self._repository.find(name, version=version, label=label)
        return ReviewedServable(servable, self.content_review)


class ReviewedServable:
    """A version of a model whose results are all reviewed."""

    def __init__(self, servable, content_review):
        self._servable = servable
        self._content_review = content_review

    def __getattr__(self, name):
        return getattr(self._servable, name)

    def predict(self, signature_name, inputs, deadline=None):
        """Takes a request, see `Servable.predict`."""
        prediction = self._servable.predict(signature_name, inputs, deadline)
        if self._has_no_pictures(signature_name):
            return prediction
        return _ReviewedPrediction(prediction, self._content_review)

    def _has_no_pictures(self, signature_name):
        """Whether a signature takes a list of numbers and no more."""
        inputs = self._servable.signatures[signature_name].inputs
        return all(
            info.shape.rank in (0, 1) and info.dtype.is_integer
            for info in inputs.values()
        )


class _ReviewedPrediction(concurrent.futures.Future):
    """The result of a prediction when it has been reviewed."""

    def __init__(self, prediction, content_review):
        super().__init__()
        self._prediction = prediction
        self._content_review = content_review
        prediction.add_done_callback(self._predicted)

    @property
    def batch_size(self):
        return self._prediction.batch_size

    def cancel(self):
        self._prediction.cancel()
        return super().cancel()

    def _predicted(self, prediction):
        if prediction.cancelled():
            super().cancel()
        elif prediction.exception() is not None:
            _settle(self, error=prediction.exception())
        else:
            review = self._content_review.submit(prediction.result())
            review.add_done_callback(self._reviewed)

    def _reviewed(self, review):
        error = review.exception()
        if error is not None:
            _settle(self, error=error)
        else:
            _settle(self, result=review.result())


class _Withheld(Exception):
    """The classifier has said no."""


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
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name or ":" in function_name:
        raise ValueError(
            "A content classifier must be named module:function. "
            f"Received: {name!r}"
        )
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module_name)
        for part in function_name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"The content classifier {name!r} cannot be imported: {error}"
        ) from error
    if not callable(found) or isinstance(found, type):
        raise TypeError(
            "A content classifier must be a function of a batch of pictures. "
            f"Received: {name!r}, {found!r}"
        )
    return found


def check_is_reviewed(host, content_review, without_content_review=False):
    """Raises an error if others would be given what nobody has reviewed."""
    if content_review is not None and without_content_review:
        raise ValueError(
            "A content classifier and `without_content_review` exclude each "
            "other. Received: both"
        )
    if content_review is None and not without_content_review:
        if not _is_loopback(host):
            raise ValueError(
                "A server for others than this machine must have a content "
                "classifier that reviews its results "
                "(--content-classifier module:function), or be told to do "
                "without (--without-content-review). "
                f"Received: host={host!r}"
            )


def _is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _work(tasks):
    while True:
        tasks.get()()


def _give_up(future):
    error = ServingError(
        "DEADLINE_EXCEEDED",
        "The content review took too long; the result is withheld.",
    )
    _settle(future, error=error)


def _settle(future, result=None, error=None):
    """Ends a future, unless something else has ended it."""
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
    except concurrent.futures.InvalidStateError:
        pass


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


def _is_number(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and not math.isnan(value)
    )
