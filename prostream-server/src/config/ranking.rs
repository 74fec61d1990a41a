//! The file of ranking rules.

use std::path::Path;

use prostream_core::Result;
use prostream_core::release::Preferences;

use super::{read_file, unreadable};

/// Reads what releases are ranked by from a TOML file: the fields of [`Preferences`], with tables of
/// [`Weights`](prostream_core::release::Weights) and [`Rule`](prostream_core::release::Rule)s. What is left out keeps its default.
///
/// # Errors
/// `InvalidInput`, naming what is malformed, unknown or out of range; `NotFound` for a missing file.
pub(super) fn read(path: &Path) -> Result<Preferences> {
    let file = config::File::from_str(&read_file(path)?, config::FileFormat::Toml);
    let built = config::Config::builder().add_source(file).build();
    let preferences: Preferences = built.and_then(config::Config::try_deserialize).map_err(unreadable)?;
    preferences.check()?;
    Ok(preferences)
}

#[cfg(test)]
mod tests {
    use prostream_core::ErrorKind;
    use prostream_core::release::Weights;

    use super::*;

    fn read_text(text: &str) -> Result<Preferences> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ranking.toml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    /// Goal: the example that is checked in is what it says: the defaults, and two rules.
    #[test]
    fn the_example_is_read() {
        let preferences = read_text(include_str!("../../../docs/ranking.example.toml")).unwrap();
        assert_eq!(preferences.weights, Weights::default());
        assert_eq!(preferences.rules.len(), 2);
        assert!(preferences.rules[1].is_dropped && preferences.excluded_words == ["sample"]);
        assert_eq!(preferences.languages.len(), 2);
    }

    /// Goal: what is left out keeps its default, and what is wrong is named.
    #[test]
    fn what_is_wrong_is_named() {
        let preferences = read_text("[weights]\nready = 10\n").unwrap();
        assert_eq!(preferences.weights, Weights { ready: 10, ..Weights::default() });
        for (text, named) in [
            ("[weights]\nraedy = 10\n", "raedy"),
            ("[[rules]]\npoints = 5\n", "names nothing"),
            ("[[rules]]\nwords = [\"x\"]\npoints = 1000000\n", "1000000"),
            ("[weights]\nready = \"much\"\n", "much"),
        ] {
            let error = read_text(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(format!("{error:?} {error}").contains(named), "{text}: {error}");
        }
        assert_eq!(read(Path::new("no such file")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
