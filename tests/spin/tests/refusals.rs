//! What a client may get wrong over HTTP, told to the components: the refusals are the native server's.

use kyc_spin_host::Reuse;
use kyc_spin_tests::Spin;
use kyc_tests::site::Site;
use kyc_tests::{refusals, uploads};

/// Runs a check on an application of its own, whose instances are reused; then nothing may have gone wrong unseen.
fn told(check: impl FnOnce(&dyn Site)) {
    let spin = Spin::start(Reuse::SPIN);
    check(&spin);
    spin.counters();
}

macro_rules! checks {
    ($($module:ident: $check:ident;)+) => {$(
        #[test]
        fn $check() {
            told($module::$check);
        }
    )+};
}

checks! {
    refusals: statuses_of_routes_are_401_403_404_and_405;
    refusals: a_method_that_a_route_does_not_take_is_405_with_allow;
    refusals: ids_that_are_no_ids_are_400;
    refusals: query_members_have_types;
    refusals: unknown_members_are_400_except_the_two_that_clients_add;
    refusals: malformed_bodies_are_400_and_nothing_is_stored;
    refusals: a_body_past_1_mib_is_413_and_stores_nothing;
    uploads: an_extension_and_a_content_that_disagree_are_415_and_leave_nothing;
    uploads: files_of_other_kinds_are_415_under_any_name_and_leave_nothing;
    uploads: empty_and_cut_off_files_are_400_and_leave_nothing;
    uploads: malformed_uploads_are_400_and_leave_nothing;
    uploads: who_may_not_upload_is_refused;
    uploads: a_file_is_seen_by_its_owner_and_managers_of_the_brand_alone;
    uploads: a_file_that_does_not_exist_is_404;
    uploads: ranges_are_served;
    uploads: upload_and_files_take_their_methods_only;
}
