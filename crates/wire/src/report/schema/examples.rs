//! A report of each built-in event type, as its schema shows it and as a test sends it.

/// `sms.dlr`.
pub(super) const SMS_DLR: &str = r#"{"product":"sms","category":"transactional","message":{"id":"b34e35ad-fe34-4a8b-977c-b21cd76cd7d6:1","groupId":"t-1001","index":1,"from":"ACME","to":"+254712345678","status":"delivered","rawStatus":"DELIVRD","error":{"code":"000","scheme":"gsm"},"parts":2,"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.100Z","deliveredAt":"2024-06-01T09:00:04.250Z","price":{"amount":"2.0000","currency":"KES"},"clientRef":"order-42","custom":{"custom":"blue","custom1":"campaign-3344","custom2":"new"},"network":{"countryName":"Kenya","countryCode":"ke","regionName":"Nairobi","regionCode":"30","operatorName":"Safaricom","operatorCode":"SAF","mcc":"639","mnc":"02","ported":false}}}"#;

/// `whatsapp.dlr`.
pub(super) const WHATSAPP_DLR: &str = r#"{"product":"whatsapp","productUniqueId":"254700000001","category":"notification","message":{"id":"wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgSQjA=","groupId":"t-1001","from":"+254700000001","to":"+254712345678","status":"read","error":{"code":"000","scheme":"whatsapp"},"parts":1,"acceptedAt":"2024-06-01T09:00:00Z","sentAt":"2024-06-01T09:00:01.100Z","deliveredAt":"2024-06-01T09:00:04.250Z","readAt":"2024-06-01T09:01:00Z","price":{"amount":"0.0080","currency":"USD"},"clientRef":"order-42"}}"#;

/// `whatsapp.mo`.
pub(super) const WHATSAPP_MO: &str = r#"{"product":"whatsapp","productUniqueId":"254700000001","inbound":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"254700000001","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Asha"},"wa_id":"254712345678"}],"messages":[{"from":"254712345678","id":"wamid.HBgMMjU0NzEyMzQ1Njc4FQIAEhgUM0E=","timestamp":"1717232460","type":"text","text":{"body":"Yes & thanks"}}]}}"#;

/// `voice.ivr`.
pub(super) const VOICE_IVR: &str = r#"{"product":"voice","call":{"id":"c-77","taskId":"t-55","ivrId":"ivr-9","from":"+254700000001","to":"+254712345678","startedAt":"2024-06-01T09:00:00Z","answeredAt":"2024-06-01T09:00:05Z","endedAt":"2024-06-01T09:00:30Z","talkSeconds":25,"endReason":"0","endedBy":"callee","recordedAt":"2024-06-01T09:00:31Z"}}"#;

/// `voice.call`.
pub(super) const VOICE_CALL: &str = r#"{"product":"voice","call":{"id":"c-78","userCallId":"order/42","from":"+254700000001","to":"+254712345678","startedAt":"2024-06-01T09:00:00Z","answeredAt":"2024-06-01T09:00:05Z","endedAt":"2024-06-01T09:00:30Z","talkSeconds":25,"endReason":"-8","endedBy":"callee","recording":"https://recordings.example/c-78.mp3"}}"#;

/// `otp.feedback`.
pub(super) const OTP_FEEDBACK: &str =
    r#"{"product":"otp","message":{"id":"d3b0070fb4dce8"},"feedback":{"result":"SUCCESS"}}"#;

/// `lookup.result`.
pub(super) const LOOKUP_RESULT: &str = r#"{"product":"lookup","message":{"id":"l-9","to":"+254712345678"},"lookup":{"reachable":true,"ported":false,"mccMnc":"63902","errorCode":"000"}}"#;
