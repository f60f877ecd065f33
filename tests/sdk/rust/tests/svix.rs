//! The official Rust client against Ringback, its present generation and the last of the one before: what their users
//! rely on works by changing the server's address. Both read answers strictly: a member that is missing, or a status that
//! they do not know, fails the call.

use ringback_sdk_rust::{Receiver, Server, eventually, unique};
use serde_json::{Value, json};

/// The tests for one generation; its words for PUT, and for the event types of an endpoint.
macro_rules! generation {
    ($name:ident, $sdk:ident, $put:ident, $put_headers:ident, $types:literal, $types_member:ident) => {
        mod $name {
            use $sdk as sdk;

            use sdk::api::{Svix, SvixOptions};
            use sdk::error::Error;
            use sdk::webhooks::Webhook;

            use super::*;

            struct World {
                server: Server,
                receiver: Receiver,
                svix: Svix,
                /// An application with one endpoint.
                app: String,
                endpoint: String,
                path: String,
            }

            impl World {
                async fn new(name: &str) -> Self {
                    let server = Server::start(&format!("{}-{name}", stringify!($name)));
                    let receiver = Receiver::start();
                    let svix = client(&server, &server.token);
                    let app = svix.application().create(input(json!({"name": "customer"})), None).await.unwrap().id;
                    let path = format!("/{}", unique("hook"));
                    let body = input(json!({"url": receiver.url(&path)}));
                    let endpoint = svix.endpoint().create(app.clone(), body, None).await.unwrap().id;
                    Self { server, receiver, svix, app, endpoint, path }
                }

                async fn send(&self, more: Value) -> sdk::error::Result<sdk::models::MessageOut> {
                    let mut body = json!({"eventType": "order.paid", "payload": {"n": 1}});
                    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                    self.svix.message().create(self.app.clone(), input(body), None).await
                }
            }

            fn client(server: &Server, token: &str) -> Svix {
                // Without retries a 5xx of the server fails the test that met it.
                let options = SvixOptions { server_url: Some(server.url.clone()), num_retries: Some(0), ..SvixOptions::default() };
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
                let applications = svix.application();
                let uid = unique("acme");
                let body = json!({"name": "Acme", "uid": uid, "metadata": {"plan": "gold"}, "throttleRate": 7});
                let made = applications.create(input(body), None).await.unwrap();
                assert!(made.id.starts_with("app_") && made.id.len() == 31 && made.throttle_rate == Some(7));
                assert_eq!(applications.get(uid.clone()).await.unwrap(), made);
                let again = applications.get_or_create(input(json!({"name": "Other", "uid": uid})), None).await.unwrap();
                assert_eq!(again, made);
                let patch = input(json!({"name": "Acme 2", "throttleRate": null}));
                let patched = applications.patch(uid.clone(), patch).await.unwrap();
                assert_eq!((patched.name.as_str(), patched.throttle_rate, &patched.metadata), ("Acme 2", None, &made.metadata));
                let put = input(json!({"name": "Acme 3", "uid": uid}));
                assert_eq!(applications.$put(uid.clone(), put).await.unwrap().name, "Acme 3");
                let (mut ids, mut iterator) = (Vec::new(), None);
                loop {
                    let options = sdk::api::ApplicationListOptions { limit: Some(1), iterator, ..Default::default() };
                    let page = applications.list(Some(options)).await.unwrap();
                    ids.extend(page.data.into_iter().map(|app| app.id));
                    if page.done {
                        break;
                    }
                    iterator = Some(page.iterator.into_option_text().unwrap());
                }
                assert_eq!((ids.len(), ids.contains(&made.id)), (2, true));
                applications.delete(uid.clone()).await.unwrap();
                assert_eq!(status(applications.get(uid).await), 404);
                assert_eq!(status(applications.create(input(json!({"name": ""})), None).await), 422);
            }

            #[tokio::test]
            async fn an_event_type_is_made_changed_archived_and_comes_out_of_an_openapi_document() {
                let World { svix, .. } = &World::new("event-type").await;
                let types = svix.event_type();
                let body = || input(json!({"name": "user.made", "description": "A user", "schemas": {"1": {"type": "object"}}}));
                types.create(body(), None).await.unwrap();
                assert_eq!(status(types.create(body(), None).await), 409);
                let name = || "user.made".to_owned();
                assert_eq!(types.patch(name(), input(json!({"deprecated": true}))).await.unwrap().deprecated, true);
                assert_eq!(types.$put(name(), input(json!({"description": "Now"}))).await.unwrap().description, "Now");
                types.delete(name(), None).await.unwrap();
                assert_eq!(types.get(name()).await.unwrap().archived, Some(true));
                let document = json!({"spec": {"webhooks": {"user.imported": {"post": {"description": "Imported"}}}}});
                let imported = types.import_openapi(input(document), None).await.unwrap();
                assert_eq!(Vec::from_iter(imported.data.modified), ["user.imported"]);
                assert_eq!(types.list(None).await.unwrap().data.len(), 1, "archived ones are left out");
            }

            #[tokio::test]
            async fn an_endpoint_is_made_changed_listed_rotated_and_deleted() {
                let World { svix, app, receiver, .. } = &World::new("endpoint").await;
                let endpoints = svix.endpoint();
                svix.event_type().create(input(json!({"name": "sms.dlr", "description": ""})), None).await.unwrap();
                let (app, uid) = (|| app.clone(), || "main".to_owned());
                let body = json!({"url": receiver.url("/other"), "uid": "main", $types: ["sms.dlr"], "channels": ["eu"]});
                let made = endpoints.create(app(), input(body), None).await.unwrap();
                assert_eq!(Vec::from_iter(made.$types_member.clone().unwrap()), ["sms.dlr"]);
                assert_eq!(endpoints.get(app(), uid()).await.unwrap(), made);
                let patch = input(json!({"disabled": true, "channels": null}));
                let patched = endpoints.patch(app(), uid(), patch).await.unwrap();
                assert_eq!((patched.disabled, patched.channels, patched.$types_member), (Some(true), None, made.$types_member));
                let put = input(json!({"url": receiver.url("/third"), "uid": "main", "description": "put"}));
                assert_eq!(endpoints.$put(app(), uid(), put).await.unwrap().description, "put");
                assert_eq!(endpoints.list(app(), None).await.unwrap().data.len(), 2);
                let secret = endpoints.get_secret(app(), uid()).await.unwrap().key;
                endpoints.rotate_secret(app(), uid(), input(json!({})), None).await.unwrap();
                assert_ne!(endpoints.get_secret(app(), uid()).await.unwrap().key, secret);
                endpoints.$put_headers(app(), uid(), input(json!({"headers": {"x-a": "1"}}))).await.unwrap();
                let patch = input(json!({"headers": {"x-tenant": "acme", "authorization": "Bearer of-mine"}}));
                endpoints.patch_headers(app(), uid(), patch).await.unwrap();
                let shown = endpoints.get_headers(app(), uid()).await.unwrap();
                assert_eq!(json!(shown.headers), json!({"x-a": "1", "x-tenant": "acme"}));
                assert_eq!(Vec::from_iter(shown.sensitive), ["authorization"]);
                assert_eq!(endpoints.get_stats(app(), uid(), None).await.unwrap().fail, 0);
                endpoints.delete(app(), uid()).await.unwrap();
                assert_eq!(status(endpoints.get(app(), uid()).await), 404);
            }

            #[tokio::test]
            async fn a_message_arrives_as_it_was_handed_in_and_the_verifier_accepts_it() {
                let world = World::new("message").await;
                let payload = json!({"z": 1, "a": {"text": "grün ✓", "nothing": null}, "list": [1.5, "x", true]});
                let message = world.send(json!({"payload": payload, "eventId": "7042"})).await.unwrap();
                let arrival = world.receiver.wait_for(&world.path, 1).remove(0);
                assert_eq!(serde_json::from_slice::<Value>(&arrival.body).unwrap(), payload);
                assert_eq!(arrival.headers["webhook-id"].to_str().unwrap(), message.id);
                let secret = world.svix.endpoint().get_secret(world.app.clone(), world.endpoint.clone()).await.unwrap();
                let webhook = Webhook::new(&secret.key).unwrap();
                webhook.verify(&arrival.body, &arrival.headers).unwrap();
                assert!(webhook.verify(&[&arrival.body[..], b" "].concat(), &arrival.headers).is_err());

                assert_eq!(status(world.send(json!({"eventId": "7042"})).await), 409);
                assert_eq!(status(world.send(json!({"eventType": "not a name"})).await), 422);
                let messages = world.svix.message();
                let app = || world.app.clone();
                assert_eq!(messages.get(app(), "7042".to_owned(), None).await.unwrap().id, message.id);
                assert_eq!(messages.list(app(), None).await.unwrap().data.len(), 1);
                let asked = input(json!({"eventType": "order.paid"}));
                assert!(messages.precheck(app(), asked, None).await.unwrap().active);
                messages.expunge_content(app(), message.id.clone()).await.unwrap();
                assert_eq!(status(messages.get(app(), "none".to_owned(), None).await), 404);
            }

            #[tokio::test]
            async fn a_failure_is_retried_its_attempts_are_told_and_it_is_sent_again_on_request() {
                let world = World::new("attempt").await;
                world.receiver.answer(&world.path, &[500, 503]);
                let message = world.send(json!({})).await.unwrap();
                world.receiver.wait_for(&world.path, 3);
                let attempts = world.svix.message_attempt();
                let (app, endpoint, id) = (|| world.app.clone(), || world.endpoint.clone(), || message.id.clone());
                let told = eventually(async || {
                    let told = attempts.list_by_msg(app(), id(), None).await.unwrap().data;
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
                assert_eq!(attempts.list_by_endpoint(app(), endpoint(), Some(failed)).await.unwrap().data.len(), 2);
                assert_eq!(attempts.get(app(), id(), told[0].id.clone(), None).await.unwrap().msg_id, message.id);
                attempts.resend(app(), id(), endpoint(), None).await.unwrap();
                world.receiver.wait_for(&world.path, 4);
                let stands = attempts.list_attempted_destinations(app(), id(), None).await.unwrap().data;
                assert_eq!((stands.len(), stands[0].status), (1, sdk::models::MessageStatus::Success));
                let messages = attempts.list_attempted_messages(app(), endpoint(), None).await.unwrap().data;
                assert_eq!(messages.len(), 1);
                attempts.expunge_content(app(), id(), told[0].id.clone()).await.unwrap();
            }

            #[tokio::test]
            async fn what_failed_is_recovered_by_a_task_that_can_be_asked_how_far_it_is() {
                let world = World::new("task").await;
                let (app, endpoint) = (|| world.app.clone(), || world.endpoint.clone());
                let since = json!({"since": "2024-01-01T00:00:00Z"});
                let recovered = world.svix.endpoint().recover(app(), endpoint(), input(since.clone()), None).await.unwrap();
                assert!(recovered.id.starts_with("qtask_"));
                world.svix.endpoint().replay_missing(app(), endpoint(), input(since), None).await.unwrap();
                let tasks = world.svix.background_task();
                let done = eventually(async || {
                    let task = tasks.get(recovered.id.clone()).await.unwrap();
                    (task.status != sdk::models::BackgroundTaskStatus::Running).then_some(task)
                })
                .await;
                assert_eq!(done.status, sdk::models::BackgroundTaskStatus::Finished);
                assert_eq!(tasks.list(None).await.unwrap().data.len(), 2);
            }

            #[tokio::test]
            async fn an_example_is_sent_and_the_environment_goes_elsewhere() {
                let world = World::new("environment").await;
                let example = json!({"type": "object", "examples": [{"a": 1}]});
                let body = json!({"name": "a.b", "description": "", "schemas": {"1": example}});
                world.svix.event_type().create(input(body), None).await.unwrap();
                let (app, endpoint) = (world.app.clone(), world.endpoint.clone());
                let asked = input(json!({"eventType": "a.b"}));
                world.svix.endpoint().send_example(app, endpoint, asked, None).await.unwrap();
                let arrival = world.receiver.wait_for(&world.path, 1).remove(0);
                assert_eq!(serde_json::from_slice::<Value>(&arrival.body).unwrap(), json!({"a": 1}));
                let environment = world.svix.environment();
                assert_eq!(environment.export(None).await.unwrap().event_types.len(), 1);
                let import = |name: &str| input(json!({"eventTypes": [{"name": name, "description": ""}]}));
                environment.import(import("a.c"), None).await.unwrap();
                assert_eq!(status(environment.import(import("not a name"), None).await), 422);
                world.svix.health().get().await.unwrap();
            }

            #[tokio::test]
            async fn operational_webhooks_are_endpoints_of_the_organizations_own() {
                let World { svix, receiver, .. } = &World::new("operational").await;
                let webhooks = svix.operational_webhook().endpoint();
                let made = webhooks.create(input(json!({"url": receiver.url("/operational")})), None).await.unwrap();
                assert_eq!(webhooks.list(None).await.unwrap().data.len(), 1);
                assert!(webhooks.get_secret(made.id.clone()).await.unwrap().key.starts_with("whsec_"));
                webhooks.rotate_secret(made.id.clone(), input(json!({})), None).await.unwrap();
                webhooks.delete(made.id.clone()).await.unwrap();
                assert_eq!(status(webhooks.get(made.id).await), 404);
            }

            #[tokio::test]
            async fn the_customers_token_reaches_its_own_application_alone_until_it_is_ended() {
                let World { svix, server, app, .. } = &World::new("portal").await;
                let access = svix.authentication().app_portal_access(app.clone(), input(json!({})), None).await.unwrap();
                assert!(access.url.starts_with("http"));
                let customer = client(server, &access.token);
                assert_eq!(customer.endpoint().list(app.clone(), None).await.unwrap().data.len(), 1);
                assert_eq!(status(customer.application().list(None).await), 403);
                svix.authentication().expire_all(app.clone(), input(json!({})), None).await.unwrap();
                eventually(async || {
                    let refused = customer.endpoint().list(app.clone(), None).await;
                    refused.is_err().then(|| assert_eq!(status(refused), 401))
                })
                .await;
                assert_eq!(status(client(server, "wrong").application().list(None).await), 401);
            }
        }
    };
}

generation!(second, svix, upsert, set_headers, "eventTypes", event_types);
generation!(first, svix_1, update, update_headers, "filterTypes", filter_types);

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
