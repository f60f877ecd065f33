//! The suite that every backend has to pass.
//!
//! A backend says how it is opened ([`Harness`]) and calls [`conformance_tests!`](crate::conformance_tests) in an
//! integration test; each case becomes a test of its own. Time stands still unless a case turns it.

pub mod acceptance;
pub mod audits;
pub mod batches;
pub mod clearing;
pub mod documents;
pub mod durability;
pub mod expiry;
pub mod following;
pub mod holding;
pub mod idempotency;
pub mod lanes;
pub mod mentions;
pub mod notices;
pub mod outcomes;
pub mod owners;
pub mod polls;
pub mod queues;
pub mod reading;
pub mod resend;
pub mod schedule;
pub mod searching;
pub mod taking;
pub mod tallies;
pub mod tasks;
mod world;

use std::sync::Arc;

use ringback_model::ManualClock;

use crate::{Accept, Feed, Reply, Store};
pub use world::World;

/// How a backend is opened for the suite.
pub trait Harness {
    /// A store that is empty, with its feed.
    fn open(&self) -> (Arc<dyn Store>, Feed);

    /// What a start would find if the power failed at this moment: a second store, opened from what is durable of this
    /// one, which goes on undisturbed.
    fn crash(&self, store: &Arc<dyn Store>) -> (Arc<dyn Store>, Feed);

    /// All bytes that the store keeps at rest.
    fn bytes_at_rest(&self, store: &Arc<dyn Store>) -> Vec<u8>;

    /// The clock that every store of this harness goes by.
    fn clock(&self) -> Arc<ManualClock>;

    /// Another store over the same facts, as another node has it; `None` if a store has one owner only.
    fn another(&self, store: &Arc<dyn Store>) -> Option<(Arc<dyn Store>, Feed)> {
        let _ = store;
        None
    }

    /// Has the leases of all nodes run out; the one that this store has, too.
    fn end_lease(&self, store: &Arc<dyn Store>) {
        let _ = store;
    }

    /// An accept that has drawn its number and commits only when the closure is called, so that later numbers commit
    /// before it; `None` if commits always come in the order of numbers.
    fn accept_late(&self, store: &Arc<dyn Store>, item: &Accept) -> Option<LateCommit> {
        let _ = (store, item);
        None
    }
}

/// Commits what [`Harness::accept_late`] holds back.
pub type LateCommit = Box<dyn FnOnce() -> Reply<crate::Accepted>>;

/// Makes a test of every case. `$harness` is an expression that makes a [`Harness`]; it is evaluated in each test.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::conformance_tests! { @of $harness;
            acceptance {
                a_message_comes_back_byte_for_byte
                an_event_id_is_unique_in_its_application
                what_was_matched_by_an_old_configuration_is_refused
                one_bad_item_among_good_ones_fails_alone
                accepted_deliveries_are_told_in_the_order_of_numbers
            }
            batches {
                a_batch_is_accepted_in_order_with_a_result_for_each
                a_batch_that_comes_again_makes_nothing_new
                a_bad_message_of_a_batch_fails_alone
                a_batch_matched_by_an_old_configuration_is_refused_whole
            }
            idempotency {
                a_request_that_comes_again_makes_nothing_new
                of_64_equal_requests_at_once_one_makes_a_message
                a_key_is_free_again_when_it_has_expired
                documents_and_resends_are_made_once_per_key
            }
            durability {
                every_answer_is_durable
                numbers_are_never_given_twice
            }
            taking {
                deliveries_come_by_hand_first_then_by_priority_due_time_and_number
                deliveries_are_as_urgent_as_their_endpoint_says
                every_priority_with_work_gets_a_share
                held_rows_are_passed_over
                the_next_due_time_is_told
                an_answer_keeps_within_its_bytes
                taking_writes_nothing
            }
            outcomes {
                a_success_ends_a_delivery
                a_retry_comes_back_at_its_time
                an_outcome_that_comes_too_late_is_recorded_and_changes_nothing
                an_outcome_is_told_when_it_is_durable
            }
            holding {
                a_held_delivery_waits_for_its_release_or_its_end
                a_release_is_made_in_batches_and_leaves_others_alone
                a_held_head_keeps_its_queue_waiting
                whatever_ends_a_hold_takes_its_mark
                an_endpoint_with_held_deliveries_says_so
                an_earlier_attempt_is_recorded_before_its_other
            }
            queues {
                followers_wait_and_come_out_one_by_one
                queues_do_not_wait_for_each_other
                a_retry_keeps_its_queue_waiting
                a_success_by_hand_lets_the_next_one_out
                a_clearing_leaves_each_queue_its_head
                any_history_leaves_each_queue_exactly_one_that_is_due
                blocked_rows_cost_a_take_nothing
            }
            following {
                what_stands_behind_a_head_is_found_in_order
                a_queue_whose_head_has_changed_has_no_followers
                nobody_follows_before_its_time_or_past_one_that_waits
                an_answer_keeps_within_its_rows_and_bytes
                what_ends_together_lets_the_next_one_out_once
                what_fails_together_comes_again_in_its_order
                what_was_accepted_behind_others_is_hinted_at
                any_history_of_batches_leaves_each_queue_exactly_one_that_is_due
            }
            resend {
                a_resend_is_one_attempt_beside_the_schedule
                a_resend_that_fails_never_turns_a_success_into_a_failure
                a_resend_of_an_ordered_delivery_waits_for_nobody
                a_resend_to_another_endpoint_makes_a_delivery
                a_resend_asked_for_during_an_attempt_by_hand_is_made_after_it
                a_resend_of_nothing_is_refused
            }
            tasks {
                a_part_of_a_task_makes_deliveries_due_and_saves_how_far_it_is
                what_has_changed_since_it_was_chosen_is_left_alone
                what_a_task_puts_into_a_queue_keeps_its_order_and_waits_for_nobody_else
                a_clearing_up_to_a_message_leaves_the_later_ones
                a_delivery_is_called_off_and_its_queue_goes_on
                a_survey_says_how_messages_stand_at_an_endpoint
            }
            clearing {
                pending_deliveries_are_ended_in_batches
                an_endpoint_that_has_come_back_keeps_what_is_pending
                a_deleted_endpoint_that_was_cleared_is_not_found
                a_clearing_calls_off_what_was_asked_for_by_hand
            }
            lanes {
                every_endpoint_with_work_is_found_once
                a_health_is_kept_until_it_is_well_again
                a_backlog_counts_each_pending_delivery_once
                what_waits_is_counted_for_each_organization
                what_was_accepted_and_committed_is_counted
            }
            documents {
                a_document_is_read_back_as_it_was_written
                documents_of_every_kind_keep_their_kind
                keys_and_uids_are_unique_among_the_living
                a_deleted_document_can_come_back
                a_document_says_something_else_from_its_deletion_on
                pages_of_deleted_documents_visit_each_once
                a_document_that_is_gone_has_no_secret_and_stays_so
                deleted_documents_of_all_parents_are_found
                a_document_that_has_changed_is_not_overwritten
                the_configuration_version_rises_with_every_change
                a_change_of_an_organization_is_one_of_all_its_applications
                of_a_configuration_that_is_known_only_what_changed_is_read
                secrets_are_sealed_at_rest
                pages_of_documents_visit_each_once
            }
            audits {
                a_record_is_kept_with_its_change_and_not_without_it
                what_is_asked_for_a_delivery_is_recorded_with_it
                records_are_searched
                records_are_kept_for_a_time
            }
            notices {
                a_notice_is_kept_with_its_change_and_not_without_it
                a_notice_of_an_attempt_is_kept_when_its_delivery_has_taken_the_step
                what_was_told_goes_and_its_number_with_it
            }
            reading {
                pages_of_messages_visit_each_once
                pages_of_a_tag_visit_each_once
                messages_are_searched
                deliveries_of_an_endpoint_are_searched
                pages_of_attempts_visit_each_once
                attempts_are_searched
                an_attempt_comes_back_as_it_was_recorded
                a_store_that_works_answers_a_ping
            }
            searching {
                a_search_looks_so_far_at_once_and_finds_all_in_the_end
                attempts_that_failed_are_found_in_one_look
                a_search_by_time_finds_what_came_while_the_clock_was_wrong
            }
            schedule {
                a_message_with_a_time_comes_due_then
                the_endpoint_of_a_message_with_a_time_is_told
                a_time_that_is_over_is_now
                a_time_does_not_change_the_order_of_a_queue
                a_retry_goes_by_its_own_time
            }
            expiry {
                a_part_is_due_when_the_first_of_it_is
                a_part_that_was_noted_during_the_visit_stays_due
                all_parts_are_due_when_they_are_to_be_visited_anew
                a_visit_sees_what_there_is
                what_is_pending_ends_when_its_time_is_over
                what_was_asked_for_by_hand_outlives_the_time_of_its_message
                a_payload_goes_and_its_message_stays
                a_message_goes_with_all_that_there_is_of_it
                a_large_message_goes_in_steps
                the_bytes_of_an_application_are_counted_while_they_are_kept
                attempts_go_and_the_delivery_stays
                the_answer_of_an_attempt_goes
            }
            mentions {
                every_message_is_read_once
                a_pass_that_comes_second_keeps_nothing
                a_word_finds_the_messages_that_have_it
                payloads_come_in_order_and_within_their_bytes
            }
            tallies {
                counts_add_up_at_every_level_and_step
                the_endpoints_of_an_owner_are_summed_over_hours
                counts_are_kept_for_as_long_as_their_step_says
            }
            polls {
                a_poller_gets_its_messages_in_the_order_of_acceptance
                what_was_not_accepted_is_polled_by_nobody
                the_messages_of_a_batch_are_polled_too
                what_is_let_go_of_is_polled_no_more
            }
            owners {
                a_store_alone_owns_everything
                an_owner_that_was_replaced_writes_nothing
                a_lease_that_nobody_has_taken_over_goes_on
                shards_are_shared_out_evenly_and_each_has_one_owner
                what_is_handed_over_is_another_s_at_once_under_another_epoch
                whoever_accepts_for_another_tells_it
                what_is_due_by_others_doing_is_found_by_looking
                a_row_that_commits_late_is_found
            }
        }
    };
    (@of $harness:expr; $($module:ident { $($case:ident)* })*) => {$(
        mod $module {
            #[expect(unused_imports, reason = "the harness may be anything in scope")]
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::conformance::$module::$case(&$harness);
                }
            )*
        }
    )*};
}
