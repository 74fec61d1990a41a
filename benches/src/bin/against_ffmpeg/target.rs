//! Files as nobody has seen them before, so that nothing learned of one helps with the next.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use prostream_benches::{Error, media::Media};

use crate::origin::Origin;

/// Where a file is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Disk,
    Http,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "from disk",
            Self::Http => "over HTTP",
        }
    }
}

/// What is played.
#[derive(Debug)]
pub(crate) enum Target {
    Path(PathBuf),
    Url(String),
}

/// Makes files new to everyone.
pub(crate) struct Targets {
    origin: Origin,
    count: u64,
}

impl Targets {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { origin, count: 0 }
    }

    pub(crate) fn fresh(&mut self, file: &Media, place: Place) -> Result<Target, Error> {
        self.count += 1;
        Ok(match place {
            Place::Disk => {
                // A file that was written to since is another one, whatever its name.
                let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(self.count);
                File::options().write(true).open(&file.path)?.set_modified(changed)?;
                Target::Path(file.path.clone())
            }
            Place::Http => Target::Url(format!("http://{}/{}?{}", self.origin.address(), file.name, self.count)),
        })
    }
}
