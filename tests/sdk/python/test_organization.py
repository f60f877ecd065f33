"""What an operator does beside delivering, with the official Python client: keys for programs, figures, removal."""

from __future__ import annotations

import pytest
from svix.api import IntegrationIn, IntegrationUpdate, Svix, SvixOptions
from svix.exceptions import HttpError

from conftest import Customer
from server import Server


def test_an_integration_acts_for_its_application_with_its_key(server: Server, svix: Svix, customer: Customer) -> None:
    app_id = customer.app_id
    made = svix.integration.create(app_id, IntegrationIn(name="crm"))
    assert made.id.startswith("integ_")
    assert svix.integration.update(app_id, made.id, IntegrationUpdate(name="the crm")).name == "the crm"
    assert [found.name for found in svix.integration.list(app_id).data] == ["the crm"]

    key = svix.integration.rotate_key(app_id, made.id).key
    program = Svix(key, SvixOptions(server_url=server.url, retry_schedule=[]))
    assert [endpoint.id for endpoint in program.endpoint.list(app_id).data] == [customer.endpoint.id]
    with pytest.raises(HttpError) as refused:
        program.application.list()
    assert refused.value.status_code == 403

    svix.integration.delete(app_id, made.id)
    with pytest.raises(HttpError) as refused:
        program.endpoint.list(app_id)
    assert refused.value.status_code == 401
