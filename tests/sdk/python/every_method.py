"""The law that some test calls each method of the client, with success: calls are noted as they return, and at the end
those methods are named that nothing has called.

The methods are found by looking at the client, so that a newer one which has more of them fails until each is tested,
or stands below with the reason why it cannot be."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from svix.api import Svix, SvixOptions

# What the server does not offer; docs/compatibility.md says why, and a test sees that there is nothing.
NOT_OFFERED = {
    "authentication.*stream*": "streams are another product",
    "autoconfig_subscription.*": "set-up by a client that is told how in a token",
    "connector.*": "a template for the hosted portal of its vendor",
    "destination.rotate_secret": "nothing that a polling endpoint gives is signed",
    "destination.transformation.*": "sinks of other kinds",
    "ingest.*": "this server sends",
    "streaming.*": "streams are another product",
}


def is_offered(method: str) -> bool:
    return not any(fnmatchcase(method, pattern) for pattern in NOT_OFFERED)


def methods_of(owner: object, path: str = "") -> Iterator[tuple[str, object, str]]:
    """Each method of a client: as it is called, the resource that has it, and its name there."""
    for name, member in vars(type(owner)).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield from methods_of(getattr(owner, name), f"{path}{name}.")
        elif inspect.isfunction(member):
            yield f"{path}{name}", owner, name


class Calls:
    """Notes which methods of the client have been called and have returned."""

    def __init__(self) -> None:
        self._called: set[tuple[type, str]] = set()
        self._names: dict[tuple[type, str], str] = {}
        client = Svix("nobody", SvixOptions(server_url="http://nowhere.invalid"))
        for method, resource, name in methods_of(client):
            owner = type(resource)
            # A resource that can be reached by two ways is one.
            if (owner, name) not in self._names:
                self._names[owner, name] = method
                setattr(owner, name, self._noting((owner, name), getattr(owner, name)))

    def _noting(self, key: tuple[type, str], call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def noting(*arguments: object, **named: object) -> object:
            answer = call(*arguments, **named)
            self._called.add(key)
            return answer

        return noting

    def faults(self) -> list[str]:
        """What is against the law, a sentence each."""
        never = [name for key, name in self._names.items() if is_offered(name) and key not in self._called]
        after_all = [name for key, name in self._names.items() if not is_offered(name) and key in self._called]
        return [f"no test calls {name} with success" for name in sorted(never)] + [
            f"{name} is offered after all: take it out of NOT_OFFERED" for name in sorted(after_all)
        ]
