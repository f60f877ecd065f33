//! The official Rust client against Ringback, its present generation and the last of the one before: what their users
//! rely on works by changing the server's address. Both read answers strictly: a member that is missing, or a status that
//! they do not know, fails the call.

use ringback_sdk_rust::{Receiver, Server, eventually, never_called, unique};
use serde_json::{Value, json};

/// The tests for one generation; its words for PUT, and for the event types of an endpoint.
macro_rules! generation {
    ($name:ident, $sdk:ident, $version:literal, $put:ident, $put_headers:ident, [$($read:tt)*], [$($change:tt)*],
     $types:literal, $types_member:ident) => {
        mod $name {
            use $sdk as sdk;

            use sdk::api::{Svix, SvixOptions};
            use sdk::error::Error;
            use sdk::webhooks::Webhook;

            use super::*;

            pub struct World {
                pub server: Server,
                pub receiver: Receiver,
                pub svix: Svix,
                /// An application with one endpoint.
                pub app: String,
                pub endpoint: String,
                pub path: String,
            }

            impl World {
                pub async fn new(name: &str) -> Self {
                    let server = Server::start(&format!("{}-{name}", stringify!($name)));
                    let receiver = Receiver::start();
                    let svix = client(&server, &server.token);
                    let app = svix.application().create(input(json!({"name": "customer"})), None).await.unwrap().id;
                    let path = format!("/{}", unique("hook"));
                    let body = input(json!({"url": receiver.url(&path)}));
                    let endpoint = svix.endpoint().create(app.clone(), body, None).await.unwrap().id;
                    Self { server, receiver, svix, app, endpoint, path }
                }

                pub async fn send(&self, more: Value) -> sdk::error::Result<sdk::models::MessageOut> {
                    let mut body = json!({"eventType": "order.paid", "payload": {"n": 1}});
                    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                    self.svix.message().create(self.app.clone(), input(body), None).await
                }

                /// What a background task has found out, as soon as it is over.
                pub async fn finished(&self, id: String) -> Value {
                    let task = eventually(async || {
                        let task = self.svix.background_task().get(id.clone()).await.unwrap();
                        (task.status != sdk::models::BackgroundTaskStatus::Running).then_some(task)
                    })
                    .await;
                    assert_eq!(task.status, sdk::models::BackgroundTaskStatus::Finished);
                    json!(task.data)
                }
            }

            fn client(server: &Server, token: &str) -> Svix {
                // Without retries a 5xx of the server fails the test that met it.
                let server_url = Some(server.url.clone());
                let options = SvixOptions { server_url, num_retries: Some(0), ..SvixOptions::default() };
                Svix::new(token.to_owned(), Some(options))
            }

            fn status<T>(result: sdk::error::Result<T>) -> u16 {
                match result.err().expect("it is refused") {
                    Error::Http(content) => content.status.as_u16(),
                    Error::Validation(content) => content.status.as_u16(),
                    other => panic!("{other:?}"),
                }
            }

            #[tokio::test]
            async fn an_application_is_made_read_changed_listed_and_deleted() {
                let World { svix, .. } = &World::new("application").await;
                let uid = unique("acme");
                let body = json!({"name": "Acme", "uid": uid, "metadata": {"plan": "gold"}, "throttleRate": 7});
                let made = svix.application().create(input(body), None).await.unwrap();
                assert!(made.id.starts_with("app_") && made.id.len() == 31 && made.throttle_rate == Some(7));
                assert_eq!(svix.application().get(uid.clone()).await.unwrap(), made);
                let again = svix.application().get_or_create(input(json!({"name": "Other", "uid": uid})), None).await.unwrap();
                assert_eq!(again, made);
                let patch = input(json!({"name": "Acme 2", "throttleRate": null}));
                let patched = svix.application().patch(uid.clone(), patch).await.unwrap();
                assert_eq!((patched.name.as_str(), patched.throttle_rate, &patched.metadata), ("Acme 2", None, &made.metadata));
                let put = input(json!({"name": "Acme 3", "uid": uid}));
                assert_eq!(svix.application().$put(uid.clone(), put).await.unwrap().name, "Acme 3");
                let (mut ids, mut iterator) = (Vec::new(), None);
                loop {
                    let options = sdk::api::ApplicationListOptions { limit: Some(1), iterator, ..Default::default() };
                    let page = svix.application().list(Some(options)).await.unwrap();
                    ids.extend(page.data.into_iter().map(|app| app.id));
                    if page.done {
                        break;
                    }
                    iterator = Some(page.iterator.into_option_text().unwrap());
                }
                assert_eq!((ids.len(), ids.contains(&made.id)), (2, true));
                svix.application().delete(uid.clone()).await.unwrap();
                assert_eq!(status(svix.application().get(uid).await), 404);
                assert_eq!(status(svix.application().create(input(json!({"name": ""})), None).await), 422);
            }

            #[tokio::test]
            async fn an_event_type_is_made_changed_archived_and_comes_out_of_an_openapi_document() {
                let World { svix, .. } = &World::new("event-type").await;
                let body = || input(json!({"name": "user.made", "description": "A user", "schemas": {"1": {"type": "object"}}}));
                svix.event_type().create(body(), None).await.unwrap();
                assert_eq!(status(svix.event_type().create(body(), None).await), 409);
                let name = || "user.made".to_owned();
                let patched = svix.event_type().patch(name(), input(json!({"deprecated": true}))).await.unwrap();
                let put = svix.event_type().$put(name(), input(json!({"description": "Now"}))).await.unwrap();
                assert_eq!((patched.deprecated, put.description.as_str()), (true, "Now"));
                svix.event_type().delete(name(), None).await.unwrap();
                assert_eq!(svix.event_type().get(name()).await.unwrap().archived, Some(true));
                let document = json!({"spec": {"webhooks": {"user.imported": {"post": {"description": "Imported"}}}}});
                let imported = svix.event_type().import_openapi(input(document), None).await.unwrap();
                assert_eq!(Vec::from_iter(imported.data.modified), ["user.imported"]);
                let document = json!({"webhooks": {"user.more": {"post": {"description": "More"}}}}).to_string();
                let dry = input(json!({"specRaw": document, "dryRun": true}));
                let dry = svix.event_type().import_openapi(dry, None).await.unwrap().data;
                assert_eq!(dry.to_modify.expect("it says what it would do")[0].name, "user.more");
                assert_eq!(status(svix.event_type().get("user.more".to_owned()).await), 404);
                assert_eq!(svix.event_type().list(None).await.unwrap().data.len(), 1, "archived ones are left out");
            }

            #[tokio::test]
            async fn an_endpoint_is_made_changed_listed_rotated_and_deleted() {
                let World { svix, app, receiver, .. } = &World::new("endpoint").await;
                svix.event_type().create(input(json!({"name": "sms.dlr", "description": ""})), None).await.unwrap();
                let (app, uid) = (|| app.clone(), || "main".to_owned());
                let body = json!({"url": receiver.url("/other"), "uid": "main", $types: ["sms.dlr"], "channels": ["eu"]});
                let made = svix.endpoint().create(app(), input(body), None).await.unwrap();
                assert_eq!(Vec::from_iter(made.$types_member.clone().unwrap()), ["sms.dlr"]);
                assert_eq!(svix.endpoint().get(app(), uid()).await.unwrap(), made);
                let patch = input(json!({"disabled": true, "channels": null}));
                let patched = svix.endpoint().patch(app(), uid(), patch).await.unwrap();
                assert_eq!((patched.disabled, patched.channels, patched.$types_member), (Some(true), None, made.$types_member));
                let put = input(json!({"url": receiver.url("/third"), "uid": "main", "description": "put"}));
                assert_eq!(svix.endpoint().$put(app(), uid(), put).await.unwrap().description, "put");
                assert_eq!(svix.endpoint().list(app(), None).await.unwrap().data.len(), 2);
                let secret = svix.endpoint().get_secret(app(), uid()).await.unwrap().key;
                svix.endpoint().rotate_secret(app(), uid(), input(json!({})), None).await.unwrap();
                assert_ne!(svix.endpoint().get_secret(app(), uid()).await.unwrap().key, secret);
                svix.endpoint().$put_headers(app(), uid(), input(json!({"headers": {"x-a": "1"}}))).await.unwrap();
                let patch = input(json!({"headers": {"x-tenant": "acme", "authorization": "Bearer of-mine"}}));
                svix.endpoint().patch_headers(app(), uid(), patch).await.unwrap();
                let shown = svix.endpoint().get_headers(app(), uid()).await.unwrap();
                assert_eq!(json!(shown.headers), json!({"x-a": "1", "x-tenant": "acme"}));
                assert_eq!(Vec::from_iter(shown.sensitive), ["authorization"]);
                assert_eq!(svix.endpoint().get_stats(app(), uid(), None).await.unwrap().fail, 0);
                svix.endpoint().delete(app(), uid()).await.unwrap();
                assert_eq!(status(svix.endpoint().get(app(), uid()).await), 404);
            }

            #[tokio::test]
            async fn a_message_arrives_as_it_was_handed_in_and_the_verifier_accepts_it() {
                let world = World::new("message").await;
                let svix = &world.svix;
                let payload = json!({"z": 1, "a": {"text": "grün ✓", "nothing": null}, "list": [1.5, "x", true]});
                let message = world.send(json!({"payload": payload, "eventId": "7042"})).await.unwrap();
                let arrival = world.receiver.wait_for(&world.path, 1).remove(0);
                assert_eq!(serde_json::from_slice::<Value>(&arrival.body).unwrap(), payload);
                assert_eq!(arrival.headers["webhook-id"].to_str().unwrap(), message.id);
                let secret = svix.endpoint().get_secret(world.app.clone(), world.endpoint.clone()).await.unwrap();
                let webhook = Webhook::new(&secret.key).unwrap();
                webhook.verify(&arrival.body, &arrival.headers).unwrap();
                assert!(webhook.verify(&[&arrival.body[..], b" "].concat(), &arrival.headers).is_err());

                assert_eq!(status(world.send(json!({"eventId": "7042"})).await), 409);
                assert_eq!(status(world.send(json!({"eventType": "not a name"})).await), 422);
                let app = || world.app.clone();
                assert_eq!(svix.message().get(app(), "7042".to_owned(), None).await.unwrap().id, message.id);
                assert_eq!(svix.message().list(app(), None).await.unwrap().data.len(), 1);
                let asked = input(json!({"eventType": "order.paid"}));
                assert!(svix.message().precheck(app(), asked, None).await.unwrap().active);
                let kept = async || {
                    let whole = Some(sdk::api::MessageGetOptions { with_content: Some(true), ..Default::default() });
                    json!(svix.message().get(app(), message.id.clone(), whole).await.unwrap().payload)
                };
                assert_eq!(kept().await, payload);
                svix.message().expunge_content(app(), message.id.clone()).await.unwrap();
                assert_eq!(kept().await, json!({"expired": true}));
                let purge = svix.message().expunge_all_contents(app(), None).await.unwrap();
                assert_eq!(world.finished(purge.id).await["messagesPurged"], 0, "it is gone already");
                assert_eq!(status(svix.message().get(app(), "none".to_owned(), None).await), 404);
            }

            #[tokio::test]
            async fn a_failure_is_retried_its_attempts_are_told_and_it_is_sent_again_on_request() {
                let world = World::new("attempt").await;
                let svix = &world.svix;
                world.receiver.answer(&world.path, &[500, 503]);
                let message = world.send(json!({})).await.unwrap();
                world.receiver.wait_for(&world.path, 3);
                let (app, endpoint, id) = (|| world.app.clone(), || world.endpoint.clone(), || message.id.clone());
                let told = eventually(async || {
                    let told = svix.message_attempt().list_by_msg(app(), id(), None).await.unwrap().data;
                    (told.len() == 3).then_some(told)
                })
                .await;
                let mut codes: Vec<_> = told.iter().map(|attempt| attempt.response_status_code).collect();
                codes.sort_unstable();
                assert_eq!(codes, [200, 500, 503]);
                let failed = sdk::api::MessageAttemptListByEndpointOptions {
                    status: Some(sdk::models::MessageStatus::Fail),
                    ..Default::default()
                };
                let failed = svix.message_attempt().list_by_endpoint(app(), endpoint(), Some(failed)).await.unwrap().data;
                assert_eq!(failed.len(), 2);
                let one = svix.message_attempt().get(app(), id(), told[0].id.clone(), None).await.unwrap();
                assert_eq!((one.msg_id, one.response.as_str()), (message.id.clone(), "received"));
                svix.message_attempt().resend(app(), id(), endpoint(), None).await.unwrap();
                world.receiver.wait_for(&world.path, 4);
                let stands = svix.message_attempt().list_attempted_destinations(app(), id(), None).await.unwrap().data;
                assert_eq!((stands.len(), stands[0].status), (1, sdk::models::MessageStatus::Success));
                let messages = svix.message_attempt().list_attempted_messages(app(), endpoint(), None).await.unwrap().data;
                assert_eq!((messages.len(), messages[0].status), (1, sdk::models::MessageStatus::Success));
                svix.message_attempt().expunge_content(app(), id(), told[0].id.clone()).await.unwrap();
                let one = svix.message_attempt().get(app(), id(), told[0].id.clone(), None).await.unwrap();
                assert_eq!(one.response, "EXPUNGED");
            }

            #[tokio::test]
            async fn what_was_sent_or_missed_is_sent_again_by_tasks_that_can_be_asked_how_far_they_are() {
                let world = World::new("task").await;
                let svix = &world.svix;
                let (app, endpoint) = (|| world.app.clone(), || world.endpoint.clone());
                let sent = world.send(json!({})).await.unwrap().id;
                world.send(json!({"eventType": "order.refunded"})).await.unwrap();
                eventually(async || {
                    let asked = sdk::api::MessageAttemptListAttemptedMessagesOptions {
                        status: Some(sdk::models::MessageStatus::Success),
                        ..Default::default()
                    };
                    let found = svix.message_attempt().list_attempted_messages(app(), endpoint(), Some(asked)).await;
                    (found.unwrap().data.len() == 2).then_some(())
                })
                .await;

                let since = json!({"since": "2024-01-01T00:00:00Z"});
                let task = svix.endpoint().recover(app(), endpoint(), input(since.clone()), None).await.unwrap();
                assert!(task.id.starts_with("qtask_"));
                assert_eq!(world.finished(task.id).await["deliveriesChanged"], 0, "nothing has failed");

                let asked = json!({"since": "2024-01-01T00:00:00Z", "eventTypes": ["order.paid"], "status": 0});
                let task = svix.endpoint().bulk_replay(app(), endpoint(), input(asked), None).await.unwrap();
                assert_eq!(world.finished(task.id).await["deliveriesChanged"], 1);
                assert_eq!(world.receiver.wait_for(&world.path, 3)[2].headers["webhook-id"].to_str().unwrap(), sent);

                let body = input(json!({"url": world.receiver.url("/late")}));
                let late = svix.endpoint().create(app(), body, None).await.unwrap().id;
                let task = svix.endpoint().replay_missing(app(), late, input(since), None).await.unwrap();
                assert_eq!(world.finished(task.id).await["deliveriesChanged"], 2);
                world.receiver.wait_for("/late", 2);
                assert_eq!(svix.background_task().list(None).await.unwrap().data.len(), 3);
            }

            #[tokio::test]
            async fn deliveries_and_event_types_are_told_for_each_application() {
                let world = World::new("statistics").await;
                let asked = json!({"since": "2024-01-01T00:00:00Z", "until": "2024-02-01T00:00:00Z", "appIds": [world.app]});
                let counting = world.svix.statistics().aggregate_app_stats(input(asked), None).await.unwrap();
                let found = world.finished(counting.id).await;
                assert_eq!(found["appStats"], json!([{"appId": world.app, "appUid": null, "messageDestinations": 0}]));
                let gathering = world.svix.statistics().aggregate_event_types().await.unwrap();
                let found = world.finished(gathering.id).await;
                let ours = json!({"appId": world.app, "explicitlySubscribedEventTypes": [], "hasCatchAllEndpoint": true});
                assert_eq!(found["event_types"], json!([ours]));
            }

            #[tokio::test]
            async fn code_of_the_endpoints_owner_changes_what_arrives() {
                let world = World::new("transformation").await;
                let svix = &world.svix;
                let (app, endpoint) = (|| world.app.clone(), || world.endpoint.clone());
                let code = "function handler(webhook) { webhook.payload = { total: 7 }; return webhook; }";
                let patch = input(json!({"code": code, "enabled": true}));
                svix.endpoint().$($change)*(app(), endpoint(), patch).await.unwrap();
                let kept = svix.endpoint().$($read)*(app(), endpoint()).await.unwrap();
                assert_eq!((kept.code.as_deref(), kept.enabled), (Some(code), Some(true)));
                world.send(json!({})).await.unwrap();
                assert_eq!(world.receiver.wait_for(&world.path, 1)[0].body, br#"{"total":7}"#);

                // The operation of old changes the same.
                let off = input(json!({"enabled": false}));
                #[allow(deprecated)]
                svix.endpoint().transformation_partial_update(app(), endpoint(), off).await.unwrap();
                let kept = svix.endpoint().$($read)*(app(), endpoint()).await.unwrap();
                assert_eq!((kept.code.as_deref(), kept.enabled), (Some(code), Some(false)));
                world.send(json!({})).await.unwrap();
                assert_eq!(world.receiver.wait_for(&world.path, 2)[1].body, br#"{"n":1}"#);
            }

            #[tokio::test]
            async fn an_integration_acts_for_its_application_with_its_key_until_that_is_rotated() {
                let World { svix, server, app, .. } = &World::new("integration").await;
                let app = || app.clone();
                let id = svix.integration().create(app(), input(json!({"name": "crm"})), None).await.unwrap().id;
                let id = || id.clone();
                let update = input(json!({"name": "the crm"}));
                assert_eq!(svix.integration().update(app(), id(), update).await.unwrap().name, "the crm");
                assert_eq!(svix.integration().get(app(), id()).await.unwrap().name, "the crm");
                assert_eq!(svix.integration().list(app(), None).await.unwrap().data.len(), 1);
                let key = svix.integration().rotate_key(app(), id(), None).await.unwrap().key;
                let program = client(server, &key);
                assert_eq!(program.endpoint().list(app(), None).await.unwrap().data.len(), 1);
                assert_eq!(status(program.application().list(None).await), 403);
                svix.integration().rotate_key(app(), id(), None).await.unwrap();
                assert_eq!(status(program.endpoint().list(app(), None).await), 401);
                svix.integration().delete(app(), id()).await.unwrap();
                assert_eq!(status(svix.integration().get(app(), id()).await), 404);
            }

            #[tokio::test]
            async fn messages_are_polled_with_an_iterator_and_by_a_consumer_whose_place_is_kept() {
                let world = World::new("poller").await;
                let svix = &world.svix;
                let sink = world.server.polling_endpoint(&world.app);
                let (app, sink, crm) = (|| world.app.clone(), || sink.clone(), || "crm".to_owned());
                let mut sent = Vec::new();
                for n in 0..3 {
                    sent.push(world.send(json!({"payload": {"n": n}})).await.unwrap().id);
                }
                let ids = |page: sdk::models::PollingEndpointOut| Vec::from_iter(page.data.into_iter().map(|one| one.id));

                let two = sdk::api::MessagePollerPollOptions { limit: Some(2), ..Default::default() };
                let page = svix.message().poller().poll(app(), sink(), Some(two)).await.unwrap();
                assert_eq!((page.done, json!(page.data[0].payload)), (false, json!({"n": 0})));
                let iterator = Some(page.iterator.clone());
                assert_eq!(ids(page), sent[..2]);
                let more = sdk::api::MessagePollerPollOptions { iterator, ..Default::default() };
                assert_eq!(ids(svix.message().poller().poll(app(), sink(), Some(more)).await.unwrap()), sent[2..]);

                let page = svix.message().poller().consumer_poll(app(), sink(), crm(), None).await.unwrap();
                let iterator = Some(page.iterator.clone());
                assert_eq!(ids(page), sent);
                let more = sdk::api::MessagePollerConsumerPollOptions { iterator, ..Default::default() };
                let page = svix.message().poller().consumer_poll(app(), sink(), crm(), Some(more)).await.unwrap();
                assert_eq!(ids(page), Vec::<String>::new());
                let begin = input(json!({"after": "2024-01-01T00:00:00Z"}));
                svix.message().poller().consumer_seek(app(), sink(), crm(), begin, None).await.unwrap();
                let page = svix.message().poller().consumer_poll(app(), sink(), crm(), None).await.unwrap();
                assert_eq!(ids(page), sent);
            }

            #[tokio::test]
            async fn an_example_is_sent_and_the_environment_goes_elsewhere() {
                let world = World::new("environment").await;
                let svix = &world.svix;
                let example = json!({"type": "object", "examples": [{"a": 1}]});
                let body = json!({"name": "a.b", "description": "", "schemas": {"1": example}});
                svix.event_type().create(input(body), None).await.unwrap();
                let (app, endpoint) = (world.app.clone(), world.endpoint.clone());
                let asked = input(json!({"eventType": "a.b"}));
                svix.endpoint().send_example(app, endpoint, asked, None).await.unwrap();
                let arrival = world.receiver.wait_for(&world.path, 1).remove(0);
                assert_eq!(serde_json::from_slice::<Value>(&arrival.body).unwrap(), json!({"a": 1}));
                assert_eq!(svix.environment().export(None).await.unwrap().event_types.len(), 1);
                let import = |name: &str| input(json!({"eventTypes": [{"name": name, "description": ""}]}));
                svix.environment().import(import("a.c"), None).await.unwrap();
                assert_eq!(status(svix.environment().import(import("not a name"), None).await), 422);
                svix.health().get().await.unwrap();
            }

            #[tokio::test]
            async fn operational_webhooks_are_endpoints_of_the_organizations_own() {
                let World { svix, receiver, app, .. } = &World::new("operational").await;
                let body = input(json!({"url": receiver.url("/operational")}));
                let made = svix.operational_webhook().endpoint().create(body, None).await.unwrap();
                let id = || made.id.clone();
                assert_eq!(svix.operational_webhook().endpoint().list(None).await.unwrap().data.len(), 1);
                let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
                let chosen = input(json!({"key": key}));
                svix.operational_webhook().endpoint().rotate_secret(id(), chosen, None).await.unwrap();
                assert_eq!(svix.operational_webhook().endpoint().get_secret(id()).await.unwrap().key, key);
                let headers = input(json!({"headers": {"x-team": "platform"}}));
                svix.operational_webhook().endpoint().$put_headers(id(), headers).await.unwrap();
                let shown = svix.operational_webhook().endpoint().get_headers(id()).await.unwrap();
                assert_eq!(shown.headers["x-team"], "platform");
                let put = input(json!({"url": receiver.url("/told"), "description": "put"}));
                let replaced = svix.operational_webhook().endpoint().$put(id(), put).await.unwrap();
                assert_eq!(replaced.description, "put");
                let body = input(json!({"url": receiver.url("/new")}));
                let new = svix.endpoint().create(app.clone(), body, None).await.unwrap();
                let arrival = receiver.wait_for("/told", 1).remove(0);
                let event: Value = serde_json::from_slice(&arrival.body).unwrap();
                assert_eq!((&event["type"], &event["data"]["endpointId"]), (&json!("endpoint.created"), &json!(new.id)));
                assert_eq!(arrival.headers["x-team"], "platform");
                Webhook::new(key).unwrap().verify(&arrival.body, &arrival.headers).unwrap();
                svix.operational_webhook().endpoint().delete(id()).await.unwrap();
                assert_eq!(status(svix.operational_webhook().endpoint().get(id()).await), 404);
            }

            #[tokio::test]
            async fn the_customers_token_reaches_its_own_application_alone_until_it_is_ended() {
                let World { svix, server, app, .. } = &World::new("portal").await;
                let access = svix.authentication().app_portal_access(app.clone(), input(json!({})), None).await.unwrap();
                assert!(access.url.starts_with("http"));
                let customer = client(server, &access.token);
                let whose = customer.authentication().whoami().await.unwrap();
                let ours = svix.authentication().whoami().await.unwrap();
                assert_eq!((whose.app_id.as_ref(), ours.app_id.as_ref()), (Some(app), None));
                assert!(ours.env_id.as_ref().is_some_and(|id| id.starts_with("org_")) && whose.env_id == ours.env_id);
                assert_eq!(customer.endpoint().list(app.clone(), None).await.unwrap().data.len(), 1);
                assert_eq!(status(customer.application().list(None).await), 403);
                svix.authentication().expire_all(app.clone(), input(json!({})), None).await.unwrap();
                eventually(async || {
                    let refused = customer.endpoint().list(app.clone(), None).await;
                    refused.is_err().then(|| assert_eq!(status(refused), 401))
                })
                .await;
                assert_eq!(status(client(server, "wrong").application().list(None).await), 401);

                let access = svix.authentication().app_portal_access(app.clone(), input(json!({})), None).await.unwrap();
                let leaving = client(server, &access.token);
                assert_eq!(leaving.endpoint().list(app.clone(), None).await.unwrap().data.len(), 1);
                leaving.authentication().logout(None).await.unwrap();
                assert_eq!(status(leaving.endpoint().list(app.clone(), None).await), 401);
            }

            #[test]
            fn there_is_no_method_of_the_client_that_no_test_calls() {
                let words = [
                    ("$put_headers", stringify!($put_headers)),
                    ("$put", stringify!($put)),
                    ("$($read)*", stringify!($($read)*)),
                    ("$($change)*", stringify!($($change)*)),
                ];
                assert_eq!(never_called($version, include_str!("svix.rs"), &words), [""; 0]);
            }
        }
    };
}

generation! {
    second, svix, "2.", upsert, set_headers, [transformation().get], [transformation().patch], "eventTypes", event_types
}
generation! {
    first, svix_1, "1.", update, update_headers, [transformation_get], [patch_transformation], "filterTypes", filter_types
}

#[tokio::test]
async fn the_second_generation_makes_polling_endpoints_counts_attempts_and_removes_the_contents_of_many_messages() {
    let world = second::World::new("destination").await;
    let svix = &world.svix;
    let app = || world.app.clone();
    let made = svix.destination().create(app(), polling(json!({"uid": "nightly"})), None).await.unwrap();
    assert_eq!(made.uid.as_deref(), Some("nightly"));
    let id = || made.id.clone();
    assert_eq!(svix.destination().get(app(), "nightly".to_owned()).await.unwrap(), made);
    let patched = svix.destination().patch(app(), id(), polling(json!({"channels": ["eu"]}))).await.unwrap();
    assert_eq!(patched.channels.map(Vec::from_iter), Some(vec!["eu".to_owned()]));
    let sent = world.send(json!({"channels": ["eu"]})).await.unwrap().id;
    world.send(json!({})).await.unwrap();
    let page = svix.message().poller().poll(app(), id(), None).await.unwrap();
    assert_eq!(Vec::from_iter(page.data.into_iter().map(|one| one.id)), [sent.clone()]);
    let replaced = svix.destination().upsert(app(), id(), polling(json!({"uid": "daily"}))).await.unwrap();
    assert_eq!((replaced.id, replaced.uid.as_deref(), replaced.channels), (id(), Some("daily"), None));
    assert_eq!(svix.destination().list(app(), None).await.unwrap().data.len(), 1);
    svix.destination().delete(app(), id()).await.unwrap();
    assert_eq!(svix.destination().list(app(), None).await.unwrap().data.len(), 0);

    eventually(async || {
        let ended = svix.endpoint().get_attempt_stats(app(), world.endpoint.clone(), None).await.unwrap();
        ((ended.success, ended.fail, ended.canceled) == (2, 0, 0)).then_some(())
    })
    .await;

    let asked = input(json!({"ids": [sent, "nothing"]}));
    let expunged = svix.message().bulk_expunge_content(app(), asked, None).await.unwrap();
    assert_eq!(json!(expunged.results), json!({sent: "expunged", "nothing": "not-found"}));
}

#[tokio::test]
#[allow(deprecated)]
async fn the_first_generation_has_operations_of_old() {
    let world = first::World::new("old").await;
    let svix = &world.svix;
    let (app, endpoint) = (|| world.app.clone(), || world.endpoint.clone());
    let access = svix.authentication().dashboard_access(app(), None).await.unwrap();
    assert!(access.url.starts_with(&world.server.url) && access.url.ends_with(&access.token));
    let id = svix.integration().create(app(), input(json!({"name": "crm"})), None).await.unwrap().id;
    let key = svix.integration().rotate_key(app(), id.clone(), None).await.unwrap().key;
    assert_eq!(svix.integration().get_key(app(), id).await.unwrap().key, key);
    let message = world.send(json!({})).await.unwrap().id;
    eventually(async || {
        let listed = svix.message_attempt().list_by_msg(app(), message.clone(), None).await.unwrap().data;
        (!listed.is_empty()).then_some(())
    })
    .await;
    let listed = svix.message_attempt().list_attempts_for_endpoint(app(), message.clone(), endpoint(), None).await;
    let attempt = listed.unwrap().data.remove(0);
    assert_eq!((attempt.msg_id, attempt.endpoint_id, attempt.response_status_code), (message, endpoint(), 200));
}

/// A destination whose messages are asked for, or what is changed of one.
fn polling<T: serde::de::DeserializeOwned>(mut body: Value) -> T {
    body["type"] = json!("pollingEndpoint");
    body["config"] = Value::Null;
    input(body)
}

/// A body as the client has it, from JSON with the names of the API.
fn input<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

/// Iterators are texts in one generation, and may be absent in the other.
trait IntoOptionText {
    fn into_option_text(self) -> Option<String>;
}

impl IntoOptionText for String {
    fn into_option_text(self) -> Option<String> {
        Some(self)
    }
}

impl IntoOptionText for Option<String> {
    fn into_option_text(self) -> Option<String> {
        self
    }
}
