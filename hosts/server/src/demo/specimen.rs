//! Invented documents for the demo: a passport page, a utility bill and a selfie, drawn in memory
//! so that the demo ships no files and shows nobody's data. Each says SPECIMEN across its face.
//!
//! The same arguments always give the same bytes.

mod bill;
mod canvas;
mod passport;
mod portrait;
#[cfg(test)]
mod tests;
mod text;

/// The data page of a passport, as PNG of 1000 × 700 pixels. The last word of `name` is taken as
/// the surname; what the arguments do not say (dates, face) follows from them.
#[must_use]
pub fn passport_png(name: &str, country: &str, number: &str) -> Vec<u8> {
    let mut choices = Choices::new(&[name, country, number]);
    passport::draw(name, country, number, &mut choices).png()
}

/// A bill for water and power over one A4 page, as PDF. Commas in `address` separate its lines.
#[must_use]
pub fn utility_bill_pdf(name: &str, address: &str) -> Vec<u8> {
    bill::write(name, address, &mut Choices::new(&[name, address]))
}

/// A drawn portrait as JPEG of 720 × 960 pixels; each `seed` gives another face and room.
#[must_use]
pub fn selfie_jpg(seed: u32) -> Vec<u8> {
    portrait::selfie(&mut Choices::new(&["selfie", &seed.to_string()])).jpg()
}

/// A row of choices that looks random and depends on the arguments only.
struct Choices(u64);

impl Choices {
    fn new(arguments: &[&str]) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325;
        for argument in arguments {
            for byte in argument.bytes().chain([0]) {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Self(state)
    }

    /// A number from 0 to `below` - 1 (`splitmix64`).
    fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (mixed ^ (mixed >> 31)) % u64::from(below.max(1));
        u32::try_from(number).unwrap_or_default()
    }

    /// One of the options, of which there must be at least one.
    #[expect(clippy::indexing_slicing, reason = "the index is below N, and N above 0")]
    fn one_of<T: Copy, const N: usize>(&mut self, options: [T; N]) -> T {
        const { assert!(N > 0) };
        let count = u32::try_from(N).unwrap_or(u32::MAX);
        options[usize::try_from(self.below(count)).unwrap_or_default()]
    }
}
