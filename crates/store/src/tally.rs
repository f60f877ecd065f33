//! What is asked of the counts that charts are drawn from. They are kept apart from deliveries: adding some is rare and
//! small, and reading some costs the same however much there was to deliver.

use std::collections::BTreeMap;

use ringback_model::{AppNo, EndpointNo, OrgNo, Span, Tally, Timestamp};

/// Counts to be added to an hour that has begun: of endpoints, and with them of their applications and organizations.
#[derive(Clone, Debug)]
pub struct Count {
    /// When this was counted.
    pub at: Timestamp,
    /// What was counted, by endpoint; a few hundred at most, so that the commit is short.
    pub endpoints: Vec<(EndpointNo, AppNo, Tally)>,
}

/// What waits for an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Pending deliveries: due, due later, held, or behind others of their queue.
    pub pending: u64,
    /// When the oldest of their messages was accepted, of those that were counted.
    pub oldest: Option<Timestamp>,
    /// There are more: no more were counted than somebody asked for.
    pub more: bool,
}

impl Backlog {
    /// Adds what waits elsewhere.
    pub fn add(&mut self, other: Self) {
        self.pending += other.pending;
        self.oldest = [self.oldest, other.oldest].into_iter().flatten().min();
        self.more |= other.more;
    }

    /// What was counted: those with a time, and those in queues with the number of queues, whose heads are among the
    /// former. At most one more than `limit` of each.
    pub(crate) fn counted(due: u64, (queued, queues): (u64, u64), limit: u32, oldest: Option<Timestamp>) -> Self {
        let limit = u64::from(limit);
        let pending = due + queued - queues;
        let more = due > limit || queued > limit || pending > limit;
        Self { pending: pending.min(limit), oldest, more }
    }
}

/// What waits for all endpoints together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlogs {
    /// All of it, that of endpoints which are gone among it.
    pub all: Backlog,
    /// The same for each organization in which something waits or is amiss, by number.
    pub organizations: Vec<(OrgNo, JointBacklog)>,
    /// And for each application, by number.
    pub applications: Vec<(AppNo, JointBacklog)>,
    /// Endpoints for which more waits than was asked about, by number.
    pub long: Vec<(EndpointNo, Backlog)>,
}

/// What waits for all endpoints of an organization or of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JointBacklog {
    /// The pending deliveries.
    pub backlog: Backlog,
    /// Endpoints that are sent one probe at a time, because all attempts fail.
    pub open_breakers: u64,
}

/// Whose an endpoint is; 0 for what nobody knows any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Its organization.
    pub(crate) org: i64,
    /// Its application.
    pub(crate) app: i64,
}

impl Backlogs {
    /// Adds up what was counted for each endpoint: whose it is, the number and the oldest; and the open breakers of
    /// applications.
    pub(crate) fn counted(
        endpoints: impl IntoIterator<Item = (EndpointNo, Owner, Backlog)>,
        open_breakers: impl IntoIterator<Item = (Owner, u64)>,
        long: u64,
    ) -> Self {
        let mut waiting = Self::default();
        let mut organizations = BTreeMap::<i64, JointBacklog>::new();
        let mut applications = BTreeMap::<i64, JointBacklog>::new();
        for (endpoint, owner, backlog) in endpoints {
            waiting.all.add(backlog);
            organizations.entry(owner.org).or_default().backlog.add(backlog);
            applications.entry(owner.app).or_default().backlog.add(backlog);
            if backlog.pending > long {
                waiting.long.push((endpoint, backlog));
            }
        }
        for (owner, count) in open_breakers {
            organizations.entry(owner.org).or_default().open_breakers += count;
            applications.entry(owner.app).or_default().open_breakers += count;
        }
        let known = |joint: BTreeMap<i64, JointBacklog>| joint.into_iter().filter(|(no, _)| *no != 0);
        waiting.organizations = known(organizations).map(|(no, one)| (OrgNo(no), one)).collect();
        waiting.applications = known(applications).map(|(no, one)| (AppNo(no), one)).collect();
        waiting.long.sort_unstable_by_key(|(endpoint, _)| endpoint.0);
        waiting
    }
}

/// Whose counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// All that an organization's applications got.
    Organization(OrgNo),
    /// All that an application's endpoints got.
    Application(AppNo),
    /// What an endpoint got.
    Endpoint(EndpointNo),
}

impl Subject {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Organization(OrgNo(no)) | Self::Application(AppNo(no)) | Self::Endpoint(EndpointNo(no)) => no,
        }
    }
}

/// Asks for a series of counts, oldest first; steps without any are left out.
#[derive(Clone, Copy, Debug)]
pub struct TallyQuery {
    /// Whose.
    pub subject: Subject,
    /// How long a step is.
    pub span: Span,
    /// The first step is the one that this falls in.
    pub from: Timestamp,
    /// The last step is the one that this falls in; at most 1,500 steps are read.
    pub until: Timestamp,
}

/// Asks for the sums of all endpoints of an organization or an application that got anything in some hours.
#[derive(Clone, Copy, Debug)]
pub struct EndpointTallyQuery {
    /// Whose endpoints.
    pub of: Subject,
    /// The first hour is the one that this falls in.
    pub from: Timestamp,
    /// The last hour is the one that this falls in; at most 24 are read.
    pub until: Timestamp,
}

/// Steps of a series that are read at most.
pub(crate) const MAX_STEPS: usize = 1_500;
/// Hours that are summed at most.
pub(crate) const MAX_HOURS: usize = 24;

/// The beginnings of the steps from one time to another.
pub(crate) fn steps(span: Span, from: Timestamp, until: Timestamp, most: usize) -> impl Iterator<Item = Timestamp> {
    std::iter::successors(Some(span.start_of(from)), move |start| Some(*start + span.length()))
        .take_while(move |start| *start <= until)
        .take(most)
}
