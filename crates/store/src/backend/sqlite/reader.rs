//! Reading: a few threads, each with a connection of its own, that take jobs from one queue.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ringback_model::Clock;
use rusqlite::Connection;

use super::connection::open_reader;
use super::error::{open_error, store_error};
use crate::{Answer, Reply, StoreError};

/// How long one read may take: an open read holds back checkpoints, and the log grows.
const LONGEST: Duration = Duration::from_secs(1);
/// Steps of SQLite's machine between two looks at the time: about a millisecond.
const STEPS: i32 = 20_000;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Threads that read.
pub(super) struct Readers {
    jobs: Arc<Jobs>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Jobs {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Readers {
    /// Starts `count` threads that read the file at `path`.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be opened.
    pub(super) fn start(path: &Path, count: usize, clock: &Arc<dyn Clock>) -> Result<Self, StoreError> {
        let mut readers = Self { jobs: Arc::default(), threads: Vec::new() };
        for _ in 0..count {
            let connection = open_reader(path).map_err(|error| open_error("the store cannot be read", &error))?;
            let (jobs, clock) = (readers.jobs.clone(), clock.clone());
            let thread = std::thread::Builder::new()
                .name("store-reader".to_owned())
                .spawn(move || jobs.run(&connection, &clock))
                .map_err(|error| StoreError::Open(format!("no thread for reading: {error}")))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Has a thread read, and answers what it finds.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<T> {
        let (answer, reply) = Reply::pair();
        self.then(read, answer, |result, answer| answer.give(result));
        reply
    }

    /// Has a thread read, and hands what it finds to `next` together with `answer`.
    pub(super) fn then<T: 'static, A: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        answer: Answer<A>,
        next: impl FnOnce(Result<T, StoreError>, Answer<A>) + Send + 'static,
    ) {
        self.jobs.push(Box::new(move |connection| next(read(connection), answer)));
    }
}

/// What a function that speaks SQLite's errors reads, in ours.
pub(super) fn in_our_words<T>(read: rusqlite::Result<T>) -> Result<T, StoreError> {
    read.map_err(store_error)
}

impl Jobs {
    fn push(&self, job: Job) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.closed {
            waiting.jobs.push_back(job);
            self.arrived.notify_one();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, connection: &Connection, clock: &Arc<dyn Clock>) {
        while let Some(job) = self.next() {
            let (begun, clock) = (clock.now(), clock.clone());
            connection.progress_handler(STEPS, Some(move || clock.now().since(begun) > LONGEST));
            // It has dropped its answer, which is how its caller knows; the others are still to be read for.
            if catch_unwind(AssertUnwindSafe(|| job(connection))).is_err() {
                tracing::error!("a read of the store has panicked");
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.jobs.arrived.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader has panicked");
            }
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::{ManualClock, Timestamp};

    use super::*;
    use crate::backend::sqlite::open_connection;

    #[test]
    fn a_read_that_panics_ends_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(open_connection(&path).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_seconds(1)));
        let readers = Readers::start(&path, 1, &clock).unwrap();
        let panics = readers.read::<()>(|_| panic!("a value that nobody expected"));
        let next = readers.read(|_| Ok(7));
        assert!(matches!(panics.wait(), Err(StoreError::Broken | StoreError::Unavailable { .. })));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(next.wait()));
        let answer = receiver.recv_timeout(Duration::from_secs(10)).expect("the thread goes on");
        assert_eq!(answer.unwrap(), 7);
    }

    #[test]
    fn a_read_that_takes_over_a_second_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(open_connection(&path).unwrap());
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1)));
        let readers = Readers::start(&path, 1, &(clock.clone() as Arc<dyn Clock>)).unwrap();
        let forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let reply = readers.read(move |connection| {
            clock.advance(Duration::from_secs(2));
            in_our_words(connection.query_row(forever, [], |row| row.get::<_, i64>(0)))
        });
        assert!(matches!(reply.wait(), Err(StoreError::Unavailable { .. })));
        let next =
            readers.read(|connection| in_our_words(connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))));
        assert_eq!(next.wait().unwrap(), 1, "the thread goes on");
    }
}
