//! Decides, while an upload streams past, whether it is a whole file of the type its name claims,
//! so that no more than a few hundred bytes of it are ever held in memory.
//!
//! Two questions are asked. The *signature*: do the first bytes belong to the type that the
//! extension names? And the *structure*: does the file run to its own end? The second keeps
//! uploads that broke off half-way out of the store. Pictures are not decoded.

mod heic;
mod jpeg;
mod name;
mod pdf;
mod png;
#[cfg(test)]
mod tests;
mod walk;
mod webp;

pub use name::clean_name;

use walk::Walk;

/// How many first bytes the signature is decided on. A HEIC file must have its whole `ftyp` box
/// in here; cameras write 24 to 52 bytes.
const HEAD_BYTES: usize = 512;

/// The file types a customer may upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A PDF document.
    Pdf,
    /// A JPEG image.
    Jpeg,
    /// A PNG image.
    Png,
    /// A WebP image.
    Webp,
    /// A HEIC image, as phones take them.
    Heic,
}

impl FileKind {
    /// The kind that an extension (without its dot, in any case) names, if it is an allowed one.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "pdf" => Some(Self::Pdf),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            "heic" => Some(Self::Heic),
            _ => None,
        }
    }

    /// The one extension that files of this kind are stored under.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Heic => "heic",
        }
    }

    /// The media type that files of this kind are served with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
        }
    }

    /// The kind whose signature `head`, the first bytes of a file, carries.
    fn from_signature(head: &[u8]) -> Option<Self> {
        match infer::get(head)?.mime_type() {
            "application/pdf" => Some(Self::Pdf),
            "image/jpeg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/webp" => Some(Self::Webp),
            "image/heif" => Some(Self::Heic),
            _ => None,
        }
    }

    fn walker(self) -> Box<dyn Walk> {
        match self {
            Self::Pdf => Box::<pdf::Pdf>::default(),
            Self::Jpeg => Box::<jpeg::Jpeg>::default(),
            Self::Png => Box::<png::Png>::default(),
            Self::Webp => Box::<webp::Webp>::default(),
            Self::Heic => Box::<heic::Heic>::default(),
        }
    }
}

/// Why an upload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// Not a single byte came.
    #[error("the file is empty")]
    Empty,
    /// The extension and the content disagree, or the content is of no allowed type.
    #[error("the content of the file is not of the type that its extension names")]
    Signature,
    /// The type is right, but the file is cut short or damaged; the text says where.
    #[error("the file is damaged or incomplete: {0}")]
    Malformed(&'static str),
}

/// Reads an upload once, in chunks of any size; how it is cut never changes the verdict.
///
/// A refusal is final: every later call repeats it.
#[derive(Debug)]
pub struct Inspector {
    kind: FileKind,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Collecting the first bytes, which decide on the signature.
    Head(Vec<u8>),
    /// The signature is right; the structure is being followed.
    Body(Box<dyn Walk>),
    Refused(FileProblem),
}

impl Inspector {
    /// An inspector for a file whose extension says `kind`.
    #[must_use]
    pub fn new(kind: FileKind) -> Self {
        Self {
            kind,
            stage: Stage::Head(Vec::new()),
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// The file is of another type, or breaks the structure of its type in these bytes.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), FileProblem> {
        let outcome = self.advance(chunk);
        if let Err(problem) = outcome {
            self.stage = Stage::Refused(problem);
        }
        outcome
    }

    /// Says whether the bytes so far were one whole file.
    ///
    /// # Errors
    /// The file is empty, of another type, or does not reach its own end.
    pub fn finish(self) -> Result<(), FileProblem> {
        match self.stage {
            Stage::Refused(problem) => Err(problem),
            Stage::Body(walker) => walker.finish(),
            Stage::Head(head) if head.is_empty() => Err(FileProblem::Empty),
            Stage::Head(head) => open(self.kind, &head)?.finish(),
        }
    }

    fn advance(&mut self, chunk: &[u8]) -> Result<(), FileProblem> {
        match &mut self.stage {
            Stage::Refused(problem) => Err(*problem),
            Stage::Body(walker) => walker.push(chunk),
            Stage::Head(head) => {
                let missing = HEAD_BYTES.saturating_sub(head.len()).min(chunk.len());
                let (start, rest) = chunk.split_at(missing);
                head.extend_from_slice(start);
                if head.len() < HEAD_BYTES {
                    return Ok(());
                }
                let mut walker = open(self.kind, head)?;
                walker.push(rest)?;
                self.stage = Stage::Body(walker);
                Ok(())
            }
        }
    }
}

/// Checks the signature and starts following the structure with the first bytes.
fn open(kind: FileKind, head: &[u8]) -> Result<Box<dyn Walk>, FileProblem> {
    if FileKind::from_signature(head) != Some(kind) {
        return Err(FileProblem::Signature);
    }
    let mut walker = kind.walker();
    walker.push(head)?;
    Ok(walker)
}
