//! What a crash leaves of a recording: all that was synced, and of the rest whatever the disk had got to, in any order
//! and torn between sectors.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::recording::{Op, Record, Recording};

/// Bytes that a disk writes whole or not at all. What it does not write keeps its old bytes: SQLite counts on that too
/// (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`, which the default VFS reports).
pub const SECTOR: usize = 512;

/// The files of a folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// How much of what was not synced a crash leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// All of it, as after `kill -9`.
    Everything,
    /// Nothing of it.
    Nothing,
    /// All but the end of the last write.
    Torn,
    /// Some of it: whole, torn or not at all, chosen at random for each write.
    Some,
}

impl Reached {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Everything, Self::Nothing, Self::Torn, Self::Some];
}

/// One file's bytes, from its making to its removal.
#[derive(Debug, Default)]
struct Content {
    safe: Vec<u8>,
    /// How many operations that is.
    settled: usize,
    /// What came since, with its position.
    pending: Vec<(usize, Op)>,
}

/// A change of the folder: a name is a content from now on, or nothing.
type Naming = (String, Option<usize>);

/// A disk as it was at some point of a recording.
#[derive(Debug)]
pub struct Moment {
    contents: Vec<Content>,
    /// Names that a crash leaves, and what they name.
    safe_names: BTreeMap<String, usize>,
    /// The folder's changes since. Journalling file systems keep their order.
    pending_names: Vec<Naming>,
    /// Names as the program sees them.
    names: BTreeMap<String, usize>,
    position: usize,
}

impl Moment {
    /// Before the first record.
    pub fn first(recording: &Recording) -> Self {
        let mut moment = Self {
            contents: Vec::new(),
            safe_names: BTreeMap::new(),
            pending_names: Vec::new(),
            names: BTreeMap::new(),
            position: 0,
        };
        for (name, bytes) in &recording.base {
            moment.safe_names.insert(name.clone(), moment.contents.len());
            moment.contents.push(Content {
                safe: bytes.clone(),
                ..Content::default()
            });
        }
        moment.names = moment.safe_names.clone();
        moment
    }

    /// After one more record.
    pub fn advance(&mut self, record: &Record) {
        let name = record.file.to_string();
        match &record.op {
            Op::Create => {
                self.rename(name, Some(self.contents.len()));
                self.contents.push(Content::default());
            }
            Op::Delete { folder } => {
                self.rename(name, None);
                if *folder {
                    self.settle_names();
                }
            }
            Op::Sync { covers, folder } => {
                self.content(&name).settle(*covers);
                if *folder {
                    self.settle_names();
                }
            }
            op => {
                let entry = (self.position, op.clone());
                self.content(&name).pending.push(entry);
            }
        }
        self.position += 1;
    }

    fn content(&mut self, name: &str) -> &mut Content {
        let place = self.names.get(name).unwrap_or_else(|| panic!("{name} was made"));
        &mut self.contents[*place]
    }

    fn rename(&mut self, name: String, content: Option<usize>) {
        lay(&mut self.names, &(name.clone(), content));
        self.pending_names.push((name, content));
    }

    fn settle_names(&mut self) {
        self.pending_names.clear();
        self.safe_names = self.names.clone();
    }

    /// Whether a crash leaves one thing only.
    pub fn is_safe(&self) -> bool {
        self.pending_names.is_empty()
            && self
                .names
                .values()
                .all(|place| self.contents[*place].pending.is_empty())
    }

    /// What a crash leaves now.
    pub fn crash(&self, reached: Reached, rng: &mut fastrand::Rng) -> Wreck {
        let renamed = match reached {
            Reached::Nothing => 0,
            Reached::Everything | Reached::Torn => self.pending_names.len(),
            Reached::Some => rng.usize(..=self.pending_names.len()),
        };
        let mut names = self.safe_names.clone();
        for naming in &self.pending_names[..renamed] {
            lay(&mut names, naming);
        }
        let newest = self.contents.iter().filter_map(|content| content.pending.last());
        let newest = newest.map(|(position, _)| *position).max();
        let of_name = |(name, place): (String, usize)| Remains {
            name,
            place,
            ..self.contents[place].crash(reached, newest, rng)
        };
        Wreck(names.into_iter().map(of_name).collect())
    }

    /// A wreck's files. It must be one of this very moment.
    pub fn files(&self, wreck: &Wreck) -> Files {
        let bytes = |remains: &Remains| self.contents[remains.place].bytes(remains);
        wreck
            .0
            .iter()
            .map(|remains| (remains.name.clone(), bytes(remains)))
            .collect()
    }
}

/// What a crash leaves, told by what was written of it. Equal ones of one recording have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wreck(Vec<Remains>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Remains {
    name: String,
    place: usize,
    /// So many operations of the file were done without a gap.
    whole: usize,
    /// Of those behind a gap, and of the one that makes it: the position, and a bit for each sector that was written.
    parts: Vec<(usize, u64)>,
}

fn lay(names: &mut BTreeMap<String, usize>, (name, content): &Naming) {
    match content {
        Some(content) => names.insert(name.clone(), *content),
        None => names.remove(name),
    };
}

impl Content {
    /// What was recorded before a position is safe.
    fn settle(&mut self, covers: usize) {
        let count = self.pending.partition_point(|(position, _)| *position < covers);
        for (_, op) in self.pending.drain(..count) {
            apply(&mut self.safe, &op, u64::MAX);
        }
        self.settled += count;
    }

    fn crash(&self, reached: Reached, newest: Option<usize>, rng: &mut fastrand::Rng) -> Remains {
        let mut remains = Remains {
            whole: self.settled,
            ..Remains::default()
        };
        for (position, op) in &self.pending {
            let all = all_sectors(op);
            let written = match reached {
                Reached::Nothing => 0,
                Reached::Torn if Some(*position) == newest => all >> rng.u32(1..=all.count_ones()),
                Reached::Some => match rng.u8(..4) {
                    0 => 0,
                    1 => all & rng.u64(..),
                    _ => all,
                },
                Reached::Everything | Reached::Torn => all,
            };
            if written == all && remains.parts.is_empty() {
                remains.whole += 1;
            } else {
                remains.parts.push((*position, written));
            }
        }
        // What is not done at the end makes no difference.
        while remains.parts.last().is_some_and(|(_, written)| *written == 0) {
            remains.parts.pop();
        }
        remains
    }

    fn bytes(&self, remains: &Remains) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        for (_, op) in &self.pending[..remains.whole - self.settled] {
            apply(&mut bytes, op, u64::MAX);
        }
        let behind = &self.pending[remains.whole - self.settled..];
        for ((_, op), (_, written)) in behind.iter().zip(&remains.parts) {
            apply(&mut bytes, op, *written);
        }
        bytes
    }
}

/// A bit for each sector that an operation touches.
fn all_sectors(op: &Op) -> u64 {
    match op {
        Op::Write { offset, bytes } => {
            let count = pieces(*offset, bytes.len()).count();
            assert!((1..64).contains(&count), "SQLite writes a page at a time");
            (1 << count) - 1
        }
        _ => 1,
    }
}

/// A range of a file, cut between sectors.
fn pieces(offset: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    let end = offset + count;
    let mut start = offset;
    std::iter::from_fn(move || {
        let piece = start..end.min((start / SECTOR + 1) * SECTOR);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Does to a file what was asked, for the sectors that are written.
fn apply(file: &mut Vec<u8>, op: &Op, written: u64) {
    match op {
        Op::Write { offset, bytes } => {
            let is_whole = written & all_sectors(op) == all_sectors(op);
            let whole = is_whole.then(|| *offset..offset + bytes.len());
            let parts = pieces(*offset, bytes.len()).enumerate();
            let parts = parts.filter(|(bit, _)| !is_whole && written >> bit & 1 == 1);
            for piece in whole.into_iter().chain(parts.map(|(_, piece)| piece)) {
                if file.len() < piece.end {
                    // Between the old end and a write that lies behind it there are zeros.
                    file.extend_from_slice(&vec![0; piece.end - file.len()]);
                }
                file[piece.clone()].copy_from_slice(&bytes[piece.start - offset..piece.end - offset]);
            }
        }
        Op::Truncate { size } if written & 1 == 1 => file.resize(*size, 0),
        Op::Truncate { .. } | Op::Create | Op::Sync { .. } | Op::Delete { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Record;

    fn write(offset: usize, bytes: &[u8]) -> Op {
        let bytes = bytes.to_vec();
        Op::Write { offset, bytes }
    }

    fn sync(covers: usize) -> Op {
        Op::Sync { covers, folder: true }
    }

    /// What a crash may leave after these operations on one file, each possibility once.
    fn left(ops: Vec<Op>, reached: Reached) -> Vec<Option<Vec<u8>>> {
        let base = BTreeMap::new();
        let file: std::sync::Arc<str> = "f".into();
        let records = ops.into_iter().map(|op| Record { file: file.clone(), op }).collect();
        let recording = Recording { base, records };
        let mut moment = Moment::first(&recording);
        recording.records.iter().for_each(|record| moment.advance(record));
        let mut rng = fastrand::Rng::with_seed(1);
        let mut left: Vec<_> = (0..500)
            .map(|_| moment.files(&moment.crash(reached, &mut rng)).remove("f"))
            .collect();
        left.sort();
        left.dedup();
        left
    }

    #[test]
    fn what_was_synced_is_left_whatever_comes_after() {
        let ops = || {
            vec![
                Op::Create,
                write(0, b"abc"),
                sync(2),
                write(1, b"X"),
                Op::Truncate { size: 2 },
            ]
        };
        assert_eq!(left(ops(), Reached::Nothing), [Some(b"abc".to_vec())]);
        assert_eq!(left(ops(), Reached::Everything), [Some(b"aX".to_vec())]);
        let some = ["aX", "aXc", "ab", "abc"].map(|bytes| Some(bytes.as_bytes().to_vec()));
        assert_eq!(left(ops(), Reached::Some), some);
    }

    #[test]
    fn a_sync_covers_what_came_before_it_began() {
        let ops = vec![Op::Create, write(0, b"a"), write(1, b"b"), sync(2)];
        assert_eq!(left(ops, Reached::Nothing), [Some(b"a".to_vec())]);
    }

    #[test]
    fn a_name_that_was_not_synced_may_be_missing_and_a_removed_one_may_be_back() {
        let made = vec![Op::Create, write(0, b"a")];
        assert_eq!(left(made, Reached::Nothing), [None]);
        let removed = || vec![Op::Create, write(0, b"a"), sync(2), Op::Delete { folder: false }];
        assert_eq!(left(removed(), Reached::Nothing), [Some(b"a".to_vec())]);
        assert_eq!(left(removed(), Reached::Everything), [None]);
        assert_eq!(left(removed(), Reached::Some).len(), 2);
        let gone = vec![Op::Create, write(0, b"a"), sync(2), Op::Delete { folder: true }];
        assert_eq!(left(gone, Reached::Nothing), [None]);
    }

    #[test]
    fn a_torn_write_ends_between_sectors() {
        let ops = || vec![Op::Create, write(0, &[1; 2000]), sync(2), write(24, &[2; 1000])];
        let whole = [&[1; 24][..], &[2; 1000], &[1; 976]].concat();
        let half = [&[1; 24][..], &[2; SECTOR - 24], &[1; 2000 - SECTOR]].concat();
        assert_eq!(left(ops(), Reached::Everything), [Some(whole)]);
        assert_eq!(left(ops(), Reached::Torn), [Some(vec![1; 2000]), Some(half)]);
        assert_eq!(left(ops(), Reached::Some).len(), 4, "each of two sectors, or not");
    }
}
