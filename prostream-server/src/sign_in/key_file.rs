//! The file that holds the key of an account, readable by its owner alone.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prostream_core::net::Secret;
use prostream_core::provider::debrid::Grant;
use prostream_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Largest key file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Share of a key's life after which it is renewed: the rest is for trying again.
const RENEWED_AFTER: f64 = 0.75;

const READ: &str = "read key file";
const WRITE: &str = "write key file";

/// A key and, where it ends, what renews it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HeldKey {
    pub(crate) key: Secret,
    /// When the key ends; `None` for one that lasts until it is withdrawn.
    pub(crate) expires_at: Option<OffsetDateTime>,
    pub(crate) renewal: Option<Renewal>,
}

/// What renews a key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    pub(crate) secret: Secret,
    /// From when on it is used.
    pub(crate) due_at: OffsetDateTime,
}

impl fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl HeldKey {
    /// What was granted at `now`. What renews a key that does not end is left out: it is never needed.
    pub(crate) fn granted(grant: Grant, now: SystemTime) -> Self {
        let expires_at = grant.expires_at.and_then(moment);
        let life = grant.expires_at.and_then(|end| end.duration_since(now).ok()).unwrap_or_default();
        let due_at = expires_at.and_then(|_| moment(now.checked_add(life.mul_f64(RENEWED_AFTER))?));
        let renewal = grant.renewal.zip(due_at).map(|(secret, due_at)| Renewal { secret, due_at });
        Self { key: grant.key, expires_at, renewal }
    }

    /// Reads what [`Self::text`] wrote for `service`, or a key alone on its line, as secrets of containers are.
    ///
    /// # Errors
    /// `InvalidInput` for anything else. Nothing of the text stands in the error.
    fn parse(text: &str, service: &str) -> Result<Self> {
        let wrong = |detail: &str| Error::new(ErrorKind::InvalidInput, READ).detail(detail.to_owned());
        let text = text.trim();
        if !text.starts_with('{') {
            if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(wrong("it holds neither one key nor what `prostream sign-in` writes"));
            }
            return Ok(Self { key: Secret::new(text), expires_at: None, renewal: None });
        }
        // The parser's own words would quote the file.
        let written: Written = serde_json::from_str(text).map_err(|_| wrong("it is damaged"))?;
        if written.service != service {
            return Err(wrong("it holds a key of another service"));
        }
        let read = |text: Option<String>| {
            text.map(|text| OffsetDateTime::parse(&text, &Rfc3339)).transpose().map_err(|_| wrong("a date is none"))
        };
        let (expires_at, due_at) = (read(written.expires_at)?, read(written.renew_at)?);
        let renewal = written.renewal.map(Secret::new).zip(due_at).map(|(secret, due_at)| Renewal { secret, due_at });
        Ok(Self { key: Secret::new(written.key), expires_at, renewal })
    }

    /// The file's whole text, which holds the secrets.
    fn text(&self, service: &str) -> Result<String> {
        let written = Written {
            service: service.to_owned(),
            key: self.key.expose().to_owned(),
            expires_at: self.expires_at.map(shown),
            renew_at: self.renewal.as_ref().map(|renewal| shown(renewal.due_at)),
            renewal: self.renewal.as_ref().map(|renewal| renewal.secret.expose().to_owned()),
        };
        let text = serde_json::to_string_pretty(&written);
        Ok(text.map_err(|error| Error::new(ErrorKind::Internal, WRITE).because(error))? + "\n")
    }
}

/// The text of a key file.
#[derive(Serialize, Deserialize)]
struct Written {
    service: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renew_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewal: Option<String>,
}

/// A moment to the second; `None` for one that no calendar has.
pub(crate) fn moment(at: SystemTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// As files and people are shown it: `2026-11-30T21:15:00Z`.
pub(crate) fn shown(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Reads the key file of an account at `service`.
///
/// # Errors
/// `NotFound` when there is none, with what makes one; `InvalidInput` for a file that holds no key; `Storage` when it cannot be read.
pub(crate) fn read_key_file(path: &Path, service: &str) -> Result<HeldKey> {
    let again = format!("`prostream sign-in {service} --write {}` makes it anew", path.display());
    let failed = |error: io::Error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let kind = if is_missing { ErrorKind::NotFound } else { ErrorKind::Storage };
        let advice = if is_missing { again.clone() } else { "let this user read the file".to_owned() };
        Error::new(kind, READ).detail(path.display().to_string()).advise(advice).because(error)
    };
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(failed)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= MAX_FILE_BYTES);
    text.ok_or_else(|| Error::new(ErrorKind::InvalidInput, READ).detail("it is no text, or larger than 64 KiB"))
        .and_then(|text| HeldKey::parse(&text, service))
        .map_err(|error| {
            let detail = format!("{}: {}", path.display(), error.detail_text().unwrap_or_default());
            error.detail(detail).advise(again.clone())
        })
}

/// A place for a key file that is known to be writable before the key is asked for: a key that cannot be kept would be granted in vain.
#[derive(Debug)]
pub(crate) struct KeyPlace {
    path: PathBuf,
    draft: NamedTempFile,
}

impl KeyPlace {
    /// A file beside `path`, which takes its place by [`Self::keep`].
    ///
    /// # Errors
    /// `Storage` when its folder is not there or cannot be written to.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::new(ErrorKind::Storage, WRITE)
                .detail(path.display().to_string())
                .advise("name a file in a folder that this user may write to")
                .because(error)
        };
        let path = std::path::absolute(path).map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        // Readable by its owner alone from its first moment.
        let draft = tempfile::Builder::new().prefix(".prostream-key-").tempfile_in(folder).map_err(failed)?;
        Ok(Self { path, draft })
    }

    /// The same for a new sign-in: a file that is there and holds no key is somebody else's, and stays.
    ///
    /// # Errors
    /// `InvalidInput` for such a file; otherwise as [`Self::new`].
    pub(crate) fn for_sign_in(path: &Path, service: &str) -> Result<Self> {
        match read_key_file(path, service) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(_) => {}
            Err(error) => {
                return Err(error.advise("that file is left as it is: name one that does not exist yet"));
            }
        }
        Self::new(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place: at every moment the old or the new one is there whole.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) fn keep(mut self, held: &HeldKey, service: &str) -> Result<()> {
        let text = held.text(service)?;
        let written = self.draft.write_all(text.as_bytes()).and_then(|()| self.draft.as_file().sync_all());
        let written = written.and_then(|()| self.draft.persist(&self.path).map_err(|error| error.error));
        written.map(drop).map_err(|error| {
            Error::new(ErrorKind::Storage, WRITE).detail(self.path.display().to_string()).because(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn grant(life_s: u64, renewal: Option<&str>) -> Grant {
        Grant {
            key: Secret::new("k3y"),
            expires_at: UNIX_EPOCH.checked_add(Duration::from_secs(life_s)),
            renewal: renewal.map(Secret::new),
        }
    }

    /// Goal: what was written is read again, is renewed well before its end, and shows no secret.
    #[test]
    fn what_is_written_is_read_again() {
        let held = HeldKey::granted(grant(86_400, Some("r3n3w")), UNIX_EPOCH);
        assert_eq!(held.expires_at.map(shown).unwrap(), "1970-01-02T00:00:00Z");
        assert_eq!(shown(held.renewal.as_ref().unwrap().due_at), "1970-01-01T18:00:00Z");
        assert_eq!(HeldKey::parse(&held.text("real_debrid").unwrap(), "real_debrid").unwrap(), held);
        assert!(!format!("{held:?}").contains("k3y") && !format!("{held:?}").contains("r3n3w"));
        let lasting = HeldKey::granted(Grant { expires_at: None, ..grant(0, Some("r3n3w")) }, UNIX_EPOCH);
        assert_eq!((lasting.expires_at, lasting.renewal.is_none()), (None, true));
    }

    /// Goal: an end that no calendar has is none, and panics nowhere.
    #[test]
    fn ends_beyond_the_calendar_are_none() {
        for life_s in [u64::MAX / 4, 1 << 60, 253_402_300_800] {
            let held = HeldKey::granted(grant(life_s, Some("r")), UNIX_EPOCH);
            assert!(held.expires_at.is_none() && held.renewal.is_none(), "{life_s}");
        }
    }

    /// Goal: a key alone on its line is one; what is damaged or of another service is refused without being quoted.
    #[test]
    fn other_texts_are_no_keys() {
        assert_eq!(HeldKey::parse(" k3y\n", "torbox").unwrap().key.expose(), "k3y");
        let whole = r#"{"service":"torbox","key":"s3cret","expires_at":"2030-01-01T00:00:00Z"}"#;
        assert!(HeldKey::parse(whole, "torbox").is_ok());
        let damaged = [
            String::new(),
            "s3cret s3cret".to_owned(),
            "s3cret\ns3cret".to_owned(),
            "{".to_owned(),
            "{}".to_owned(),
            whole.replace("\"s3cret\"", "[\"s3cret\"]"),
            whole.replace("2030", "s3cret"),
            whole.replace("\"torbox\"", "\"premiumize\""),
        ];
        for text in damaged {
            let error = HeldKey::parse(&text, "torbox").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    /// Goal: the file is its owner's alone, takes the place of an older key, and never that of another file.
    #[test]
    fn files_are_private_and_replace_keys_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        for renewal in ["first", "second"] {
            let held = HeldKey::granted(grant(60, Some(renewal)), UNIX_EPOCH);
            KeyPlace::for_sign_in(&path, "torbox").unwrap().keep(&held, "torbox").unwrap();
            assert_eq!(read_key_file(&path, "torbox").unwrap(), held);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(KeyPlace::for_sign_in(&path, "premiumize").unwrap_err().kind(), ErrorKind::InvalidInput);
        let other = folder.path().join("notes.txt");
        fs::write(&other, "not a key at all").unwrap();
        assert_eq!(KeyPlace::for_sign_in(&other, "torbox").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(KeyPlace::new(&folder.path().join("no/key")).unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(read_key_file(&folder.path().join("none"), "torbox").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    }
}
