//! The level log within a decision: webhooks, what is decided here, and what the clock ends.

use std::collections::BTreeSet;

use super::{By, Work, approved_levels};
use crate::event::{Action, History, Note, Subject};
use crate::id::Slug;
use crate::level::{LevelEntry, fold};
use crate::status::{Flag, KycModel, LevelEvent};
use crate::time::Time;
use crate::webhook::Webhook;

impl Work {
    /// Enters what happened here into the level log, where it counts beside the webhooks.
    pub(super) fn enter_local(&mut self, event: LevelEvent, level: i64, ts: Time, expires_at: Option<Time>) {
        if self.context.model() != Some(KycModel::Dual) {
            return;
        }
        // What happens here happens one after the other, also within a microsecond; a lapse keeps its own time.
        let local = self.state.log.iter().filter(|entry| entry.event_id.is_none());
        let ts = match local.map(|entry| entry.ts).max() {
            Some(last) if event != LevelEvent::Expired && ts <= last => Time(last.0 + 1),
            _ => ts,
        };
        let entry = LevelEntry {
            event,
            level,
            ts,
            expires_at,
            ..self.next_entry()
        };
        self.telling_effects(|work| work.enter(entry));
    }

    /// The next entry of the level log, to be filled.
    fn next_entry(&mut self) -> LevelEntry {
        LevelEntry {
            kyc_id: self.profile_id(),
            number: self.state.log.last().map_or(0, |last| last.number) + 1,
            brand: self.state.key.brand.clone(),
            customer_id: self.state.key.customer_id,
            event: LevelEvent::Submitted,
            level: 0,
            ts: self.now,
            expires_at: None,
            slug: None,
            event_id: None,
            body_hash: None,
            accepted: Flag::Yes,
        }
    }

    /// Enters an entry into the level log, with the last event.
    fn enter(&mut self, entry: LevelEntry) {
        if let Some(event) = self.events.last_mut() {
            event.log.push(entry.clone());
        }
        self.state.log.push(entry);
    }

    /// Lets an entry be entered; whether it is effective. The newest line of the history names the webhooks that have
    /// become effective by it, or no longer are.
    pub fn telling_effects(&mut self, enter: impl FnOnce(&mut Self)) -> bool {
        let before = self.effective();
        enter(self);
        let after = self.effective();
        let log = &self.state.log;
        let own = log.last().map_or(0, |entry| entry.number);
        let (gained, lost) = (ids(log, &after, &before, own), ids(log, &before, &after, own));
        let mut newest_first = self.events.iter_mut().rev();
        if let Some(history) = newest_first.find_map(|event| event.history.as_mut()) {
            history.also_effective.extend(gained);
            history.no_longer_effective.extend(lost);
        }
        after.contains(&own)
    }

    /// The numbers of the entries that are effective as the log stands.
    fn effective(&self) -> BTreeSet<i64> {
        fold(&self.state.log, self.now).effective
    }

    /// Records a webhook of a customer whose profile is there. One that is not accepted makes no history.
    pub fn receive(&mut self, slug: &Slug, webhook: &Webhook, accepted: Flag) {
        let note = Note {
            source: Some(slug.to_string()),
            reason: (accepted == Flag::No).then(|| "event_id_conflict".to_owned()),
            comment: None,
        };
        let by = std::mem::replace(&mut self.by, By::Webhook);
        self.push(
            Action::WebhookReceived,
            Subject::default(),
            note,
            None,
            None,
            webhook.level,
        );
        self.by = by;
        let entry = LevelEntry {
            event: webhook.event,
            level: webhook.level,
            ts: webhook.ts,
            expires_at: webhook.expires_at,
            slug: Some(slug.clone()),
            event_id: Some(webhook.event_id.clone()),
            body_hash: Some(webhook.body_hash),
            accepted,
            ..self.next_entry()
        };
        let history = History {
            ts: webhook.ts,
            actor: Some(self.context.actor.subject.clone()),
            event_id: Some(webhook.event_id.clone()),
            data: webhook.kept_data(),
            ..self.history(
                "webhook",
                webhook.event.name(),
                webhook.level,
                webhook.reason.clone(),
                Subject::default(),
            )
        };
        if let Some(event) = self.events.last_mut() {
            event.body = Some(webhook.body.clone());
            event.history = (accepted == Flag::Yes).then_some(history);
        }
        self.enter(entry);
    }

    /// Gives verifications that have ended by the clock their line in the history.
    pub(crate) fn report_expiries(&mut self) {
        if self.context.folding_model().is_none() {
            return;
        }
        for expiry in fold(&self.state.log, self.now).expiries {
            if !self.reported.insert(expiry) {
                continue;
            }
            let approval = self.state.log.iter().find(|entry| entry.number == expiry.approval);
            // What was approved here has a line of its own: its step's.
            if approval.is_none_or(|approval| approval.event_id.is_none()) {
                continue;
            }
            let by = self.by;
            self.by = By::System;
            self.push(
                Action::LevelExpired,
                Subject::default(),
                Note::reason("expired"),
                None,
                None,
                expiry.level,
            );
            self.by = by;
            self.amend_history(|history| history.ts = expiry.at);
        }
    }

    /// Enters an approval of each level whose counting steps have all become approved.
    pub(super) fn enter_approvals(&mut self) {
        let approved = approved_levels(&self.state.steps);
        for level in approved.difference(&self.approved.clone()) {
            let counting = self
                .state
                .steps
                .iter()
                .filter(|step| step.counts() && step.level == *level);
            let expires_at = counting.filter_map(|step| step.expires_time).min();
            self.enter_local(LevelEvent::Approved, *level, self.now, expires_at);
        }
        self.approved = approved;
    }
}

/// The senders' ids of the webhooks among the numbers of one set that are not in the other, but for this one.
fn ids(log: &[LevelEntry], of: &BTreeSet<i64>, without: &BTreeSet<i64>, own: i64) -> Vec<String> {
    let is_meant =
        |entry: &&LevelEntry| entry.number != own && of.contains(&entry.number) && !without.contains(&entry.number);
    log.iter()
        .filter(is_meant)
        .filter_map(|entry| entry.event_id.clone())
        .collect()
}
