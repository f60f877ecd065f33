//! E-mails to the operator about what was noticed.
//!
//! What happens close together goes in one e-mail, and e-mails keep a distance, so that an outage of many receivers is
//! some e-mails and not thousands. Sending waits for nobody and nobody waits for it: what a mail server does not take is
//! kept in memory, up to a bound, and tried again. Operational webhooks are what loses nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_engine::mail::{Mail, MailError, Mailbox, Mailer};
use ringback_model::{Notice, NoticeKind, Timestamp, sentence};
use ringback_store::AppConfig;
use tokio::sync::Notify;

use crate::Service;

/// Lines that wait for an e-mail at most; those beyond are counted.
const LINES: usize = 200;
/// How long what happens first waits for company.
const COMPANY: Duration = Duration::from_secs(10);
/// How far e-mails are apart at least.
const APART: Duration = Duration::from_secs(300);
/// The first pause when an e-mail is not taken, and the longest; it doubles.
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// Whom e-mails go to, and what about.
#[derive(Debug)]
pub struct AlertSettings {
    /// What sends them.
    pub mailer: Mailer,
    /// Whom they come from.
    pub from: Mailbox,
    /// Whom they go to.
    pub to: Vec<Mailbox>,
    /// What they are about.
    pub on: Vec<NoticeKind>,
}

/// What is to be sent, and what sends it.
#[derive(Debug)]
pub(crate) struct Alerts {
    settings: AlertSettings,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<String>,
    /// How many more there were than there is room for.
    more: usize,
}

impl Waiting {
    fn add(&mut self, line: String) {
        if self.lines.len() < LINES { self.lines.push(line) } else { self.more += 1 }
    }

    const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Puts back what was not sent, before what has come since.
    fn put_back(&mut self, earlier: Self) {
        let later = std::mem::replace(self, earlier);
        self.more += later.more;
        later.lines.into_iter().for_each(|line| self.add(line));
    }
}

impl Alerts {
    pub(crate) fn new(settings: AlertSettings) -> Self {
        Self { settings, waiting: Mutex::default(), arrived: Notify::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits in one e-mail; answers whether there was anything. What is not taken waits on.
    async fn send(&self, at: Timestamp, id: String) -> Result<bool, MailError> {
        let waiting = std::mem::take(&mut *self.waiting());
        if waiting.is_empty() {
            return Ok(false);
        }
        let AlertSettings { mailer, from, to, .. } = &self.settings;
        let (subject, text) = (subject(&waiting), text(&waiting));
        let mail = Mail { from: from.clone(), to: to.clone(), subject, text, at, id };
        let sent = mailer.send(&mail).await;
        if sent.is_err() {
            self.waiting().put_back(waiting);
        }
        sent.map(|()| true)
    }
}

impl Service {
    /// The same service, which sends e-mails about what was noticed.
    #[must_use]
    pub fn with_alerts(mut self, settings: Option<AlertSettings>) -> Self {
        self.alerts = settings.map(Alerts::new);
        self
    }

    /// Notes what is worth an e-mail.
    pub(crate) fn alert(&self, app: &AppConfig, notice: &Notice) {
        let Some(alerts) = &self.alerts else { return };
        // Whoever has disabled an endpoint knows it.
        let is_known = notice.disabled.is_some_and(|disabled| !disabled.automatic);
        if alerts.settings.on.contains(&notice.kind) && !is_known {
            alerts.waiting().add(line(app, notice, self.clock.wall()));
            alerts.arrived.notify_one();
        }
    }

    /// Sends e-mails about what was noticed, for as long as the server runs.
    pub async fn send_alerts(&self) {
        let Some(alerts) = &self.alerts else { return };
        loop {
            alerts.arrived.notified().await;
            tokio::time::sleep(COMPANY).await;
            let mut pause = PAUSE;
            while let Err(error) = self.send_waiting_alerts().await {
                tracing::warn!(%error, "an e-mail could not be sent; it is tried again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            tokio::time::sleep(APART).await;
        }
    }

    /// Sends what waits for an e-mail now; answers whether there was anything.
    ///
    /// # Errors
    /// What is in the way; then it waits on.
    pub async fn send_waiting_alerts(&self) -> Result<bool, MailError> {
        match &self.alerts {
            Some(alerts) => alerts.send(self.clock.wall(), self.request_id()).await,
            None => Ok(false),
        }
    }
}

/// What happened, on one line.
fn line(app: &AppConfig, notice: &Notice, now: Timestamp) -> String {
    let what = notice.kind.meaning().trim_end_matches('.');
    let endpoint = notice.endpoint.to_string();
    let config = app.endpoint_by_name(&endpoint);
    let url = config.map_or("which is gone", |config| config.endpoint.url.as_str());
    let why =
        config.and_then(|config| config.endpoint.disabled_reason.as_deref()).filter(|_| notice.disabled.is_some());
    let attempt = notice.attempt.as_ref().map(|attempt| match attempt.status {
        Some(status) => format!("message {}, answered {status}", attempt.message),
        None => format!("message {}, not answered", attempt.message),
    });
    let application = &app.application;
    let mut line = format!("{now}  {what}: {endpoint} {url} of {} ({})", application.name, application.id);
    for more in [why.map(str::to_owned), attempt].into_iter().flatten() {
        line = format!("{line}: {more}");
    }
    line.replace(char::is_control, " ")
}

fn subject(waiting: &Waiting) -> String {
    match waiting.lines.len() + waiting.more {
        1 => "[Ringback] 1 thing to look at".to_owned(),
        count => format!("[Ringback] {count} things to look at"),
    }
}

fn text(waiting: &Waiting) -> String {
    let mut text = waiting.lines.join("\n");
    if waiting.more > 0 {
        text += &format!("\n{}", sentence(&format!("and {} more that there is no room for here", waiting.more)));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_counted_and_what_was_not_sent_comes_first() {
        let mut waiting = Waiting::default();
        (0..LINES + 7).for_each(|at| waiting.add(format!("line {at}")));
        assert_eq!(subject(&waiting), "[Ringback] 207 things to look at");
        assert!(
            text(&waiting).ends_with("line 199\nAnd 7 more that there is no room for here.\n"),
            "{}",
            text(&waiting)
        );
        let mut later = Waiting::default();
        later.add("later".to_owned());
        later.put_back(waiting);
        assert_eq!((later.lines[0].as_str(), later.lines.len(), later.more), ("line 0", LINES, 8));
    }
}
