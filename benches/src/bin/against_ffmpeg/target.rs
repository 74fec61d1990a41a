//! Names of the files that nobody has used before, so that nothing learned of one helps with the next.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Makes new names of files.
pub(crate) struct Targets {
    folder: PathBuf,
    origin: Origin,
    count: usize,
}

impl Targets {
    /// Links are made below `folder`, where the files are.
    pub(crate) fn new(folder: &Path, origin: Origin) -> Result<Self, Error> {
        let folder = folder.join("names");
        fs::create_dir(&folder)?;
        Ok(Self { folder, origin, count: 0 })
    }

    pub(crate) fn fresh(&mut self, file: &Media, place: Place) -> Result<Target, Error> {
        self.count += 1;
        Ok(match place {
            Place::Disk => {
                // A hard link, because symbolic ones are followed to the name behind them.
                let path = self.folder.join(format!("{}-{}", self.count, file.name));
                fs::hard_link(&file.path, &path)?;
                Target::Path(path)
            }
            Place::Http => Target::Url(format!("http://{}/{}?{}", self.origin.address(), file.name, self.count)),
        })
    }
}
