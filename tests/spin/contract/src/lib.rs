//! Runs the suite that the path names (`/loading::a_customer_comes_back`) on the databases that it was granted. A suite
//! that fails panics: its text is on standard error, and the host answers 500.
//!
//! The lists name what `store_contract!` and `blobs_contract!` name; a suite that is missing here answers 404, which its
//! test shows. Below `/in-bucket` the bytes of files lie in a bucket.
#![cfg(target_family = "wasm")]

use kyc_ports::contract::{
    blobs, calls, claims, commits, due, files, ids, lists, loading, log, paging, replies, tenants,
};
use kyc_spin_adapter::{Bucket, Signer, SpinStore};
use spin_sdk::http::{Request, StatusCode};
use spin_sdk::http_service;

macro_rules! suites {
    ($path:expr, $port:expr; $($part:ident: $suite:ident;)+) => {
        $(if $path == concat!("/", stringify!($part), "::", stringify!($suite)) {
            $part::$suite($port).await;
            return true;
        })+
        false
    };
}

#[http_service]
async fn handle(request: Request) -> (StatusCode, String) {
    let path = request.uri().path();
    let store = SpinStore::new("default", "storage");
    let known = of_store(path, &store).await || of_blobs(path, &store).await;
    let status = if known { StatusCode::OK } else { StatusCode::NOT_FOUND };
    (status, path.to_owned())
}

async fn of_store(path: &str, store: &SpinStore) -> bool {
    suites! { path, store;
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
        lists: tenants_by_every_member;
        lists: calls_by_every_member;
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
        files: names_without_a_row_are_strays;
        replies: a_reply_is_kept_for_its_key;
        replies: old_replies_are_forgotten;
        replies: a_store_that_works_says_so;
        tenants: a_tenant_comes_back;
        tenants: a_slug_is_one_tenants;
        tenants: a_slug_wanted_at_once_is_one_tenants;
        tenants: a_brand_has_one_tenant;
        tenants: a_stale_tenant_changes_nothing;
        tenants: secrets_go_with_their_tenant;
        tenants: a_removed_tenant_may_come_again;
        tenants: active_profiles_stand_in_the_way;
        tenants: reconciliations_begin_after_a_day;
        tenants: reconciliations_go_on_as_was_set;
        log: a_level_log_comes_back;
        log: an_event_id_is_claimed_once;
        log: an_event_id_claimed_at_once_is_one_entrys;
        log: event_ids_of_slugs_are_apart;
        log: a_slug_is_used_by_the_brand_whose_webhooks_came_under_it;
        log: only_accepted_entries_claim_their_event_id;
        calls: calls_come_back;
        calls: decisions_see_the_calls_that_matter;
        calls: waiting_calls_come_with_their_customer;
        calls: a_call_joins_the_queue_once;
        calls: a_call_under_lease_is_not_dropped;
        calls: a_call_is_finished_under_its_lease;
        calls: an_answer_makes_all_due_that_waited_for_it;
        calls: an_answer_forgets_failures;
        calls: a_call_that_ends_with_a_failure_counts;
        calls: a_brands_change_wakes_its_calls;
        claims: due_calls_are_claimed;
        claims: of_each_customer_the_oldest_goes_first;
        claims: no_call_is_claimed_twice;
        claims: an_ended_lease_is_claimed_again;
        claims: a_postponed_call_counts_a_failure;
        claims: an_open_breaker_lets_the_oldest_through;
        claims: one_probe_goes_at_a_time;
        claims: overdue_calls_are_claimed_by_age;
        claims: brands_with_due_calls_are_callable;
        claims: an_open_breaker_holds_its_brand_back;
        claims: overdue_calls_make_their_brand_callable;
    }
}

/// The bucket that `kyc_spin_tests::objects` stands for.
fn bucket() -> Bucket {
    let signer = Signer {
        region: "eu-test-1".to_owned(),
        access_key_id: "EXAMPLE".to_owned(),
        secret_access_key: "a secret that opens nothing".to_owned(),
    };
    Bucket::new("s3.example", "kyc-files".to_owned(), signer)
}

async fn of_blobs(path: &str, store: &SpinStore) -> bool {
    let (path, files) = match path.strip_prefix("/in-bucket") {
        Some(path) => (path, store.blobs().in_bucket(Some(bucket().into()))),
        None => (path, store.blobs()),
    };
    suites! { path, &files;
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
}
