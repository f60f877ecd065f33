"""Endpoints and events drawn at random, with what signatures trip over: scripts of every kind, empty values, separators
within values, ports, and queries."""

from __future__ import annotations

import string
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

# Pieces of text: separators of forms and URLs, quotes, line ends, scripts, a joined emoji, a lone combining mark.
PIECES = [
    *"&=+%?#/;:@!$'()*,~^|<>\"\\[] \t\n\0", *string.ascii_letters, *string.digits,
    "Zażółć", "é", "e\u0301", "ß", "Привет", "שלום", "مرحبا", "你好", "한국어", "ไทย",
    "\u2028", "\u00a0", "\u200d", "\ufeff", "👨‍👩‍👧", "🏁", "𝕏", "%2B", "%", "&amp;", "a=b&c=d", "+48 600", "😀😀", "\u0301", "\uff21",
]  # fmt: skip
# Characters that stand unescaped in a query, in the normal form of a URL.
PLAIN_IN_QUERY = "-._~!$()*,;:@/?"
TWILIO_STATES = ["sending", "sent", "delivered", "undelivered", "rejected", "expired", "canceled", "read", "unknown"]
TELNYX_STATES = [state for state in TWILIO_STATES if state != "sending"]
SEND_METHODS = {"twilio": ["post", "get", "json"], "telnyx": ["json"]}


@dataclass(frozen=True)
class Case:
    endpoint: dict[str, object]
    event_type: str
    payload: dict[str, object]


class Draw:
    """Draws cases for one provider; the same from the same seed."""

    def __init__(self, provider: str, secret: str, seed: int) -> None:
        self._random = Random(f"{provider} {seed}")
        self._provider = provider
        self._secret = secret

    def case(self, base: str | None = None) -> Case:
        """A case. `base` is scheme and authority of its URL; drawn too if absent."""
        drawn = [("dlr", self._status), ("dlr", self._status), ("mo", self._inbound), ("call", self._call)]
        report_type, report = self._random.choice(drawn)
        product = "voice" if report_type == "call" else self._random.choice(["sms", "whatsapp"])
        endpoint = {
            "url": (base or self._base()) + self._target(),
            "dialect": self._provider,
            "sendMethod": self._random.choice(SEND_METHODS[self._provider]),
            "providerSecret": self._secret,
            "statusPolicy": "all",
            "customParameters": {f"x{at}{self._name()}": self._text().strip("{}") for at in range(self._few())},
        }
        return Case(endpoint, f"{product}.{report_type}", {"product": product, **report()})

    def place(self, length: int) -> int:
        return self._random.randrange(length)

    def _base(self) -> str:
        host = self._random.choice(["hooks.example.com", "xn--bcher-kva.example", "93.184.215.14", "[2606:4700::1111]"])
        scheme, port = self._random.choice(["https", "http"]), self._random.choice(["", ":8443", ":8080", ":65535"])
        return f"{scheme}://{host}{port}"

    def _target(self) -> str:
        path = "/" + "/".join(quote(self._text(), safe="-._~!$&()*+,:=@") for _ in range(self._few()))
        # A segment of dots is one that readers of URLs take out.
        path = "/".join("x" if segment.strip(".") == "" and segment else segment for segment in path.split("/"))
        pairs = [self._pair() for _ in range(self._few())]
        return path + ("?" + "&".join(pairs) if any(pairs) else "")

    def _pair(self) -> str:
        name, value = (quote(self._text(), safe=PLAIN_IN_QUERY) for _ in range(2))
        both = f"{name}={value}"
        return self._random.choice([both, both, f"{name}=", name, f"a={value}", f"={value}", "a+b=c+d"])

    def _status(self) -> dict[str, object]:
        states = TWILIO_STATES if self._provider == "twilio" else TELNYX_STATES
        custom = {"accountSid": "AC" + "0" * 32, "messagingServiceSid": "", "messagingProfileId": self._text()}
        message = {
            "id": f"SM{self._random.getrandbits(128):032x}",
            "to": self._number(),
            "status": self._random.choice(states),
            **self._some(
                {
                    "from": self._random.choice([self._number(), "AcmeInc", self._text()]),
                    "parts": self._random.randint(1, 9),
                    "error": self._some({"code": self._random.choice(["000", "30003", ""]), "text": self._text()}),
                    "sentAt": "2024-12-18T08:08:04.831Z",
                    "deliveredAt": "2024-12-18T08:08:05Z",
                    "price": {"amount": "0.00750", "currency": "USD"},
                    "custom": self._some(custom),
                }
            ),
        }
        return {"message": message}

    def _inbound(self) -> dict[str, object]:
        sender = self._number().strip("+")
        text = {"type": "text", "text": {"body": self._text()}}
        medium = {"id": "1", "link": "https://cdn.example.com/a?b=1&c=%C3%A9", "mime_type": "image/jpeg"}
        what = self._random.choice([text, text, {"type": "image", "image": medium}])
        message = {"from": sender, "id": f"wamid.{self._name()}", "timestamp": "1717232460", **what}
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "254700000001", "phone_number_id": "1"},
            "contacts": [{"profile": {"name": self._text()}, "wa_id": sender}],
            "messages": [message],
        }
        return {"inbound": value}

    def _call(self) -> dict[str, object]:
        reason = self._random.choice(["0", "-7", "-8", "404", "480", "486", "487", "603", self._text() or "lost"])
        optional = {
            "from": self._number(),
            "startedAt": "2024-12-18T08:08:04.831Z",
            "endedAt": "2024-12-18T08:08:34Z",
            "talkSeconds": self._random.choice([0, 12]),
            "endReason": reason,
            "endedBy": self._random.choice(["caller", "callee", "platform"]),
            "recording": "https://cdn.example.com/r?a=1&b=%20",
        }
        call = {"id": self._name(), "to": self._number(), **self._some(optional)}
        # What became of a call has to be told to Twilio's receivers, so without it nothing is sent.
        return {"call": {**call, "endReason": reason} if self._provider == "twilio" else call}

    def _number(self) -> str:
        digits = self._random.choices(string.digits[1:], k=self._random.randint(9, 14))
        return self._random.choice(["+", "00", ""]) + "".join(digits)

    def _text(self) -> str:
        return "".join(self._random.choices(PIECES, k=self._random.choice([0, 0, 1, 2, 3, 5, 8, 13])))

    def _name(self) -> str:
        characters = string.ascii_letters + string.digits + "-_ é你"
        return "".join(self._random.choices(characters, k=self._random.randint(1, 8)))

    def _few(self) -> int:
        return self._random.choice([0, 1, 1, 2, 3])

    def _some(self, members: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in members.items() if self._random.random() < 0.7}
