//! The contract: what every [`Store`](crate::store::Store) and [`Blobs`](crate::blobs::Blobs) must do, as suites that
//! each adapter's tests run.
//!
//! An adapter says how one suite is run on a fresh store, and the macro makes a test of each suite:
//! ```text
//! fn run(suite: impl AsyncFnOnce(&dyn Store)) {
//!     block_on(suite(&MemoryStore::new()));
//! }
//! kyc_ports::store_contract!(run);
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "these are tests, though adapters of other packages run them"
)]

pub mod blobs;
pub mod commits;
pub mod due;
pub mod files;
pub mod ids;
pub mod lists;
pub mod loading;
pub mod paging;
pub mod replies;
mod sample;
mod table;

/// Makes one test of every suite for a `Store`. `$run` is a `fn(impl AsyncFnOnce(&dyn Store))` that runs a suite on a
/// fresh store.
#[macro_export]
macro_rules! store_contract {
    ($run:path) => {
        $crate::contract_tests! { $run;
            loading: unknown_things_are_absent;
            loading: a_customer_comes_back;
            loading: customers_of_brands_are_apart;
            loading: a_brand_comes_back;
            loading: needed_templates_are_loaded;
            loading: documents_of_any_json_come_back;
            loading: audit_rows_verify_as_stored;
            commits: a_stale_version_changes_nothing;
            commits: a_version_must_fit_exactly;
            commits: a_new_customer_is_committed_once;
            commits: one_of_many_at_once_wins;
            commits: neighbours_do_not_hinder_each_other;
            commits: a_brand_is_checked_like_a_customer;
            commits: an_external_id_is_one_customers;
            commits: a_code_is_one_templates;
            commits: a_key_is_used_once;
            commits: a_key_is_free_after_a_day;
            commits: the_largest_commit_is_stored;
            ids: ids_rise_and_never_repeat;
            ids: ids_asked_for_at_once_differ;
            due: the_longest_due_comes_first;
            due: what_is_due_follows_the_commits;
            lists: profiles_by_every_member;
            lists: profiles_in_every_order;
            lists: documents_by_every_member;
            lists: templates_by_every_member;
            lists: audit_rows_by_every_member;
            lists: history_of_one_customer;
            lists: a_page_has_one_row_more;
            paging: pages_have_every_profile_once;
            paging: pages_have_every_row_once;
            paging: changes_between_pages_lose_nothing;
            paging: moving_rows_do_not_hide_others;
            files: a_file_comes_back;
            files: a_file_id_is_taken_once;
            files: claimed_files_belong_to_the_customer;
            files: all_files_are_claimed_or_none;
            files: unclaimed_files_are_listed_by_age;
            files: only_unclaimed_files_are_removed;
            replies: a_reply_is_kept_for_its_key;
            replies: old_replies_are_forgotten;
            replies: a_store_that_works_says_so;
        }
    };
}

/// Makes one test of every suite for a `Blobs`. `$run` is a `fn(impl AsyncFnOnce(&dyn Blobs))` that runs a suite on a
/// fresh file store.
#[macro_export]
macro_rules! blobs_contract {
    ($run:path) => {
        $crate::contract_tests! { $run;
            blobs: a_file_comes_back_whole;
            blobs: an_empty_file_is_a_file;
            blobs: any_part_can_be_read;
            blobs: a_large_file_streams;
            blobs: nothing_stands_before_it_is_finished;
            blobs: a_dropped_writer_leaves_nothing;
            blobs: a_finished_file_is_not_replaced;
            blobs: a_missing_file_is_none;
            blobs: removing_twice_does_no_harm;
            blobs: names_come_in_order_and_in_pages;
            blobs: old_means_written_before;
            blobs: bad_names_are_refused;
        }
    };
}

/// Makes tests of suites; [`store_contract!`](crate::store_contract!) and [`blobs_contract!`](crate::blobs_contract!)
/// list them.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($run:path; $($part:ident: $suite:ident;)+) => {$(
        #[test]
        fn $suite() {
            $run($crate::contract::$part::$suite);
        }
    )+};
}
