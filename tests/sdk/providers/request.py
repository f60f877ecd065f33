"""A request that a server made, and the same with one byte changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from receiver import Arrival

SIGNATURES = {"twilio": "x-twilio-signature", "telnyx": "telnyx-signature-ed25519"}
# What the signature vouches for, beside itself.
SIGNED = {"twilio": ("target", "body"), "telnyx": ("body", "telnyx-timestamp")}


@dataclass(frozen=True)
class Request:
    provider: str
    url: str
    headers: dict[str, str]
    body: str

    @classmethod
    def arrived(cls, provider: str, arrival: Arrival) -> Request:
        # The URL as a framework puts it together for its program.
        url = f"http://{arrival.headers['host']}{arrival.target}"
        return cls(provider, url, arrival.headers, arrival.body.decode())

    @classmethod
    def previewed(cls, provider: str, request: dict[str, object]) -> Request:
        headers = {name.lower(): value for name, value in request["headers"].items()}
        return cls(provider, request["url"], headers, request["body"])

    def forgeries(self, place: Callable[[int], int]) -> dict[str, Request]:
        """The request with one byte of each signed part changed, and one of the signature; by the name of the part."""
        forged = {part: self._forge(part, place) for part in (*SIGNED[self.provider], SIGNATURES[self.provider])}
        return {part: request for part, request in forged.items() if request is not None}

    def _forge(self, part: str, place: Callable[[int], int]) -> Request | None:
        if part == "body":
            body = _change(self.body, place)
            return body and replace(self, body=body)
        if part == "target":
            at = self.url.index("/", len("https://"))
            target = _change(self.url[at:], place)
            return target and replace(self, url=self.url[:at] + target)
        # The last digit of base64 has bits that stand for nothing.
        value = _change(self.headers[part].rstrip("=")[:-1], place)
        return replace(self, headers={**self.headers, part: value + self.headers[part][len(value) :]})


def _change(text: str, place: Callable[[int], int]) -> str | None:
    """The text with another letter or digit in the place of one."""
    places = [at for at, character in enumerate(text) if character.isascii() and character.isalnum()]
    if not places:
        return None
    at = places[place(len(places))]
    # Digits stay digits, so that a changed escape is one still, and a changed time another time.
    other = ("7" if text[at] != "7" else "3") if text[at].isdigit() else ("x" if text[at] not in "xX" else "y")
    return text[:at] + other + text[at + 1 :]
