"""Events and the requests made of them, after the samples of the documents of messaging platforms."""

from __future__ import annotations

ANT_ENDPOINT = {"product": "sms", "reportType": "dlr", "dialect": "ant"}
ANT_REPORT = {
    "product": "sms",
    "category": "notification",
    "message": {
        "id": "d3b0axxxxx070fb4dce8",
        "to": "002348xxxxx5348",
        "status": "delivered",
        "error": {"code": "000"},
        "parts": 1,
        "sentAt": "2024-12-18T08:08:04.831Z",
    },
}
ANT_QUERY = (
    "smsId=d3b0axxxxx070fb4dce8&sendTime=1734509284831&sendResult=SUCCESS&smsCount=1&dr=000&destination=002348xxxxx5348"
)
ANT_QUERY_OF_A_REJECTED_MESSAGE = "smsId=0008&sendTime=&sendResult=FAILURE&smsCount=1&dr=034&destination=002348012345348"

BEARER_SECRET = "1233XXX"
VALIDATION_KEY = "9012XX"
RICH_ENDPOINT = {
    "dialect": "rich-dlr",
    "product": "sms",
    "reportType": "dlr",
    "auth": {"type": "bearer", "token": BEARER_SECRET},
    "verification": {"kind": "token", "validationKey": VALIDATION_KEY},
    "timeZone": "Asia/Kolkata",
    "maxConcurrency": 1,
}
RICH_REPORT = {
    "product": "sms",
    "message": {
        "id": "b34e35ad-fe34-4a8b-977c-b21cd76cd7d6:1",
        "to": "918921269xxx",
        "status": "delivered",
        "parts": 2,
        "price": {"amount": "2.0000"},
        "acceptedAt": "2021-04-09T10:57:35Z",
        "sentAt": "2021-04-09T10:57:39Z",
        "deliveredAt": "2021-04-09T10:57:51Z",
        "clientRef": "1234444XXXX",
        "custom": {"custom": "9882XXXX", "custom1": "campaign-3344", "custom2": "new-campXXX"},
        "network": {
            "countryName": "India",
            "countryCode": "in",
            "regionName": "Bangalore",
            "regionCode": "KA",
            "operatorName": "Jio",
            "operatorCode": "RJ",
        },
    },
}
HANDSHAKE = """POST /receive/callback?token=9012XX HTTP/1.1
authorization: Bearer 1233XXX
content-type: application/json
content-length: 49

{"validation_key":"9012XX","challenge":"a234qwe"}"""
