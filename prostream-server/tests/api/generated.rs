//! Files of the repository that are made from the source: the API description, the page of settings, the example configuration. And where the
//! pages for people lead.
//!
//! `PROSTREAM_WRITE_GENERATED=1 cargo test -p prostream-server --test api generated` writes them anew.

use std::path::{Path, PathBuf};

use prostream_server::api_description;
use prostream_server::config::{Config, example_file, settings_page};
use serde_json::Value;

fn compare(name: &str, made: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name);
    if std::env::var_os("PROSTREAM_WRITE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "{name} is not what the source says: run with PROSTREAM_WRITE_GENERATED=1 and commit it");
}

/// Goal: the description in the repository is the one that is served: a change of the API shows in review.
#[tokio::test]
async fn the_api_description_is_checked_in() {
    let made = api_description().unwrap() + "\n";
    compare("prostream-server/openapi.json", &made);
    let app = crate::app::TestApp::start().await;
    let served = app.get("/openapi.json").await.text().await.unwrap();
    assert_eq!(served + "\n", made);
}

/// Goal: the description is whole: every reference leads somewhere, every operation has a name of its own and an answer for failure, and no
/// answer has a field named like a secret (AUTHZ-03).
#[test]
fn the_api_description_is_whole() {
    let document: Value = serde_json::from_str(&api_description().unwrap()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not described");
    }
    let mut names = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation["responses"]["default"].is_object());
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    for schema in ["User", "Playback", "Title", "Releases", "Problem"] {
        let fields = schemas[schema].to_string();
        assert!(!["password", "hash", "secret", "key\""].iter().any(|word| fields.contains(word)), "{schema}");
    }
}

/// Goal: the page of settings names every setting, as it is.
#[test]
fn the_page_of_settings_is_checked_in() {
    compare("docs/SETTINGS.md", &settings_page(&Config::concerns()));
}

/// Goal: so does the example file.
#[test]
fn the_example_configuration_is_checked_in() {
    compare("prostream.example.toml", &example_file(&Config::concerns()));
}

/// Goal: no page sends its reader nowhere. (README linked a folder that is not there.)
#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut links = 0;
    for page in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "docs/SETTINGS.md"] {
        let path = root.join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") {
                assert!(path.parent().unwrap().join(link).exists(), "{page} leads to {link}");
                links += 1;
            }
        }
    }
    assert!(links > 0);
}
