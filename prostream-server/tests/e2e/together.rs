//! Several programs that share a Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::origin::{Answer, Origin};
use crate::program;
use crate::redis::RedisProcess;
use crate::tool::argument;

/// How long the outside thinks about a question: all three programs are there by then, or come when it is answered.
const THINKING: Duration = Duration::from_secs(1);

const TITLE: &str =
    r#"{"meta":{"id":"tt7654321","type":"movie","name":"Paper Lanterns","year":"2019","runtime":"96 min"}}"#;

const CAPABILITIES: &str = r#"<caps><limits max="100" default="100"/><searching><search available="yes" supportedParams="q"/>
<movie-search available="yes" supportedParams="q,imdbid"/></searching>
<categories><category id="2000" name="Movies"/></categories></caps>"#;

const FEED: &str = r#"<rss version="2.0" xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><item>
<title>Paper.Lanterns.2019.1080p.WEB-DL.H264-GRP</title><size>4294967296</size><link>http://127.0.0.1:9/dl?passkey=SECRET</link>
<torznab:attr name="category" value="2040"/></item></channel></rss>"#;

/// Goal: three processes that look for one title at once ask the metadata provider and the indexer each thing once; nothing secret lies in
/// what they share; and without their Redis each finds the same.
#[test]
fn three_programs_ask_once() {
    let mut redis = RedisProcess::start();
    let origin = Origin::start([
        ("/meta/movie/tt7654321.json".to_owned(), Answer::Slow(THINKING, "application/json", TITLE)),
        ("/api?t=caps&apikey=k3yOfTheIndexer".to_owned(), Answer::Told(200, "application/xml", CAPABILITIES)),
        ("/api".to_owned(), Answer::Slow(THINKING, "application/xml", FEED)),
    ]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = folder.path().join("prostream.toml");
    let text = format!(
        "[cache]\nredis_url = \"{}\"\nredis_timeout_ms = 5000\n[providers.cinemeta]\nbase_url = \"{}\"\n\
         [[providers.torznab]]\nurl = \"{}\"\nkey = \"k3yOfTheIndexer\"\n",
        redis.url(),
        origin.url("/"),
        origin.url("/api"),
    );
    std::fs::write(&settings, text).expect("a file");
    let authority = origin.authority();
    let arguments = [
        "resolve",
        "tt7654321",
        "--list",
        "--json",
        "--config",
        argument(&settings),
        "--allow-outbound",
        &authority,
        "--timeout-s",
        "60",
    ];
    let look = || {
        let output = program::run(&arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(answer["is_partial"], false, "{answer}");
        assert_eq!(answer["releases"][0]["name"], "Paper.Lanterns.2019.1080p.WEB-DL.H264-GRP", "{answer}");
        errors
    };
    std::thread::scope(|scope| {
        let programs: Vec<_> = (0..3).map(|_| scope.spawn(look)).collect();
        for program in programs {
            program.join().expect("all find the same");
        }
    });
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in origin.seen() {
        *counts.entry(request.path).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:#?}");
    assert!(counts.keys().any(|path| path.starts_with("/api?t=movie")), "{counts:#?}");

    let keys = redis.ask(&["KEYS", "*"]);
    assert_eq!(keys.len(), 2, "a title and an answer: {keys:?}");
    for key in keys {
        let value = redis.ask(&["GET", &key]).join("\n");
        assert!(!value.contains("SECRET") && !value.contains("GRP") && !value.contains("k3y"), "{value}");
    }

    redis.end();
    let errors = look();
    assert_eq!(errors.matches("Redis fails").count(), 1, "said, and once: {errors}");
    assert_eq!(origin.seen().len(), 2 * counts.len(), "it asked for itself");
}
