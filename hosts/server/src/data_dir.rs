//! The data directory: databases under `bases/`, files under `storage/`, keys under `keys/`, one server at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Failure;

/// A data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Held while a server runs on the directory.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl DataDir {
    /// The directory, made if it is missing, readable by its owner only.
    pub(crate) fn create(root: &Path) -> Result<Self, Failure> {
        let dir = Self { root: root.to_owned() };
        for folder in [root.to_owned(), dir.bases(), dir.storage(), dir.keys()] {
            create_private(&folder).map_err(|error| failed(&folder, &error))?;
        }
        Ok(dir)
    }

    /// The directory, which must be there.
    pub(crate) fn existing(root: &Path) -> Result<Self, Failure> {
        if root.is_dir() {
            Ok(Self { root: root.to_owned() })
        } else {
            Err(Failure::new(format!(
                "{}: no such data directory; give --data-dir",
                root.display()
            )))
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn bases(&self) -> PathBuf {
        self.root.join("bases")
    }

    pub(crate) fn kyc_db(&self) -> PathBuf {
        self.bases().join("kyc.db")
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.root.join("storage")
    }

    fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Where the key that signs tokens is.
    pub(crate) fn token_key(&self) -> PathBuf {
        self.keys().join("token-ed25519.pem")
    }

    /// Where the key that seals tenants' secrets is.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.keys().join("master.key")
    }

    /// Where a running server takes the operator's commands.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// The directory's lock; `None` while a server has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, Failure> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| failed(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
        }
    }

    /// Refuses a second server on the same directory.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        self.try_lock()?.ok_or_else(|| {
            Failure::new(format!(
                "{}: another server runs on this data directory; stop it, or give another --data-dir",
                self.root.display()
            ))
        })
    }

    /// Writes a file that only its owner can read, if it is not there yet; gives its content.
    pub(crate) fn secret_file(
        &self,
        path: &Path,
        make: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<String, Failure> {
        create_private(&self.keys()).map_err(|error| failed(&self.keys(), &error))?;
        match fs::read_to_string(path) {
            Ok(content) => return Ok(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(path, &error)),
        }
        let content = make()?;
        // Two processes may get here at once: each writes a file of its own, and one of them wins.
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        write_private(&temporary, content.as_bytes()).map_err(|error| failed(&temporary, &error))?;
        // A link refuses to replace what another process has put there in the meantime.
        let linked = fs::hard_link(&temporary, path);
        let _ = fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(path, &error)),
            _ => fs::read_to_string(path).map_err(|error| failed(path, &error)),
        }
    }
}

pub(crate) fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(unix)]
fn create_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
