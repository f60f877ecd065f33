//! Background tasks: each goes on where it was, and comes to its end having looked at every message once.

use super::super::history::{History, Task};
use super::Findings;

/// Judges the tasks of a run: one violation for each that is not as it should be.
pub(super) fn check(history: &History, findings: &mut Findings) {
    for task in &history.tasks {
        if let Some(wrong) = wrong(task) {
            findings.note(|v| &mut v.task, || format!("task {}: {wrong}", task.name));
        }
    }
}

fn wrong(task: &Task) -> Option<String> {
    for pair in task.seen.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if after.looked_at < before.looked_at || after.changed < before.changed {
            return Some(format!("it fell back from {before:?} to {after:?}"));
        }
    }
    let Some(last) = task.seen.last().filter(|last| last.finished) else {
        return Some(format!("it has not come to its end: {:?}", task.seen.last()));
    };
    let done = (last.looked_at, last.changed);
    let owed = (task.messages, task.changes);
    (done != owed).then(|| format!("it was to look at {} messages and change {} deliveries: {last:?}", owed.0, owed.1))
}
