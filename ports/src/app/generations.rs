//! How often each stream has been committed to: what memory holds of a stream stands on one of its generations.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU32, Ordering};

use kyc_core::id::{Brand, CustomerId, CustomerKey};
use kyc_core::stream::StreamKey;

/// Streams that share a generation only lose an entry too many: 4 MiB keep that rare.
const PLACES: usize = 1 << 20;

/// A generation for every stream. A commit raises it before it is acknowledged: who has been told of a change never
/// sees the state before it.
pub(super) struct Generations(Box<[AtomicU32]>);

impl Default for Generations {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

/// A commit under way. When it is over, whatever became of it and whoever still waits, what was made of the stream
/// before no longer holds.
pub(super) struct UnderWay<'a> {
    generations: Option<&'a Generations>,
    stream: StreamKey,
}

impl<'a> UnderWay<'a> {
    /// A commit to the stream begins; where nothing is remembered, there are no generations.
    pub(super) fn new(generations: Option<&'a Generations>, stream: StreamKey) -> Self {
        Self { generations, stream }
    }

    /// It is durable: the generation that it begins.
    pub(super) fn end(mut self) -> Option<u32> {
        Some(self.generations.take()?.raise(&self.stream))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(generations) = self.generations {
            generations.raise(&self.stream);
        }
    }
}

/// Where the generations of a customer's and its brand's streams stand, and what they were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    places: (usize, usize),
    generations: (u32, u32),
}

impl Generations {
    /// What a customer's and its brand's streams are at now.
    pub(super) fn stamp(&self, customer: &CustomerKey) -> Stamp {
        let places = (
            place(&customer.brand, Some(customer.customer_id)),
            place(&customer.brand, None),
        );
        Stamp {
            places,
            generations: self.at(places),
        }
    }

    /// Whether no commit has come since.
    pub(super) fn holds(&self, stamp: Stamp) -> bool {
        self.at(stamp.places) == stamp.generations
    }

    fn at(&self, (customer, brand): (usize, usize)) -> (u32, u32) {
        let read = |place| {
            let generation: Option<&AtomicU32> = self.0.get(place);
            generation.map_or(0, |generation| generation.load(Ordering::Acquire))
        };
        (read(customer), read(brand))
    }

    /// Of a customer's stream.
    pub(super) fn of_customer(&self, customer: &CustomerKey) -> u32 {
        self.of(&customer.brand, Some(customer.customer_id))
            .load(Ordering::Acquire)
    }

    /// Of a brand's stream.
    pub(super) fn of_brand(&self, brand: &Brand) -> u32 {
        self.of(brand, None).load(Ordering::Acquire)
    }

    fn raise(&self, stream: &StreamKey) -> u32 {
        let place = self.of(&stream.brand, stream.customer_id);
        place.fetch_add(1, Ordering::AcqRel).wrapping_add(1)
    }

    #[expect(clippy::indexing_slicing, reason = "the place is below the number of places")]
    fn of(&self, brand: &Brand, customer_id: Option<CustomerId>) -> &AtomicU32 {
        &self.0[place(brand, customer_id)]
    }
}

/// Where a stream's generation stands.
fn place(brand: &Brand, customer_id: Option<CustomerId>) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((brand, customer_id));
    usize::try_from(hash % PLACES as u64).unwrap_or(0)
}
