//! How it went for some endpoints lately: a line for each in a table, from the counts that the engine keeps.

use std::time::Duration;

use ringback_model::{EndpointId, Span, Tally, Timestamp};
use ringback_store::{Subject, TallyQuery};

use crate::{Actor, Right, Service, ServiceError};

/// Endpoints that are asked for at a time.
const ENDPOINTS_MAX: usize = 100;
/// How far back the last delivery is looked for: by the hour, and by the minute.
const HOURS: Duration = Duration::from_secs(8 * 86_400);
const MINUTES: Duration = Duration::from_secs(2 * 3_600);
/// The day whose success is told.
const DAY: Duration = Duration::from_secs(23 * 3_600);

/// How it went for one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity {
    /// What was counted in the last 24 hours, whole hours of the clock.
    pub day: Tally,
    /// When it last took something, if it did in the last eight days: the end of the minute or hour that counted it, or
    /// now.
    pub last: Option<Timestamp>,
}

impl Service {
    /// How it went for these endpoints of an application, in their order; those that do not exist have done nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] of the application.
    pub async fn activities(
        &self,
        actor: &Actor,
        app: &str,
        endpoints: &[EndpointId],
    ) -> Result<Vec<Activity>, ServiceError> {
        actor.require(Right::ReadMessages)?;
        let app = self.app(actor, app).await?;
        let until = self.clock.now();
        let series = |no, span, back| {
            self.store.tallies(TallyQuery { subject: Subject::Endpoint(no), span, from: until - back, until })
        };
        // All are begun before the first is waited for.
        let begun: Vec<_> = endpoints
            .iter()
            .take(ENDPOINTS_MAX)
            .map(|id| {
                let config = app.endpoints.iter().find(|config| config.endpoint.id == *id);
                config.map(|config| (series(config.no, Span::Hour, HOURS), series(config.no, Span::Minute, MINUTES)))
            })
            .collect();
        let mut all = Vec::with_capacity(begun.len());
        for one in begun {
            all.push(match one {
                Some((hours, minutes)) => activity(&hours.await?, &minutes.await?, until),
                None => Activity::default(),
            });
        }
        Ok(all)
    }
}

fn activity(hours: &[(Timestamp, Tally)], minutes: &[(Timestamp, Tally)], now: Timestamp) -> Activity {
    let mut day = Tally::default();
    let from = Span::Hour.start_of(now - DAY);
    hours.iter().filter(|(start, _)| *start >= from).for_each(|(_, tally)| day.add(tally));
    let last = |series: &[(Timestamp, Tally)], span: Span| {
        let took = series.iter().rfind(|(_, tally)| tally.delivered > 0);
        took.map(|(start, _)| (*start + span.length()).min(now))
    };
    Activity { day, last: last(minutes, Span::Minute).or_else(|| last(hours, Span::Hour)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_030);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn delivered(at: Timestamp, span: Span, count: u64) -> (Timestamp, Tally) {
        (span.start_of(at), Tally { delivered: count, failed: 1, ..Tally::default() })
    }

    #[test]
    fn the_day_is_summed_and_the_last_delivery_is_known_to_the_minute_or_the_hour() {
        let hours = [delivered(NOW - HOUR * 40, Span::Hour, 5), delivered(NOW - HOUR * 3, Span::Hour, 3)];
        let of = activity(&hours, &[], NOW);
        assert_eq!((of.day.delivered, of.day.failed), (3, 1));
        assert_eq!(of.last, Some(Span::Hour.start_of(NOW - HOUR * 2)));
        let minutes = [delivered(NOW - Duration::from_secs(120), Span::Minute, 1), delivered(NOW, Span::Minute, 0)];
        let expected = Span::Minute.start_of(NOW - Duration::from_secs(60));
        assert_eq!(activity(&hours, &minutes, NOW).last, Some(expected), "what failed is no delivery");
        assert_eq!(activity(&[], &[delivered(NOW, Span::Minute, 1)], NOW).last, Some(NOW), "never in the future");
        assert_eq!(activity(&[], &[], NOW), Activity::default());
    }
}
