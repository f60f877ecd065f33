//! How deliveries went: of an organization, an application or an endpoint, over an hour, a day or a week.
//!
//! The figures come from counts that the engine keeps ([`ringback_model::Tally`]); nothing here counts deliveries, except
//! for the backlog of one endpoint, which is read from an index.

use std::cmp::Reverse;
use std::time::Duration;

use ringback_model::{AppId, AppNo, EndpointId, EndpointNo, Span, Tally, Timestamp};
pub use ringback_store::{Backlog, JointBacklog};
use ringback_store::{EndpointTallyQuery, Subject, TallyQuery};

use crate::{Actor, Right, Service, ServiceError};

/// Endpoints that are told apart at most.
const ENDPOINTS: usize = 10;
/// Pending deliveries that are counted for somebody who looks at a page: counting takes longer the more there are.
pub(crate) const COUNTED_MAX: u32 = 50_000;
/// How long a range [`Service::endpoint_tally`] sums at most.
const LONGEST_RANGE: Duration = Duration::from_secs(28 * 86_400);
/// What it sums if nobody says since when.
const USUAL_RANGE: Duration = Duration::from_secs(86_400);

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatisticsWindow {
    /// An hour, by minute.
    Hour,
    /// A day, by hour.
    #[default]
    Day,
    /// A week, by hour.
    Week,
}

impl StatisticsWindow {
    /// All, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// As it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// The one that is written so.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.text() == text)
    }

    /// How long a step of its series is.
    #[must_use]
    pub const fn span(self) -> Span {
        match self {
            Self::Hour => Span::Minute,
            Self::Day | Self::Week => Span::Hour,
        }
    }

    /// How many steps it has, the one under way among them.
    #[must_use]
    pub const fn steps(self) -> u32 {
        match self {
            Self::Hour => 60,
            Self::Day => 24,
            Self::Week => 168,
        }
    }
}

/// A series and its sum.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// How far back.
    pub window: StatisticsWindow,
    /// Each step of it, oldest first, those without any deliveries among them.
    pub points: Vec<(Timestamp, Tally)>,
    /// All of them together.
    pub total: Tally,
}

/// How one endpoint did.
#[derive(Clone, Copy, Debug)]
pub struct EndpointStanding {
    /// Its application.
    pub app: AppId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// What was counted for it.
    pub tally: Tally,
}

/// The endpoints of an organization or an application that ask for a look, by what was counted in the last hours.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// Those with the most attempts that failed.
    pub failing: Vec<EndpointStanding>,
    /// Those that take longest to answer.
    pub slowest: Vec<EndpointStanding>,
}

impl Service {
    /// How the deliveries of the whole organization went.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of an application.
    pub async fn organization_statistics(
        &self,
        actor: &Actor,
        window: StatisticsWindow,
    ) -> Result<Statistics, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        match self.organization(actor.org).await? {
            Some(org) => self.statistics(Subject::Organization(org), window).await,
            // Nothing was ever made in it.
            None => Ok(self.series(window, Vec::new())),
        }
    }

    /// How the deliveries of an application went.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn application_statistics(
        &self,
        actor: &Actor,
        app: &str,
        window: StatisticsWindow,
    ) -> Result<Statistics, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        self.statistics(Subject::Application(app.no), window).await
    }

    /// How the deliveries of an endpoint went.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn endpoint_statistics(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        window: StatisticsWindow,
    ) -> Result<Statistics, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        self.statistics(Subject::Endpoint(config.no), window).await
    }

    /// The endpoints of an application that ask for a look.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn standings(
        &self,
        actor: &Actor,
        app: &str,
        window: StatisticsWindow,
    ) -> Result<Standings, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        self.standings_of(Subject::Application(app.no), window).await
    }

    /// The endpoints of all applications that ask for a look.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] for a token of an application.
    pub async fn organization_standings(
        &self,
        actor: &Actor,
        window: StatisticsWindow,
    ) -> Result<Standings, ServiceError> {
        actor.require(Right::ReadOrganization)?;
        match self.organization(actor.org).await? {
            Some(org) => self.standings_of(Subject::Organization(org), window).await,
            None => Ok(Standings::default()),
        }
    }

    async fn standings_of(&self, of: Subject, window: StatisticsWindow) -> Result<Standings, ServiceError> {
        let until = self.clock.now();
        // A week of every endpoint would be much to read, and says less of what is wrong now.
        let back = match window {
            StatisticsWindow::Hour => 1,
            StatisticsWindow::Day | StatisticsWindow::Week => 23,
        };
        let from = until - Span::Hour.length() * back;
        let mut found = self.store.endpoint_tallies(EndpointTallyQuery { of, from, until }).await?;
        found.sort_unstable_by_key(|(no, tally)| (Reverse(tally.failed + tally.not_sent), *no));
        let failing = self.named(&found, |tally| tally.failed + tally.not_sent > 0).await?;
        found.sort_unstable_by_key(|(no, tally)| (Reverse(tally.mean_exchange()), *no));
        let slowest = self.named(&found, |tally| tally.attempts() > 0).await?;
        Ok(Standings { failing, slowest })
    }

    /// The first of these that count and still exist.
    async fn named(
        &self,
        found: &[(EndpointNo, Tally)],
        counts: impl Fn(&Tally) -> bool + Send,
    ) -> Result<Vec<EndpointStanding>, ServiceError> {
        let mut named = Vec::new();
        // Those that were deleted are passed over, but not without end.
        for (no, tally) in found.iter().filter(|(_, tally)| counts(tally)).take(2 * ENDPOINTS) {
            let document = self.store.document(no.0).await?.filter(|document| document.deleted_at.is_none());
            let Some(document) = document else { continue };
            let Some(app) = self.directory.app(AppNo(document.parent)).await? else { continue };
            let Some(endpoint) = app.endpoint(*no) else { continue };
            named.push(EndpointStanding { app: app.application.id, endpoint: endpoint.endpoint.id, tally: *tally });
            if named.len() == ENDPOINTS {
                break;
            }
        }
        Ok(named)
    }

    /// What waits for an endpoint: up to 50,000 deliveries are counted, more are told as they were last counted.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn backlog(&self, actor: &Actor, app: &str, endpoint: &str) -> Result<Backlog, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        Ok(self.pending.backlog(config.no, COUNTED_MAX).await?)
    }

    /// What was counted for an endpoint in a range of time, as [`Service::endpoint_tally`], and what waits there.
    ///
    /// # Errors
    /// Those of [`Service::endpoint_tally`].
    pub async fn endpoint_stats(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        range: (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<(Tally, Backlog), ServiceError> {
        let tally = self.endpoint_tally(actor, app, endpoint, range).await?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        Ok((tally, self.store.backlog(config.no, u32::MAX).await?))
    }

    /// What was counted for an endpoint in a range of time, to the hour for the last eight days and to the day before.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Refused`] with `invalid_range`.
    pub async fn endpoint_tally(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        (since, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Tally, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let (_, config) = self.lane_config(actor, app, endpoint).await?;
        let until = until.unwrap_or_else(|| self.clock.now());
        let since = since.unwrap_or(until - USUAL_RANGE);
        if since > until || until.since(since) > LONGEST_RANGE {
            let detail = "`since` comes before `until`, by 28 days at most.".to_owned();
            return Err(ServiceError::Refused { code: "invalid_range", detail });
        }
        self.tally_between(Subject::Endpoint(config.no), since, until).await
    }

    /// What was counted in a range of time, to the hour for the last eight days and to the day before.
    pub(crate) async fn tally_between(
        &self,
        subject: Subject,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Tally, ServiceError> {
        let mut sum = Tally::default();
        // Whole days first, then the hours of those that are still kept by the hour.
        let hours_from = Span::Day.start_of(self.clock.now() - Duration::from_secs(8 * 86_400)).max(since);
        let days_until = (hours_from - Duration::from_micros(1)).min(until);
        let parts = [(Span::Day, since, days_until), (Span::Hour, hours_from, until)];
        for (span, from, until) in parts.into_iter().filter(|(_, from, until)| from <= until) {
            let query = TallyQuery { subject, span, from, until };
            self.store.tallies(query).await?.iter().for_each(|(_, tally)| sum.add(tally));
        }
        Ok(sum)
    }

    async fn statistics(&self, subject: Subject, window: StatisticsWindow) -> Result<Statistics, ServiceError> {
        let span = window.span();
        let until = self.clock.now();
        let from = until - span.length() * (window.steps() - 1);
        let found = self.store.tallies(TallyQuery { subject, span, from, until }).await?;
        Ok(self.series(window, found))
    }

    fn series(&self, window: StatisticsWindow, found: Vec<(Timestamp, Tally)>) -> Statistics {
        let last = window.span().start_of(self.clock.now());
        let mut total = Tally::default();
        found.iter().for_each(|(_, tally)| total.add(tally));
        let mut found = found.into_iter().peekable();
        let starts = (0..window.steps()).rev().map(|back| last - window.span().length() * back);
        let points = starts.map(|start| {
            let counted = found.next_if(|(at, _)| *at == start);
            (start, counted.map(|(_, tally)| tally).unwrap_or_default())
        });
        Statistics { window, points: points.collect(), total }
    }
}
