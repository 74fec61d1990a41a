//! The rules of [`prostream_core::store::records::Records`], over every implementation.

mod memory {
    use prostream_core::store::records::MemoryRecords;

    prostream_core::records_suite!(async { ((), MemoryRecords::new()) });
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::process::Command;

    use prostream_core::model::{ContentId, InfoHash, ProviderId};
    use prostream_core::net::Secret;
    use prostream_core::store::records::{
        Availability, Observation, ObservedFile, PlaybackRecord, Records, SqliteRecords, StoredIndex,
    };
    use prostream_core::store::sqlite::{Migration, SqliteDatabase};

    async fn start() -> (tempfile::TempDir, SqliteRecords) {
        let folder = tempfile::tempdir().unwrap();
        let records = SqliteRecords::open(folder.path().join("records.db")).await.unwrap();
        (folder, records)
    }

    prostream_core::records_suite!(start());

    fn observation(number: u8) -> Observation {
        Observation {
            service: ProviderId::new("alldebrid"),
            info_hash: InfoHash([number; 20]),
            file: None,
            availability: Availability::Ready,
            seen_at_ms: 1,
        }
    }

    /// Goal: what was written is there after the program starts again.
    #[tokio::test]
    async fn records_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        let records = SqliteRecords::open(&path).await.unwrap();
        records.observe(&observation(1)).await.unwrap();
        records.database().close().await;
        let records = SqliteRecords::open(&path).await.unwrap();
        let kept = records.observations(&ProviderId::new("alldebrid"), &[InfoHash([1; 20])]).await.unwrap();
        assert_eq!(kept, [observation(1)]);
    }

    mod sealed {
        use prostream_core::net::Secret;

        prostream_core::records_suite!(async {
            let (folder, records) = super::start().await;
            (folder, records.sealed_by(Secret::new("a seal")))
        });
    }

    /// Goal: a link that a viewer gave stands nowhere in the file; who has the seal reads it, and nobody else, nor under another id.
    /// Method: a playback written with a seal, read with it, without it, with another, and after its text was moved to another row; and one
    /// that was written before there was a seal.
    #[tokio::test]
    async fn what_leads_to_a_file_is_sealed() {
        let playback = |id: &str| PlaybackRecord {
            id: id.to_owned(),
            owner: "anna".to_owned(),
            media_id: None,
            name: "film.mkv".to_owned(),
            reopen: r#"{"link":"https://files.example/1?key=pl4nted"}"#.to_owned(),
            start_ms: None,
            created_at_ms: 1,
            expires_at_ms: 1_000,
        };
        let (folder, plain) = start().await;
        plain.add_playback(&playback("old")).await.unwrap();
        let sealed = plain.clone().sealed_by(Secret::new("a seal"));
        assert_eq!(sealed.playback("anna", "old", 1).await.unwrap(), playback("old"));
        plain.remove_playback("anna", "old").await.unwrap();
        for id in ["one", "two"] {
            sealed.add_playback(&playback(id)).await.unwrap();
            assert_eq!(sealed.playback("anna", id, 1).await.unwrap(), playback(id));
        }
        assert_eq!(sealed.playbacks("anna", 1, 9).await.unwrap(), [playback("one"), playback("two")]);
        let other = plain.clone().sealed_by(Secret::new("another"));
        for stranger in [&plain, &other] {
            let read = stranger.playback("anna", "one", 1).await.unwrap();
            assert!(!read.reopen.contains("pl4nted") && !read.reopen.starts_with('{'));
        }
        sqlx::query("UPDATE playbacks SET reopen = (SELECT reopen FROM playbacks WHERE id = 'one') WHERE id = 'two'")
            .execute(plain.database().writer())
            .await
            .unwrap();
        assert!(!sealed.playback("anna", "two", 1).await.unwrap().reopen.contains("pl4nted"));
        assert!(!format!("{sealed:?}").contains("a seal"));

        let (folder_of_sealed, fresh) = start().await;
        fresh.sealed_by(Secret::new("a seal")).add_playback(&playback("one")).await.unwrap();
        let holds = |folder: &tempfile::TempDir| {
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let files = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
            files.collect::<Vec<_>>().concat().windows(7).any(|part| part == b"pl4nted")
        };
        assert!(holds(&folder), "the one without a seal is in the log of the file");
        assert!(!holds(&folder_of_sealed));
    }

    /// Goal: a file of the version before keeps what it holds and takes what is new.
    /// Method: a file made with the first migration alone, as that version left it, with a row; then this program opens it.
    #[tokio::test]
    async fn a_file_of_the_first_version_is_brought_up_to_date() {
        const FIRST: Migration = Migration {
            version: 1,
            name: "observations and playbacks",
            sql: include_str!("../migrations/sqlite/0001_observations_and_playbacks.sql"),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        let old = SqliteDatabase::open(&path).await.unwrap();
        old.migrate("_prostream_core_migrations", &[FIRST]).await.unwrap();
        sqlx::query("INSERT INTO observations VALUES ('alldebrid', $1, 'ready', 1)")
            .bind(InfoHash([1; 20]).to_string())
            .execute(old.writer())
            .await
            .unwrap();
        old.close().await;
        let records = SqliteRecords::open(&path).await.unwrap();
        let kept = records.observations(&ProviderId::new("alldebrid"), &[InfoHash([1; 20])]).await.unwrap();
        assert_eq!(kept, [observation(1)]);
        let file = ObservedFile::of("Show/Show.S01E01.mkv");
        let played = Observation { file, availability: Availability::Played, seen_at_ms: 2, ..observation(1) };
        records.observe(&played).await.unwrap();
        let kept = records.observations(&ProviderId::new("alldebrid"), &[InfoHash([1; 20])]).await.unwrap();
        assert_eq!(kept, [observation(1), played]);
        let content_id = ContentId::from_ends(3, b"abc", b"abc");
        let index = StoredIndex { content_id, format: 1, bytes: vec![1, 2, 3].into() };
        records.keep_index(&index, 1, 1_000).await.unwrap();
        assert_eq!(records.index(content_id, 1, 1).await.unwrap(), Some(index.bytes));
    }

    const CRASH_FILE: &str = "PROSTREAM_TEST_CRASH_FILE";

    /// Not a test of its own: the process that [`a_killed_process_loses_no_committed_record`] starts and that ends without any
    /// clean-up in the middle of a transaction.
    #[tokio::test]
    async fn crash_after_some_writes() {
        let Some(path) = std::env::var_os(CRASH_FILE) else { return };
        let records = SqliteRecords::open(&path).await.unwrap();
        for number in 0..10 {
            records.observe(&observation(number)).await.unwrap();
        }
        let mut open = records.database().begin().await.unwrap();
        sqlx::query("DELETE FROM observations").execute(&mut *open).await.unwrap();
        std::process::abort();
    }

    /// Goal: a crash loses no record that was acknowledged, and half a transaction leaves no trace.
    /// Method: another process writes ten records, deletes them in a transaction it never commits, and aborts.
    #[tokio::test]
    async fn a_killed_process_loses_no_committed_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::crash_after_some_writes"])
            .env(CRASH_FILE, &path)
            .output()
            .unwrap()
            .status;
        assert!(!status.success(), "the process was to abort");
        let records = SqliteRecords::open(&path).await.unwrap();
        let hashes: Vec<InfoHash> = (0..10).map(|number| InfoHash([number; 20])).collect();
        assert_eq!(records.observations(&ProviderId::new("alldebrid"), &hashes).await.unwrap().len(), 10);
    }
}
