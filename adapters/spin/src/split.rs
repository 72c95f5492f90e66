//! Splits a migration into its statements: Spin runs one statement a call and drops the rest of the text silently.

/// The statements of a text, without the semicolons between them. A trigger's body is part of its statement.
pub fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut reader = Reader::default();
    let (mut start, mut rest) = (0, sql);
    while let Some(token) = Token::first(rest) {
        let at = sql.len() - rest.len();
        rest = rest.get(token.length..).unwrap_or_default();
        if reader.ends_with(&token) {
            found.extend(reader.has_words.then(|| sql.get(start..at).unwrap_or_default().trim()));
            start = at + token.length;
            reader = Reader::default();
        }
    }
    found.extend(reader.has_words.then(|| sql.get(start..).unwrap_or_default().trim()));
    found
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Reader {
    words: usize,
    has_words: bool,
    creates: bool,
    is_trigger: bool,
    /// `BEGIN` and `CASE` of a trigger that have no `END` yet.
    depth: usize,
}

impl Reader {
    /// Whether the token is the semicolon that ends the statement.
    fn ends_with(&mut self, token: &Token<'_>) -> bool {
        match token.kind {
            Kind::Semicolon => return self.depth == 0,
            Kind::Space => return false,
            Kind::Other => {}
            Kind::Word(word) => self.word(word),
        }
        self.has_words = true;
        false
    }

    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        self.creates |= self.words == 0 && is("create");
        // CREATE TRIGGER, CREATE TEMP TRIGGER.
        self.is_trigger |= self.creates && self.words <= 2 && is("trigger");
        if self.is_trigger && (is("begin") || is("case")) {
            self.depth += 1;
        }
        if self.is_trigger && is("end") {
            self.depth = self.depth.saturating_sub(1);
        }
        self.words += 1;
    }
}

struct Token<'a> {
    kind: Kind<'a>,
    length: usize,
}

enum Kind<'a> {
    Semicolon,
    Word(&'a str),
    /// White space and comments.
    Space,
    /// Strings, quoted names, signs.
    Other,
}

impl<'a> Token<'a> {
    fn first(text: &'a str) -> Option<Self> {
        let first = text.chars().next()?;
        let (kind, length) = match first {
            ';' => (Kind::Semicolon, 1),
            '\'' | '"' | '`' => (Kind::Other, quoted(text, first)),
            '[' => (Kind::Other, up_to(text, "]")),
            '-' if text.starts_with("--") => (Kind::Space, up_to(text, "\n")),
            '/' if text.starts_with("/*") => (Kind::Space, up_to(text, "*/")),
            _ if first.is_whitespace() => (Kind::Space, first.len_utf8()),
            _ if is_in_word(first) => {
                let word = text.split(|char| !is_in_word(char)).next().unwrap_or(text);
                (Kind::Word(word), word.len())
            }
            _ => (Kind::Other, first.len_utf8()),
        };
        Some(Self { kind, length })
    }
}

fn is_in_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The length of a quoted text that the text begins with; a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = inside.next() {
        if char == quote && inside.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length up to and with an end mark, or all of it.
fn up_to(text: &str, end: &str) -> usize {
    text.find(end).map_or(text.len(), |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::statements;
    use crate::steps::{KYC, STORAGE};

    #[test]
    fn semicolons_end_statements_only_where_sql_says_so() {
        for (sql, expected) in [
            ("", &[][..]),
            (" ; ;-- nothing;\n/* ; */;", &[]),
            ("SELECT 1", &["SELECT 1"]),
            ("SELECT 1; SELECT 2;", &["SELECT 1", "SELECT 2"]),
            (
                "SELECT ';', \"a;b\", `;`, [;]; X",
                &["SELECT ';', \"a;b\", `;`, [;]", "X"],
            ),
            ("SELECT 'it''s;'; X", &["SELECT 'it''s;'", "X"]),
            ("A -- one;\n, /* two; */ B; C", &["A -- one;\n, /* two; */ B", "C"]),
            ("BEGIN; COMMIT", &["BEGIN", "COMMIT"]),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END; X",
                &[
                    "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END",
                    "X",
                ],
            ),
            (
                "create temp trigger t before delete on a begin select 1; end;",
                &["create temp trigger t before delete on a begin select 1; end"],
            ),
            (
                "CREATE TABLE trigger_begin (a); X",
                &["CREATE TABLE trigger_begin (a)", "X"],
            ),
            ("SELECT 'ö;' ; ä", &["SELECT 'ö;'", "ä"]),
            ("SELECT 'open;", &["SELECT 'open;"]),
        ] {
            assert_eq!(statements(sql), expected, "{sql}");
        }
    }

    /// What SQLite itself makes of the files, and what it makes of their parts, is the same schema.
    #[test]
    fn the_migrations_in_parts_make_the_same_schema() {
        let schema = |run: &dyn Fn(&rusqlite::Connection, &str)| -> Vec<(String, Option<String>)> {
            let database = rusqlite::Connection::open_in_memory().unwrap();
            for step in KYC.iter().chain(STORAGE).flat_map(|folder| folder.steps) {
                run(&database, step);
            }
            let mut query = database
                .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
                .unwrap();
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let whole = schema(&|database, step| database.execute_batch(step).unwrap());
        let parts = schema(&|database, step| {
            for statement in statements(step) {
                database.execute(statement, []).unwrap();
            }
        });
        assert!(whole.len() > 40, "the migrations are there");
        assert_eq!(whole, parts);
    }
}
