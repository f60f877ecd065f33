//! The story of a message: which endpoints it went to, what became of it there, and why it did not go to the others.

use std::borrow::Cow;
use std::sync::Arc;

use ringback_model::{AttemptOutcome, DeliveryState, FilterSubject, Finding, LeftOut, Message, MessageNo, NotSent};
use ringback_store::{AppConfig, AttemptQuery, AttemptScope, Direction, EndpointConfig, Paging};

use crate::matching::{self, ReportText, Subject, Unmatched};
use crate::{Actor, DeliveryView, Right, Service, ServiceError};

/// Attempts that are looked at for what their requests went without, the latest.
const ATTEMPTS_MAX: usize = 250;

/// A message and its endpoints.
#[derive(Clone, Debug)]
pub struct Story {
    /// The message.
    pub message: Message,
    /// What is odd about the message itself, in sentences.
    pub notes: Vec<String>,
    /// All endpoints of its application, and those deleted since that it went to.
    pub chapters: Vec<Chapter>,
}

/// What a message has to do with one endpoint.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// The endpoint as it stands now.
    pub endpoint: Arc<EndpointConfig>,
    /// The delivery, if one was made.
    pub delivery: Option<DeliveryView>,
    /// Why none was made, or none would be made now.
    pub why_not: Option<WhyNot>,
    /// A delivery was made, or somebody asked for one, and the endpoint as it is now would not get the message by itself:
    /// why not, in a sentence.
    pub beside: Option<String>,
    /// The conditions of the endpoint's own filter, and how the message stands to each; none once its payload is gone.
    pub findings: Vec<Finding>,
    /// What the last request went without.
    pub left_out: Option<LeftOut>,
    /// The endpoint was changed after the message was accepted: what is told goes by what it says now.
    pub changed_since: bool,
}

/// Why a message makes no delivery for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// The member of the endpoint that keeps it away, if it is one.
    pub field: Option<&'static str>,
    /// In words.
    pub text: Cow<'static, str>,
}

impl Service {
    /// What a message has to do with each endpoint of its application, by what they say now.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn message_story(&self, actor: &Actor, app: &str, message: &str) -> Result<Story, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?;
        let deliveries = self.deliveries_of(app.no, message.no).await?;
        let mut chapters = chapters(&app, &message, deliveries);
        self.note_last_attempts(message.no, &mut chapters).await?;
        chapters.sort_by_key(|chapter| chapter.endpoint.endpoint.id);
        let text = message.payload.as_ref().map(|body| ReportText::new(&app.settings, &message.event_type, body));
        let notes = text.and_then(|text| text.other_product()).into_iter().collect();
        let mut story = Story { message, notes, chapters };
        self.numbers_for(actor).await?.of_story(&mut story);
        Ok(story)
    }

    /// Notes what the last requests went without, and why none could be made.
    async fn note_last_attempts(&self, message: MessageNo, chapters: &mut [Chapter]) -> Result<(), ServiceError> {
        if chapters.iter().all(|chapter| chapter.delivery.is_none()) {
            return Ok(());
        }
        let attempts = self.store.attempts(AttemptQuery {
            scope: AttemptScope::Message { message, endpoint: None },
            paging: Paging { limit: ATTEMPTS_MAX, after: None, direction: Direction::Descending },
            after: None,
            before: None,
            succeeded: None,
            status_class: None,
            channel: None,
            tag: None,
            event_types: Vec::new(),
            look: ATTEMPTS_MAX,
        });
        let attempts = attempts.await?.items;
        for chapter in chapters {
            let Some(last) = attempts.iter().find(|attempt| attempt.endpoint == chapter.endpoint.no) else { continue };
            chapter.left_out = last.exchange.left_out;
            // The sentence that names the field stands where an answer would.
            if last.outcome == (AttemptOutcome::NotSent { why: NotSent::Render })
                && let Some(delivery) = chapter.delivery.as_mut().filter(|delivery| delivery.reason.is_none())
                && delivery.state == DeliveryState::Pending
            {
                let sentence = String::from_utf8_lossy(&last.exchange.response);
                delivery.reason = Some(format!("it is held, for no request can be made of it: {sentence}"));
            }
        }
        Ok(())
    }
}

/// A chapter for each endpoint.
fn chapters(app: &AppConfig, message: &Message, mut deliveries: Vec<DeliveryView>) -> Vec<Chapter> {
    let text = message.payload.as_ref().map(|payload| ReportText::new(&app.settings, &message.event_type, payload));
    let report = text.as_ref().and_then(ReportText::head);
    let filtered = FilterSubject::of(message);
    let subject = Subject::of(message, report.as_ref(), &filtered);
    let mut chapters = Vec::new();
    for config in &app.endpoints {
        let at = deliveries.iter().position(|view| view.endpoint.no == config.no);
        let delivery = at.map(|at| deliveries.swap_remove(at));
        // It stands for a URL of some message's own, so that it concerns that message alone.
        if delivery.is_some() || !config.endpoint.callback {
            let why_not = delivery.is_none().then(|| why_not(config, message, &subject));
            let findings = findings(config, message, &filtered);
            let beside = delivery.as_ref().and_then(|_| beside(config, message, &subject));
            chapters.push(Chapter { beside, findings, ..chapter(config.clone(), delivery, why_not, message) });
        }
    }
    // What is left went to endpoints that are gone.
    for delivery in deliveries {
        chapters.push(chapter(delivery.endpoint.clone(), Some(delivery), None, message));
    }
    chapters
}

fn chapter(
    endpoint: Arc<EndpointConfig>,
    delivery: Option<DeliveryView>,
    why_not: Option<WhyNot>,
    message: &Message,
) -> Chapter {
    let changed_since = endpoint.endpoint.updated_at > message.accepted_at;
    Chapter { endpoint, delivery, why_not, beside: None, findings: Vec::new(), left_out: None, changed_since }
}

fn findings(config: &EndpointConfig, message: &Message, filtered: &FilterSubject<'_>) -> Vec<Finding> {
    let filter = config.endpoint.filter.as_ref().filter(|_| message.payload.is_some());
    filter.map_or_else(Vec::new, |filter| filter.explain(filtered))
}

/// What is told of a delivery that would not be made now.
fn beside(config: &EndpointConfig, message: &Message, subject: &Subject<'_>) -> Option<String> {
    if config.endpoint.callback {
        return None;
    }
    let unmatched = matching::judge(&config.endpoint, subject).err()?;
    // What holds a delivery back is told with it.
    let is_unknown = message.payload.is_none() && unmatched.is_of_the_payload();
    (unmatched != Unmatched::Disabled && !is_unknown).then(|| unmatched.beside())
}

/// Why there is no delivery.
fn why_not(config: &EndpointConfig, message: &Message, subject: &Subject<'_>) -> WhyNot {
    let endpoint = &config.endpoint;
    let because = |text: &'static str| WhyNot { field: None, text: text.into() };
    if endpoint.created_at > message.accepted_at {
        return because("the endpoint did not exist yet when the message was accepted");
    }
    match matching::judge(endpoint, subject) {
        Err(unmatched) if message.payload.is_none() && unmatched.is_of_the_payload() => {
            because("the payload is gone, and with it what the endpoint filters by")
        }
        Err(Unmatched::Filter) => {
            let findings = findings(config, message, subject.filtered);
            let obstacle = Finding::obstacle(&findings).unwrap_or_default();
            WhyNot { field: Some("filter"), text: format!("{}: {obstacle}", Unmatched::Filter.text()).into() }
        }
        Err(unmatched) => WhyNot { field: unmatched.field(), text: unmatched.text().into() },
        Ok(()) if endpoint.updated_at > message.accepted_at => {
            because("its settings kept it away when the message was accepted; by the present ones it would get it")
        }
        Ok(()) => because(
            "the settings of the organization kept it away when the message was accepted; by the present ones it would get it",
        ),
    }
}

impl Unmatched {
    /// Whether the payload decides.
    const fn is_of_the_payload(self) -> bool {
        !matches!(self, Self::Disabled | Self::EventType | Self::Channel)
    }

    /// The member of the endpoint that it comes from.
    const fn field(self) -> Option<&'static str> {
        match self {
            Self::Disabled => Some("disabled"),
            Self::EventType => Some("eventTypes"),
            Self::Channel => Some("channels"),
            Self::Product => Some("product"),
            Self::ReportType => Some("reportType"),
            Self::ProductUniqueId => Some("productUniqueId"),
            Self::Category => Some("category"),
            Self::State(_) => Some("statusPolicy"),
            Self::Filter => Some("filter"),
        }
    }
}
