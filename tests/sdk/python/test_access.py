"""Tokens of customers, with the official Python client: what they reach, and how they end."""

from __future__ import annotations

import httpx
import pytest
from svix.api import (
    ApplicationIn,
    ApplicationTokenExpireIn,
    AppPortalAccessIn,
    EndpointIn,
    Svix,
    SvixOptions,
)

from conftest import Customer, refused
from generation import needs
from server import Server


def client(server: Server, token: str) -> Svix:
    return Svix(token, SvixOptions(server_url=server.url, retry_schedule=[]))


def test_a_customers_token_reaches_its_own_application_alone(server: Server, svix: Svix, customer: Customer) -> None:
    other = svix.application.create(ApplicationIn(name="another")).id
    access = svix.authentication.app_portal_access(customer.app_id, AppPortalAccessIn())
    assert access.url.startswith(server.url) and access.url.endswith(access.token)

    portal = client(server, access.token)
    assert [endpoint.id for endpoint in portal.endpoint.list(customer.app_id).data] == [customer.endpoint.id]
    # What it may not do at all is 403; of another application it does not learn whether it is there.
    refused(403, portal.application.list)
    refused(404, lambda: portal.endpoint.list(other))


def test_a_link_that_may_only_look_changes_nothing(server: Server, svix: Svix, customer: Customer) -> None:
    access = svix.authentication.app_portal_access(customer.app_id, AppPortalAccessIn(read_only=True))
    portal = client(server, access.token)
    assert portal.endpoint.get(customer.app_id, customer.endpoint.id).url == customer.endpoint.url
    refused(403, lambda: portal.endpoint.create(customer.app_id, EndpointIn(url="https://hooks.example/new")))
    refused(403, lambda: portal.endpoint.get_secret(customer.app_id, customer.endpoint.id))


def test_a_link_makes_the_application_that_is_not_there(server: Server, svix: Svix, app_id: str) -> None:
    uid = f"made-for-{app_id}"
    asked = AppPortalAccessIn(application=ApplicationIn(name="Made by its link", uid=uid))
    access = svix.authentication.app_portal_access(uid, asked)
    assert svix.application.get(uid).name == "Made by its link"
    assert client(server, access.token).endpoint.list(uid).data == []


@needs("authentication.dashboard_access")
def test_the_link_of_old_leads_to_the_same_portal(server: Server, svix: Svix, customer: Customer) -> None:
    access = svix.authentication.dashboard_access(customer.app_id)
    assert access.url.startswith(server.url) and access.url.endswith(access.token)
    listed = client(server, access.token).endpoint.list(customer.app_id).data
    assert [endpoint.id for endpoint in listed] == [customer.endpoint.id]


def test_tokens_of_a_session_end_alone_and_then_all_of_them(server: Server, svix: Svix, customer: Customer) -> None:
    def link(session: str) -> Svix:
        asked = AppPortalAccessIn(session_id=session)
        return client(server, svix.authentication.app_portal_access(customer.app_id, asked).token)

    first, second = link("first"), link("second")
    svix.authentication.expire_all(customer.app_id, ApplicationTokenExpireIn(session_ids=["first"]))
    assert refused(401, lambda: first.endpoint.list(customer.app_id)).code == "authentication_failed"
    assert len(second.endpoint.list(customer.app_id).data) == 1

    svix.authentication.expire_all(customer.app_id, ApplicationTokenExpireIn())
    refused(401, lambda: second.endpoint.list(customer.app_id))


def test_who_logs_out_is_out_and_nobody_else_is(server: Server, svix: Svix, customer: Customer) -> None:
    leaving, staying = (
        client(server, svix.authentication.app_portal_access(customer.app_id, AppPortalAccessIn()).token)
        for _ in range(2)
    )
    assert leaving.authentication.logout() is None
    refused(401, lambda: leaving.endpoint.list(customer.app_id))
    assert len(staying.endpoint.list(customer.app_id).data) == 1
    # The token of the organization is the operator's, and is revoked in the console.
    assert refused(400, svix.authentication.logout).code == "not_supported"


def test_a_server_that_is_there_is_healthy(server: Server, svix: Svix) -> None:
    assert svix.health.get() is None
    # It says so to anybody.
    assert client(server, "nonsense").health.get() is None
    with pytest.raises(httpx.TransportError):
        Svix("nobody", SvixOptions(server_url="http://127.0.0.1:1", retry_schedule=[])).health.get()
