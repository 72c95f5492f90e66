//! When a group takes in more writes, and when it waits for them. Clients who all wait for their answers would else fall
//! into two halves, each of which waits for the other's commit.

use std::time::Duration;

/// Writes of one transaction.
pub(crate) const GROUP_MAX: usize = 64;
/// How long a group waits at most.
const PATIENCE_MAX: Duration = Duration::from_millis(10);
/// Groups by which it is known how many write at the same time.
const GROUPS_SEEN: usize = 8;
/// Of those who are expected one in so many may stay away, and waiting for the others was of use.
const STRAGGLERS_SHARE: usize = 8;
/// Groups that wait for nobody, at most, after one that waited in vain.
const HURRIED_MAX: u32 = 64;

/// What is known of the last groups.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    took: Took,
    /// How many wrote at the same time. Somebody may just have been on the way, so it is the most of a few groups that
    /// is expected: who is not expected misses the group, and waits for two commits.
    writers: [usize; GROUPS_SEEN],
    next: usize,
    /// Groups from now on that wait for nobody.
    hurried: u32,
    /// How many there were the last time.
    hurried_last: u32,
}

/// How long a group took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    /// The statements of one write, on average.
    pub(crate) write: Duration,
    /// The commit.
    pub(crate) commit: Duration,
}

/// Until there are so many, or that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) expected: usize,
    pub(crate) patience: Duration,
}

impl Gather {
    /// Whether a group of so many takes in who comes while it is written.
    pub(crate) fn is_open(&self, present: usize) -> bool {
        present < GROUP_MAX && self.took.is_worth_waiting(self.expected())
    }

    /// Whether an open group of so many waits for more: for as long as the commit takes that this saves.
    pub(crate) fn wait(&mut self, present: usize) -> Option<Wait> {
        let expected = self.expected();
        if present >= expected || !self.is_open(present) {
            return None;
        }
        if self.hurried > 0 {
            self.hurried -= 1;
            return None;
        }
        Some(Wait {
            expected,
            patience: self.took.commit.min(PATIENCE_MAX),
        })
    }

    /// How many are likely to write at the same time.
    fn expected(&self) -> usize {
        self.writers.iter().max().copied().unwrap_or_default().min(GROUP_MAX)
    }

    /// A group has waited until there were so many. Those who are missing may take longer than a commit to come back, or
    /// not come at all: whoever waits for them each time would be better off with two commits.
    pub(crate) fn waited(&mut self, wait: Wait, came: usize) {
        let few = wait.expected / STRAGGLERS_SHARE;
        let was_of_use = came + few >= wait.expected;
        self.hurried_last = if was_of_use {
            0
        } else {
            (self.hurried_last * 2).clamp(1, HURRIED_MAX)
        };
        self.hurried = self.hurried_last;
    }

    /// A group has been committed.
    pub(crate) fn committed(&mut self, took: Took) {
        self.took = took;
    }

    /// So many write: those of a group, who are about to be told what became of it, and those who wait.
    pub(crate) fn seen(&mut self, writers: usize) {
        if let Some(place) = self.writers.get_mut(self.next) {
            *place = writers;
        }
        self.next = (self.next + 1) % GROUPS_SEEN;
    }
}

impl Took {
    /// Where the writes take longer than their commit, the processors are what is short: those who are missing work on
    /// their writes while the others' are committed, and waiting would only take the turns apart.
    fn is_worth_waiting(self, writes: usize) -> bool {
        self.commit > self.write.saturating_mul(u32::try_from(writes).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many have written, to a disk whose commits take so many microseconds.
    fn gather(writers: usize, commit: u64) -> Gather {
        let took = Took {
            write: Duration::from_micros(70),
            commit: Duration::from_micros(commit),
        };
        let mut gather = Gather::default();
        gather.committed(took);
        gather.seen(writers);
        gather
    }

    #[test]
    fn a_group_waits_where_the_commit_takes_longer_than_the_writes_that_are_expected() {
        let wait = |expected, micros| {
            let patience = Duration::from_micros(micros);
            Some(Wait { expected, patience })
        };
        assert_eq!(gather(64, 8_000).wait(1), wait(64, 8_000));
        assert_eq!(gather(64, 4_480).wait(1), None, "64 writes take as long");
        assert_eq!(gather(2, 600).wait(1), wait(2, 600));
        assert_eq!(gather(64, 500_000).wait(1), wait(64, 10_000), "not for ever");
        assert_eq!(gather(200, 8_000).wait(1), wait(64, 8_000), "a group has no more");
    }

    #[test]
    fn a_group_takes_in_who_comes_meanwhile_where_the_commit_takes_longer_than_the_writes() {
        assert!(gather(64, 8_000).is_open(63));
        assert!(!gather(64, 8_000).is_open(64), "a group has no more");
        assert!(!gather(64, 4_480).is_open(1), "64 writes take as long");
        assert!(!Gather::default().is_open(1), "nothing is known yet");
        let mut hurried = gather(64, 8_000);
        let wait = hurried.wait(1).unwrap();
        hurried.waited(wait, 1);
        assert_eq!(hurried.wait(1), None);
        assert!(hurried.is_open(1), "who is there need not be waited for");
    }

    #[test]
    fn nobody_is_waited_for_who_is_not_expected() {
        assert_eq!(Gather::default().wait(1), None, "the first group");
        assert_eq!(gather(1, 8_000).wait(1), None, "one writer alone");
        assert_eq!(gather(64, 8_000).wait(64), None, "all are there");
    }

    #[test]
    fn who_was_on_the_way_for_a_group_or_two_is_still_expected() {
        let mut gather = gather(64, 8_000);
        for _ in 1..GROUPS_SEEN {
            gather.seen(63);
        }
        assert_eq!(gather.wait(63).map(|wait| wait.expected), Some(64));
        gather.seen(63);
        assert_eq!(gather.wait(63), None, "gone for good");
    }

    #[test]
    fn waiting_in_vain_is_tried_less_and_less_often() {
        let mut gather = gather(64, 8_000);
        let mut hurried = Vec::new();
        for _ in 0..9 {
            let mut groups = 0;
            let wait = loop {
                match gather.wait(1) {
                    Some(wait) => break wait,
                    None => groups += 1,
                }
            };
            hurried.push(groups);
            gather.waited(wait, 32);
        }
        assert_eq!(hurried, [0, 1, 2, 4, 8, 16, 32, 64, 64]);
    }

    #[test]
    fn a_few_who_stay_away_do_not_end_the_waiting() {
        let mut gather = gather(64, 8_000);
        let wait = gather.wait(1).unwrap();
        gather.waited(wait, 56);
        assert_eq!(gather.wait(1), Some(wait));
        gather.waited(wait, 55);
        assert_eq!(gather.wait(1), None, "one more than a few");
        assert_eq!(gather.wait(1), Some(wait));
        gather.waited(wait, 64);
        assert_eq!(gather.wait(1), Some(wait), "all came, as if it had never been in vain");
    }
}
