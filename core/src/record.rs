//! Stored entities: one declaration gives the struct, its columns, and the changes that audit rows carry.

use std::borrow::Cow;
use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::Json;
use crate::time::Time;

/// One value of a row, as every SQL store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// Text, or JSON as text. Short ones, which most are, need no memory of their own.
    Text(CompactString),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A plain value.
    Plain,
    /// A [`Time`], shown in seconds on the wire.
    Time,
}

/// A type that one column can hold.
pub trait Column: Sized {
    /// How the wire shows it.
    const KIND: ColumnKind = ColumnKind::Plain;
    /// The stored form.
    fn to_cell(&self) -> Cell;
    /// The stored form of a value that is not needed any more: what it holds may be moved out.
    fn take_cell(&mut self) -> Cell {
        self.to_cell()
    }
    /// Reads the stored form; `None` when the cell does not fit.
    fn from_cell(cell: Cell) -> Option<Self>;
}

/// Some of an entity's columns, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns(u64);

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);
    /// Every column.
    pub const ALL: Self = Self(u64::MAX);

    /// Those whose place is true.
    pub fn of<const COUNT: usize>(places: [bool; COUNT]) -> Self {
        const { assert!(COUNT <= 64, "a place is a bit") };
        let bits = places.iter().rev();
        Self(bits.fold(0, |bits, place| bits << 1 | u64::from(*place)))
    }

    /// Whether the column at a place is among them.
    pub const fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// Members of an entity by their names, as an event carries them.
pub type Members = BTreeMap<Cow<'static, str>, Value>;

/// A stored entity, declared by [`record!`](crate::record!).
pub trait Record: Sized + Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    /// Column names, in order.
    const COLUMNS: &'static [&'static str];
    /// What each column holds, in the same order.
    const KINDS: &'static [ColumnKind];
    /// What takes the cell of each column out, in the same order.
    const CELLS: &'static [fn(&mut Self) -> Cell];
    /// Reads a row; `None` when it does not fit the declaration.
    fn from_cells(cells: Vec<Cell>) -> Option<Self>;
    /// The columns that differ.
    fn differing(before: &Self, after: &Self) -> Columns;
    /// All members; what an audit row of a creation carries.
    fn members(&self) -> Members;
    /// The members that differ, as (`before`, `after`).
    fn changes(before: &Self, after: &Self) -> (Members, Members);
}

/// Lays an audit row's `after` members over a record; `None` when the result is no such record.
pub fn patched<R: Record>(before: Option<&R>, after: &Map<String, Value>) -> Option<R> {
    let mut members = before.map(R::members).unwrap_or_default();
    for name in R::COLUMNS {
        if let Some(value) = after.get(*name) {
            members.insert(Cow::Borrowed(name), value.clone());
        }
    }
    serde_json::from_value(members.into_iter().collect()).ok()
}

/// Declares a stored entity: the struct, its serde form, its columns and its changes.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[$field_meta])* pub $field: $kind,)+ }

        impl $crate::record::Record for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
            const KINDS: &'static [$crate::record::ColumnKind] =
                &[$(<$kind as $crate::record::Column>::KIND),+];

            const CELLS: &'static [fn(&mut Self) -> $crate::record::Cell] =
                &[$(|record| $crate::record::Column::take_cell(&mut record.$field)),+];

            fn differing(before: &Self, after: &Self) -> $crate::record::Columns {
                $crate::record::Columns::of([$(before.$field != after.$field),+])
            }

            fn from_cells(cells: Vec<$crate::record::Cell>) -> Option<Self> {
                let mut cells = cells.into_iter();
                let record = Self { $($field: $crate::record::Column::from_cell(cells.next()?)?,)+ };
                cells.next().is_none().then_some(record)
            }

            fn members(&self) -> $crate::record::Members {
                $crate::record::Members::from([
                    $((stringify!($field).into(), $crate::record::json_of(&self.$field)),)+
                ])
            }

            fn changes(before: &Self, after: &Self) -> ($crate::record::Members, $crate::record::Members) {
                let mut old = $crate::record::Members::new();
                let mut new = $crate::record::Members::new();
                $(if before.$field != after.$field {
                    old.insert(stringify!($field).into(), $crate::record::json_of(&before.$field));
                    new.insert(stringify!($field).into(), $crate::record::json_of(&after.$field));
                })+
                (old, new)
            }
        }
    };
}

/// A member as JSON. Members are plain data, which always has a JSON form.
pub fn json_of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

impl Column for i64 {
    fn to_cell(&self) -> Cell {
        Cell::Int(*self)
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for bool {
    fn to_cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        i64::from_cell(cell).map(|value| value != 0)
    }
}

impl Column for String {
    fn to_cell(&self) -> Cell {
        Cell::Text(self.as_str().into())
    }
    fn take_cell(&mut self) -> Cell {
        Cell::Text(std::mem::take(self).into())
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        CompactString::from_cell(cell).map(Self::from)
    }
}

impl Column for CompactString {
    fn to_cell(&self) -> Cell {
        Cell::Text(self.clone())
    }
    fn take_cell(&mut self) -> Cell {
        Cell::Text(std::mem::take(self))
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl Column for Time {
    const KIND: ColumnKind = ColumnKind::Time;
    fn to_cell(&self) -> Cell {
        Cell::Int(self.0)
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        i64::from_cell(cell).map(Self)
    }
}

impl Column for Json {
    fn to_cell(&self) -> Cell {
        Cell::Text(serde_json::to_string(self).unwrap_or_default().into())
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        let text = CompactString::from_cell(cell)?;
        serde_json::from_str::<Value>(&text).ok().map(Self::from)
    }
}

/// 32 bytes of a hash or salt: a blob in rows, lower-case hex in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first row of a chain follows.
    pub const ZERO: Self = Self([0; 32]);
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hex::encode(hash.0)
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| "must be 64 hexadecimal digits")?;
        Ok(Self(bytes))
    }
}

impl Column for Hash {
    fn to_cell(&self) -> Cell {
        Cell::Blob(self.0.to_vec())
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Blob(bytes) => bytes.try_into().ok().map(Self),
            _ => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    const KIND: ColumnKind = T::KIND;
    fn to_cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, Column::to_cell)
    }
    fn take_cell(&mut self) -> Cell {
        self.as_mut().map_or(Cell::Null, Column::take_cell)
    }
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            value => T::from_cell(value).map(Some),
        }
    }
}
