//! The readers against ffprobe, over films of all kinds that ffmpeg and mkvmerge write (PARSE-04).
//!
//! A spread of 40 films runs usually, all 360 with `PROSTREAM_DIFFERENTIAL=all`. One film alone, which is kept to be
//! looked at: `PROSTREAM_DIFFERENTIAL=17`.

mod compare;
mod films;
mod known;
mod probe;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use films::{FILM_COUNT, Film, SPREAD_COUNT, Studio};
use known::KNOWN;

/// How many films are made at the same time.
const WORKERS: usize = 2;

/// Goal: streams, codecs, lengths, keyframes, sizes, languages, dispositions, the payload of every packet and all its times are what
/// ffprobe reads, but for the differences that [`known`] lists with their reasons.
#[test]
fn films_read_like_ffprobe() {
    let wanted = std::env::var("PROSTREAM_DIFFERENTIAL").unwrap_or_default();
    let numbers: Vec<usize> = match (wanted.as_str(), wanted.parse()) {
        ("all", _) => (0..FILM_COUNT).collect(),
        (_, Ok(number)) => vec![number],
        _ => (0..SPREAD_COUNT).collect(),
    };
    let studio = Studio::new();
    let next = AtomicUsize::new(0);
    let (unknown, shown) = (Mutex::new(BTreeMap::new()), Mutex::new(vec![0usize; KNOWN.len()]));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(numbers.len()) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
                while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let film = Film::number(number);
                    let path = film.make(&studio);
                    for difference in runtime.block_on(compare::compare(&film, &path)) {
                        match known::find(&film, &difference) {
                            Some(at) => shown.lock().expect("lock")[at] += 1,
                            None => {
                                let mut unknown = unknown.lock().expect("lock");
                                unknown.entry(number).or_insert_with(|| (film.describe(), vec![])).1.push(difference);
                            }
                        }
                    }
                    if numbers.len() == 1 {
                        let kept =
                            std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(path.file_name().expect("a name"));
                        std::fs::copy(&path, &kept).expect("the film is kept");
                        println!("{} is {}", kept.display(), film.describe());
                    }
                    std::fs::remove_file(path).expect("the film is there");
                }
            });
        }
    });
    let (unknown, shown) = (unknown.into_inner().expect("lock"), shown.into_inner().expect("lock"));
    for (known, count) in KNOWN.iter().zip(&shown) {
        println!("{count} times known, {:?}: {}", known.aspect, known.reason);
    }
    for (film, differences) in unknown.values() {
        println!("{film}");
        for difference in differences {
            println!("    {:?} {:?} {}: {}", difference.aspect, difference.stream, difference.codec, difference.detail);
        }
    }
    println!("{} films, {} of them with differences that are not known", numbers.len(), unknown.len());
    assert!(unknown.is_empty(), "{} of {} films differ from ffprobe: see above", unknown.len(), numbers.len());
    if numbers.len() == FILM_COUNT {
        let stale: Vec<&str> =
            KNOWN.iter().zip(&shown).filter(|(_, n)| **n == 0).map(|(known, _)| known.reason).collect();
        assert!(stale.is_empty(), "no film shows these differences any more: {stale:?}");
    }
}

/// Goal: film number `n` is a function of `n`, and the films are what they are said to be: every wrapper, stream and kind of cue comes.
#[test]
fn films_are_spread_over_all_kinds() {
    let films: Vec<Film> = (0..FILM_COUNT).map(Film::number).collect();
    assert!(films.len() >= 300);
    assert!(films.iter().all(|film| Film::number(film.number).describe() == film.describe()));
    let descriptions: std::collections::BTreeSet<String> =
        films.iter().map(|film| film.describe().split_once(": ").expect("a number").1.to_owned()).collect();
    assert!(
        descriptions.len() * 10 >= films.len() * 9,
        "{} of {} are different films",
        descriptions.len(),
        films.len()
    );
    let files: std::collections::BTreeSet<&str> = films
        .iter()
        .flat_map(|film| film.parts().map(|part| part.file).chain(film.picture.map(|picture| picture.file)))
        .collect();
    assert_eq!(files.len(), 43, "20 pictures, 20 sounds and 3 kinds of cues: {files:?}");
    assert!(films.iter().any(|film| film.picture.is_none()) && films.iter().any(|film| film.sounds.is_empty()));
    assert!(films.iter().any(|film| film.parts().any(|part| part.late_ms > 0)));
}
