"""The words that a generation of the client has for the same thing: the tests speak the present ones, and are run with
the last of the generation before as well. What an installed client has is found by looking, never by its version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from svix import api
from svix.api import EndpointIn, Svix, SvixOptions

# It is only looked at: nothing is asked of it.
_client = Svix("nobody", SvixOptions(server_url="http://nowhere.invalid"))


def first(owner: object, *names: str) -> Any:
    """What is the first of these names that `owner` has."""
    return next(getattr(owner, name) for name in names if hasattr(owner, name))


def offers(method: str) -> bool:
    """Whether the client has a method, such as `message.poller.poll`."""
    found: object = _client
    for name in method.split("."):
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def needs(method: str) -> pytest.MarkDecorator:
    """Leaves out a test of what the client has no method for."""
    return pytest.mark.skipif(not offers(method), reason=f"this client has no {method}")


def put(resource: object) -> Callable[..., Any]:
    """The method of a resource that replaces an object, or makes it."""
    return first(resource, "upsert", "update")  # type: ignore[no-any-return]


def put_headers(resource: object) -> Callable[..., Any]:
    return first(resource, "set_headers", "update_headers")  # type: ignore[no-any-return]


EndpointPut = first(api, "EndpointUpsertIn", "EndpointUpdate")
EventTypePut = first(api, "EventTypeUpsertIn", "EventTypeUpdate")
OperationalPut = first(api, "OperationalWebhookEndpointUpsertIn", "OperationalWebhookEndpointUpdate")

# The member of an endpoint that has the event types which it wants.
EVENT_TYPES = "event_types" if "event_types" in EndpointIn.model_fields else "filter_types"


def wants(event_types: list[str] | None) -> dict[str, list[str] | None]:
    """The argument of an endpoint's model that says which event types it wants."""
    return {EVENT_TYPES: event_types}


def wanted(endpoint: object) -> list[str] | None:
    """The event types that an endpoint wants."""
    return getattr(endpoint, EVENT_TYPES)  # type: ignore[no-any-return]


def transformation(svix: Svix) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """How the code of an endpoint is read, and how it is changed."""
    endpoint: Any = svix.endpoint
    if hasattr(endpoint, "transformation"):
        return endpoint.transformation.get, endpoint.transformation.patch
    return endpoint.transformation_get, endpoint.patch_transformation
