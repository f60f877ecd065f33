//! What a run was found to have done.

/// The judgement of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Deliveries owed: acknowledged messages times matching endpoints.
    pub expected: usize,
    /// Those of them that were answered 2xx at least once.
    pub delivered: usize,
    /// Those of them that ended visibly without having arrived.
    pub terminal: usize,
    /// Arrivals after one that was answered 2xx, allowed ones included.
    pub repeats: usize,
    /// The most repeats that one kill made one endpoint see.
    pub worst_kill: usize,
    /// Deliveries that the API called delivered while the run went on.
    pub sampled: usize,
    /// What must all be zero.
    pub violations: Violations,
    /// The first few violations in words.
    pub evidence: Vec<String>,
}

/// Counts of what must never happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Violations {
    /// Acknowledged deliveries that never arrived and that the API does not show as failed or pending.
    pub lost: usize,
    /// Acknowledged deliveries still pending when the wait was over.
    pub stuck: usize,
    /// Arrivals that nobody sent, or not to this application, or whose post had been refused.
    pub phantom: usize,
    /// Arrivals whose body is not the payload.
    pub corrupt: usize,
    /// Arrivals whose signature or timestamp is wrong.
    pub badsig: usize,
    /// Repeats that no kill explains.
    pub unforced: usize,
    /// Repeats beyond what a kill may cause.
    pub over_bound: usize,
    /// Arrivals of what the API had called delivered.
    pub recorded_repeats: usize,
    /// Arrivals ahead of an earlier message of their key.
    pub order: usize,
    /// Messages too many for one idempotency key, and repetitions refused.
    pub identity: usize,
    /// Background tasks that fell back, passed something over, did something twice, or did not come to their end.
    pub task: usize,
}

impl Violations {
    /// Names and counts, in the order of the report.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, usize); 11] {
        [
            ("lost", self.lost),
            ("stuck", self.stuck),
            ("phantom", self.phantom),
            ("corrupt", self.corrupt),
            ("badsig", self.badsig),
            ("dup_unforced", self.unforced),
            ("dup_over_bound", self.over_bound),
            ("dup_recorded", self.recorded_repeats),
            ("order_viol", self.order),
            ("idem_viol", self.identity),
            ("task_viol", self.task),
        ]
    }
}

impl Findings {
    /// How many violations are told in words.
    const TOLD: usize = 40;

    /// Counts one violation, and tells it if there is room.
    pub(super) fn note(&mut self, field: impl FnOnce(&mut Violations) -> &mut usize, text: impl FnOnce() -> String) {
        *field(&mut self.violations) += 1;
        if self.evidence.len() < Self::TOLD {
            self.evidence.push(text());
        }
    }
}
