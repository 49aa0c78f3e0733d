"""What every test starts from."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two threads that wait for each other cost more than these sizes gain.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import keras  # noqa: E402
import pytest  # noqa: E402


def pytest_configure(config):
    # Keras itself reads TensorFlow variables this way, with NumPy 2.
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation:DeprecationWarning",
    )


def pytest_collection_finish():
    """Lets the collector pass over all that the imports have made."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_start():
    """Fixed seeds and the default policy, whatever the test before did."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")
