//! Files as nobody has seen them before, so that nothing learned of one helps with the next.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::Error;
use crate::media::{Media, Salt};
use crate::origin::Origin;

/// Where a file is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its path.
    Disk,
    /// By its address on the origin.
    Http,
}

impl Place {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "from disk",
            Self::Http => "over HTTP",
        }
    }
}

/// What is played.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file.
    Path(PathBuf),
    /// A link.
    Url(String),
}

/// Makes files new to everyone: by their bytes, too, for a server may know a file by its content.
#[derive(Debug)]
pub struct Targets<'o> {
    origin: &'o Origin,
    count: u32,
}

impl<'o> Targets<'o> {
    /// None yet.
    #[must_use]
    pub fn new(origin: &'o Origin) -> Self {
        Self { origin, count: 0 }
    }

    /// `file` as one that nobody knows.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn fresh(&mut self, file: &Media, place: Place) -> Result<Target, Error> {
        self.count += 1;
        Ok(match place {
            Place::Disk => {
                let salted = File::options().write(true).open(&file.path)?;
                salted.write_all_at(&Salt::bytes(self.count), file.salt.offset)?;
                // A file that was written to since is another one, whatever its name; and within one tick of the clock, too.
                salted.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(self.count)))?;
                Target::Path(file.path.clone())
            }
            Place::Http => Target::Url(self.origin.url(file.name, self.count)),
        })
    }
}
