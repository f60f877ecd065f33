"""What the server does not offer it says so of, in one way; docs/compatibility.md has the reasons."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from operator import attrgetter

import pydantic
import pytest
from svix.api import Svix, SvixOptions
from svix.exceptions import HttpError

from every_method import is_offered, methods_of
from server import Server


def arguments(call: Callable[..., object], app_id: str) -> Iterator[object]:
    """Something to call a method with: what it is matters little to a server that does not know the path."""
    kinds = typing.get_type_hints(inspect.unwrap(call))
    for parameter in inspect.signature(call).parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            continue
        kind = kinds[parameter.name]
        if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
            yield kind.model_construct()
        else:
            yield app_id if parameter.name == "app_id" else "none"


def test_there_is_nothing_at_the_paths_of_what_is_not_offered(
    server: Server, token: str, svix: Svix, app_id: str
) -> None:
    absent = [method for method, _, _ in methods_of(svix) if not is_offered(method)]
    assert len(absent) > 40
    for method in absent:
        # A client each: the server closes a connection when it refuses a request unread.
        call = attrgetter(method)(Svix(token, SvixOptions(server_url=server.url, retry_schedule=[])))
        with pytest.raises(HttpError) as answer:
            call(*arguments(call, app_id))
        status, detail = answer.value.status_code, answer.value.detail
        nothing = status == 405 or (status == 404 and detail.startswith("There is nothing at this path."))
        assert nothing, f"{method} is offered after all: {status} {detail}"
