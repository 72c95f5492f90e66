//! Brings names from anywhere into the letters that the drawings have.

/// `text` in Latin-1 letters: accents that Latin-1 lacks are dropped, other scripts become `?`.
pub(super) fn latin1(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='~' | '\u{a1}'..='\u{ff}' => c,
            _ => plain(c).unwrap_or('?'),
        })
        .collect()
}

/// `text` in capitals A to Z and digits, anything else as `<`: the letters of the lines that
/// machines read.
pub(super) fn machine_readable(text: &str) -> String {
    text.chars()
        .map(|c| plain(c).unwrap_or(c).to_ascii_uppercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '<' })
        .collect()
}

/// The letter below the accent, for the languages written in Latin letters.
fn plain(c: char) -> Option<char> {
    const LETTERS: [(char, &str); 38] = [
        ('A', "ÀÁÂÃÄÅĀĂĄÆ"),
        ('a', "àáâãäåāăąæ"),
        ('C', "ÇĆĈĊČ"),
        ('c', "çćĉċč"),
        ('D', "ĎĐÐ"),
        ('d', "ďđð"),
        ('E', "ÈÉÊËĒĔĖĘĚ"),
        ('e', "èéêëēĕėęě"),
        ('G', "ĜĞĠĢ"),
        ('g', "ĝğġģ"),
        ('I', "ÌÍÎÏĨĪĬĮİ"),
        ('i', "ìíîïĩīĭįı"),
        ('K', "Ķ"),
        ('k', "ķ"),
        ('L', "ĹĻĽŁ"),
        ('l', "ĺļľł"),
        ('N', "ÑŃŅŇ"),
        ('n', "ñńņň"),
        ('O', "ÒÓÔÕÖØŌŎŐŒ"),
        ('o', "òóôõöøōŏőœ"),
        ('R', "ŔŖŘ"),
        ('r', "ŕŗř"),
        ('S', "ŚŜŞŠȘ"),
        ('s', "śŝşšșß"),
        ('T', "ŢŤȚÞ"),
        ('t', "ţťțþ"),
        ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
        ('u', "ùúûüũūŭůűų"),
        ('Y', "ÝŶŸ"),
        ('y', "ýÿŷ"),
        ('Z', "ŹŻŽ"),
        ('z', "źżž"),
        ('H', "ĤĦ"),
        ('h', "ĥħ"),
        ('\'', "‘’"),
        ('"', "“”"),
        ('-', "‐‑–—"),
        (' ', "\u{a0}\u{202f}"),
    ];
    LETTERS
        .iter()
        .find_map(|(letter, accented)| accented.contains(c).then_some(*letter))
}
