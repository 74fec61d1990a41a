//! Films in a folder of this machine: an indexer whose releases are already playable, so that everything works without an account.

mod name;
mod scan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use self::name::words;
use self::scan::{LocalFile, Scan, scan};
use super::{Indexer, MAX_RELEASES, Query, Releases};
use crate::model::{Location, Playable, ProviderId, Release};
use crate::net::Call;
use crate::provider::remembered::Remembered;
use crate::provider::{CheckUp, Trouble};
use crate::{Error, ErrorKind, Result};

pub use self::scan::{MAX_DEPTH, MAX_FILES};

/// How long the list of files is believed.
const SCAN_LIFE: Duration = Duration::from_secs(10);

/// Most names of a title that are looked for.
const MAX_NAMES: usize = 50;

/// Which folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalFolderConfig {
    /// Name of this provider. Default: `local_folder`.
    #[serde(default = "default_id")]
    pub id: ProviderId,
    /// The folder. Files in it and in its subfolders are offered; symbolic links within it are not followed.
    pub path: PathBuf,
}

fn default_id() -> ProviderId {
    ProviderId::new("local_folder")
}

/// A folder of films: MP4, MKV, WebM, M4V and MOV files, at most [`MAX_FILES`], at most [`MAX_DEPTH`] folders deep.
#[derive(Debug)]
pub struct LocalFolder {
    id: ProviderId,
    path: PathBuf,
    files: Remembered<Arc<Scan>>,
}

impl LocalFolder {
    /// Nothing is read yet: the folder may be on a disk that is not there all the time.
    ///
    /// # Errors
    /// `InvalidInput` when the path is empty or names something that is no folder.
    pub fn new(config: LocalFolderConfig) -> Result<Self> {
        let LocalFolderConfig { id, path } = config;
        if path.as_os_str().is_empty() || (path.exists() && !path.is_dir()) {
            return Err(Error::new(ErrorKind::InvalidInput, "configure indexer")
                .at(id.to_string())
                .detail("the path names no folder")
                .advise("give the folder that holds your films"));
        }
        Ok(Self { id, path, files: Remembered::new(SCAN_LIFE) })
    }

    /// The files that are there: each with its name for people and the id that [`Query::local_id`] takes, in order of their paths.
    ///
    /// # Errors
    /// As [`Indexer::search`].
    pub async fn files(&self, call: &Call) -> Result<Vec<(String, String)>> {
        let scan = self.scan(call).await.map_err(|error| error.at(self.id.to_string()))?;
        Ok(scan.files.iter().map(|file| (file.name.clone(), file.local_id.clone())).collect())
    }

    async fn scan(&self, call: &Call) -> Result<Arc<Scan>> {
        let ask = async |call: &Call| self.scan_now(call).await.map(Arc::new);
        self.files.read(call, ask).await
    }

    async fn scan_now(&self, call: &Call) -> Result<Scan> {
        const OPERATION: &str = "read folder";
        let path = self.path.clone();
        let reading = tokio::task::spawn_blocking(move || scan(&path));
        tokio::time::timeout(call.remaining(), reading)
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, OPERATION))?
            .map_err(|cause| Error::new(ErrorKind::Internal, OPERATION).because(cause))?
    }

    fn release(&self, file: &LocalFile) -> Release {
        let playable = Playable {
            location: Location::File(file.path.clone()),
            file_name: file.file_name.clone(),
            size_bytes: Some(file.size_bytes),
            info_hash: None,
            provider: self.id.clone(),
            expires_at: None,
        };
        Release {
            indexer: self.id.clone(),
            tracker: None,
            name: file.name.clone(),
            info_hash: None,
            link: None,
            size_bytes: Some(file.size_bytes),
            seeder_count: None,
            age_days: None,
            playable: Some(playable),
        }
    }
}

#[async_trait]
impl Indexer for LocalFolder {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    /// Files whose path holds every word of one of the names; with [`Query::local_id`] that file alone.
    async fn search(&self, call: &Call, query: &Query) -> Result<Releases> {
        let scan = self.scan(call).await.map_err(|error| error.at(self.id.to_string()))?;
        let names: Vec<Vec<String>> =
            query.names.iter().take(MAX_NAMES).map(|name| words(name)).filter(|words| !words.is_empty()).collect();
        let is_meant = |file: &&LocalFile| match &query.local_id {
            Some(id) => file.local_id == *id,
            None => names.iter().any(|name| name.iter().all(|word| file.words.binary_search(word).is_ok())),
        };
        let mut found = scan.files.iter().filter(is_meant);
        let releases = found.by_ref().take(MAX_RELEASES).map(|file| self.release(file)).collect();
        Ok(Releases {
            releases,
            was_by_id: query.local_id.is_some(),
            is_partial: scan.is_partial || found.next().is_some(),
            missing: Vec::new(),
        })
    }
    async fn check_up(&self, call: &Call) -> Result<CheckUp> {
        let scan = self.scan_now(call).await.map_err(|error| error.at(self.id.to_string()))?;
        Ok(judge(&scan))
    }
}

/// What a person should know of a folder that was read.
fn judge(scan: &Scan) -> CheckUp {
    let has = match scan.files.len() {
        1 => "1 film".to_owned(),
        count => format!("{count} films"),
    };
    let mut check_up = CheckUp::well(has);
    if scan.files.is_empty() {
        check_up = check_up.with(Trouble::warning(
            "no film lies in the folder",
            "put films into it (MP4, MKV, WebM, M4V, MOV); if they are on another disk, check that it is mounted",
        ));
    }
    if scan.is_partial {
        check_up = check_up.with(
            Trouble::warning(
                "not all of the folder is offered",
                "check that its subfolders may be read, or split it into several folders",
            )
            .why(format!(
                "a subfolder cannot be read, or there are more than {MAX_FILES} films or {MAX_DEPTH} folders within each other"
            )),
        );
    }
    check_up
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a folder that offers nothing, or not all, is said to; a usual one is not.
    #[test]
    fn an_empty_or_partial_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let troubles = |scan: &Scan| judge(scan).troubles.iter().map(|one| one.what.to_string()).collect::<Vec<_>>();
        assert_eq!(troubles(&scan(folder.path()).unwrap()), ["no film lies in the folder"]);
        std::fs::write(folder.path().join("A.Film.2020.mkv"), b"film").unwrap();
        let mut read = scan(folder.path()).unwrap();
        assert_eq!(judge(&read), CheckUp::well("1 film"));
        read.is_partial = true;
        assert_eq!(troubles(&read), ["not all of the folder is offered"]);
    }
}
