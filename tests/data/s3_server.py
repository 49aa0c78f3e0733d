"""A local server that speaks S3, for tests of object stores."""

import contextlib
import os
import uuid
from unittest import mock

import pytest

# Tests that need it are left out where it is not installed.
moto_server = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")


@contextlib.contextmanager
def s3_server():
    """A server with an empty bucket, which the environment points to."""
    server = moto_server.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        with mock.patch.dict(os.environ, environment):
            s3fs.S3FileSystem.clear_instance_cache()
            # The servers of a process share their contents.
            bucket = f"comics-{uuid.uuid4().hex}"
            s3fs.S3FileSystem().mkdir(bucket)
            yield f"s3://{bucket}"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
