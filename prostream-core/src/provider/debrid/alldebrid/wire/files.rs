//! The files of a torrent, and links to them, which the service may take its time for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Endpoint;
use super::reply::Complaint;
use crate::net::Reply;
use crate::provider::debrid::{Link, checked_link};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::{Error, ErrorKind, Result};

const OPERATION_UNLOCK: &str = "unlock link";

impl Endpoint {
    /// The nodes of one torrent's file tree, as they came.
    pub(in super::super) fn parse_files(&self, reply: &Reply) -> Result<Vec<Value>> {
        const OPERATION: &str = "list files";
        let data: FilesData = self.open(reply, OPERATION)?;
        let Some(entry) = data.magnets.into_iter().next() else {
            return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the reply names no torrent"));
        };
        match entry.error {
            Some(complaint) => Err(self.complaint(complaint, OPERATION)),
            None => Ok(entry.files),
        }
    }

    pub(in super::super) fn parse_unlock(&self, reply: &Reply) -> Result<Unlocked> {
        let data: UnlockData = self.open(reply, OPERATION_UNLOCK)?;
        let about = About {
            size_bytes: data.filesize,
            file_name: lenient::clean_some(data.filename.as_deref(), MAX_NAME_CHARS),
        };
        if let Some(link) = data.link.as_deref().filter(|link| !link.trim().is_empty()) {
            return Ok(Unlocked::Link(about.link(link)?));
        }
        if let Some(id) = data.delayed {
            return Ok(Unlocked::Delayed { id, about });
        }
        let error = if data.streams.is_empty() {
            Error::new(ErrorKind::Malformed, OPERATION_UNLOCK).detail("the reply names no link")
        } else {
            Error::new(ErrorKind::Unsupported, OPERATION_UNLOCK)
                .detail("the link leads to a streaming site, not to a file")
                .advise("choose another file or release")
        };
        Err(error)
    }

    /// One look at a delayed link.
    pub(in super::super) fn parse_delayed(&self, reply: &Reply, about: &About) -> Result<Delayed> {
        let data: DelayedData = self.open(reply, OPERATION_UNLOCK)?;
        match (data.status, data.link.as_deref().filter(|link| !link.trim().is_empty())) {
            (Some(2), Some(link)) => Ok(Delayed::Ready(about.link(link)?)),
            (Some(1), _) => Ok(Delayed::Wait(Duration::from_secs(data.time_left.unwrap_or(0)))),
            (Some(3), _) => Err(Error::new(ErrorKind::Unavailable, OPERATION_UNLOCK)
                .detail("the service could not prepare the link")
                .advise("try again later or choose another release")),
            _ => Err(Error::new(ErrorKind::Malformed, OPERATION_UNLOCK).detail("the state of the link is unknown")),
        }
    }
}

#[derive(Debug, Deserialize)]
struct FilesData {
    #[serde(deserialize_with = "lenient::required_list")]
    magnets: Vec<FilesEntry>,
}

#[derive(Debug, Deserialize)]
struct FilesEntry {
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<Value>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
struct UnlockData {
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<String>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    filesize: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    delayed: Option<u64>,
    #[serde(default, deserialize_with = "lenient::list")]
    streams: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct DelayedData {
    #[serde(default, deserialize_with = "lenient::number")]
    status: Option<u64>,
    #[serde(default, deserialize_with = "lenient::number")]
    time_left: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    link: Option<String>,
}

/// What an unlock says of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct About {
    pub(super) size_bytes: Option<u64>,
    pub(super) file_name: Option<String>,
}

impl About {
    fn link(&self, address: &str) -> Result<Link> {
        Ok(Link {
            url: checked_link(address, OPERATION_UNLOCK)?,
            // How long links live is not documented: the reader renews when one dies.
            expires_at: None,
            headers: Vec::new(),
            size_bytes: self.size_bytes.filter(|size| *size > 0),
            file_name: self.file_name.clone(),
        })
    }
}

/// What an unlock came to.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Unlocked {
    Link(Link),
    Delayed { id: u64, about: About },
}

/// How far a delayed link is.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Delayed {
    Ready(Link),
    Wait(Duration),
}

#[cfg(test)]
mod tests {
    use super::super::tests::{endpoint, success};
    use super::*;

    /// Goal: the three ways an unlock can go, and the ways it must not go.
    #[test]
    fn unlocks_give_a_link_or_say_why_not() {
        let parse = |data: &str| endpoint().parse_unlock(&success(data));
        let direct =
            parse(r#"{"link":"https://a.example/f.mkv","filename":"f.mkv","filesize":9,"streams":[],"id":"x"}"#);
        let Unlocked::Link(link) = direct.unwrap() else { panic!("no link") };
        assert_eq!((link.size_bytes, link.file_name.as_deref()), (Some(9), Some("f.mkv")));
        assert!(matches!(parse(r#"{"link":"","delayed":5}"#), Ok(Unlocked::Delayed { id: 5, .. })));
        let kind = |data: &str| parse(data).unwrap_err().kind();
        assert_eq!(
            kind(r#"{"link":"","streams":[{"id":"137+140","quality":1080},{"quality":"mp3"}]}"#),
            ErrorKind::Unsupported
        );
        assert_eq!(kind(r#"{"link":""}"#), ErrorKind::Malformed);
        assert_eq!(kind(r#"{"link":"file:///etc/passwd"}"#), ErrorKind::Malformed);
    }
}
