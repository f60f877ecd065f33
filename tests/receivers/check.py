"""Every receiver of examples/receivers takes what the server sends and refuses what it did not send.

    check.py [LANGUAGE...]
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import tempfile
import time
import unittest
from pathlib import Path

import vectors
from customer import Api, Customer
from example import Answer, Example
from server import Server

LANGUAGES = ("java", "python", "node", "php", "go", "csharp")
SETTINGS = {
    "WEBHOOK_SECRET": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "BEARER_SECRET": vectors.BEARER_SECRET,
    "VALIDATION_KEY": vectors.VALIDATION_KEY,
}
ANOTHER_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()

api: Api
examples: dict[str, Example] = {}


class AntReports:
    """What each of the six does; `language` is that of the subclass."""

    language: str

    @property
    def example(self) -> Example:
        return examples[self.language]

    def test_a_report_of_ant_arrives_by_get(self) -> None:
        url = self.example.url("/ant-sms-deliver?from=server")
        customer = Customer(api, {**vectors.ANT_ENDPOINT, "url": url})
        customer.wait_until_delivered(customer.send("sms.dlr", vectors.ANT_REPORT))
        self.example.wait_for_line("GET /ant-sms-deliver 200 ", f"from=server&{vectors.ANT_QUERY}")

    def test_the_six_parameters_may_come_with_others_and_may_be_empty(self) -> None:
        for query in (f"src=a%2Fb&{vectors.ANT_QUERY}", vectors.ANT_QUERY_OF_A_REJECTED_MESSAGE):
            answer = self.example.send(f"GET /ant-sms-deliver?{query} HTTP/1.1\n\n")
            self.assertEqual((answer.status, answer.body), (200, b""), query)

    def test_a_report_without_one_of_the_six_is_refused(self) -> None:
        parameters = vectors.ANT_QUERY.split("&")
        for absent in parameters:
            query = "&".join(parameter for parameter in parameters if parameter != absent)
            self.assertEqual(self.example.send(f"GET /ant-sms-deliver?{query} HTTP/1.1\n\n").status, 400, query)

    def test_a_report_of_ant_by_another_method_is_not_delivered(self) -> None:
        url = self.example.url("/ant-sms-deliver")
        customer = Customer(api, {**vectors.ANT_ENDPOINT, "url": url, "sendMethod": "json"})
        message = customer.send("sms.dlr", vectors.ANT_REPORT)
        self.assertEqual(customer.attempts(message)[-1]["responseStatusCode"], 405)

    def test_another_method_is_answered_with_the_right_one(self) -> None:
        answer = self.example.send("POST /ant-sms-deliver HTTP/1.1\ncontent-length: 2\n\n{}")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET"))


class SignedEvents:
    language: str
    example: Example

    def customer(self, secret: str = SETTINGS["WEBHOOK_SECRET"]) -> Customer:
        return Customer(api, {"url": self.example.url("/webhooks"), "secret": secret})

    def test_a_signed_event_is_taken(self) -> None:
        customer = self.customer()
        message = customer.send("sms.dlr", {"message": {"id": "7042", "status": "delivered", "text": "Zażółć ☎ \u2028"}})
        customer.wait_until_delivered(message)
        self.example.wait_for_line(f"POST /webhooks 200 {message} 7042 delivered")

    def test_the_old_secret_is_enough_while_the_secret_is_being_changed(self) -> None:
        customer = self.customer()
        customer.rotate_secret()
        message = customer.send("sms.dlr", {"message": {"id": "7043", "status": "delivered"}})
        customer.wait_until_delivered(message)
        self.example.wait_for_line(f"POST /webhooks 200 {message} 7043 delivered")

    def test_an_event_that_comes_again_is_answered_with_success_and_not_done_again(self) -> None:
        customer = self.customer()
        message = customer.send("sms.dlr", {"message": {"id": "7044", "status": "delivered"}})
        customer.wait_until_delivered(message)
        customer.resend(message)
        attempts = customer.attempts(message, count=2)
        self.assertEqual([attempt["responseStatusCode"] for attempt in attempts], [200, 200])
        self.example.wait_for_line(f"POST /webhooks 200 {message} again, already done")

    def test_an_event_signed_with_another_secret_is_refused(self) -> None:
        customer = self.customer(ANOTHER_SECRET)
        message = customer.send("sms.dlr", {"message": {"id": "7045", "status": "delivered"}})
        self.assertEqual(customer.attempts(message)[-1]["responseStatusCode"], 401)

    def test_only_what_is_signed_and_fresh_is_taken(self) -> None:
        now, body = int(time.time()), '{"message":{"id":"1","status":"sent"}}'
        right = signature("msg_1", now, body)
        for case, status, headers in (
            ("right", 200, signed_headers("msg_1", now, right)),
            ("right among others", 200, signed_headers("msg_2", now, f"v1a,x v1, v1,AAAA {signature('msg_2', now, body)}")),
            ("another id", 401, signed_headers("msg_3", now, right)),
            ("another time", 401, signed_headers("msg_1", now - 1, right)),
            ("another version", 401, signed_headers("msg_1", now, right.replace("v1,", "v2,"))),
            ("shortened", 401, signed_headers("msg_1", now, right[:-5])),
            ("six minutes old", 401, signed_headers("msg_4", now - 360, signature("msg_4", now - 360, body))),
            ("six minutes ahead", 401, signed_headers("msg_5", now + 360, signature("msg_5", now + 360, body))),
            ("not a time", 400, signed_headers("msg_1", "soon", right)),
            ("not signed", 400, []),
        ):
            with self.subTest(case):
                self.assertEqual(self.post("/webhooks", headers, body).status, status)

    def test_a_changed_body_is_refused(self) -> None:
        now, body = int(time.time()), '{"message":{"id":"1","status":"sent"}}'
        headers = signed_headers("msg_6", now, signature("msg_6", now, body))
        self.assertEqual(self.post("/webhooks", headers, body.replace("sent", "read")).status, 401)

    def post(self, path: str, headers: list[str], body: str) -> Answer:
        head = ["content-type: application/json", f"content-length: {len(body.encode())}", *headers]
        return self.example.send("\n".join([f"POST {path} HTTP/1.1", *head, "", body]))


class Callbacks:
    language: str
    example: Example
    post = SignedEvents.post

    def test_the_handshake_is_passed_and_then_the_report_arrives(self) -> None:
        customer = Customer(api, {**vectors.RICH_ENDPOINT, "url": self.example.url("/receive/callback")})
        message = customer.send("sms.dlr", vectors.RICH_REPORT)
        self.assertEqual(customer.verify()["state"], "verified")
        customer.wait_until_delivered(message)
        self.example.wait_for_line("POST /receive/callback 200 handshake")
        self.example.wait_for_line(f"POST /receive/callback 200 {vectors.RICH_REPORT['message']['id']} DELIVRD")

    def test_an_endpoint_with_another_key_or_secret_is_not_verified(self) -> None:
        for wrong in (
            {"verification": {"kind": "token", "validationKey": "9012YY"}},
            {"auth": {"type": "bearer", "token": "1233YYY"}},
        ):
            url = self.example.url("/receive/callback")
            customer = Customer(api, {**vectors.RICH_ENDPOINT, **wrong, "url": url})
            self.assertNotEqual(customer.verify()["state"], "verified", wrong)

    def test_the_handshake_of_the_source_document_gets_its_challenge_back(self) -> None:
        answer = self.example.send(vectors.HANDSHAKE)
        self.assertEqual((answer.status, json.loads(answer.body)), (200, {"challenge": "a234qwe"}))
        self.assertEqual(answer.headers["content-type"].split(";")[0], "application/json")

    def test_a_handshake_with_another_key_is_refused(self) -> None:
        answer = self.example.send(vectors.HANDSHAKE.replace('"9012XX"', '"9012YY"'))
        self.assertEqual((answer.status, answer.body), (403, b""))

    def test_a_wrong_or_missing_bearer_secret_is_refused(self) -> None:
        wrong = vectors.HANDSHAKE.replace("Bearer 1233XXX", "Bearer 1233YYY")
        missing = vectors.HANDSHAKE.replace("authorization: Bearer 1233XXX\n", "")
        for request in (wrong, missing):
            answer = self.example.send(request)
            self.assertEqual((answer.status, answer.body), (401, b""), request)


def signature(event_id: str, timestamp: int, body: str) -> str:
    key = base64.b64decode(SETTINGS["WEBHOOK_SECRET"].removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(event_id: str, timestamp: int | str, signatures: str) -> list[str]:
    return [f"webhook-id: {event_id}", f"webhook-timestamp: {timestamp}", f"webhook-signature: {signatures}"]


def load_tests(loader: unittest.TestLoader, *_: object) -> unittest.TestSuite:
    """For each language a class of its own, so that a failure names it."""
    suite = unittest.TestSuite()
    for language in examples:
        # Java's is the controller of ANT's documentation as it stands, which does nothing else.
        kinds = (AntReports,) if language == "java" else (AntReports, SignedEvents, Callbacks)
        members = {"language": language}
        suite.addTest(loader.loadTestsFromTestCase(type(language, (*kinds, unittest.TestCase), members)))
    return suite


def main(languages: list[str]) -> int:
    global api
    server = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            # All at once: some are compiled first.
            for language in languages:
                examples[language] = Example(language, folder, SETTINGS)
            server = Server(folder)
            api = Api(server.url, server.token())
            for example in examples.values():
                example.wait_until_listening()
            result = unittest.main(module=__name__, argv=["check"], verbosity=2, exit=False).result
            if not result.wasSuccessful():
                for example in examples.values():
                    print(f"--- {example.language} wrote to its standard error:\n{example.complaints()[-4000:]}")
            return 0 if result.wasSuccessful() else 1
        finally:
            for example in examples.values():
                example.close()
            if server:
                server.close()


if __name__ == "__main__":
    unknown = [language for language in sys.argv[1:] if language not in LANGUAGES]
    if unknown:
        sys.exit(f"no receiver in {' '.join(unknown)}; there are: {' '.join(LANGUAGES)}")
    sys.exit(main(sys.argv[1:] or list(LANGUAGES)))
