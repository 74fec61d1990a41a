use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Location, Playable, ProviderId};
use crate::{Error, ErrorKind, Result};

/// A file that lies in one of the library's folders, links and `..` resolved before the check.
pub(super) async fn playable(library: &[PathBuf], path: &Path) -> Result<Playable> {
    let library = library.to_vec();
    let path = path.to_owned();
    let found = tokio::task::spawn_blocking(move || {
        let file = path.canonicalize()?;
        let is_inside =
            library.iter().filter_map(|folder| folder.canonicalize().ok()).any(|folder| file.starts_with(folder));
        Ok((is_inside, file))
    });
    match found.await.map_err(io::Error::other).and_then(|found| found) {
        Ok((true, file)) => playable_local(&file).await,
        // A path outside answers alike, whether it exists or not.
        Ok((false, _)) | Err(_) => Err(Error::new(ErrorKind::Forbidden, "open path")
            .detail("it is not a file of the library")
            .advise("put the file into a library folder, or add its folder to `library` in the settings")),
    }
}

/// A file that was found in the library before.
pub(super) async fn playable_local(path: &Path) -> Result<Playable> {
    let size_bytes = tokio::fs::metadata(path)
        .await
        .map_err(|error| Error::new(ErrorKind::NotFound, "open path").detail("the file is gone").because(error))?
        .len();
    Ok(Playable {
        location: Location::File(path.to_owned()),
        file_name: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        size_bytes: Some(size_bytes),
        info_hash: None,
        provider: ProviderId::new("local_file"),
        expires_at: None,
    })
}
