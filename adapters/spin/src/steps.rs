//! The migrations of each database: the same numbered files that the native server runs, and the table of files' parts.

/// One folder of `migrations/`, whose files run in the order of their numbers.
#[derive(Debug, Clone, Copy)]
pub struct Folder {
    /// Its name.
    pub name: &'static str,
    /// The contents of its files.
    pub steps: &'static [&'static str],
}

/// What the database of streams holds.
pub const KYC: &[Folder] = &[Folder {
    name: "kyc",
    steps: &[
        include_str!("../../../migrations/kyc/0001_initial.sql"),
        include_str!("../../../migrations/kyc/0002_tenants.sql"),
        include_str!("../../../migrations/kyc/0003_reconciliations.sql"),
        include_str!("../../../migrations/kyc/0004_fewer_indexes.sql"),
        include_str!("../../../migrations/kyc/0005_fewer_pages.sql"),
    ],
}];

/// What the database of files holds: their metadata, and the files themselves.
pub const STORAGE: &[Folder] = &[
    Folder {
        name: "storage",
        steps: &[include_str!("../../../migrations/storage/0001_initial.sql")],
    },
    Folder {
        name: "blobs",
        steps: &[include_str!("../../../migrations/blobs/0001_chunks.sql")],
    },
];

#[cfg(test)]
mod tests {
    use super::{KYC, STORAGE};

    /// A file that is added for the native server must be added here.
    #[test]
    fn every_migration_is_listed() {
        for folder in KYC.iter().chain(STORAGE) {
            let path = format!("{}/../../migrations/{}", env!("CARGO_MANIFEST_DIR"), folder.name);
            let mut files: Vec<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            let contents: Vec<String> = files
                .iter()
                .map(|file| std::fs::read_to_string(file).unwrap())
                .collect();
            assert_eq!(folder.steps, contents, "migrations/{}", folder.name);
        }
    }
}
