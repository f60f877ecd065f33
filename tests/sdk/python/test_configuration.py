"""What an organization sets up, with the official Python client: applications, event types, its environment, and where
it is told of what happens."""

from __future__ import annotations

import json
import uuid

from svix.api import (
    ApplicationIn,
    ApplicationPatch,
    EndpointIn,
    EnvironmentIn,
    EventTypeImportOpenApiIn,
    EventTypeIn,
    EventTypeListOptions,
    EventTypePatch,
    OperationalWebhookEndpointHeadersIn,
    OperationalWebhookEndpointIn,
    OperationalWebhookEndpointSecretIn,
    Svix,
)
from svix.api import EventTypeDeleteOptions as Delete
from svix.webhooks import Webhook

from conftest import eventually, refused
from generation import EventTypePut, OperationalPut, put, put_headers
from receiver import Arrival, Receiver


def test_an_application_is_patched_and_replaced_and_made_where_there_is_none(svix: Svix) -> None:
    uid = f"customer-{uuid.uuid4()}"
    made = svix.application.create(ApplicationIn(name="Acme", uid=uid, metadata={"plan": "gold"}, throttle_rate=9))
    patched = svix.application.patch(uid, ApplicationPatch(name="Acme 2", throttle_rate=None))
    assert (patched.id, patched.name, patched.throttle_rate) == (made.id, "Acme 2", None)
    assert patched.metadata == {"plan": "gold"}, "what a patch does not name stays"

    replaced = put(svix.application)(uid, ApplicationIn(name="Acme 3", uid=uid))
    assert (replaced.id, replaced.name, replaced.metadata) == (made.id, "Acme 3", {})

    other = f"customer-{uuid.uuid4()}"
    assert put(svix.application)(other, ApplicationIn(name="New", uid=other)).id != made.id
    assert svix.application.get(other).name == "New"


def test_an_event_type_is_patched_replaced_archived_and_made_anew(svix: Svix) -> None:
    name = f"user.{uuid.uuid4().hex}"
    schemas = {"1": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    svix.event_type.create(EventTypeIn(name=name, description="A user", schemas=schemas))
    again = EventTypeIn(name=name, description="again")
    assert refused(409, lambda: svix.event_type.create(again)).code == "event_type_exists"

    patched = svix.event_type.patch(name, EventTypePatch(deprecated=True))
    assert (patched.deprecated, patched.description, patched.schemas) == (True, "A user", schemas)
    replaced = put(svix.event_type)(name, EventTypePut(description="Now"))
    assert (replaced.description, replaced.schemas) == ("Now", None)

    def listed(**options: object) -> bool:
        iterator = None
        while True:
            page = svix.event_type.list(EventTypeListOptions(limit=250, iterator=iterator, **options))
            if page.done or any(event_type.name == name for event_type in page.data):
                return any(event_type.name == name for event_type in page.data)
            iterator = page.iterator

    assert listed()
    svix.event_type.delete(name)
    assert svix.event_type.get(name).archived
    assert not listed() and listed(include_archived=True)
    svix.event_type.delete(name, Delete(expunge=True))
    refused(404, lambda: svix.event_type.get(name))


def test_event_types_come_out_of_an_openapi_document(svix: Svix) -> None:
    name = f"imported.{uuid.uuid4().hex}"
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = {"content": {"application/json": {"schema": schema}}}
    spec = {
        "openapi": "3.1.0",
        "info": {"title": "Ours", "version": "1"},
        "webhooks": {name: {"post": {"description": "It is imported", "requestBody": body}}},
    }
    dry = svix.event_type.import_openapi(EventTypeImportOpenApiIn(spec=spec, dry_run=True)).data
    assert [found.name for found in dry.to_modify or []] == [name] and dry.modified == []
    refused(404, lambda: svix.event_type.get(name))

    done = svix.event_type.import_openapi(EventTypeImportOpenApiIn(spec_raw=json.dumps(spec))).data
    assert done.modified == [name]
    made = svix.event_type.get(name)
    assert (made.description, made.schemas) == ("It is imported", {"1": schema})


def test_an_environment_is_exported_and_goes_back_in(svix: Svix) -> None:
    name = f"environment.{uuid.uuid4().hex}"
    svix.event_type.create(EventTypeIn(name=name, description="As it was"))
    exported = svix.environment.export()
    assert [found.description for found in exported.event_types if found.name == name] == ["As it was"]

    svix.event_type.patch(name, EventTypePatch(description="Changed"))
    kept = [EventTypeIn(name=name, description="As it was"), EventTypeIn(name=f"{name}.new", description="New")]
    assert svix.environment.import_(EnvironmentIn(event_types=kept)) is None
    assert svix.event_type.get(name).description == "As it was"
    assert svix.event_type.get(f"{name}.new").description == "New"

    half_bad = [EventTypeIn(name=f"{name}.half", description=""), EventTypeIn(name="not a name", description="")]
    refused(422, lambda: svix.environment.import_(EnvironmentIn(event_types=half_bad)))
    refused(404, lambda: svix.event_type.get(f"{name}.half"))


def test_an_organization_is_told_of_what_happens_to_endpoints(svix: Svix, receiver: Receiver, app_id: str) -> None:
    webhooks = svix.operational_webhook.endpoint
    path = f"/operational/{app_id}"
    made = webhooks.create(OperationalWebhookEndpointIn(url=receiver.url(path), uid=f"told-{app_id}"))
    assert webhooks.get(made.id) == made
    assert made.id in [found.id for found in webhooks.list().data]

    headers = OperationalWebhookEndpointHeadersIn(headers={"x-team": "platform"})
    put_headers(webhooks)(made.id, headers)
    assert webhooks.get_headers(made.id).headers == {"x-team": "platform"}
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    webhooks.rotate_secret(made.id, OperationalWebhookEndpointSecretIn(key=secret))
    assert webhooks.get_secret(made.id).key == secret

    created = svix.endpoint.create(app_id, EndpointIn(url="https://hooks.example/new"))

    def told() -> Arrival | None:
        ours = (arrival for arrival in receiver.arrivals(path) if json.loads(arrival.body)["data"]["appId"] == app_id)
        return next(ours, None)

    arrival = eventually(told)
    event = json.loads(arrival.body)
    assert (event["type"], event["data"]["endpointId"]) == ("endpoint.created", created.id)
    assert arrival.headers["x-team"] == "platform"
    Webhook(secret).verify(arrival.body, arrival.headers)

    put(webhooks)(made.id, OperationalPut(url=receiver.url(f"{path}/new"), description="put"))
    assert (webhooks.get(made.id).url, webhooks.get(made.id).description) == (receiver.url(f"{path}/new"), "put")
    webhooks.delete(made.id)
    refused(404, lambda: webhooks.get(made.id))
