//! Names of releases.

use prostream_core::release::ReleaseName;

pub(super) fn name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let name = ReleaseName::parse(&text);
    assert_eq!(name, ReleaseName::parse(&text), "the same name reads the same");
}
