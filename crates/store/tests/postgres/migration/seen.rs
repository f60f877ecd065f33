//! Everything that a store shows through the port, a line for each thing, with numbers as they are below their shard: two
//! stores with the same lines hold the same.

use std::time::Duration;

use ringback_model::{
    AppNo, Attempt, Clock as _, Delivery, EndpointNo, ManualClock, Message, MessageNo, OrgNo, PollerNo, Span, Task,
    Timestamp,
};
use ringback_store::{
    AgingQuery, AttemptQuery, AttemptScope, AuditQuery, Direction, DocumentKind, DocumentPage, Due, EndpointTallyQuery,
    KnownVersions, MentionQuery, MessageQuery, MessageRef, NewNode, Paging, PollQuery, Shard, Store, Subject, Take,
    TallyQuery, UnreadQuery,
};

/// Kinds that belong to nothing, and those that belong to another.
const ROOTS: [DocumentKind; 6] = [
    DocumentKind::Organization,
    DocumentKind::OauthClient,
    DocumentKind::FeedbackSecret,
    DocumentKind::User,
    DocumentKind::Setup,
    DocumentKind::RunningTask,
];

const fn children(kind: DocumentKind) -> &'static [DocumentKind] {
    match kind {
        DocumentKind::Organization => {
            &[DocumentKind::Application, DocumentKind::EventType, DocumentKind::Task, DocumentKind::Access]
        }
        DocumentKind::Application => {
            &[DocumentKind::Endpoint, DocumentKind::GoneEndpoint, DocumentKind::Integration, DocumentKind::Poller]
        }
        DocumentKind::Poller => &[DocumentKind::Consumer],
        DocumentKind::Task => &[DocumentKind::TaskFindings],
        _ => &[],
    }
}

/// A number below its shard.
pub(super) const fn low(no: i64) -> i64 {
    no & ((1 << 55) - 1)
}

/// What was seen of a store.
pub(super) struct Seen<'a> {
    store: &'a dyn Store,
    now: Timestamp,
    pub(super) lines: Vec<String>,
    pub(super) apps: Vec<(String, AppNo)>,
    pub(super) endpoints: Vec<EndpointNo>,
    orgs: Vec<i64>,
    pollers: Vec<(AppNo, PollerNo)>,
}

impl<'a> Seen<'a> {
    pub(super) async fn of(store: &'a dyn Store, clock: &ManualClock) -> Self {
        let (name, version, process) = ("a node".to_owned(), "0.1.0".to_owned(), "a process".to_owned());
        store.lease(NewNode { name, version, process, ended: Vec::new() }).await.unwrap();
        let (lines, apps, endpoints, orgs, pollers) = Default::default();
        let mut seen = Self { store, now: clock.now(), lines, apps, endpoints, orgs, pollers };
        for root in ROOTS {
            seen.documents(root, 0).await;
        }
        for (_, app) in seen.apps.clone() {
            seen.messages(app).await;
            seen.search(app).await;
        }
        for endpoint in seen.endpoints.clone() {
            seen.endpoint(endpoint).await;
        }
        seen.rest().await;
        seen
    }

    /// The endpoints of an application, in the order of their keys.
    pub(super) fn endpoints_of(&self, app: AppNo) -> Vec<EndpointNo> {
        self.endpoints.iter().copied().filter(|endpoint| Shard::of(endpoint.0) == Shard::of(app.0)).collect()
    }

    fn push(&mut self, what: &str, thing: impl std::fmt::Debug) {
        self.lines.push(format!("{what}: {thing:?}"));
    }

    async fn documents(&mut self, kind: DocumentKind, parent: i64) {
        let paging = Paging { limit: 1_000, after: None, direction: Direction::Ascending };
        for mut found in self.store.documents(DocumentPage { kind, parent, paging }).await.unwrap() {
            let no = found.no;
            match kind {
                DocumentKind::Application => self.apps.push((found.key.clone(), AppNo(no))),
                DocumentKind::Endpoint => self.endpoints.push(EndpointNo(no)),
                DocumentKind::Organization => self.orgs.push(no),
                DocumentKind::Poller => self.pollers.push((AppNo(parent), PollerNo(no))),
                DocumentKind::Task => found.body = self.task(&found.body).await,
                _ => {}
            }
            (found.no, found.parent) = (low(found.no), low(found.parent));
            let secret = found.secret.as_ref().map(|secret| secret.reveal().to_owned());
            self.push("document", (found, secret));
            for child in children(kind) {
                Box::pin(self.documents(*child, no)).await;
            }
        }
        if kind == DocumentKind::Application {
            for (_, app) in self.apps.clone() {
                let found = self.store.configuration(app, KnownVersions::new()).await.unwrap().unwrap();
                let parts: Vec<_> = found.parts.into_iter().map(|part| (low(part.no), part.key)).collect();
                self.push("configuration", (found.version, found.application.key, parts));
            }
        }
    }

    /// What a task is about is there under the numbers that it names.
    async fn task(&self, body: &str) -> String {
        let mut task: Task = serde_json::from_str(body).unwrap();
        for (no, kind) in [(task.app_no, DocumentKind::Application), (task.endpoint_no, DocumentKind::Endpoint)] {
            let Some(no) = no else { continue };
            assert_eq!(self.store.document(no).await.unwrap().unwrap().kind, kind);
        }
        if let (Some(upto), Some(app)) = (task.upto, task.app_no) {
            assert_eq!(Shard::of(upto), Shard::of(app));
        }
        for no in [&mut task.app_no, &mut task.endpoint_no, &mut task.upto].into_iter().flatten() {
            *no = low(*no);
        }
        serde_json::to_string(&task).unwrap()
    }

    async fn messages(&mut self, app: AppNo) {
        let paging = Paging { limit: 10_000, after: None, direction: Direction::Ascending };
        let all = MessageQuery { with_payload: true, ..MessageQuery::all(app, paging) };
        for message in self.store.messages(all.clone()).await.unwrap().items {
            let no = message.no;
            if let Some(event_id) = &message.event_id {
                let found = self.store.message(app, MessageRef::EventId(event_id.clone())).await.unwrap();
                assert_eq!(found.unwrap().no, no);
            }
            let tags = message.tags.clone();
            self.push("message", plain(message));
            for tag in tags {
                let tagged = MessageQuery { tag: Some(tag), ..all.clone() };
                let found = self.store.messages(tagged).await.unwrap().items;
                self.push("tagged", found.into_iter().map(|message| low(message.no.0)).collect::<Vec<_>>());
            }
            for delivery in self.store.deliveries(no).await.unwrap() {
                let (message, endpoint) = (MessageNo(low(delivery.message.0)), EndpointNo(low(delivery.endpoint.0)));
                self.push("delivery", Delivery { message, endpoint, ..delivery });
            }
            let scope = AttemptScope::Message { message: no, endpoint: None };
            self.attempts(scope).await;
        }
    }

    async fn attempts(&mut self, scope: AttemptScope) {
        let query = AttemptQuery {
            scope,
            paging: Paging { limit: 1_000, after: None, direction: Direction::Descending },
            after: None,
            before: None,
            succeeded: None,
            status_class: None,
            channel: None,
            tag: None,
            event_types: Vec::new(),
            look: 10_000,
        };
        for attempt in self.store.attempts(query).await.unwrap().items {
            let (message, endpoint) = (MessageNo(low(attempt.message.0)), EndpointNo(low(attempt.endpoint.0)));
            // One has 32 bits for each time.
            let mut attempt = Attempt { message, endpoint, ..attempt };
            attempt.exchange.phases.total = attempt.exchange.phases.total.min(Duration::from_micros(i32::MAX as u64));
            self.push("attempt", attempt);
        }
    }

    async fn search(&mut self, app: AppNo) {
        for word in ["254700000001", "\u{e9}", "none"] {
            let query = MentionQuery { app, word: word.to_owned(), before: None, limit: 100 };
            let found = self.store.mentioned(query).await.unwrap();
            self.push(word, found.into_iter().map(|no| low(no.0)).collect::<Vec<_>>());
        }
        let usage = self.store.usage(app).await.unwrap();
        self.push("usage", usage);
        for (of, poller) in self.pollers.clone() {
            if of == app {
                let after = MessageNo(app.0 >> 55 << 55);
                let polled = self.store.polled(PollQuery { app, poller, after, limit: 1_000 }).await.unwrap();
                self.push("polled", polled.iter().map(|polled| low(polled.message.no.0)).collect::<Vec<_>>());
            }
        }
    }

    /// What waits there, now and when all of it is due.
    async fn endpoint(&mut self, endpoint: EndpointNo) {
        for now in [self.now, self.now + Duration::from_secs(7 * 86_400)] {
            let take = Take { endpoint, now, limit: 10_000, max_bytes: usize::MAX, held: Vec::new() };
            let taken = self.store.take(take).await.unwrap();
            self.push("next", (taken.more, taken.next_due));
            for due in taken.rows {
                let message = plain((*due.message).clone());
                self.push("due", Due { message: message.into(), endpoint: EndpointNo(low(endpoint.0)), ..due });
            }
        }
        let backlog = self.store.backlog(endpoint, u32::MAX).await.unwrap();
        self.push("backlog", backlog);
        self.attempts(AttemptScope::Endpoint(endpoint)).await;
    }

    async fn rest(&mut self) {
        let mut lanes = self.store.lanes(EndpointNo(0), 1_000).await.unwrap();
        lanes.iter_mut().for_each(|lane| lane.endpoint = EndpointNo(low(lane.endpoint.0)));
        lanes.sort_by_key(|lane| lane.endpoint.0);
        self.push("lanes", lanes);
        let pending = self.store.pending(u64::MAX).await.unwrap().all.pending;
        self.push("pending", pending);
        let unread = self.store.unread(UnreadQuery { accepted_before: Timestamp::MAX, limit: 10_000 }).await.unwrap();
        let mut unread: Vec<_> =
            unread.into_iter().flat_map(|run| run.messages).map(|message| low(message.no.0)).collect();
        unread.sort_unstable();
        self.push("unread", unread);
        self.upkeep().await;
        for mut noticed in self.store.notices(1_000).await.unwrap() {
            let app = self.store.document(noticed.notice.app_no).await.unwrap().unwrap();
            assert_eq!(app.kind, DocumentKind::Application);
            noticed.notice.app_no = low(noticed.notice.app_no);
            self.push("notice", noticed);
        }
        for org in self.orgs.clone() {
            let mut audits =
                self.store.audits(AuditQuery { org, limit: 1_000, ..AuditQuery::default() }).await.unwrap();
            // The other one has no zero bytes in texts.
            audits.iter_mut().for_each(|told| told.audit.title = told.audit.title.replace('\0', "\u{fffd}"));
            self.push("audits", audits);
            self.tallies(org).await;
        }
    }

    /// Which messages are visited when, in whatever parts.
    async fn upkeep(&mut self) {
        let mut visited = Vec::new();
        for part in self.store.upkeep(Timestamp::MAX, 10_000).await.unwrap() {
            let query = AgingQuery { part: part.no, after: MessageNo(0), limit: 10_000 };
            for aging in self.store.aging(query).await.unwrap() {
                visited.push((low(aging.no.0), part.noted_at, aging.expires_at, aging.has_attempts, aging.is_pending));
            }
        }
        visited.sort();
        self.push("upkeep", visited);
    }

    async fn tallies(&mut self, org: i64) {
        let apps = self.apps.iter().map(|(_, app)| Subject::Application(*app));
        let endpoints = self.endpoints.iter().map(|endpoint| Subject::Endpoint(*endpoint));
        let subjects: Vec<_> = [Subject::Organization(OrgNo(org))].into_iter().chain(apps).chain(endpoints).collect();
        let (from, until) = (self.now - Duration::from_secs(3_600), self.now);
        for subject in subjects {
            for span in Span::ALL {
                let series = self.store.tallies(TallyQuery { subject, span, from, until }).await.unwrap();
                self.push("counts", series);
            }
            let sums = self.store.endpoint_tallies(EndpointTallyQuery { of: subject, from, until }).await.unwrap();
            let mut sums: Vec<_> = sums.into_iter().map(|(endpoint, tally)| (low(endpoint.0), tally)).collect();
            sums.sort_by_key(|(endpoint, _)| *endpoint);
            self.push("sums", sums);
        }
    }
}

fn plain(message: Message) -> Message {
    let (no, app) = (MessageNo(low(message.no.0)), AppNo(low(message.app.0)));
    Message { no, app, ..message }
}
