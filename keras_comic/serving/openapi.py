"""The OpenAPI page of the local server."""

def make_openapi_page(repository):
    return {}
